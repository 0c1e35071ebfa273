"""Where templates, static files and migrations lie: in the wheel under `app/_bundle`, in a checkout at its top."""

from pathlib import Path

APP = Path(__file__).resolve().parent.parent
_BUNDLE = APP / "_bundle"
ROOT = _BUNDLE if _BUNDLE.is_dir() else APP.parent

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
MIGRATIONS = ROOT / "migrations"
