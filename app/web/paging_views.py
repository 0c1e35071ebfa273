"""What the pages about paging and contacts draw, and what their forms say."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.catalog.models import Service
from app.core.errors import Invalid, Refused
from app.core.settings import settings
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.incidents.states import Severity
from app.notifications import channels, contacts_reached, integrations, paging, ways
from app.notifications.alerting_models import NEVER, Attempt
from app.notifications.kinds import ChannelKind
from app.web.fields import Fields

MOODS = {
    Attempt.WAITING: ("wait", "Waits"),
    Attempt.QUEUED: ("run", "Being sent"),
    Attempt.SENT: ("run", "Paged"),
    Attempt.ACKNOWLEDGED: ("ok", "Answered"),
    Attempt.PASSED_ON: ("warn", "No answer"),
    Attempt.EXHAUSTED: ("warn", "No answer"),
    Attempt.SPARED: ("idle", "Not needed"),
}


def beside(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """Whom to call and how the paging stands, beside the cockpit."""
    return {
        "people": contacts_reached.of_incident(db, incident, reach=me.reach()),
        "paging": paging.standing(db, incident),
        "moods": MOODS,
        "alerts": integrations.alerts_of(db, incident),
        "can_page": bool(ways.rounds(db, incident)) if incident.is_open and me.may(P.RESPOND) else False,
    }


def answered(db: Session, incident: Incident, attempt_name: str) -> dict[str, Any]:
    """What somebody with a link may know: what they were paged for, and who is on it."""
    return {"incident": incidents.shown(db, incident), "name": attempt_name, "paging": paging.standing(db, incident)}


def arranged(db: Session, service: Service | None) -> dict[str, Any]:
    """The contacts of a service, or of the company, each with the choice of a way."""
    found = ways.of_service(db, service) if service else ways.of_company(db)
    rule = ways.rule(db, service) if service else None
    fields = {f"choice-{number}": way.choice for number, way in enumerate(found)}
    fields |= {f"address-{number}": way.address for number, way in enumerate(found) if way.choice.isdigit()}
    fields |= {
        "wait_s": str(rule.wait_s if rule else round(settings().page_wait_s)),
        "least_severity": rule.least_severity if rule else "low",
    }
    return {
        "service": service,
        "ways": found,
        "choices": _choices(db, service),
        "severities": [(one.value, one.value.capitalize()) for one in Severity],
        "fields": Fields(fields),
    }


def arrange(db: Session, service: Service | None, sent: Fields, *, me: Person) -> None:
    """Take the form as a whole. Invalid with the sentences beside the rows that they belong to."""
    if service:
        ways.set_rule(db, service, wait_s=sent.whole("wait_s"), least_severity=sent.text("least_severity"), by=me)
    found = ways.of_service(db, service) if service else ways.of_company(db)
    problems: dict[str, str] = {}
    for number, way in enumerate(found):
        choice, address = sent.text(f"choice-{number}"), sent.text(f"address-{number}")
        if sent.text(f"name-{number}") != way.contact.name:
            raise Refused("The contacts were edited meanwhile, so nothing was saved. Look at the page again.")
        if choice == way.choice and address == (way.address if choice.isdigit() else ""):
            continue
        try:
            ways.choose(db, service, way.contact.name, choice=choice, address=address, by=me)
        except Refused as refusal:
            told = refusal.problems if isinstance(refusal, Invalid) else {refusal.field or "choice": refusal.sentence}
            problems |= {f"{field}-{number}": sentence for field, sentence in told.items()}
    if problems:
        raise Invalid(problems)


def _choices(db: Session, service: Service | None) -> list[tuple[str, str]]:
    by_default = "Their mail address" if service else "Not paged"
    names = [(str(one.id), f"{one.name}{' (mail)' if one.kind == ChannelKind.MAIL else ''}") for one in channels.settings_of(db)]
    return [("", by_default), *names, (ways.OWN, "An address of their own"), (NEVER, "Never")]
