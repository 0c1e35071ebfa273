"""What only reads reviews. Each query takes the reader's reach: whoever may see the incident may read its reviews."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.accounts.policy import Reach
from app.checklists.models import TemplateVersion
from app.core.errors import NotFound
from app.decisions.models import RuleSet
from app.incidents import queries
from app.incidents.models import Incident
from app.reviews.models import Kind, Publication, Review, SectionVersion

_SHOWN = (selectinload(Review.sections), joinedload(Review.author), joinedload(Review.incident))


@dataclass(frozen=True)
class Learnt:
    """A change of the procedure that names the incident that taught it."""

    words: str
    by_name: str
    url: str


def get(session: Session, review_id: int, *, reach: Reach) -> Review:
    """One review with its sections, author and incident. NotFound out of the reader's reach."""
    found = session.scalar(_visible(reach).where(Review.id == review_id))
    if found is None:
        raise NotFound
    return found


def of_incident(session: Session, incident: Incident) -> list[Review]:
    """The reviews of an incident: the report first."""
    query = select(Review).where(Review.incident_id == incident.id).options(joinedload(Review.author))
    places = {kind: place for place, kind in enumerate(Kind)}
    return sorted(session.scalars(query), key=lambda review: places[Kind(review.kind)])


def newest(session: Session, *, reach: Reach, before: int | None = None, limit: int = 50) -> list[Review]:
    """A page of all reviews, newest first. `before` is the id of the last one of the page above."""
    query = _visible(reach).order_by(Review.id.desc()).limit(limit)
    return list(session.scalars(query.where(Review.id < before) if before else query))


def versions(session: Session, review: Review, key: str) -> list[SectionVersion]:
    """Every text that a section has had, newest first."""
    query = select(SectionVersion).where(SectionVersion.review_id == review.id, SectionVersion.key == key)
    return list(session.scalars(query.order_by(SectionVersion.version.desc())))


def publications(session: Session, review: Review) -> list[Publication]:
    """What the public was given, newest first."""
    return list(session.scalars(select(Publication).where(Publication.review_id == review.id).order_by(Publication.id.desc())))


def learnt(session: Session, incident: Incident) -> list[Learnt]:
    """The changes of checklists that name this incident, then the versions of the decision matrix whose note does."""
    lists = select(TemplateVersion).where(TemplateVersion.incident_id == incident.id).order_by(TemplateVersion.at)
    rules = select(RuleSet).where(RuleSet.note.regexp_match(rf"\m{incident.ref}\M")).order_by(RuleSet.id)
    found = [
        Learnt(f"Checklist “{one.name}”, version {one.number}", one.by_name, f"/checklist-templates/{one.template_id}")
        for one in session.scalars(lists)
    ]
    matrix = [
        Learnt(f"Decision matrix, version {one.version}", one.by_name, f"/decision-rules?version={one.version}")
        for one in session.scalars(rules)
    ]
    return found + matrix


def written(review: Review) -> int:
    """How many of its sections a person wrote."""
    return sum(section.origin == "written" and bool(section.body) for section in review.sections)


def _visible(reach: Reach) -> Select[Review]:
    query: Select[Review] = select(Review)
    visible = queries.visible(reach)
    return query.join(Incident, Incident.id == Review.incident_id).where(visible).options(*_SHOWN).execution_options(populate_existing=True)
