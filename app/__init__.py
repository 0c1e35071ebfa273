"""Lastgood: takes production back to its last known good state and proves it.

Floors, top to bottom (imports point down only; `[tool.importlinter]` in pyproject.toml holds it):
cli; web, worker, demo, tables; response; the domain packages from verification down to audit; executors; core.
"""
