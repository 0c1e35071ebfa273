"""Channels that administrators set up, and who is told by them. A setting is sealed to the notifier and shown to nobody again."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.channels.base import Checked, Message
from app.channels.registry import KINDS, channel
from app.core import live
from app.core.database import Json, db_now
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.sealing import seal
from app.notifications import outbox
from app.notifications.kinds import ChannelKind, DeliveryState
from app.notifications.models import ChannelSetting, Delivery, Recipient

LONGEST_NAME = 60


def add(session: Session, *, name: str, kind: str, settings: Json, by: Person) -> ChannelSetting:
    """Set up a channel. Invalid with a sentence for each field that is wrong; nobody is called, `try_out` does that."""
    _administrators_only(by)
    name = _named(session, name)
    if kind not in KINDS:
        raise Invalid({"kind": "Choose the kind of channel."})
    checked = channel(kind).check(settings)
    sealed = seal(checked.settings, to="notifier")
    setting = ChannelSetting(name=name, kind=kind, service=checked.service, shown=checked.shown, sealed=sealed, made_by=by.name)
    session.add(setting)
    session.flush()
    _changed(session, setting, "channel.add", by=by)
    return setting


def replace(session: Session, setting: ChannelSetting, *, settings: Json, by: Person) -> Checked:
    """Put new settings in the place of the old ones, whole: the old ones cannot be read, so nothing of them is kept."""
    _administrators_only(by)
    checked = channel(setting.kind).check(settings)
    setting.service, setting.shown, setting.sealed = checked.service, checked.shown, seal(checked.settings, to="notifier")
    setting.rotated_at = db_now(session)
    _changed(session, setting, "channel.replace", by=by)
    return checked


def pause(session: Session, setting: ChannelSetting, paused: bool, *, by: Person) -> None:
    """Skip everything on this channel, with that as the reason, or go on."""
    _administrators_only(by)
    session.refresh(setting, with_for_update=True)
    if setting.is_paused != paused:
        setting.is_paused = paused
        _changed(session, setting, "channel.pause" if paused else "channel.resume", by=by)


def archive(session: Session, setting: ChannelSetting, *, by: Person) -> None:
    """Remove a channel and everybody who is told by it. What waits on it is skipped."""
    _administrators_only(by)
    session.refresh(setting, with_for_update=True)
    if setting.archived_at is None:
        setting.archived_at = db_now(session)
        for recipient in session.scalars(select(Recipient).where(Recipient.setting_id == setting.id, Recipient.archived_at.is_(None))):
            recipient.archived_at = setting.archived_at
        _changed(session, setting, "channel.remove", by=by)


def try_out(session: Session, setting: ChannelSetting, *, address: str = "", by: Person) -> Delivery:
    """Have the notifier send a test. One that is still on its way is returned instead of a second."""
    _administrators_only(by)
    session.refresh(setting, with_for_update=True)  # two presses at once: the second waits here and finds the first one's
    address = channel(setting.kind).check_address(address)
    earlier = tried(session, setting, limit=1)
    if earlier and earlier[0].state in {DeliveryState.QUEUED, DeliveryState.SENDING} and earlier[0].address == address:
        return earlier[0]
    at, number = db_now(session), session.scalar(select(func.count()).where(Delivery.setting_id == setting.id)) or 0
    text = f"{by.name} tests the channel {setting.name} of Lastgood. If you read this, it works. There is nothing to do."
    about = f"test-{setting.id}-{number + 1}"
    copy = outbox.Copy(setting.name, ChannelKind(setting.kind), setting.id, address)
    outbox.put(session, Message("", "Test of Lastgood", text, at, type="test"), [copy], about=about, urgency=outbox.PAGE)
    audit.record(session, "channel.test", f"channel-{setting.id}", actor=by.actor, actor_name=by.name, address=address)
    return session.scalars(select(Delivery).where(Delivery.about == about)).one()


def settings_of(session: Session) -> list[ChannelSetting]:
    """The channels there are, by name."""
    return list(
        session.scalars(select(ChannelSetting).where(ChannelSetting.archived_at.is_(None)).order_by(func.lower(ChannelSetting.name)))
    )


def get(session: Session, setting_id: int) -> ChannelSetting:
    """One channel that is set up. NotFound where there is none."""
    setting = session.get(ChannelSetting, setting_id)
    if setting is None or setting.archived_at:
        raise NotFound
    return setting


def default_mail(session: Session) -> ChannelSetting | None:
    """The channel by which the console writes to its own people: the oldest mail channel that is not paused."""
    query = select(ChannelSetting).where(ChannelSetting.kind == ChannelKind.MAIL, ChannelSetting.archived_at.is_(None))
    return session.scalar(query.where(ChannelSetting.is_paused.is_(False)).order_by(ChannelSetting.id).limit(1))


def tried(session: Session, setting: ChannelSetting, *, limit: int = 5) -> list[Delivery]:
    """The tests of a channel, the newest first."""
    query = select(Delivery).where(Delivery.setting_id == setting.id, Delivery.about.startswith(f"test-{setting.id}-"))
    return list(session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))


def _named(session: Session, name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid({"name": f"A channel needs a name of 1 to {LONGEST_NAME} characters, like “Ops mail”."})
    same = select(ChannelSetting).where(func.lower(ChannelSetting.name) == name.lower(), ChannelSetting.archived_at.is_(None))
    if session.scalar(same):
        raise Invalid({"name": f"There is already a channel {name}. Nothing was stored: open that one, or choose another name."})
    return name


def _changed(session: Session, setting: ChannelSetting, action: str, *, by: Person) -> None:
    session.flush()
    audit.record(session, action, f"channel-{setting.id}", actor=by.actor, actor_name=by.name, name=setting.name, shown=setting.shown)
    live.tell(session, "channels", f"channel-{setting.id}")


def _administrators_only(by: Person) -> None:
    if not by.may(Permission.ADMINISTER):
        raise Forbidden("Channels are set up by an administrator. Nothing was changed: ask one.")
