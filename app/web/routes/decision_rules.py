"""The decision matrix: read by everybody, edited by those who edit the procedure, in versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.decisions import rulebook, rules
from app.decisions.models import RuleSet
from app.incidents.states import Severity
from app.web import decision_views, incident_forms, rule_forms
from app.web.deps import Db, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.render import back, page

router = APIRouter()


@router.get("/decision-rules")
def show(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    """The version that counts, or the one that `version` names."""
    number = incident_forms.whole(request.query_params.get("version", ""))
    shown = rulebook.version(db, number) if number else rulebook.current(db)
    return page(request, "decisions/rules.html", **_shown(db, me, shown))


@router.get("/decision-rules/edit")
def edit(request: Request, db: Db, me: Annotated[Person, may(P.EDIT_PROCEDURE)]) -> Response:
    """The form; `incident` names the incident that taught the change, and the note begins with it: its report links back."""
    number = incident_forms.whole(request.query_params.get("incident", ""))
    taught = f"INC-{number}: " if number else ""
    return page(request, "decisions/edit_rules.html", **_edited(db, me, rulebook.current(db)), taught=taught)


@router.post("/decision-rules")
def save(request: Request, db: Db, me: Annotated[Person, may(P.EDIT_PROCEDURE)], sent: Sent) -> Response:
    shown = _edited(db, me, rulebook.current(db)) | {"lines": rule_forms.typed(sent) + rule_forms.spare()}
    with redrawn(request, "decisions/edit_rules.html", sent, **shown):
        seen, within = sent.whole("seen") or 0, rule_forms.within(sent)
        made = rulebook.edit(db, seen=seen, wanted=rule_forms.typed(sent), decide_within=within, note=sent.text("note"), by=me)
    return back("/decision-rules", flash=f"Version {made.version} of the rules counts from now on.")


def _shown(db: Session, me: Person, rule_set: RuleSet) -> dict[str, Any]:
    versions = rulebook.versions(db)
    loaded = rules.loaded(rule_set.rules)
    return decision_views.rulebook(me) | {"rule_set": rule_set, "rules": loaded, "versions": versions, "severities": Severity}


def _edited(db: Session, me: Person, rule_set: RuleSet) -> dict[str, Any]:
    shown = _shown(db, me, rule_set)
    return shown | {"lines": rule_forms.lines(shown["rules"]), "comparisons": rule_forms.COMPARISONS, "seen": rule_set.version}
