"""The web application: its routes, each guarded, inside one shell."""

from importlib import import_module

from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.gzip import GZipMiddleware

from app.web import asgi, errors, guard, stream

ROUTES = [
    "checklists",  # first, since routes are tried in order and fifty people tick at once
    "health",
    "static",
    "live",
    "sessions",
    "setup",
    "me",
    "people",
    "plans",
    "runs",
    "board",
    "incidents",
    "timeline",
    "notices",
    "channels",
    "notice_templates",
    "decisions",
    "decision_rules",
    "resolving",
    "reviews",
    "review_publishing",
    "action_items",
    "verifications",
    "checklist_templates",
    "api",
    "services",
    "paging",
    "contacts_reached",
    "intake",
    "survival",
    "targets",
    "checks",
    "clusters",
    "drills",
    "drill_scripts",
    "insights",
    "status_pages",
    "status_publish",
    "status_public",
]


def create_app() -> FastAPI:
    """The application. Fails where a route does not declare its permission."""
    app = FastAPI(title="Lastgood", docs_url=None, redoc_url=None, openapi_url=None, lifespan=stream.lifespan)
    for name in ROUTES:
        app.include_router(import_module(f"app.web.routes.{name}").router)
    errors.install(app)
    guard.check(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=asgi.LARGEST_BODY)  # FastAPI's own would stand outside the shell
    app.add_middleware(asgi.Shell)
    return app
