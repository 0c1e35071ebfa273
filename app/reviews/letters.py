"""Mail to people of the console about what they took on: by its own mail channel, where an administrator has set one up."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.channels.base import Message
from app.core.database import db_now
from app.core.settings import settings
from app.incidents.models import Incident
from app.notifications import channels, outbox
from app.notifications.kinds import ChannelKind


def write(session: Session, people: Iterable[User], incident: Incident, *, about: str, subject: str, text: str, path: str) -> bool:
    """Queue one mail for each of them; False where there is no mail channel. `about` names the letter: nobody gets the same one twice."""
    mail = channels.default_mail(session)
    copies = [outbox.Copy(one.name, ChannelKind.MAIL, mail.id, one.email) for one in people if one.state == "active"] if mail else []
    url = f"{settings().base_url}{path}"
    facts = {"incident": incident.ref}
    message = Message("", f"{incident.ref}: {subject}", f"{text}\n{url}", db_now(session), type="review.reminder", url=url, facts=facts)
    outbox.put(session, message, copies, about=about, incident_id=incident.id)
    return bool(copies)
