"""Private addresses that an administrator lets the console call. Everything else inside the private network is refused."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.catalog.models import AllowedAddress
from app.core.errors import Forbidden, Invalid


def allow(session: Session, *, host: str, port: int, by: Person, reason: str = "") -> AllowedAddress:
    """Let the console call this host on this port. Forbidden for all but administrators; allowed twice is allowed once."""
    _administrators_only(by)
    host = host.strip().lower().strip("[]").rstrip(".")
    if not host or any(sign.isspace() or sign in "/?#@" for sign in host):
        raise Invalid({"host": "Give a name or an address, like metrics.internal or 10.0.3.7."})
    if not 1 <= port <= 65535:
        raise Invalid({"port": "A port is a number from 1 to 65535."})
    made = session.scalar(
        insert(AllowedAddress)
        .values(host=host, port=port, reason=reason.strip(), allowed_by=by.name)
        .on_conflict_do_nothing(index_elements=["host", "port"])
        .returning(AllowedAddress.id)
    )
    if made:
        audit.record(session, "address.allow", f"{host}:{port}", actor=by.actor, actor_name=by.name, reason=reason.strip())
    return session.scalars(select(AllowedAddress).where(AllowedAddress.host == host, AllowedAddress.port == port)).one()


def forbid(session: Session, address: AllowedAddress, *, by: Person) -> None:
    """Take the permission back: checks at this address are inconclusive from their next look on."""
    _administrators_only(by)
    session.execute(delete(AllowedAddress).where(AllowedAddress.id == address.id))
    audit.record(session, "address.forbid", f"{address.host}:{address.port}", actor=by.actor, actor_name=by.name)


def _administrators_only(by: Person) -> None:
    if not by.may(Permission.ADMINISTER):
        raise Forbidden("Allowing an address inside the private network takes an administrator. Ask one; nothing was changed.")
