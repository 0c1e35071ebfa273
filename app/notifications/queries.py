"""What only reads notices. The incident was looked up within the reader's reach."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.incidents.models import Incident
from app.notifications.kinds import DeliveryState, NoticeState
from app.notifications.models import Delivery, Notice


def get(session: Session, incident: Incident, notice_id: int) -> Notice:
    """One notice of the incident. NotFound where it has no such one."""
    notice = session.scalar(select(Notice).where(Notice.id == notice_id, Notice.incident_id == incident.id))
    if notice is None:
        raise NotFound
    return notice


def drafts(session: Session, incident: Incident) -> list[Notice]:
    """What waits for a person, the newest first."""
    query = select(Notice).where(Notice.incident_id == incident.id, Notice.state == NoticeState.DRAFT)
    return list(session.scalars(query.order_by(Notice.id.desc())))


def ended(session: Session, incident: Incident, *, limit: int = 100) -> list[Notice]:
    """What was sent or discarded, the newest end first."""
    query = select(Notice).where(Notice.incident_id == incident.id, Notice.state != NoticeState.DRAFT)
    return list(session.scalars(query.order_by(Notice.ended_at.desc(), Notice.id.desc()).limit(limit)))


def page(session: Session, incident: Incident, *, before: int | None = None, limit: int = 50) -> list[Notice]:
    """Every notice of the incident, the newest first. `before` is the id of the last one of the page above."""
    query = select(Notice).where(Notice.incident_id == incident.id).order_by(Notice.id.desc()).limit(limit)
    return list(session.scalars(query.where(Notice.id < before) if before else query))


def last_update(session: Session, incident: Incident) -> Notice | None:
    """What went out last."""
    query = select(Notice).where(Notice.incident_id == incident.id, Notice.state == NoticeState.SENT)
    return session.scalar(query.order_by(Notice.ended_at.desc(), Notice.id.desc()).limit(1))


def count_drafts(session: Session, incident: Incident) -> int:
    query = select(func.count()).where(Notice.incident_id == incident.id, Notice.state == NoticeState.DRAFT)
    return session.scalar(query) or 0


def deliveries(session: Session, notice: Notice) -> list[Delivery]:
    """The copies of a notice: first what needs a hand, then by receiver."""
    order = [
        DeliveryState.FAILED,
        DeliveryState.UNKNOWN,
        DeliveryState.SENDING,
        DeliveryState.QUEUED,
        DeliveryState.SENT,
        DeliveryState.SKIPPED,
    ]
    found = session.scalars(select(Delivery).where(Delivery.notice_id == notice.id))
    return sorted(found, key=lambda one: (order.index(DeliveryState(one.state)), one.recipient.lower(), one.id))


def get_delivery(session: Session, notice: Notice, delivery_id: int) -> Delivery:
    """One copy of the notice. NotFound where it has no such one."""
    found = session.scalar(select(Delivery).where(Delivery.id == delivery_id, Delivery.notice_id == notice.id))
    if found is None:
        raise NotFound
    return found


def standing(session: Session, notices: Iterable[Notice]) -> dict[int, dict[str, int]]:
    """How many copies of each notice are in which state, by id of the notice; one query for all."""
    ids = [notice.id for notice in notices]
    counted: dict[int, dict[str, int]] = {number: {} for number in ids}
    query = select(Delivery.notice_id, Delivery.state, func.count()).where(Delivery.notice_id.in_(ids))
    for notice_id, state, count in session.execute(query.group_by(Delivery.notice_id, Delivery.state)):
        counted[notice_id or 0][state] = count
    return counted
