"""What the record says of an incident: everything that a draft rests on, read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.catalog.models import Release, Rollout, Service
from app.decisions.models import Decision, UserReport
from app.incidents import queries
from app.incidents.models import Incident, Phase, RoleHolder
from app.incidents.states import State
from app.notifications.models import Notice
from app.reviews import durations
from app.reviews.durations import Duration
from app.runs import queries as runs
from app.runs.models import Run
from app.verification import queries as verifications
from app.verification.models import Verification


@dataclass(frozen=True)
class Suspect:
    """A release under suspicion, its service, and when it went out for the incident."""

    service: Service
    release: Release
    went_out_at: datetime | None


@dataclass(frozen=True)
class Record:
    """One incident as it was written down while it ran. Runs, verifications and notices are oldest first."""

    incident: Incident
    phases: Sequence[Phase]
    holders: Sequence[RoleHolder]
    suspects: Sequence[Suspect]
    decision: Decision | None
    runs: Sequence[Run]
    verifications: Sequence[Verification]
    notices: Sequence[Notice]  # that went out
    reports: int  # of users
    durations: Sequence[Duration]

    @property
    def works_since(self) -> datetime | None:
        """When the checks began to hold for good, or the last recovery ended, or it was resolved."""
        held = [one.holding_since for one in self.verifications if one.verdict == "recovered" and one.holding_since]
        ended = [run.ended_at for run in self.runs if run.state == "succeeded" and run.ended_at]
        if held:
            return max(held)
        return max(ended) if ended and not self.incident.is_open else self.incident.resolved_at

    def entered(self, state: State) -> Phase | None:
        """The first stretch in this state."""
        return next((phase for phase in self.phases if phase.state == state), None)


def of(session: Session, incident: Incident) -> Record:
    """Read everything. The incident is read again with its services."""
    incident = queries.shown(session, incident)
    phases = queries.phases(session, incident)
    decision = session.scalars(select(Decision).where(Decision.incident_id == incident.id).order_by(Decision.id.desc()).limit(1)).first()
    ran = [run for run in reversed(runs.runs_of(session, incident)) if run.started_at]
    watched = list(reversed(verifications.of_incident(session, incident)))
    return Record(
        incident=incident,
        phases=phases,
        holders=_holders(session, incident),
        suspects=_suspects(session, incident),
        decision=decision,
        runs=ran,
        verifications=watched,
        notices=_notices(session, incident),
        reports=_reports(session, incident),
        durations=durations.of(
            incident, phases=phases, decided_at=decision.decided_at if decision else None, runs=ran, verifications=watched
        ),
    )


def _holders(session: Session, incident: Incident) -> list[RoleHolder]:
    query = select(RoleHolder).where(RoleHolder.incident_id == incident.id).options(joinedload(RoleHolder.user)).order_by(RoleHolder.id)
    return list(session.scalars(query))


def _suspects(session: Session, incident: Incident) -> list[Suspect]:
    return [
        Suspect(link.service, link.suspect_release, _went_out(session, link.suspect_release, before=incident.declared_at))
        for link in incident.services
        if link.suspect_release
    ]


def _went_out(session: Session, release: Release, *, before: datetime) -> datetime | None:
    query = select(Rollout.began_at).where(Rollout.release_id == release.id, Rollout.began_at <= before)
    return session.scalar(query.order_by(Rollout.began_at.desc()).limit(1))


def _notices(session: Session, incident: Incident) -> list[Notice]:
    query = select(Notice).where(Notice.incident_id == incident.id, Notice.state == "sent").order_by(Notice.id)
    return list(session.scalars(query))


def _reports(session: Session, incident: Incident) -> int:
    query = select(func.coalesce(func.sum(UserReport.count), 0))
    return session.scalar(query.where(UserReport.incident_id == incident.id, UserReport.withdrawn_at.is_(None))) or 0
