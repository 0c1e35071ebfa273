"""What only reads decisions. The incident was looked up within the reader's reach."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, joinedload, selectinload

from app.core.errors import NotFound
from app.decisions import rulebook
from app.decisions.models import Assessment, Decision, Deliberation, ObjectionRound, RuleSet, UserReport
from app.incidents.models import Incident


def current_decision(session: Session, incident: Incident) -> Decision | None:
    """What is decided, with the assessment that it rests on."""
    query = select(Decision).where(Decision.incident_id == incident.id).order_by(Decision.id.desc()).limit(1)
    return session.scalar(query.options(joinedload(Decision.assessment).joinedload(Assessment.rule_set)))


def decisions_of(session: Session, incident: Incident) -> list[Decision]:
    """Every decision, the one that stands first."""
    query = select(Decision).where(Decision.incident_id == incident.id).order_by(Decision.id.desc())
    return list(session.scalars(query.options(joinedload(Decision.assessment))))


def decided(session: Session, incidents: Iterable[Incident]) -> dict[int, Decision]:
    """The decision that stands of each of these incidents, by id of the incident; one query for all."""
    query = select(Decision).where(Decision.incident_id.in_([one.id for one in incidents])).ext(distinct_on(Decision.incident_id))
    return {row.incident_id: row for row in session.scalars(query.order_by(Decision.incident_id, Decision.id.desc()))}


def newest_assessment(session: Session, incident: Incident) -> Assessment | None:
    query = select(Assessment).where(Assessment.incident_id == incident.id).order_by(Assessment.id.desc()).limit(1)
    return session.scalar(query.options(joinedload(Assessment.rule_set)))


def assessment(session: Session, incident: Incident) -> Assessment | None:
    """The assessment that counts: the newest one; None where the incident is older than this part of the console."""
    return newest_assessment(session, incident)


def assessments_of(session: Session, incident: Incident, *, before: int | None = None, limit: int = 50) -> list[Assessment]:
    """A page of the assessments, newest first. `before` is the id of the last one of the page above."""
    query = select(Assessment).where(Assessment.incident_id == incident.id).order_by(Assessment.id.desc()).limit(limit)
    query = query.where(Assessment.id < before) if before else query
    return list(session.scalars(query.options(joinedload(Assessment.rule_set))))


def get_assessment(session: Session, incident: Incident, assessment_id: int) -> Assessment:
    """One kept assessment of the incident. NotFound where it has no such one."""
    query = select(Assessment).where(Assessment.id == assessment_id, Assessment.incident_id == incident.id)
    found = session.scalar(query.options(joinedload(Assessment.rule_set)))
    if found is None:
        raise NotFound
    return found


def decide_by(session: Session, incident: Incident, *, rules: RuleSet | None = None) -> tuple[datetime, str]:
    """Until when to decide, and who set it; an empty name: the rule set does, by the severity of the incident."""
    row = session.get(Deliberation, incident.id)
    if row and row.decide_by:
        return row.decide_by, row.decide_by_set_by
    minutes = (rules or rulebook.current(session)).decide_within.get(incident.severity, 30)
    return incident.declared_at + timedelta(minutes=minutes), ""


def open_round(session: Session, incident: Incident) -> ObjectionRound | None:
    """The question that is open, with everybody's answer."""
    query = select(ObjectionRound).where(ObjectionRound.incident_id == incident.id, ObjectionRound.closed_at.is_(None))
    return session.scalar(query.options(selectinload(ObjectionRound.answers)).execution_options(populate_existing=True))


def last_round(session: Session, incident: Incident) -> ObjectionRound | None:
    """The newest question, open or over, with everybody's answer."""
    query = select(ObjectionRound).where(ObjectionRound.incident_id == incident.id).order_by(ObjectionRound.id.desc()).limit(1)
    return session.scalar(query.options(selectinload(ObjectionRound.answers)).execution_options(populate_existing=True))


def reports_of(session: Session, incident: Incident, *, limit: int = 100) -> list[UserReport]:
    """The user reports that stand, newest first."""
    query = select(UserReport).where(UserReport.incident_id == incident.id, UserReport.withdrawn_at.is_(None))
    return list(session.scalars(query.order_by(UserReport.id.desc()).limit(limit)))


def get_report(session: Session, incident: Incident, report_id: int) -> UserReport:
    """One user report of the incident. NotFound where it has no such one."""
    found = session.scalar(select(UserReport).where(UserReport.id == report_id, UserReport.incident_id == incident.id))
    if found is None:
        raise NotFound
    return found
