"""People and their roles, for administrators; the audit log, for auditors."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts import grants, invitations, people, queries
from app.accounts.models import User
from app.accounts.policy import P, Person, Role, table_rows
from app.accounts.roles import FOR, MEANS
from app.audit import queries as audit
from app.catalog import queries as catalog
from app.core.errors import Refused
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.load import number
from app.web.loaders import account as load
from app.web.render import back, page

router = APIRouter()
Admin = Annotated[Person, may(P.ADMINISTER)]
Somebody = Annotated[User, may(P.ADMINISTER, load.person)]
PAGE = 100


@router.get("/people")
def index(request: Request, db: Db, me: Admin) -> Response:
    return page(request, "people/index.html", **_listed(db, me))


@router.post("/people")
def invite(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    with redrawn(request, "people/index.html", sent, **_listed(db, me)):
        link = invitations.invite(db, email=sent.text("email"), name=sent.text("name"), **_grant(sent), by=me)
    return page(request, "people/link.html", link=link, name=sent.text("name"), email=sent.text("email"))


@router.get("/people/{person_id}")
def show(request: Request, db: Db, somebody: Somebody, me: Me) -> Response:
    return page(request, "people/show.html", somebody=somebody, **_choices(db, me))


@router.post("/people/{person_id}/grants")
def give(request: Request, db: Db, somebody: Somebody, me: Me, sent: Sent) -> Response:
    with redrawn(request, "people/show.html", sent, somebody=somebody, **_choices(db, me)):
        grants.give(db, somebody, **_grant(sent), by=me)
    return back(f"/people/{somebody.id}", flash=f"{somebody.name} holds that role from now on.")


@router.post("/people/{person_id}/grants/{grant_id}/take")
def take(request: Request, db: Db, somebody: Somebody, me: Me, sent: Sent) -> Response:
    with redrawn(request, "people/show.html", sent, somebody=somebody, **_choices(db, me)):
        grants.take(db, somebody, number(request.path_params, "grant_id"), by=me)
    return back(f"/people/{somebody.id}", flash=f"{somebody.name} no longer holds that role. It holds at once.")


@router.post("/people/{person_id}/link")
def link(request: Request, db: Db, somebody: Somebody, me: Me, sent: Sent) -> Response:
    with redrawn(request, "people/show.html", sent, somebody=somebody, **_choices(db, me)):
        fresh = invitations.new_link(db, somebody, by=me)
    return page(request, "people/link.html", link=fresh, name=somebody.name, email=somebody.email)


@router.post("/people/{person_id}/disable")
def disable(request: Request, db: Db, somebody: Somebody, me: Me, sent: Sent) -> Response:
    with redrawn(request, "people/show.html", sent, somebody=somebody, **_choices(db, me)):
        people.disable(db, somebody, by=me)
    return back(f"/people/{somebody.id}", flash=f"{somebody.name} is disabled; every sign-in and token of theirs has ended.")


@router.post("/people/{person_id}/enable")
def enable(db: Db, somebody: Somebody, me: Me) -> Response:
    people.enable(db, somebody, by=me)
    return back(f"/people/{somebody.id}", flash=f"{somebody.name} can sign in again.")


@router.get("/audit")
def audit_log(request: Request, db: Db, _: Annotated[Person, may(P.AUDIT)], before: int | None = None, about: str = "") -> Response:
    entries = audit.newest(db, before=before, about=about.strip(), limit=PAGE + 1)
    return page(request, "people/audit.html", entries=entries[:PAGE], more=len(entries) > PAGE, about=about.strip())


def _choices(db: Session, me: Person) -> dict[str, Any]:
    names = {service.id: service.name for service in catalog.services(db, reach=me.reach())}
    return {
        "names": names,
        "role_choices": [(role, f"{role.capitalize()}, {what}") for role, what in FOR.items()],
        "service_choices": [("", "Every service"), *names.items()],
    }


def _listed(db: Session, me: Person) -> dict[str, Any]:
    return {"people": queries.everybody(db), "table": list(table_rows()), "means": MEANS, **_choices(db, me)}


def _grant(sent: Fields) -> dict[str, Any]:
    """The role and the service that a form chose."""
    try:
        role = Role(sent.text("role"))
    except ValueError as error:
        raise Refused("Choose a role from the list. Nothing was changed.", field="role") from error
    return {"role": role, "service_id": sent.whole("service_id")}
