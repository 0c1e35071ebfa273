"""Default deny: every route says which permission it needs and how its object is loaded.

    incident: Annotated[Incident, may(P.RESPOND, load.incident)]     the object, loaded with the reader's own rights
    me: Annotated[Person, may(P.ADMINISTER)]                         the person, where there is no object
    _: Annotated[None, may(P.PUBLIC)]                                nobody: no sign-in and no database

`check` runs when the application is made and fails for a route with none or with two. Unsafe methods pass `csrf` here too, so
that no route can forget it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.web import csrf, load
from app.web.deps import Db, Me, Sent

Loader = Callable[[Session, Person, Permission, Mapping[str, Any]], Any]


class Guard:
    """Lets somebody with the permission through and hands the route its object."""

    def __init__(self, permission: Permission, loader: Loader | None) -> None:
        self.permission = permission
        self.loader = loader

    def __call__(self, request: Request, db: Db, me: Me, sent: Sent) -> Any:
        csrf.check(request, sent)
        if self.loader:
            return self.loader(db, me, self.permission, request.path_params)
        load.need(me, self.permission)
        return me


class Open:
    """Lets everybody through; what it changes still has to come from our own pages."""

    permission = Permission.PUBLIC
    loader = None

    def __call__(self, request: Request) -> None:
        csrf.check_origin(request)


def may(permission: Permission, loader: Loader | None = None) -> Any:
    """The declaration of a route, in the annotation of one of its parameters."""
    return Depends(Open() if permission is Permission.PUBLIC else Guard(permission, loader))


class Anywhere:
    """Lets everybody through, also from other people's pages: for what nobody's sign-in gives weight (subscribing, a signed link)."""

    permission = Permission.PUBLIC
    loader = None

    def __call__(self) -> None:
        """There is nothing to check."""


def anywhere() -> Any:
    """The declaration of a public route that takes forms of any origin. It must not look at who is signed in."""
    return Depends(Anywhere())


@dataclass(frozen=True)
class Route:
    """One route as the application has it: whole path, methods, handler, and what guards it."""

    path: str
    methods: tuple[str, ...]
    handler: Callable[..., Any]
    guards: tuple[Guard | Open | Anywhere, ...]


def routes(app: FastAPI) -> list[Route]:
    """Every route of the application. Refuses what could not be guarded (a mount, a bare Starlette route)."""
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            raise TypeError(f"{context.path} is a {type(route).__name__}, which cannot declare a permission.")
        needed = (dependency.call for dependency in route.dependant.dependencies)
        guards = tuple(call for call in needed if isinstance(call, Guard | Open | Anywhere))
        found.append(Route(context.path or "", tuple(sorted(route.methods or ())), route.endpoint, guards))
    return found


def check(app: FastAPI) -> None:
    """Fail at the start for a route that does not declare its permission exactly once."""
    for route in routes(app):
        if len(route.guards) != 1:
            raise TypeError(f"{' '.join(route.methods)} {route.path} has {len(route.guards)} of may(...) and needs exactly one.")
