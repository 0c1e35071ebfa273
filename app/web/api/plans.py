"""Plans: what a recovery would change, and its start. A token never approves and never breaks glass: people do, on the pages."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Target
from app.core.database import Json
from app.core.errors import Refused
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.response import recover
from app.runs import plans, queries
from app.runs.models import Plan, Run
from app.verification import contracts
from app.web.api.asked import Asked, Id, named, placed
from app.web.api.once import Key, once
from app.web.api.shapes import PlanDetail, PlanShape, RunShape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load_catalog
from app.web.loaders import run as load

router = APIRouter(tags=["plans"])
Planned = Annotated[Plan, may(P.PLAN, load.plan)]
Kind = Literal["rollback", "restart", "scale", "scale_to_zero", "scale_back", "replace_broken_pods"]
Mode = Literal["commit", "deploy_only", "branch_only"]


_ONLY_FOR = (("replicas", "scale"), ("mode", "rollback"), ("replace_broken_pods", "rollback"), ("release_id", "rollback"))


class PlanWish(Asked):
    """Which recovery to preview. Without a release a rollback leads to the last good one."""

    kind: Kind = "rollback"
    release_id: Id | None = None
    incident_id: Id | None = None
    replicas: Annotated[int, Field(ge=0, le=10_000)] | None = Field(None, description="How many; for the kind scale.")
    replace_broken_pods: Literal[True] | None = Field(
        None, description="For a rollback of a stateful set: also replace the broken pods that would hold it up."
    )
    mode: Mode | None = Field(
        None, description="For a rollback in Git: by a new commit (the default), by a deploy alone, by a branch alone."
    )

    def request(self) -> dict[str, object]:
        """What belongs to this kind alone. Refused where it is missing or belongs to another kind."""
        if self.kind == "scale" and self.replicas is None:
            raise Refused("Say how many replicas there should be, from 0 up. Nothing was planned.", field="replicas")
        for name, kind in _ONLY_FOR:
            if self.kind != kind and getattr(self, name) is not None:
                raise Refused(f"{name} belongs to the kind {kind}, and this is {self.kind}. Nothing was planned.", field=name)
        return self.model_dump(include={"replicas", "mode", "replace_broken_pods"}, exclude_none=True)


class Agreement(Asked):
    """What should count as recovered; what is not sent stays."""

    soak: str = Field("", description="How long the checks must hold: 5 min, 90 s.")
    deadline: str = Field("", description="When they must hold at the latest.")
    required: list[int] | None = Field(None, description="Places of the checks that count, from 0.")
    limits: dict[int, float] = Field(default_factory=dict, description="Limit of a metric, by place of the check.")
    windows: dict[int, str] = Field(default_factory=dict, description="How far a metric looks back, by place of the check: 60 s.")

    def form(self) -> dict[str, Any]:
        """As the form of the page sends it."""
        sent = {"soak": self.soak, "deadline": self.deadline}
        sent |= {f"limit-{place}": str(limit) for place, limit in self.limits.items()}
        sent |= {f"window-{place}": window for place, window in self.windows.items()}
        counting = {} if self.required is None else {"checks": "sent"} | {f"required-{place}": "on" for place in self.required}
        return sent | counting


class Confirmation(Asked):
    digest: str = Field(description="The plan's digest, as you read it: another plan is refused.")
    cancel_holder: bool = Field(False, description="Cancel the run that holds the target, and start when it has ended.")


@router.post("/targets/{target_id}/plans", response_model=PlanShape, status_code=202)
def ask(
    request: Request, db: Db, me: Me, target: Annotated[Target, may(P.PLAN, load_catalog.target)], wish: PlanWish, key: Key = ""
) -> Response:
    """Preview a recovery. The answer comes at once and is `resolving`; read the plan until it is `ready`. Nothing is changed."""

    def make() -> PlanShape:
        release, incident = None, incident_named(db, me, wish.incident_id)
        if wish.release_id:
            with named(f"release {wish.release_id}", "release_id"):
                release = catalog.get_release(db, wish.release_id, reach=me.reach())
        asked = wish.request()
        plan = recover.preview(db, kind=wish.kind, target=target, release=release, incident=incident, request=asked, by=me)
        db.refresh(plan)
        return PlanShape.model_validate(plan)

    return once(request, db, me, key, wish, make, status=202)


@router.get("/plans/{plan_id}")
def plan(plan: Annotated[Plan, may(P.READ, load.plan)]) -> PlanDetail:
    """One plan with its steps: what would change, what to know before, what it does not bring back."""
    return PlanDetail.model_validate(plan)


@router.post("/plans/{plan_id}/again", response_model=PlanShape, status_code=202)
def again(request: Request, db: Db, me: Me, plan: Planned, key: Key = "") -> Response:
    """Ask the same question of the live system anew. The answer is another plan."""

    def make() -> PlanShape:
        same: Json = {"kind": plan.kind, "target": plan.target, "release": plan.release, "incident": plan.incident}
        fresh = recover.preview(db, **same, request=plan.request, by=me)
        db.refresh(fresh)
        return PlanShape.model_validate(fresh)

    return once(request, db, me, key, None, make, status=202)


@router.post("/plans/{plan_id}/contract", response_model=PlanShape)
def agree(request: Request, db: Db, me: Me, plan: Planned, agreement: Agreement, key: Key = "") -> Response:
    """Agree on what counts as recovered, before the start."""

    def make() -> PlanShape:
        with placed(_in_agreement):
            plans.set_contract(db, plan, contracts.edited(plan.contract, agreement.form()), by=me)
        return PlanShape.model_validate(plan)

    return once(request, db, me, key, agreement, make)


@router.post("/plans/{plan_id}/run", response_model=RunShape, status_code=202)
def start(
    request: Request, db: Db, me: Me, plan: Annotated[Plan, may(P.EXECUTE, load.plan)], confirmation: Confirmation, key: Key = ""
) -> Response:
    """Confirm a plan. A destructive one then waits for a second person."""

    def make() -> RunShape:
        holder = _holder(db, plan) if confirmation.cancel_holder else None
        run = recover.start(db, plan, digest=confirmation.digest, nonce=f"api-{me.actor}-{key}", by=me, instead_of=holder)
        db.refresh(run)
        return RunShape.model_validate(run)

    return once(request, db, me, key, confirmation, make, status=202)


def incident_named(db: Session, me: Person, incident_id: int | None) -> Incident | None:
    """An incident that a body names."""
    if incident_id is None:
        return None
    with named(f"incident {incident_id}", "incident_id"):
        return incidents.get(db, incident_id, reach=me.reach())


def _in_agreement(field: str) -> str:
    """The field "limit-2" of the form is "limits.2" of the body; which box is ticked is one list."""
    name, _, place = field.partition("-")
    return {"limit": f"limits.{place}", "window": f"windows.{place}"}.get(name, name)


def _holder(db: Session, plan: Plan) -> Run | None:
    """The run to cancel; none where the target is free by now, which is what was wanted."""
    return queries.busy(db, plan.target)
