"""Tell the public about an incident of ours: on the status page, with the post that was drafted for it."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.incidents.models import Incident
from app.notifications import public_post
from app.statuspage import actions
from app.statuspage.models import PublicUpdate, StatusPage


def publish(session: Session, page: StatusPage, incident: Incident | None, *, text: str, by: Person, **post: Any) -> PublicUpdate:
    """Publish as `statuspage.actions.publish` does. Where a draft waited for the public, it has been sent with these words.

    The draft first: what publishes ends with the audit log, whose head is the last thing to be held. A refusal takes both back.
    """
    if incident:
        session.refresh(incident, with_for_update=True)
        public_post.taken_over(session, incident, title=str(post.get("title", "")), text=text, by=by)
    return actions.publish(session, page, incident, text=text, by=by, **post)
