"""The decision of an incident, and the matrix that it rests on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.decisions import actions, assessing, objections, queries, reports, rulebook
from app.decisions.kinds import KINDS
from app.incidents.models import Incident
from app.web.api import cursor
from app.web.api.asked import Asked, Id, Moment
from app.web.api.decision_shapes import (
    AssessmentShape,
    DecisionShape,
    DeskShape,
    QuestionShape,
    ReportShape,
    RuleSetShape,
    assessment_shape,
    of_picture,
)
from app.web.api.once import Key, once
from app.web.api.shapes import Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import number
from app.web.loaders import incident as load

router = APIRouter(tags=["decisions"])
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
Choice = Literal["rollback", "fix_forward"]
UNITS = {key: kind.unit for key, kind in KINDS.items()}


class FactWord(Asked):
    """What a person says of a fact."""

    fact: str = Field(description="Its key, as the decision lists it.")
    value: float | bool | str | None = Field(None, description="Null: nobody knows.")
    take_back: bool = Field(False, description="Let the measured value count again.")


class Verdict(Asked):
    choice: Choice
    rationale: str = Field("", description="Needed against the recommendation, and where the recommendation is ask.")
    replaces: Id | None = Field(None, description="The id of the decision that this one revises.")


class Clock(Asked):
    decide_by: Moment | None = Field(None, description="Null: what the rules say for the severity.")


class Asking(Asked):
    choice: Choice


class Answer(Asked):
    objects: bool
    reason: str = ""


class Report(Asked):
    count: Annotated[int, Field(ge=1, le=reports.MOST)] = 1
    body: str = Field("", description="What users say.")
    url: str = Field("", description="Where it can be read.")


class Matrix(Asked):
    """A new version of the whole matrix."""

    version: Id = Field(description="The version that this one was written on; where another counts by now, it is refused.")
    rules: list[dict[str, Any]] = Field(description='Each: {"id", "side", "text", "fact", "is", "value"}; the id may be left out.')
    decide_within: dict[str, int] = Field(description="Minutes from declaring to deciding, by severity.")
    note: str = Field("", description="Why.")


@router.get("/incidents/{incident_id}/decision")
def decision(db: Db, incident: Seen) -> DeskShape:
    """How the decision stands: facts, rules, recommendation, what each choice costs, and what was decided."""
    return _desk(db, incident)


@router.post("/incidents/{incident_id}/decision", response_model=DecisionShape, status_code=201)
def decide(request: Request, db: Db, me: Me, incident: Held, verdict: Verdict, key: Key = "") -> Response:
    """Decide to roll back or to fix forward. Nothing runs by it."""

    def make() -> DecisionShape:
        made = actions.decide(db, incident, verdict.choice, rationale=verdict.rationale, seen=verdict.replaces, by=me)
        db.refresh(made)
        return DecisionShape.model_validate(made)

    return once(request, db, me, key, verdict, make, status=201)


@router.get("/incidents/{incident_id}/decisions")
def decisions(db: Db, incident: Seen) -> Page[DecisionShape]:
    """Every decision of an incident, the one that stands first."""
    return Page(items=[DecisionShape.model_validate(row) for row in queries.decisions_of(db, incident)])


@router.get("/incidents/{incident_id}/assessments")
def assessments(db: Db, incident: Seen, cursor_: cursor.Query = None) -> Page[AssessmentShape]:
    """Every assessment of an incident as it was kept, the newest first."""
    rows = queries.assessments_of(db, incident, before=cursor.read_id(cursor_), limit=cursor.PAGE + 1)
    shown, following = cursor.cut(rows, lambda row: (row.id,))
    return Page(items=[assessment_shape(row, assessing.kept(row), UNITS) for row in shown], next=following)


@router.post("/incidents/{incident_id}/decision/facts", response_model=DeskShape)
def state_fact(request: Request, db: Db, me: Me, incident: Held, word: FactWord, key: Key = "") -> Response:
    """Say a fact, that nobody knows it, or that the measured value counts again."""

    def make() -> DeskShape:
        if word.take_back:
            actions.take_back_fact(db, incident, word.fact, by=me)
        else:
            actions.state_fact(db, incident, word.fact, word.value, by=me)
        return _desk(db, incident)

    return once(request, db, me, key, word, make)


@router.post("/incidents/{incident_id}/decision/clock", response_model=DeskShape)
def set_clock(request: Request, db: Db, me: Me, incident: Held, clock: Clock, key: Key = "") -> Response:
    """Say until when to decide."""

    def make() -> DeskShape:
        actions.set_clock(db, incident, clock.decide_by, by=me)
        return _desk(db, incident)

    return once(request, db, me, key, clock, make)


@router.post("/incidents/{incident_id}/decision/objections", response_model=QuestionShape, status_code=201)
def ask(request: Request, db: Db, me: Me, incident: Held, asking: Asking, key: Key = "") -> Response:
    """Ask everyone on the incident for strong objections."""

    def make() -> QuestionShape:
        objections.ask(db, incident, asking.choice, by=me)
        return QuestionShape.model_validate(queries.last_round(db, incident))

    return once(request, db, me, key, asking, make, status=201)


@router.get("/incidents/{incident_id}/decision/objections")
def question(db: Db, incident: Seen) -> QuestionShape | None:
    """The newest question for strong objections, with everybody's answer; null where nobody has asked."""
    found = queries.last_round(db, incident)
    return QuestionShape.model_validate(found) if found else None


