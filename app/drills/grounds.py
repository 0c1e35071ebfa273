"""Where one may practise: targets of environments that are there for it (`LASTGOOD_DRILL_ENVIRONMENTS`)."""

from app.catalog.models import Target
from app.core.settings import settings


def is_for_practice(target: Target) -> bool:
    """Whether going back on this target hurts nobody. The demo names its own production among these environments."""
    return target.environment in {name.strip().lower() for name in settings().drill_environments.split(",")}
