"""What changes the text of a review."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.checklists import binding
from app.core import live
from app.core.database import db_now
from app.core.errors import Conflict, Refused
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import State
from app.reviews import drafting, items, record, sections
from app.reviews.models import Kind, Publication, Review, ReviewState, Section, SectionVersion
from app.reviews.sections import ADDENDUM, Heading


class Overtaken(Conflict):
    """Somebody saved the section first. `section` is how it stands now: both texts go on the merge page."""

    def __init__(self, section: Section) -> None:
        super().__init__(
            f"{section.edited_by_name} saved this section while you wrote (version {section.version}). "
            "Yours is not saved yet and not lost: both stand here, side by side. Put together what belongs together, then save.",
            link=f"/reviews/{section.review_id}",
        )
        self.section = section


def begin(session: Session, incident: Incident, kind: Kind, *, by: Person) -> Review:
    """Begin a review, each section drafted from the record. Begun already: the one that there is."""
    session.execute(select(Incident.id).where(Incident.id == incident.id).with_for_update())
    wanted = insert(Review).values(incident_id=incident.id, kind=kind, title=incident.title, author_id=by.id or None)
    # Two at once: the second waits for the incident's row, inserts nothing, and is given what the first one made.
    made = session.scalar(wanted.on_conflict_do_nothing(index_elements=["incident_id", "kind"]).returning(Review.id))
    review = session.scalars(select(Review).where(Review.incident_id == incident.id, Review.kind == kind)).one()
    if made is None:
        return review
    found, undone = record.of(session, incident), items.of_incident(session, incident)
    for position, heading in enumerate(sections.PLAN[kind]):
        _add(session, review, heading, position=position, body=drafting.draft(heading.key, found, undone)[: sections.LONGEST])
    session.flush()
    timeline.record(session, incident, f"began the {sections.NAMES[kind].lower()}", kind="review", by=by, review=review.id)
    return review


def hold(session: Session, review: Review) -> None:
    """Read it again and hold it: the incident's row first, as everywhere, so that two wait for each other and never both."""
    session.execute(select(Incident.id).where(Incident.id == review.incident_id).with_for_update())
    session.refresh(review, with_for_update={"of": Review})


def redraft(session: Session, review: Review, *, by: Person) -> int:
    """Draft again from the record; returns how many sections say something else now.

    Sections that nobody wrote in take the new draft. Beside a text that a person wrote it stands as an offer.
    """
    hold(session, review)
    incident = session.get_one(Incident, review.incident_id)
    found, undone = record.of(session, incident), items.of_incident(session, incident)
    changed = 0
    for section in _sections(session, review):
        text = drafting.draft(section.key, found, undone)[: sections.LONGEST]
        if text == section.drafted:
            continue
        section.drafted, changed = text, changed + 1
        if section.origin == "written":
            section.draft = text if text != section.body else None
        else:
            _put(session, review, section, text, origin="drafted", by=by)
    if changed:
        live.tell(session, f"incident-{review.incident_id}")
    return changed


def write(session: Session, review: Review, key: str, *, body: str, version: int, by: Person) -> Section:
    """Save a section as a person wrote it. `version` is the one that they had before their eyes: Overtaken where it is gone.

    The text that stands already is saved by nobody again. A review that was signed is open to its reviewers again.
    """
    hold(session, review)  # two at once: the second waits here and finds the version of the first
    section = get_section(session, review, key)
    text = sections.checked(key, body)
    if text == section.body and section.origin == "written":
        return section
    if version != section.version:
        raise Overtaken(section)
    _put(session, review, section, text, origin="written", by=by)
    _reopen(session, review, by=by)
    return section


def take_draft(session: Session, review: Review, key: str, *, version: int, by: Person) -> Section:
    """Replace a written text by the draft that is offered beside it; what was written stays among the versions."""
    hold(session, review)
    section = get_section(session, review, key)
    if section.draft is None:
        raise Refused("There is no newer draft of this section any more. Nothing was changed.")
    if version != section.version:
        raise Conflict("Somebody saved this section since you opened the page. Nothing was changed: look at it again.")
    _put(session, review, section, section.draft, origin="drafted", by=by)
    _reopen(session, review, by=by)
    return section


