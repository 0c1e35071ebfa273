"""Templates of notices: found by kind, audience and severity; changed by a new version, never in place."""

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.core.database import db_now
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from app.incidents.states import Severity
from app.notifications import render
from app.notifications.kinds import WORDS, Audience, Kind
from app.notifications.models import NoticeTemplate, NoticeTemplateVersion

FALLBACK = {Audience.TEAM: Audience.INSIDE, Audience.EXECUTIVES: Audience.INSIDE, Audience.PUBLIC: Audience.CUSTOMERS}


def find(session: Session, kind: Kind, audience: Audience, severity: str) -> NoticeTemplateVersion | None:
    """The newest words for this notice: those of its severity, else of any; those of its audience, else of a wider one."""
    for wanted in (audience, FALLBACK.get(audience)):
        for exact in (severity, ""):
            template = session.scalar(_standing().where(_place(kind, wanted or audience, exact)))
            if template:
                return newest(session, template)
    return None


def listed(session: Session) -> list[tuple[NoticeTemplate, NoticeTemplateVersion]]:
    """Every template with its newest version, in the order in which an incident needs them."""
    kinds, audiences, severities = list(Kind), list(Audience), ["", *Severity]
    found = sorted(
        session.scalars(_standing()),
        key=lambda one: (kinds.index(Kind(one.kind)), audiences.index(Audience(one.audience)), severities.index(one.severity)),
    )
    return [(template, newest(session, template)) for template in found]


def get(session: Session, template_id: int) -> NoticeTemplate:
    """A template that is in use. NotFound where there is none."""
    template = session.get(NoticeTemplate, template_id)
    if template is None or template.archived_at:
        raise NotFound
    return template


def newest(session: Session, template: NoticeTemplate) -> NoticeTemplateVersion:
    return versions(session, template)[0]


def versions(session: Session, template: NoticeTemplate) -> list[NoticeTemplateVersion]:
    """The newest first."""
    query = select(NoticeTemplateVersion).where(NoticeTemplateVersion.template_id == template.id)
    return list(session.scalars(query.order_by(NoticeTemplateVersion.number.desc())))


def named(template: NoticeTemplate) -> str:
    """ "Incident alert for people inside, critical"."""
    audience = {"inside": "everyone inside", "public": "the public"}.get(template.audience, f"the {template.audience}")
    return f"{WORDS[Kind(template.kind)].capitalize()} for {audience}" + (f", {template.severity}" if template.severity else "")


def add(session: Session, *, kind: str, audience: str, severity: str, subject: str, body: str, by: Person) -> NoticeTemplate:
    """A template for a place that has none. Invalid where it has one, or a field is wrong."""
    _may(by)
    if kind not in list(Kind) or audience not in list(Audience) or severity not in ["", *Severity]:
        raise Invalid({"kind": "Choose what the notice is, whom it is for and from which severity on. Nothing was saved."})
    subject, body = render.check(subject, body, Audience(audience), nothing="Nothing was saved")
    if session.scalar(_standing().where(_place(Kind(kind), Audience(audience), severity))):
        raise Invalid({"kind": "There is already a template for this kind, audience and severity. Nothing was saved: edit that one."})
    template = NoticeTemplate(kind=kind, audience=audience, severity=severity)
    session.add(template)
    session.flush()
    _write(session, template, 1, subject, body, by=by)
    return template


def edit(session: Session, template: NoticeTemplate, *, subject: str, body: str, was: int, by: Person) -> NoticeTemplateVersion:
    """The next version. `was` is the number that the person had before their eyes: Conflict where it is an older one by now."""
    _may(by)
    session.refresh(template, with_for_update=True)  # two at once: the second waits here and finds the first one's version
    present = newest(session, template)
    if present.number != was:
        raise Conflict(
            f"{present.by} saved version {present.number} while you were writing. Yours was not saved: look at that one, then edit it.",
            link=f"/notice-templates/{template.id}",
        )
    subject, body = render.check(subject, body, Audience(template.audience), nothing="Nothing was saved")
    if (subject, body) == (present.subject, present.body):
        return present
    return _write(session, template, present.number + 1, subject, body, by=by)


def archive(session: Session, template: NoticeTemplate, *, by: Person) -> None:
    """Use it no more. Refused for the last template of its kind: an event would have nothing to prepare."""
    _may(by)
    others = session.scalars(_standing().where(NoticeTemplate.kind == template.kind, NoticeTemplate.id != template.id)).all()
    if not others:
        raise Refused(f"This is the last template for the {WORDS[Kind(template.kind)]}, so it stays. Edit it instead.")
    template.archived_at = db_now(session)
    session.flush()
    audit.record(session, "template.archive", f"notice-template-{template.id}", actor=by.actor, actor_name=by.name, name=named(template))


def _write(session: Session, template: NoticeTemplate, number: int, subject: str, body: str, *, by: Person) -> NoticeTemplateVersion:
    version = NoticeTemplateVersion(template_id=template.id, number=number, subject=subject, body=body, by=by.name)
    session.add(version)
    session.flush()
    what = {"name": named(template), "version": number}
    audit.record(session, "template.edit", f"notice-template-{template.id}", actor=by.actor, actor_name=by.name, **what)
    return version


def _standing() -> Select[NoticeTemplate]:
    query: Select[NoticeTemplate] = select(NoticeTemplate)
    return query.where(NoticeTemplate.archived_at.is_(None))


def _place(kind: Kind, audience: Audience, severity: str) -> ColumnElement[bool]:
    return (NoticeTemplate.kind == kind) & (NoticeTemplate.audience == audience) & (NoticeTemplate.severity == severity)


def _may(by: Person) -> None:
    if not by.may(Permission.EDIT_PROCEDURE):
        raise Forbidden("Templates are edited by a commander or an administrator. Nothing was changed: ask one.")
