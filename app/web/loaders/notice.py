"""What the pages of notices and channels load, with the reader's own rights."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.core.errors import NotFound
from app.incidents import queries as incidents
from app.notifications import channels, queries, templates
from app.notifications.models import ChannelSetting, Notice, NoticeTemplate, Recipient
from app.web.load import need, number

Path = Mapping[str, Any]


def notice(db: Session, me: Person, permission: Permission, path: Path) -> Notice:
    """A notice of an incident within reach, with that incident as pages need it."""
    found = db.get(Notice, number(path, "notice_id"))
    if found is None:
        raise NotFound
    incident = incidents.shown(db, incidents.get(db, found.incident_id, reach=me.reach()))
    need(me, permission, frozenset(touched.service_id for touched in incident.services))
    return queries.get(db, incident, found.id)


def channel(db: Session, me: Person, permission: Permission, path: Path) -> ChannelSetting:
    """A channel that is set up: for administrators."""
    need(me, permission)
    return channels.get(db, number(path, "channel_id"))


def recipient(db: Session, me: Person, permission: Permission, path: Path) -> Recipient:
    """Somebody who is told by a channel: for administrators."""
    need(me, permission)
    found = db.scalar(select(Recipient).where(Recipient.id == number(path, "recipient_id"), Recipient.archived_at.is_(None)))
    if found is None:
        raise NotFound
    return found


def template(db: Session, me: Person, permission: Permission, path: Path) -> NoticeTemplate:
    """A template that is in use."""
    need(me, permission)
    return templates.get(db, number(path, "notice_template_id"))