@router.post("/incidents/{incident_id}/decision/objections/answer", response_model=QuestionShape)
def answer(request: Request, db: Db, me: Me, incident: Held, answer: Answer, key: Key = "") -> Response:
    """Object, or say that there is no strong objection, as the token's owner."""

    def make() -> QuestionShape:
        objections.answer(db, incident, answer.objects, reason=answer.reason, by=me)
        return QuestionShape.model_validate(queries.last_round(db, incident))

    return once(request, db, me, key, answer, make)


@router.get("/incidents/{incident_id}/user-reports")
def reports_of(db: Db, incident: Seen) -> Page[ReportShape]:
    """What users say, the newest first."""
    return Page(items=[ReportShape.model_validate(row) for row in queries.reports_of(db, incident)])


@router.post("/incidents/{incident_id}/user-reports", response_model=ReportShape, status_code=201)
def report(request: Request, db: Db, me: Me, incident: Held, report: Report, key: Key = "") -> Response:
    """Write down what users say: a count, a text, a link."""

    def make() -> ReportShape:
        made = reports.add(db, incident, count=report.count, body=report.body, url=report.url, by=me)
        db.refresh(made)
        return ReportShape.model_validate(made)

    return once(request, db, me, key, report, make, status=201)


@router.post("/incidents/{incident_id}/user-reports/{report_id}/take-back", response_model=ReportShape)
def take_back(request: Request, db: Db, me: Me, incident: Held, report_id: str, key: Key = "") -> Response:
    """Say that a report of your own does not count."""

    def make() -> ReportShape:
        found = queries.get_report(db, incident, number({"report_id": report_id}, "report_id"))
        reports.take_back(db, incident, found, by=me)
        return ReportShape.model_validate(found)

    return once(request, db, me, key, None, make)


@router.get("/decision-rules")
def matrix(db: Db, me: Annotated[Person, may(P.READ)]) -> RuleSetShape:  # noqa: ARG001 - the guard hands over the reader
    """The decision matrix that counts."""
    return RuleSetShape.model_validate(rulebook.current(db))


@router.post("/decision-rules", response_model=RuleSetShape, status_code=201)
def edit(request: Request, db: Db, me: Annotated[Person, may(P.EDIT_PROCEDURE)], wish: Matrix, key: Key = "") -> Response:
    """Write a new version of the decision matrix."""

    def make() -> RuleSetShape:
        within, note = wish.decide_within, wish.note
        made = rulebook.edit(db, seen=wish.version, wanted=wish.rules, decide_within=within, note=note, by=me)
        db.refresh(made)
        return RuleSetShape.model_validate(made)

    return once(request, db, me, key, wish, make, status=201)


def _desk(db: Session, incident: Incident) -> DeskShape:
    picture, standing = assessing.look(db, incident), queries.current_decision(db, incident)
    until, _ = queries.decide_by(db, incident, rules=picture.rule_set)
    decided = DecisionShape.model_validate(standing) if standing else None
    return DeskShape(**of_picture(picture, UNITS), costs=picture.costs, decide_by=until, decision=decided)
