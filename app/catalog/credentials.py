"""Credentials: anybody who may can store one, and only the runner opens one, since no other process holds the key."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import AllowedAddress, Check, Cluster, Secret, Target
from app.core.clock import now
from app.core.errors import Refused
from app.core.sealing import seal, unseal
from app.executors.base import Body


def store(session: Session, *, name: str, purpose: str, value: Any, by: Person) -> Secret:
    """Seal a credential and keep it. No page and no API ever shows it again."""
    secret = Secret(name=name, purpose=purpose, sealed=seal(value))
    session.add(secret)
    session.flush()
    audit.record(session, "secret.store", f"secret-{secret.id}", actor=by.actor, actor_name=by.name, name=name, purpose=purpose)
    return secret


def rotate(session: Session, secret: Secret, *, value: Any, by: Person) -> None:
    """Put a new value in the place of an old one. Whatever uses the secret uses the new value from its next call on."""
    secret.sealed, secret.rotated_at = seal(value), now()
    session.flush()
    audit.record(session, "secret.rotate", f"secret-{secret.id}", actor=by.actor, actor_name=by.name, name=secret.name)


def keep(session: Session, secret_id: int | None, *, name: str, purpose: str, value: Any, by: Person) -> int:
    """The id of the secret that holds `value`: the one there is, rotated, or a new one."""
    secret = session.get(Secret, secret_id) if secret_id else None
    if secret is None:
        return store(session, name=name, purpose=purpose, value=value, by=by).id
    rotate(session, secret, value=value, by=by)
    return secret.id


def open_for(session: Session, target: Target) -> Body:
    """The opened credentials of a target by purpose, as `Context.credentials` takes them.

    Refused where this process has no key, and where what was stored is gone.
    """
    if target.kind == "git":
        return {"git": _opened(session, target.secret_id)} if target.secret_id else {}
    cluster = session.get(Cluster, target.cluster_id) if target.cluster_id else None
    if cluster is None:
        raise Refused(f"{target.label} belongs to no cluster. Choose one on the target's page.")
    return open_cluster(session, cluster)


def open_cluster(session: Session, cluster: Cluster) -> Body:
    """How to reach a cluster: the kubeconfig's text, or the account of the pod that we run in."""
    if cluster.kind == "in_cluster":
        return {"kubeconfig": {"in_cluster": True}}
    return {"kubeconfig": _opened(session, cluster.secret_id)}


def open_check(session: Session, check: Check) -> Body:
    """What a check sends along to prove who asks; empty where it needs nothing."""
    return {"http": _opened(session, check.secret_id)} if check.secret_id else {}


def allowed_addresses(session: Session) -> frozenset[tuple[str, int]]:
    """The private addresses (host, port) that an administrator let the console call."""
    return frozenset((row.host, row.port) for row in session.scalars(select(AllowedAddress)))


def _opened(session: Session, secret_id: int | None) -> Any:
    secret = session.get(Secret, secret_id) if secret_id else None
    if secret is None:
        raise Refused("The stored credential is gone. Store it again on the page of its cluster, target or check.")
    return unseal(secret.sealed)
