"""What opens a target: called by the runner alone, since no other process holds the key."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog.models import AllowedAddress, Check, Cluster, Secret, Target
from app.core.errors import Refused
from app.core.sealing import unseal
from app.executors.base import Body


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
