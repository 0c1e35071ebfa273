"""The post for the public: drafted here, shown by the form of a status page, and kept with the words that were published there."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.checklists import binding
from app.core import live
from app.core.database import db_now
from app.incidents.models import Incident
from app.notifications import cadence, notices
from app.notifications.kinds import Audience, NoticeState
from app.notifications.models import Notice


def waiting(session: Session, incident: Incident) -> Notice | None:
    """The newest draft for the public, where one waits for a person."""
    mine = (Notice.incident_id == incident.id, Notice.audience == Audience.PUBLIC, Notice.state == NoticeState.DRAFT)
    return session.scalar(select(Notice).where(*mine).order_by(Notice.id.desc()).limit(1))


def words(session: Session, incident: Incident) -> str:
    """How that draft reads now; empty where none waits. Where its template is wrong, its words as they were written.

    A paragraph that is nothing but a fact which nobody knows yet is left out: the public learns nothing from it.
    """
    draft = waiting(session, incident)
    if draft is None:
        return ""
    shown = notices.preview(session, draft, incident, next_at=cadence.due_at(session, incident))
    if shown.problems:
        return draft.body
    says_nothing = {field.unknown for field in shown.missing}
    return "\n\n".join(part for part in shown.text.split("\n\n") if part.strip() not in says_nothing)


def taken_over(session: Session, incident: Incident, *, title: str, text: str, by: Person) -> None:
    """The public was told: the draft that waited is sent, with the words that went out. The caller holds the incident's row.

    The status page writes the line of the timeline; a checklist that waits for users to be told ticks here.
    """
    draft = waiting(session, incident)
    if draft is not None:
        session.refresh(draft, with_for_update=True)
    if draft is not None and draft.is_draft:
        now = db_now(session)  # asked before the row changes: what is sent has its whole ending at once
        draft.sent_subject, draft.sent_text, draft.state = title, text, NoticeState.SENT
        draft.ended_at, draft.ended_by_id, draft.ended_by = now, by.id or None, by.name
        session.flush()
        live.tell(session, f"notices-{incident.id}", f"notice-{draft.id}")
        binding.happened(
            session, incident, "notice.sent", url=f"/notices/{draft.id}", sentence=f"{by.name} published the post for the public"
        )
