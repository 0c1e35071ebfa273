"""Where a disturbance or planned work is felt: stretches of time in which a component did not simply work. The bars are drawn from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Refused
from app.statuspage import queries
from app.statuspage.models import Component, Impact, Maintenance, PublicIncident, StatusPage
from app.statuspage.states import Standing

LONGEST_WORDS = 60


@dataclass(frozen=True)
class Felt:
    """How one component stands, in words of its own where they say more ("Slow in the EU")."""

    standing: Standing
    words: str = ""


def checked(session: Session, page: StatusPage, felt: Mapping[int, Felt]) -> dict[int, Felt]:
    """The same without those that work. Refused where a component is not on the page, or its words are too long."""
    known = set(session.scalars(select(Component.id).where(Component.page_id == page.id, Component.archived_at.is_(None))))
    if set(felt) - known:
        raise Refused("One of the components is not on this page any more. Nothing was published: look at the list again.", field="felt")
    if any(len(one.words) > LONGEST_WORDS for one in felt.values()):
        raise Refused(f"Words of your own about a component have up to {LONGEST_WORDS} characters. Nothing was published.", field="felt")
    return {component_id: one for component_id, one in felt.items() if one.standing is not Standing.WORKING}


def say(session: Session, subject: PublicIncident | Maintenance, felt: Mapping[int, Felt], *, at: datetime) -> None:
    """From `at` on it is felt exactly there: what changed ends and begins anew, what is not named ends, what is as it was goes on."""
    stands = queries.open_impacts(session, subject)
    for component_id, impact in stands.items():
        if felt.get(component_id) != Felt(Standing(impact.standing), impact.words):
            impact.ended_at = max(at, impact.began_at)
    session.flush()
    owner = {"public_incident_id" if isinstance(subject, PublicIncident) else "maintenance_id": subject.id}
    for component_id, one in felt.items():
        if component_id not in stands or stands[component_id].ended_at:
            session.add(Impact(component_id=component_id, standing=one.standing, words=one.words, began_at=at, **owner))
    session.flush()


def end(session: Session, subject: PublicIncident | Maintenance, *, at: datetime) -> None:
    """It is felt nowhere any more."""
    say(session, subject, {}, at=at)


def stands(session: Session, subject: PublicIncident | Maintenance) -> dict[int, Felt]:
    """Where it is felt now, as a form shows it."""
    return {key: Felt(Standing(one.standing), one.words) for key, one in queries.open_impacts(session, subject).items()}


def suggested(session: Session, page: StatusPage, service_ids: Iterable[int]) -> dict[int, Felt]:
    """What a first post may start from: the components of the services that the incident touches, as a partial outage."""
    touched = set(service_ids)
    return {one.id: Felt(Standing.PARTIAL) for one in queries.components(session, page) if one.service_id in touched}
