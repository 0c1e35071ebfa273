"""Templates of notices, and how often people hear. For commanders and administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.incidents.states import Severity
from app.notifications import cadence, render, templates
from app.notifications.fields import FIELDS
from app.notifications.kinds import OUTSIDE, WORDS, Audience
from app.notifications.models import NoticeTemplate
from app.notifications.notices import Shown, named_audience
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import notice as load
from app.web.render import back, page, piece

router = APIRouter()
Editor = Annotated[Person, may(P.EDIT_PROCEDURE)]
Known = Annotated[NoticeTemplate, may(P.EDIT_PROCEDURE, load.template)]
EXAMPLES = {field.name: field.example for field in FIELDS}


@router.get("/notice-templates")
def index(request: Request, db: Db, me: Editor) -> Response:  # noqa: ARG001 - it is who may
    return page(request, "notice_templates/index.html", **_listed(db))


@router.post("/notice-templates")
def add(request: Request, db: Db, me: Editor, sent: Sent) -> Response:
    place = {name: sent.text(name) for name in ("kind", "audience", "severity")}
    with redrawn(request, "notice_templates/index.html", sent, **_listed(db)):
        made = templates.add(db, **place, subject=sent.get("subject", ""), body=sent.get("body", ""), by=me)
    return back(f"/notice-templates/{made.id}", f"{templates.named(made)} is saved.")


@router.post("/notice-templates/cadence")
def set_cadence(request: Request, db: Db, me: Editor, sent: Sent) -> Response:
    with redrawn(request, "notice_templates/index.html", sent, **_listed(db)):
        for severity in Severity:
            first, every = sent.whole(f"first-{severity}"), sent.whole(f"every-{severity}")
            cadence.change_rule(db, severity, first_min=first, every_min=every, by=me)
    return back("/notice-templates#cadence", "People hear that often from the next incident and the next update on.")


@router.get("/notice-templates/{notice_template_id}")
def show(request: Request, db: Db, template: Known) -> Response:
    return page(request, "notice_templates/show.html", **_shown(db, template))


@router.post("/notice-templates/{notice_template_id}")
def edit(request: Request, db: Db, template: Known, me: Me, sent: Sent) -> Response:
    with redrawn(request, "notice_templates/show.html", sent, **_shown(db, template)):
        words = {"subject": sent.get("subject", ""), "body": sent.get("body", "")}
        version = templates.edit(db, template, **words, was=sent.whole("was") or 0, by=me)
    return back(f"/notice-templates/{template.id}", f"Version {version.number} is used from the next draft on.")


@router.post("/notice-templates/{notice_template_id}/preview")
def preview(request: Request, template: Known, sent: Sent) -> Response:
    """The words with an example's values; nothing is saved."""
    return piece(request, "notice_templates/_preview.html", pattern=template, preview=_filled(template, sent))


@router.post("/notice-templates/{notice_template_id}/archive")
def archive(db: Db, template: Known, me: Me) -> Response:
    with landing(f"/notice-templates/{template.id}"):
        templates.archive(db, template, by=me)
    return back("/notice-templates", f"{templates.named(template)} is used no more.")


def _listed(db: Session) -> dict[str, Any]:
    return {
        "rows": [(template, words, templates.named(template)) for template, words in templates.listed(db)],
        "rules": cadence.rules(db),
        "kinds": [(kind.value, words.capitalize()) for kind, words in WORDS.items()],
        "audiences": [(one.value, named_audience(one).capitalize()) for one in Audience],
        "severities": [("", "any severity"), *((one.value, one.value) for one in Severity)],
    }


def _shown(db: Session, template: NoticeTemplate) -> dict[str, Any]:
    versions = templates.versions(db, template)
    words = Fields({"subject": versions[0].subject, "body": versions[0].body})
    return {
        "pattern": template,
        "name": templates.named(template),
        "versions": versions,
        "names": [field for field in FIELDS if not (field.is_inside and template.audience in OUTSIDE)],
        "preview": _filled(template, words),
    }


def _filled(template: NoticeTemplate, words: Fields) -> Shown:
    subject, body = words.get("subject", ""), words.get("body", "")
    audience = Audience(template.audience)
    wrong = {name: render.problem(text, audience) for name, text in (("subject", subject), ("body", body))}
    filled = [render.fill(text, EXAMPLES).text for text in (subject, body)]
    return Shown(" ".join(filled[0].split()), filled[1], (), {name: said for name, said in wrong.items() if said})
