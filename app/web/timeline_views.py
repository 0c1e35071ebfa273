"""The timeline as a page draws it: lines under the phase they fell into, noise folded, notes as HTML."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.incidents import history, queries
from app.incidents.models import Incident, Phase, TimelineEntry
from app.web import markdown

ICONS = {
    "state": "flag",
    "role": "user-check",
    "facts": "edit",
    "plan": "list-check",
    "run": "arrow-back-up",
    "verification": "shield-check",
    "release": "tag",
    "checklist": "list-check",
    "notice": "broadcast",
    "review": "pencil",
    "drill": "test-pipe",
    "page": "phone",
    "alert": "bell",
    "system": "activity",
    "note": "note",
}
LINKS = {
    "run": "/runs/{}",
    "plan": "/plans/{}",
    "verification": "/verifications/{}",
    "checklist": "/checklists/{}",
    "notice": "/notices/{}",
    "review": "/reviews/{}",
    "item": "/actions/{}",
    "drill": "/drills/{}",
}
LATE = timedelta(minutes=2)  # a line written down later than this says so


@dataclass(frozen=True)
class Line:
    """One line. `html` is set for notes, `older` holds the versions before this one."""

    entry: TimelineEntry
    icon: str
    html: Markup | None
    links: Sequence[tuple[str, str]]
    older: Sequence["Line"] = ()
    was_late: bool = False
    can_edit: bool = False

    @property
    def initials(self) -> str:
        return Person(id=0, name=self.entry.actor_name).initials


@dataclass(frozen=True)
class FoldedLines:
    """System lines in a row, newest first."""

    lines: Sequence[Line]


@dataclass
class Group:
    """The lines of one phase, newest first."""

    name: str
    since: datetime | None
    is_now: bool
    rows: list[Line | FoldedLines] = field(default_factory=list)


def draw(session: Session, incident: Incident, entries: Sequence[TimelineEntry], *, me: Person) -> list[Group]:
    """The entries of one page, grouped and folded. Two queries, whatever the length of the timeline."""
    older = history.versions(session, entries)
    phases = queries.phases(session, incident)
    groups: list[Group] = []
    for row in history.fold(entries):
        newest = row.newest if isinstance(row, history.Fold) else row
        group = _group(phases, newest.at)
        if not groups or (groups[-1].name, groups[-1].since) != (group.name, group.since):
            groups.append(group)
        if isinstance(row, history.Fold):
            groups[-1].rows.append(FoldedLines([_line(entry, me=me) for entry in row.entries]))
        else:
            groups[-1].rows.append(_line(row, me=me, older=older.get(row.id, ())))
    return groups


def _line(entry: TimelineEntry, *, me: Person, older: Iterable[TimelineEntry] = ()) -> Line:
    return Line(
        entry=entry,
        icon=ICONS.get(entry.kind, "activity"),
        html=markdown.render(entry.body) if entry.kind == "note" else None,
        links=[(f"{name.capitalize()} {number}", LINKS[name].format(number)) for name, number in entry.refs.items() if name in LINKS],
        older=[_line(one, me=me) for one in older],
        was_late=entry.version == 1 and entry.recorded_at - entry.at > LATE,
        can_edit=entry.kind == "note" and entry.actor_id == me.id,
    )


def _group(phases: Sequence[Phase], at: datetime) -> Group:
    """The phase that was on at that moment; what happened before the declaration stands apart."""
    phase = next((one for one in reversed(phases) if one.began_at <= at), None)
    if phase is None:
        return Group("before it was declared", None, is_now=False)
    return Group(phase.state, phase.began_at, is_now=phase.ended_at is None)
