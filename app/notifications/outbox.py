"""The outbox: a delivery is a row that is claimed, tried and settled, by any number of notifiers.

One copy for one text, channel and address: PostgreSQL refuses a second. What is claimed has a lease and a fence; a lease that ends says
that a notifier fell silent in the middle. A webhook is then sent again under the same id; for everything else the row is "unknown", and
a person decides. Times are the database's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app.channels.base import Message
from app.core import gateway, live, queue
from app.core.database import Json, db_now
from app.core.settings import settings
from app.notifications.kinds import ChannelKind, Crew, DeliveryState
from app.notifications.models import ChannelSetting, Delivery

TASK = "deliveries.carry"
LANE_SLOTS = 2  # copies of one channel (or to one host) that are on their way at once
MOST_TRIES = 28  # with the delays below: about two hours
LONGEST_DELAY_S = 300.0
RING_AGAIN = timedelta(seconds=2)
BATCH = 50
PAGE, NOTICE, CROWD = 0, 1, 2  # how urgent
CROWD_BELLS = 4
REPEATABLE = frozenset({ChannelKind.WEBHOOK})
SILENT = "The notifier stopped in the middle of sending, and nobody knows whether it arrived. Ask the receiver, then send it again by hand."
TOO_LATE = "It waited until nobody needed it any more, so it was not sent."

_now = func.clock_timestamp
_due = and_(Delivery.state == DeliveryState.QUEUED, Delivery.next_try_at <= _now())


@dataclass(frozen=True)
class Copy:
    """One receiver of a text. `skipped` says why they get none: the row is kept, so that the page can say so too."""

    recipient: str
    kind: ChannelKind
    setting_id: int | None = None
    address: str = ""
    sealed: bytes | None = None  # what this receiver alone needs
    skipped: str = ""


def as_json(message: Message) -> Json:
    """The message as a delivery keeps it: without its uid, which each copy has of its own."""
    return {
        "subject": message.subject,
        "text": message.text,
        "url": message.url,
        "type": message.type,
        "at": message.at.isoformat(),
        "facts": message.facts,
    }


def of(delivery: Delivery) -> Message:
    """The message of one copy, under the uid that it has in every try."""
    kept = delivery.message
    at = datetime.fromisoformat(kept["at"]) if "at" in kept else delivery.created_at
    more = {name: kept[name] for name in ("type", "url", "facts") if name in kept}
    return Message(delivery.uid, kept["subject"], kept["text"], at, **more)


def put(
    session: Session,
    message: Message,
    copies: Iterable[Copy],
    *,
    about: str,
    incident_id: int | None = None,
    notice_id: int | None = None,
    urgency: int = NOTICE,
    expires_at: datetime | None = None,
) -> list[int]:
    """Queue a copy for each receiver, in the caller's transaction; the ids of those that are new and will be tried.

    `about` names the text ("notice-12"). A receiver who has a copy of it already gets no second one, whatever state that is in.
    """
    letters = [(message, copy) for copy in copies]
    return put_each(session, letters, about=about, incident_id=incident_id, notice_id=notice_id, urgency=urgency, expires_at=expires_at)


def put_each(
    session: Session,
    letters: Iterable[tuple[Message, Copy]],
    *,
    about: str,
    incident_id: int | None = None,
    notice_id: int | None = None,
    urgency: int = NOTICE,
    expires_at: datetime | None = None,
) -> list[int]:
    """The same where each receiver reads words of their own (a link that only they may follow): one statement for all of them."""
    common = {"about": about, "incident_id": incident_id, "notice_id": notice_id, "urgency": urgency, "expires_at": expires_at}
    at = db_now(session)
    rows = [common | {"message": as_json(message)} | _row(copy, urgency, at) for message, copy in letters]
    if not rows:
        return []
    # Two at once: the second waits for the first one's commit and inserts nothing where a copy is there.
    made = insert(Delivery).on_conflict_do_nothing(constraint="uq_deliveries_once").returning(Delivery.id, Delivery.state)
    queued = [row.id for row in session.execute(made, rows) if row.state == DeliveryState.QUEUED]
    # A hand that was woken goes on with whatever is due; a bell for each of a crowd would only make other bells wait behind them.
    for delivery_id in queued[:CROWD_BELLS] if urgency == CROWD else queued:
        queue.ring(session, TASK, delivery_id)
    return queued


def _row(copy: Copy, urgency: int, at: datetime) -> Json:
    state = DeliveryState.SKIPPED if copy.skipped else DeliveryState.QUEUED
    lane = f"channel-{copy.setting_id}" if copy.setting_id else f"{copy.kind}-{_host(copy.address)}"
    return {
        "recipient": copy.recipient,
        "kind": copy.kind,
        "crew": Crew.CROWD if urgency == CROWD else Crew(copy.kind),
        "lane": lane,
        "setting_id": copy.setting_id,
        "address": copy.address,
        "sealed": copy.sealed,
        "state": state,
        "reason": copy.skipped,
        "ended_at": at if copy.skipped else None,
    }


def _host(address: str) -> str:
    if "@" in address and "://" not in address:
        return address.rpartition("@")[2].lower()
    try:
        return gateway.parse(address).host
    except gateway.NoAnswer:
        return address[:100]


def due(session: Session, crew: Crew, *, limit: int = BATCH) -> list[int]:
    """What this crew could take now: of each lane no more than it has free slots, the urgent first, then the oldest."""
    busy = aliased(Delivery)
    place = func.row_number().over(partition_by=Delivery.lane, order_by=(Delivery.urgency, Delivery.next_try_at, Delivery.id))
    columns = (Delivery.id, Delivery.urgency, Delivery.next_try_at, Delivery.lane, place.label("place"))
    ranked = select(*columns).where(_due, Delivery.crew == crew).subquery()
    taken = select(func.count()).where(busy.lane == ranked.c.lane, busy.state == DeliveryState.SENDING).scalar_subquery()
    order = (ranked.c.urgency, ranked.c.next_try_at, ranked.c.id)
    return list(session.scalars(select(ranked.c.id).where(ranked.c.place <= LANE_SLOTS - taken).order_by(*order).limit(limit)))


def claim(session: Session, delivery_id: int, crew: Crew, *, worker: str) -> Delivery | None:
    """Take a copy that is due. None where it is another crew's, somebody has it, it is settled, or its lane is full."""
    lane = session.scalar(select(Delivery.lane).where(Delivery.id == delivery_id, Delivery.crew == crew, _due))
    if lane is None:
        return None
    # Two hands at one lane: the second waits here, and then counts what the first has taken.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(lane))))
    busy = select(func.count()).where(Delivery.lane == lane, Delivery.state == DeliveryState.SENDING)
    if (session.scalar(busy) or 0) >= LANE_SLOTS:
        return None
    wanted = select(Delivery.id).where(Delivery.id == delivery_id, _due).with_for_update(skip_locked=True)
    return session.scalar(
        update(Delivery)
        .where(Delivery.id == wanted.scalar_subquery())
        .values(
            state=DeliveryState.SENDING,
            fence=Delivery.fence + 1,
            tries=Delivery.tries + 1,
            lease_owner=worker,
            lease_until=_now() + _lease(),
        )
        .returning(Delivery),
        execution_options={"populate_existing": True},
    )


