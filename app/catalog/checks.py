"""Checks: the ways to tell that a service works, and what changes them. What they mean stands in `executors.checks`."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog import credentials
from app.catalog.models import Check, Service
from app.core import live
from app.core.clock import now
from app.core.database import Json
from app.core.errors import Invalid
from app.executors.checks.configs import parse

KINDS = {
    "health": "Health: one request, and what it should answer",
    "version": "Version: the intended release on every replica",
    "smoke": "Smoke test: requests or a command that use the service",
    "metric": "Metric: a number with a limit, from Prometheus or an endpoint",
}


def add(
    session: Session,
    service: Service,
    *,
    kind: str,
    name: str,
    config: Json,
    by: Person,
    required: bool = True,
    credential: Any = None,
) -> Check:
    """Add a check. Invalid where its settings are wrong, or another check of the service has the name."""
    last = session.scalar(select(func.max(Check.position)).where(Check.service_id == service.id))
    check = Check(service_id=service.id, service=service, kind=kind, position=(last or 0) + 1)
    _set(session, check, name=name, config=config, required=required, credential=credential, by=by)
    _changed(session, check, "check.add", by=by)
    return check


def edit(session: Session, check: Check, *, name: str, config: Json, by: Person, required: bool = True, credential: Any = None) -> None:
    """Change a check. What it said before stays in its record."""
    _set(session, check, name=name, config=config, required=required, credential=credential, by=by)
    _changed(session, check, "check.edit", by=by)


def archive(session: Session, check: Check, *, by: Person) -> None:
    """Stop asking. Its name is free again."""
    if check.archived_at is None:
        check.archived_at = now()
        check.name = f"{check.name} (until {check.archived_at:%Y-%m-%d %H:%M:%S.%f})"
        _changed(session, check, "check.archive", by=by)


def _set(session: Session, check: Check, *, name: str, config: Json, required: bool, credential: Any, by: Person) -> None:
    name = name.strip()
    if not 1 <= len(name) <= 60:
        raise Invalid({"name": "A check needs a name of 1 to 60 characters, like “error rate”."})
    check.config = parse(check.kind, config).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    check.name, check.required = name, required
    if credential:
        secret = f"{check.service.slug} {name}"
        check.secret_id = credentials.keep(session, check.secret_id, name=secret, purpose="http", value=credential, by=by)
    try:
        with session.begin_nested():
            session.add(check)
    except IntegrityError as error:
        raise Invalid({"name": f"{check.service.name} has a check named {name} already. Choose another name, or edit that one."}) from error


def _changed(session: Session, check: Check, action: str, *, by: Person) -> None:
    session.flush()
    detail = {"name": check.name, "kind": check.kind, "required": check.required}
    audit.record(session, action, f"check-{check.id}", actor=by.actor, actor_name=by.name, **detail)
    live.tell(session, "services", f"service-{check.service_id}", "board")
