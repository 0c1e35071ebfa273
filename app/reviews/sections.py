"""Which sections each kind of review has, and the form that each of them takes.

text      markdown
figures   one line a figure, "Users: 30 %"
lanes     one line a mark, "2026-03-12 14:15:08 broke v1.2.4 deployed" (see `lanes`)
"""

from dataclasses import dataclass

from app.core.errors import Refused
from app.reviews import lanes
from app.reviews.models import Kind

LONGEST = 20_000
ADDENDUM = "addendum"


@dataclass(frozen=True)
class Heading:
    """One section: its name on pages and in exports, what belongs into it, and whether the public copy begins with it."""

    key: str
    title: str
    hint: str
    shape: str = "text"
    is_public: bool = False
    is_question: bool = False


NAMES = {Kind.REPORT: "Post-incident report", Kind.POST_MORTEM: "Post-mortem", Kind.RETROSPECTIVE: "Retrospective"}

SUMMARY = Heading("summary", "Summary", "What happened, for whom, for how long, and what was done. Three sentences.", is_public=True)
IMPACT = Heading("impact", "Impact", "What users could not do, and which.", is_public=True)
FIGURES = Heading("figures", "Impact in figures", "One figure a line: “Users: 30 %”. Duration, users, revenue, orders, tickets.", "figures")
TIMELINE = Heading("timeline", "Timeline", lanes.HINT, "lanes", is_public=True)
CAUSE = Heading("root_cause", "Root cause", "What changed, and why the change failed. Causes, not names.", is_public=True)
RESOLUTION = Heading("resolution", "Resolution", "What was decided, what was done, and what proved that it worked.", is_public=True)
PREVENTION = Heading("prevention", "Prevention", "What keeps it from happening again.", is_public=True)
WELL = Heading("went_well", "What went well", "What helped, so that it is kept.")
BADLY = Heading("went_badly", "What went badly", "What stood in the way: of seeing it, of deciding, of going back.")
LUCK = Heading("luck", "Where we were lucky", "What could have made it worse and did not.")
CHANGES = Heading("changes", "What we change", "In how we work, in the checklists, in the decision matrix.")
QUESTIONS = (
    Heading("q_what", "What happened?", "In order, without judgement.", is_question=True),
    Heading("q_why", "Why did it happen?", "Ask why again until the answer is something that can be changed.", is_question=True),
    Heading("q_detected", "How was it detected?", "By whom or by what, and what would have seen it earlier.", is_question=True),
    Heading("q_resolved", "How was it resolved?", "What worked, and what was tried before.", is_question=True),
    Heading("q_prevented", "How can it be prevented?", "Each answer becomes an action item.", is_question=True),
)
ADDED = Heading(ADDENDUM, "Addendum", "The incident was opened again after this was reviewed. What happened since, and what it changes.")

PLAN: dict[str, tuple[Heading, ...]] = {
    Kind.REPORT: (SUMMARY, IMPACT, FIGURES, TIMELINE, CAUSE, RESOLUTION, *QUESTIONS, PREVENTION),
    Kind.POST_MORTEM: (SUMMARY, IMPACT, FIGURES, TIMELINE, CAUSE, *QUESTIONS, RESOLUTION, WELL, BADLY, LUCK, PREVENTION),
    Kind.RETROSPECTIVE: (SUMMARY, TIMELINE, WELL, BADLY, LUCK, CHANGES),
}
HEADINGS = {heading.key: heading for plan in PLAN.values() for heading in plan} | {ADDENDUM: ADDED}


def checked(key: str, body: str) -> str:
    """The text as it is kept. Refused where it is too long, or does not have the form of its section."""
    text = body.replace("\0", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST:
        raise Refused(f"The section has {len(text):,} characters; {LONGEST:,} fit. Nothing was saved: shorten it.", field="body")
    match HEADINGS[key].shape:
        case "lanes":
            lanes.read(text)
        case "figures":
            figures(text)
    return text


def figures(text: str) -> list[tuple[str, str]]:
    """The figures of a section, as (name, value). Refused, with the line, where one has no colon."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not (colon and name.strip() and value.strip()):
            raise Refused(f"Line {number}, “{line[:60]}”, is no figure. Nothing was saved: write “Users: 30 %”.", field="body")
        found.append((name.strip(), value.strip()))
    return found