def claim_next(session: Session, crew: Crew, *, worker: str) -> Delivery | None:
    """Take the next copy that is due for this crew, if there is one."""
    for delivery_id in due(session, crew, limit=5):
        if claimed := claim(session, delivery_id, crew, worker=worker):
            return claimed
    return None


def _lease() -> timedelta:
    """Longer than any try, without a heartbeat: a try has a deadline of its own."""
    return timedelta(seconds=settings().notify_timeout_s * 2) + settings().lease


def sent(session: Session, delivery: Delivery, said: str) -> bool:
    """It arrived, as far as the other side says. False where another notifier has the row since."""
    return _settle(session, delivery, state=DeliveryState.SENT, said=said, reason="", ended_at=_now())


def failed(session: Session, delivery: Delivery, reason: str) -> bool:
    """It will not arrive until somebody changes something."""
    return _settle(session, delivery, state=DeliveryState.FAILED, reason=reason, ended_at=_now())


def skipped(session: Session, delivery: Delivery, reason: str) -> bool:
    return _settle(session, delivery, state=DeliveryState.SKIPPED, reason=reason, ended_at=_now())


def unknown(session: Session, delivery: Delivery, reason: str) -> bool:
    """Nobody knows whether it arrived. No machine sends it again."""
    return _settle(session, delivery, state=DeliveryState.UNKNOWN, reason=reason, ended_at=_now())


