"""What the pages of a review draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import P, Person
from app.checklists import queries as checklists
from app.core.clock import now
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.reviews import items, lane_chart, lanes, measures, meeting, queries, record, sections, signing
from app.reviews.lanes import Mark
from app.reviews.models import Kind, Review, Section
from app.reviews.record import Record
from app.reviews.sections import HEADINGS, Heading
from app.web import markdown

STATES = {"draft": ("wait", "Draft"), "in_review": ("run", "In review"), "signed": ("ok", "Signed")}
STANDINGS = {
    "waiting": ("wait", "asked"),
    "signed": ("ok", "signed"),
    "changes": ("warn", "asked for changes"),
    "lapsed": ("wait", "signed an older version"),
}


@dataclass(frozen=True)
class SectionView:
    """One section as the page draws it: its text as HTML, or as figures, or as marks."""

    heading: Heading
    section: Section
    html: Markup | None
    figures: Sequence[tuple[str, str]] = ()
    marks: Sequence[Mark] = ()

    @property
    def key(self) -> str:
        return self.heading.key


@dataclass(frozen=True)
class ReviewerView:
    """One reviewer and how they stand."""

    user: User
    mood: str
    word: str


def of(db: Session, review: Review, me: Person) -> dict[str, Any]:
    """The page of a review."""
    incident = incidents.shown(db, review.incident)
    found, written = record.of(db, incident), items.of_incident(db, incident)
    views = [view(section) for section in review.sections]
    return bar(db, review, me) | {
        "incident": incident,
        "record": found,
        "texts": [one for one in views if not one.heading.is_question and one.heading.shape != "figures"],
        "questions": [one for one in views if one.heading.is_question],
        "figures": next((one for one in views if one.heading.shape == "figures"), None),
        "chart": _chart(views),
        "items": written,
        "measures": measures.offered(found, written),
        "overdue": {item.id for item in written if items.is_overdue(item)},
        "item_states": items.STATES,
        "kinds": _kinds(db, incident),
        "learnt": queries.learnt(db, incident),
        "lists": checklists.of_incident(db, incident) if me.may(P.EDIT_PROCEDURE) else [],
        "may_edit_rules": me.may(P.EDIT_PROCEDURE) and me.reach(P.EDIT_PROCEDURE).everything,
        "publication": next(iter(queries.publications(db, review)), None),
        "evidence": _evidence(found, me),
        "written": queries.written(review),
        "today": now().date(),
    }


def bar(db: Session, review: Review, me: Person) -> dict[str, Any]:
    """The line over the page: how the review stands, and what is to be done next."""
    ids = incidents.service_ids(db, review.incident)
    asked = reviewers(db, review)
    mine = next((one for one in asked if one.user.id == me.id), None)
    return {
        "review": review,
        "incident": review.incident,
        "name": sections.NAMES[Kind(review.kind)],
        "mood": STATES[review.state][0],
        "word": STATES[review.state][1],
        "can": {"respond": me.may(P.RESPOND, ids), "publish": me.may(P.PUBLISH, ids), "command": me.may(P.COMMAND, ids)},
        "reviewers": asked,
        "may_sign": bool(mine and mine.word != "signed" and review.state != "draft"),
        "said": signing.signatures(db, review)[:1],
        "seen": review.version,
    }


def reviewers(db: Session, review: Review) -> list[ReviewerView]:
    """Whose signature is asked for, with what they said."""
    said = signing.signatures(db, review)
    return [ReviewerView(one.user, *STANDINGS[signing.standing(review, one, said)]) for one in signing.reviewers(db, review)]


def view(section: Section) -> SectionView:
    """One section, drawn by the form of its heading."""
    heading = HEADINGS[section.key]
    if heading.shape == "figures":
        return SectionView(heading, section, None, figures=sections.figures(section.body))
    if heading.shape == "lanes":
        return SectionView(heading, section, None, marks=lanes.read(section.body))
    return SectionView(heading, section, markdown.render(section.body) if section.body else None)


def lone(db: Session, review: Review, section: Section, me: Person) -> dict[str, Any]:
    """One section on its own: for its form, its versions, and the piece that htmx swaps."""
    shown = view(section)
    return bar(db, review, me) | {"view": shown, "chart": _chart([shown])}


def begun(db: Session, incident: Incident) -> list[Review]:
    """The reviews that there are, the report first."""
    return queries.of_incident(db, incident)


def meeting_of(db: Session, review: Review, me: Person) -> dict[str, Any]:
    """The form of the meeting, and who is invited; tomorrow at ten is filled in."""
    ahead = (now() + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    return bar(db, review, me) | {"invited": meeting.invited(db, review), "proposed": review.meets_at or ahead}


def _chart(views: Sequence[SectionView]) -> Markup:
    return lane_chart.draw(next((one.marks for one in views if one.heading.shape == "lanes"), ()))


def _kinds(db: Session, incident: Incident) -> list[tuple[str, str, Review | None]]:
    """Every kind of review: (kind, name, the one that was begun)."""
    there = {review.kind: review for review in queries.of_incident(db, incident)}
    return [(kind, name, there.get(kind)) for kind, name in sections.NAMES.items()]


def _evidence(found: Record, me: Person) -> list[tuple[str, str]]:
    """What the report rests on: (words, address), of services that the reader may see."""
    links = [
        (f"Verdict on {one.service.name}: {one.verdict}", f"/verifications/{one.id}")
        for one in found.verifications
        if one.verdict and me.may(P.READ, {one.service_id})
    ]
    runs = [run for run in found.runs if me.may(P.READ, {run.service_id})]
    links += [(f"Run {run.id}: {run.plan.title or run.plan.kind}", f"/runs/{run.id}") for run in runs]
    links += [(f"Plan and diff of run {run.id}", f"/plans/{run.plan_id}") for run in runs]
    if found.decision:
        links.append((f"Decision of {found.decision.decided_at:%H:%M} UTC", f"/incidents/{found.incident.id}/decision"))
    if found.notices:
        links.append((f"{len(found.notices)} notices that went out", f"/incidents/{found.incident.id}/notices"))
    return [*links, (f"Full timeline, {found.incident.entries} lines", f"/incidents/{found.incident.id}/timeline")]
