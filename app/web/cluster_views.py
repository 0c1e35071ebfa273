"""What the page of a cluster draws: whether we are let in, what we may do there, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.catalog import queries
from app.catalog.models import Cluster
from app.executors.kubernetes.rights import Right, minimal_role

EXAMPLE = ("shop", "Deployment", "login")


@dataclass(frozen=True)
class Rights:
    """The answer of the API server, sorted by what it means."""

    missing: Sequence[Right]  # the console cannot do its work
    lacking: Sequence[Right]  # it works, and knows less
    unknown: Sequence[Right]
    held: Sequence[Right]


def shown(session: Session, cluster: Cluster) -> dict[str, Any]:
    """Everything that the page of a cluster draws."""
    targets = queries.targets_on(session, cluster)
    places = [(target.config["namespace"], target.config["kind"], target.config["name"]) for target in targets]
    return {
        "cluster": cluster,
        "targets": targets,
        "rights": judged([Right.model_validate(right) for right in cluster.rights]),
        "role": minimal_role(places or [EXAMPLE]),
    }


def judged(rights: Sequence[Right]) -> Rights:
    """Sorted: what is missing first."""
    return Rights(
        missing=[right for right in rights if right.allowed is False and not right.optional],
        lacking=[right for right in rights if right.allowed is False and right.optional],
        unknown=[right for right in rights if right.allowed is None],
        held=[right for right in rights if right.allowed],
    )
