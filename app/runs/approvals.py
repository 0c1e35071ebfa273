"""The second person: approves or rejects one exact plan. Breaking the glass goes ahead without one, loudly."""

from datetime import timedelta

from sqlalchemy.orm import Session

from app.accounts.models import SignIn
from app.accounts.policy import Permission, Person
from app.core.database import db_now
from app.core.errors import Conflict, Forbidden, Refused
from app.core.settings import settings
from app.runs import ending, history, locks
from app.runs.models import Approval, Plan, Run
from app.runs.states import RunState

STEP_UP = timedelta(minutes=5)
SHORTEST_REASON = 10


def approve(session: Session, run: Run, *, digest: str, by: Person, reason: str = "") -> None:
    """A second person's yes to the plan with this digest. It opens the requester's confirm button and starts nothing."""
    _check(session, run, digest=digest, by=by)
    if run.approved_at:
        raise Conflict(f"Run {run.id} has been approved already. Its requester can start it.", link=f"/runs/{run.id}")
    session.add(Approval(run_id=run.id, plan_digest=digest, approver_id=by.id, verdict="approved", reason=reason.strip()))
    run.approved_at = db_now(session)
    session.flush()
    line = f"approved run {run.id}: {_title(session, run)}" + (f" ({reason.strip()})" if reason.strip() else "")
    history.happened(session, run, "approved", f"{by.name} approved it.", line=line, by=by)


def reject(session: Session, run: Run, *, digest: str, by: Person, reason: str = "") -> None:
    """A second person's no. The run is over; a new plan can be asked for."""
    _check(session, run, digest=digest, by=by)
    reason = reason.strip()
    if not reason:
        raise Refused("Say why, for the person who asked. The request stays open until then.", field="reason")
    session.add(Approval(run_id=run.id, plan_digest=digest, approver_id=by.id, verdict="rejected", reason=reason))
    ending.end(session, run, RunState.REJECTED, f"{by.name} rejected it: {reason}", by=by)


def break_glass(session: Session, run: Run, *, reason: str, by: Person) -> None:
    """Go ahead without a second person. It is written into the timeline and the audit log, and is reviewed afterwards."""
    if not settings().allow_break_glass:
        raise Forbidden("Going ahead without a second person is switched off here (LASTGOOD_ALLOW_BREAK_GLASS). Ask an approver.")
    if not by.may(Permission.BREAK_GLASS, {run.service_id}):
        raise Forbidden("Going ahead without a second person takes a commander of this service. Ask one, or an approver.")
    locks.lock(session, run)
    if RunState(run.state) is not RunState.AWAITING_APPROVAL:
        raise Refused(f"Run {run.id} is {run.state.replace('_', ' ')}, so no approval is missing.")
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        raise Refused("Say in a sentence why it cannot wait for a second person. Nothing was started.", field="reason")
    require_step_up(session, by)
    run.break_glass_reason = reason
    ending.queue_up(session, run)
    sentence = f"{by.name} went ahead without a second person: {reason}"
    line = f"broke the glass for run {run.id} ({_title(session, run)}), without a second person: {reason}"
    history.happened(session, run, "break_glass", sentence, line=line, by=by, reason=reason)


def require_step_up(session: Session, by: Person) -> None:
    """Refused unless this very sign-in has given the password again within the last five minutes."""
    sign_in = session.get(SignIn, by.session_id, populate_existing=True) if by.session_id else None
    own = sign_in is not None and sign_in.user_id == by.id and sign_in.ended_at is None
    at = sign_in.stepped_up_at if sign_in and own else None
    if at is None or db_now(session) - at > STEP_UP:
        raise Refused("Give your password again: this decision needs it. Nothing was changed.", field="password")


def _check(session: Session, run: Run, *, digest: str, by: Person) -> None:
    """What approving and rejecting share. Holds the row, so that of two approvers the second sees the first one's word."""
    if not by.may(Permission.APPROVE, {run.service_id}):
        raise Forbidden("Approving takes the role approver on this service. An administrator can grant it.")
    locks.lock(session, run)
    if run.requested_by_id == by.id:
        raise Refused("You asked for this run, so somebody else decides on it. Nothing was changed.")
    if RunState(run.state) is not RunState.AWAITING_APPROVAL:
        raise Conflict(f"Run {run.id} is {run.state.replace('_', ' ')}, so there is nothing to decide on.", link=f"/runs/{run.id}")
    if run.expires_at and db_now(session) > run.expires_at:
        raise Refused(f"The request for run {run.id} has expired. Its requester can make a new plan.")
    if run.plan_digest != digest:
        raise Conflict("The plan is another one than the page showed. Nothing was changed: look at it again.", link=f"/runs/{run.id}")
    require_step_up(session, by)


def _title(session: Session, run: Run) -> str:
    return session.get_one(Plan, run.plan_id).title