def again(session: Session, delivery: Delivery, reason: str, *, after_s: float | None = None) -> bool:
    """It did not arrive now: try again later, or give up after about two hours."""
    if delivery.tries >= MOST_TRIES:
        return failed(session, delivery, f"{reason} Given up after {delivery.tries} tries in two hours: send it again when that is mended.")
    delay = timedelta(seconds=max(wait_s(delivery.tries), after_s or 0))
    return _settle(session, delivery, state=DeliveryState.QUEUED, reason=reason, next_try_at=_now() + delay)


def wait_s(tries: int) -> float:
    """Seconds until the next try: 5, 15, 45, 135, then every 5 minutes."""
    return min(5.0 * 3.0 ** min(tries - 1, 10), LONGEST_DELAY_S)


def withdraw(session: Session, delivery_ids: Iterable[int], reason: str) -> None:
    """Do not send what still waits: nobody needs it any more. What is on its way goes out."""
    waiting = (Delivery.id.in_(list(delivery_ids)), Delivery.state == DeliveryState.QUEUED)
    values = {"state": DeliveryState.SKIPPED, "reason": reason, "ended_at": _now()}
    session.execute(update(Delivery).where(*waiting).values(values).execution_options(synchronize_session=False))


def _settle(session: Session, delivery: Delivery, **values: object) -> bool:
    done = session.scalar(
        update(Delivery)
        .where(Delivery.id == delivery.id, Delivery.state == DeliveryState.SENDING, Delivery.fence == delivery.fence)
        .values(lease_owner=None, lease_until=None, **values)
        .returning(Delivery.id),
        execution_options={"synchronize_session": False},
    )
    tell(session, delivery)
    return done is not None


def tell(session: Session, delivery: Delivery) -> None:
    """Whoever looks at this copy sees how it stands."""
    if delivery.notice_id:
        live.tell(session, f"notice-{delivery.notice_id}")
    if delivery.setting_id:
        live.tell(session, f"channel-{delivery.setting_id}")


def retry(session: Session, delivery: Delivery) -> bool:
    """Queue a copy again that failed, was skipped, or nobody knows of. False where it is none of these (any more)."""
    over = [DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.UNKNOWN]
    values = {"state": DeliveryState.QUEUED, "tries": 0, "reason": "", "ended_at": None, "next_try_at": _now(), "expires_at": None}
    taken = session.scalar(
        update(Delivery).where(Delivery.id == delivery.id, Delivery.state.in_(over)).values(values).returning(Delivery.id),
        execution_options={"synchronize_session": False},
    )
    if taken:
        queue.ring(session, TASK, taken)
        tell(session, delivery)
    return taken is not None


def sweep(session: Session) -> list[int]:
    """Settle what its notifier left in the middle, skip what is too late; the ids of what nobody rang for lately."""
    _abandon(session)
    silent = or_(Delivery.rung_at.is_(None), Delivery.rung_at < _now() - RING_AGAIN)
    recent = and_(Delivery.created_at < _now() - RING_AGAIN, silent)
    late = select(Delivery.id).where(_due, recent).order_by(Delivery.urgency, Delivery.id).limit(BATCH).with_for_update(skip_locked=True)
    rung = update(Delivery).where(Delivery.id.in_(late)).values(rung_at=_now()).returning(Delivery.id)
    return list(session.scalars(rung.execution_options(synchronize_session=False)))


def _abandon(session: Session) -> None:
    over: ColumnElement[bool] = and_(Delivery.state == DeliveryState.SENDING, Delivery.lease_until < _now())
    lost = select(Delivery).where(over).limit(BATCH).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    for delivery in session.scalars(lost):
        if delivery.kind in REPEATABLE:
            again(session, delivery, SILENT)
        else:
            unknown(session, delivery, SILENT)


def setting_of(session: Session, delivery: Delivery) -> ChannelSetting | None:
    return session.get(ChannelSetting, delivery.setting_id) if delivery.setting_id else None
