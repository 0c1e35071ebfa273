"""What only reads verifications."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from app.accounts.policy import Reach
from app.catalog.models import Service
from app.catalog.queries import within
from app.core.errors import NotFound
from app.incidents.models import Incident
from app.runs.models import Run
from app.verification.models import Sample, Verification

NEWEST = 2000  # samples of one check that are drawn


def get(session: Session, verification_id: int, *, reach: Reach) -> Verification:
    """One verification with everything its page shows. NotFound where there is none, or the reader may not see the service."""
    verification = session.scalar(
        _whole()
        .join(Verification.service)
        .options(contains_eager(Verification.service))
        .where(Verification.id == verification_id, within(reach))
    )
    if verification is None:
        raise NotFound
    return verification


def of_incident(session: Session, incident: Incident) -> list[Verification]:
    """The verifications of an incident, newest first."""
    query = _whole().options(joinedload(Verification.service)).where(Verification.incident_id == incident.id)
    return list(session.scalars(query.order_by(Verification.id.desc())))


def of_run(session: Session, run: Run) -> Verification | None:
    """The verification of a run, where it has begun."""
    return session.scalar(_whole().options(joinedload(Verification.service)).where(Verification.run_id == run.id))


def watching(session: Session, service: Service) -> Verification | None:
    """The newest watch over a service that still goes on."""
    query = (
        _whole().options(joinedload(Verification.service)).where(Verification.service_id == service.id, Verification.state == "watching")
    )
    return session.scalars(query.order_by(Verification.id.desc()).limit(1)).first()


def of_services(session: Session, services: Iterable[Service], *, since: datetime) -> dict[int, Verification]:
    """The newest verification of each of these services that went on after `since`, by id of the service."""
    query = (
        select(Verification)
        .where(Verification.service_id.in_([service.id for service in services]))
        .where(Verification.ended_at.is_(None) | (Verification.ended_at > since))
        .distinct(Verification.service_id)
        .order_by(Verification.service_id, Verification.id.desc())
    )
    return {verification.service_id: verification for verification in session.scalars(query)}


def samples(session: Session, verification: Verification) -> dict[int, list[Sample]]:
    """The readings by place of the check, oldest first: what the charts and the table show."""
    found: dict[int, list[Sample]] = {check.position: [] for check in verification.checks}
    newest = select(Sample).where(Sample.verification_id == verification.id).order_by(Sample.at.desc()).limit(NEWEST * max(len(found), 1))
    for sample in reversed(session.scalars(newest).all()):
        found[sample.position].append(sample)
    return found


def _whole() -> Select[Verification]:
    return select(Verification).options(
        selectinload(Verification.checks),
        joinedload(Verification.incident),
        joinedload(Verification.run).joinedload(Run.plan),
        joinedload(Verification.asked_by),
    )