def keep_mine(session: Session, review: Review, key: str) -> Section:
    """Decline the offered draft. The next one is offered again, once the record says something else."""
    hold(session, review)
    section = get_section(session, review, key)
    section.draft = None
    session.flush()
    return section


def rename(session: Session, review: Review, title: str, *, by: Person) -> None:
    """Give the review another title: the incident's own is what people shouted, not what happened."""
    hold(session, review)
    text = " ".join(title.replace("\0", "").split())
    if not 1 <= len(text) <= 200:
        raise Refused("A review has a title of 1 to 200 characters. Nothing was changed.", field="title")
    if text == review.title:
        return
    review.title = text
    _changed(session, review)
    _reopen(session, review, by=by)


def outdate(session: Session, incident: Incident, *, by: Person) -> list[Review]:
    """The incident was opened again: what people had sent, signed or published is kept as it is, marked, and asks for an addendum."""
    published = select(Publication.id).where(Publication.review_id == Review.id).exists()
    past = (Review.state != ReviewState.DRAFT) | published
    query = select(Review).where(Review.incident_id == incident.id, Review.outdated_at.is_(None), past).with_for_update()
    found = list(session.scalars(query))
    for review in found:
        review.outdated_at = db_now(session)
        if session.get(Section, (review.id, ADDENDUM)) is None:
            _add(session, review, sections.ADDED, position=99, body="")
        session.flush()
        line = f"marked the {sections.NAMES[Kind(review.kind)].lower()} as outdated: the incident is open again. It asks for an addendum."
        timeline.record(session, incident, line, kind="review", by=by, is_system=True, review=review.id)
    return found


def get_section(session: Session, review: Review, key: str) -> Section:
    """One section as it stands now. Refused where this kind of review has none of that name."""
    section = session.get(Section, (review.id, key), populate_existing=True)
    if section is None:
        raise Refused("This review has no such section. Nothing was saved: open it again.")
    return section


def is_over(incident: Incident) -> bool:
    """Whether there is something to look back on."""
    return State(incident.state) in {State.RESOLVED, State.REVIEWED}


def _sections(session: Session, review: Review) -> Iterable[Section]:
    query = select(Section).where(Section.review_id == review.id).order_by(Section.position)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _add(session: Session, review: Review, heading: Heading, *, position: int, body: str) -> None:
    session.add(Section(review_id=review.id, key=heading.key, position=position, body=body, drafted=body))
    session.add(SectionVersion(review_id=review.id, key=heading.key, version=1, body=body, origin="drafted", by_name="Lastgood"))


def _put(session: Session, review: Review, section: Section, text: str, *, origin: str, by: Person) -> None:
    section.body, section.origin, section.version = text, origin, section.version + 1
    section.edited_by_name, section.edited_at = by.name, db_now(session)
    if origin == "drafted" or section.draft == text:
        section.draft = None
    kept = {"key": section.key, "version": section.version, "body": text, "origin": origin}
    session.add(SectionVersion(review_id=review.id, by_id=by.id or None, by_name=by.name, **kept))
    _changed(session, review)


def _changed(session: Session, review: Review) -> None:
    review.version, review.changed_at = review.version + 1, db_now(session)
    session.flush()
    live.tell(session, f"incident-{review.incident_id}")


def _reopen(session: Session, review: Review, *, by: Person) -> None:
    """A signature is for a version: whoever changes the text asks for it again."""
    if review.state != ReviewState.SIGNED:
        return
    review.state, review.signed_at = ReviewState.IN_REVIEW, None
    session.flush()
    incident = session.get_one(Incident, review.incident_id)
    line = f"changed the {sections.NAMES[Kind(review.kind)].lower()} after it was signed: its reviewers are asked again"
    timeline.record(session, incident, line, kind="review", by=by, review=review.id)
    binding.withdrawn(session, incident, "report.written", url=f"/reviews/{review.id}")
