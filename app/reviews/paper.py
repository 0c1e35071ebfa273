"""A review as a document: what markdown, HTML, print and PDF are all made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.incidents import queries as incidents
from app.incidents import roles
from app.reviews import durations, items, lanes, record, sections, signing
from app.reviews.durations import Duration
from app.reviews.lanes import Mark
from app.reviews.models import ActionItem, Kind, Review
from app.reviews.sections import ADDENDUM, HEADINGS, Heading


@dataclass(frozen=True)
class Part:
    """One section that says something."""

    heading: Heading
    body: str


@dataclass(frozen=True)
class Paper:
    """The whole document. `parts` are in the order of the page; the addendum stands first where there is one."""

    ref: str
    kind: str
    title: str
    facts: Sequence[tuple[str, str]]
    durations: Sequence[Duration]
    figures: Sequence[tuple[str, str]]
    marks: Sequence[Mark]
    parts: Sequence[Part]
    items: Sequence[ActionItem]
    standing: str

    @property
    def texts(self) -> list[Part]:
        """The sections of plain text that are no question."""
        return [part for part in self.parts if part.heading.shape == "text" and not part.heading.is_question]

    @property
    def questions(self) -> list[Part]:
        return [part for part in self.parts if part.heading.is_question]


def of(session: Session, review: Review) -> Paper:
    """Read everything that the document says. The review is loaded with its sections and incident."""
    incident = incidents.shown(session, review.incident)
    found = record.of(session, incident)
    bodies = {section.key: section.body for section in review.sections}
    parts = [Part(HEADINGS[section.key], section.body) for section in review.sections if section.body]
    commander = next((one.user.name for one in reversed(found.holders) if one.role == roles.COMMANDER), "")
    facts = [
        ("Severity", incident.severity + (" (drill)" if incident.is_drill else "")),
        ("Date", f"{incident.since:%-d %B %Y}"),
        ("Services", ", ".join(touched.service.name for touched in incident.services)),
        ("Commander", commander),
        ("Author", review.author.name if review.author else ""),
        ("Reviewers", ", ".join(one.user.name for one in signing.reviewers(session, review))),
    ]
    return Paper(
        ref=incident.ref,
        kind=sections.NAMES[Kind(review.kind)],
        title=review.title,
        facts=[(name, value) for name, value in facts if value],
        durations=[one for one in found.durations if one.seconds is not None],
        figures=sections.figures(bodies.get("figures", "")),
        marks=lanes.read(bodies.get("timeline", "")),
        parts=sorted(parts, key=lambda part: part.heading.key != ADDENDUM),
        items=items.of_incident(session, incident),
        standing=_standing(review),
    )


def markdown(paper: Paper) -> Iterator[str]:
    """The document as markdown, piece by piece."""
    yield f"# {paper.title}\n\n{paper.kind} of {paper.ref}. {paper.standing}\n\n"
    yield "".join(f"- {name}: {value}\n" for name, value in paper.facts)
    if took := durations.sentence(paper.durations):
        yield f"- Took: {took}\n"
    for part in paper.texts:
        yield f"\n## {part.heading.title}\n\n{part.body}\n"
        if part.heading.key == "summary":
            yield from _tables(paper)
    if paper.questions:
        yield "\n## Five questions\n"
        yield from (f"\n### {number}. {part.heading.title}\n\n{part.body}\n" for number, part in enumerate(paper.questions, start=1))
    if paper.items:
        yield "\n## Action items\n\n| What | Kind | Owner | Due | State |\n|---|---|---|---|---|\n"
        yield from ("| " + " | ".join(_cell(text) for text in row(item)) + " |\n" for item in paper.items)


def row(item: ActionItem) -> tuple[str, str, str, str, str]:
    """One action item as the cells of a table: what, kind, owner, due, state."""
    due = f"{item.due_on:%-d %b %Y}" if item.due_on else "no date"
    return item.title, item.kind, item.owner.name if item.owner else "nobody yet", due, items.STATES[item.state]


def when(mark: Mark) -> str:
    """ "14:35:02 to 14:36:50"; the day stands with the first of each day."""
    return f"{mark.at:%H:%M:%S}" + (f" to {mark.until:%H:%M:%S}" if mark.until else "")


def days(marks: Sequence[Mark]) -> Iterator[tuple[str, list[Mark]]]:
    """The marks by day, in order."""
    found: dict[str, list[Mark]] = {}
    for mark in marks:
        found.setdefault(f"{mark.at:%-d %B %Y}", []).append(mark)
    yield from found.items()


def _tables(paper: Paper) -> Iterator[str]:
    if paper.figures:
        yield "\n## Impact in figures\n\n" + "".join(f"- {name}: {value}\n" for name, value in paper.figures)
    if paper.marks:
        yield "\n## Timeline\n"
        for day, marks in days(paper.marks):
            yield f"\n{day}, UTC\n\n| Time | What broke | What was done |\n|---|---|---|\n"
            for mark in marks:
                broke, done = (mark.words, "") if mark.lane == lanes.BROKE else ("", mark.words)
                yield f"| {when(mark)} | {_cell(broke)} | {_cell(done)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _standing(review: Review) -> str:
    if review.outdated_at:
        return f"Outdated since {review.outdated_at:%-d %B %Y}: the incident was opened again."
    if review.signed_at:
        return f"Signed in version {review.version} on {review.signed_at:%-d %B %Y}."
    return f"Version {review.version}, {'in review' if review.state == 'in_review' else 'a draft'}, not signed."
