"""What users say: counted, pasted or linked."""

from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.core.database import db_now
from app.core.errors import Forbidden, Invalid, Refused
from app.decisions import actions, assessing
from app.decisions.models import UserReport
from app.incidents import timeline
from app.incidents.models import Incident

LONGEST = 4000
MOST = 1_000_000


def add(
    session: Session, incident: Incident, *, count: int = 1, body: str = "", url: str = "", form_nonce: str | None = None, by: Person
) -> UserReport:
    """Write reports down. The same form sent twice gives the same row. Invalid for a count, a text or an address that cannot be."""
    body, url = body.replace("\0", "").strip(), url.replace("\0", "").strip()
    _check(count, body, url)
    session.refresh(incident, with_for_update=True)
    if form_nonce and (first := session.scalar(select(UserReport).where(UserReport.form_nonce == form_nonce))):
        if first.incident_id != incident.id:
            raise Refused("This form was sent for another incident. Nothing was added: open the page again.")
        return first
    made = UserReport(incident_id=incident.id, count=count, body=body, url=url, by_id=by.id or None, by_name=by.name, form_nonce=form_nonce)
    session.add(made)
    session.flush()
    what = "a user report" if count == 1 else f"{count:,} user reports"
    said = " ".join(body.split())
    short = said if len(said) <= 200 else said[:199] + "…"
    timeline.record(
        session, incident, f"wrote down {what}" + (f": {short}" if short else "") + (f" ({url})" if url else ""), kind="facts", by=by
    )
    _assess(session, incident, by=by)
    return made


def take_back(session: Session, incident: Incident, report: UserReport, *, by: Person) -> None:
    """Say that a report does not count. Taken back already: nothing happens. Forbidden for other people's."""
    session.refresh(incident, with_for_update=True)
    session.refresh(report)
    if report.withdrawn_at:
        return
    if report.by_id != by.id:
        raise Forbidden(f"{report.by_name} wrote this report down. It still counts: ask them, or add a note.")
    report.withdrawn_at = db_now(session)
    session.flush()
    timeline.record(session, incident, f"took back {report.count:,} of the user reports", kind="facts", by=by)
    _assess(session, incident, by=by)


def _assess(session: Session, incident: Incident, *, by: Person) -> None:
    if incident.is_open:
        actions.begin(session, incident, by=by)
        assessing.refresh(session, incident, cause="fact", by=by)


def _check(count: int, body: str, url: str) -> None:
    problems = {}
    if not 1 <= count <= MOST:
        problems["count"] = f"The number of reports is 1 to {MOST:,}. Nothing was added: correct it."
    if len(body) > LONGEST:
        problems["body"] = f"The report has {len(body):,} characters; {LONGEST:,} fit. Nothing was added: shorten it, or link to it."
    if url and not _is_web(url):
        problems["url"] = "The link does not begin with https:// or http://. Nothing was added: correct it, or leave it empty."
    if problems:
        raise Invalid(problems)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and len(url) <= 2000
