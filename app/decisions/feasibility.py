"""Whether there is a way back, where it leads, and how long it usually takes: from what the console has seen, asking nobody."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.catalog import queries as catalog
from app.catalog import releases
from app.catalog.models import Rollout, Target
from app.core.database import Json
from app.incidents.models import Incident, IncidentService
from app.runs import queries as runs


@dataclass(frozen=True)
class Way:
    """Where a rollback of the service that changed last would lead. `release_id` None: nothing to go back to is known.

    `durations` are seconds of earlier rollbacks of this target, newest first; times are ISO 8601.
    """

    service_id: int
    service: str
    slug: str
    target_id: int
    target: str
    running: str
    running_since: str
    release_id: int | None = None
    version: str = ""
    proven: bool = False
    why: str = ""
    durations: list[float] = field(default_factory=list)
    unseen: str = ""  # why the target cannot be seen now
    busy_run: int | None = None  # what holds the target

    @property
    def good(self) -> str:
        """The value of the fact: proven | unproven | none."""
        return "none" if self.release_id is None else "proven" if self.proven else "unproven"

    @property
    def usual_s(self) -> float | None:
        """The median of earlier rollbacks, in seconds."""
        return median(self.durations) if self.durations else None

    def as_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Json) -> "Way":
        """The way back of a kept assessment, whatever else an older version of the console wrote beside it."""
        return cls(**{one.name: body[one.name] for one in fields(cls) if one.name in body})


def links_of(session: Session, incident: Incident) -> list[IncidentService]:
    """The services that the incident touches, each with its service and the release under suspicion."""
    query = select(IncidentService).where(IncidentService.incident_id == incident.id).order_by(IncidentService.service_id)
    return list(session.scalars(query.options(joinedload(IncidentService.service), joinedload(IncidentService.suspect_release))))


def way_back(session: Session, links: Sequence[IncidentService]) -> Way | None:
    """The way back of the suspect service, else of the one that changed last, production first. None: it is not known what runs."""
    targets = catalog.targets_on_services(session, [link.service for link in links])
    running = catalog.running_on(session, targets)
    offers = releases.offers(session, targets)
    suspects = {link.suspect_release_id for link in links if link.suspect_release_id}

    def first(target: Target) -> tuple[bool, bool, bool, datetime]:
        rollout = running[target.id]
        return target.id in offers, rollout.release_id in suspects, target.environment == "production", rollout.began_at

    chosen = max((target for target in targets if target.id in running), key=first, default=None)
    if chosen is None:
        return None
    return _way(session, chosen, running[chosen.id], offers.get(chosen.id))


def _way(session: Session, target: Target, rollout: Rollout, offer: releases.Offer | None) -> Way:
    busy = runs.busy(session, target)
    return Way(
        service_id=target.service_id,
        service=target.service.name,
        slug=target.service.slug,
        target_id=target.id,
        target=target.label,
        running=rollout.release.version,
        running_since=rollout.began_at.isoformat(),
        release_id=offer.release.id if offer else None,
        version=offer.release.version if offer else "",
        proven=bool(offer and offer.proven),
        why=offer.why if offer else f"Nothing else than {rollout.release.version} has been seen on {target.label}.",
        durations=runs.usual_duration(session, target, "rollback") if offer else [],
        unseen=target.observe_problem,
        busy_run=busy.id if busy else None,
    )
