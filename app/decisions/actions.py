"""What changes a decision: begin, say a fact, set the clock, decide."""

from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.audit import actions as audit
from app.core.database import db_now
from app.core.errors import Conflict, Refused
from app.decisions import assessing, objections, queries, statements
from app.decisions.models import Assessment, Decision, Deliberation
from app.decisions.rules import SIDES
from app.incidents import actions as incidents
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import PHASES, State

LONGEST = 4000
FARTHEST = timedelta(days=7)
DOING = {"rollback": "roll back", "fix_forward": "fix forward"}


def begin(session: Session, incident: Incident, *, by: Person) -> Assessment:
    """Start the clock and make the first assessment. Begun already: nothing happens, and the newest one is given."""
    made = session.scalar(insert(Deliberation).values(incident_id=incident.id).on_conflict_do_nothing().returning(Deliberation.incident_id))
    newest = queries.newest_assessment(session, incident)
    if newest and not made:
        return newest
    return assessing.refresh(session, incident, cause="declared", by=by)


def state_fact(session: Session, incident: Incident, key: str, value: object, *, by: Person) -> Assessment:
    """Say a fact (None: nobody knows). A new assessment follows, and an incident that was only detected counts as assessed.

    Refused for a fact that there is none of, for a value that it cannot have, and where the incident is over.
    """
    before = _begun(session, incident, nothing="Nothing was changed")
    return _new_fact(session, incident, by=by) if statements.state(session, incident, key, value, by=by) else before


def take_back_fact(session: Session, incident: Incident, key: str, *, by: Person) -> Assessment:
    """Let the measured value of a fact count again."""
    before = _begun(session, incident, nothing="Nothing was changed")
    return _new_fact(session, incident, by=by) if statements.take_back(session, incident, key, by=by) else before


def set_clock(session: Session, incident: Incident, decide_by: datetime | None, *, by: Person) -> None:
    """Say until when to decide; None goes back to what the rules say for the severity. Refused for the past and the far future."""
    _hold(session, incident, nothing="The clock was not changed")
    moment = db_now(session)
    if decide_by and not moment < decide_by <= moment + FARTHEST:
        raise Refused("The clock ends in the coming seven days. It was not changed: choose a time that lies ahead.", field="decide_by")
    session.execute(insert(Deliberation).values(incident_id=incident.id).on_conflict_do_nothing())
    row = session.get_one(Deliberation, incident.id)
    row.decide_by, row.decide_by_set_by, row.lapsed_at = decide_by, by.name if decide_by else "", None
    session.flush()
    line = f"set the decision to be taken by {decide_by:%H:%M} UTC" if decide_by else "set the clock of the decision back to the usual"
    timeline.record(session, incident, line, kind="facts", by=by)


def decide(
    session: Session,
    incident: Incident,
    choice: str,
    *,
    rationale: str = "",
    seen: int | None = None,
    recommended: str | None = None,
    by: Person,
) -> Decision:
    """Decide, on an assessment of this moment, and move the incident to decided where it stood earlier.

    `seen` is the id of the decision that stood when the person looked (None: none did), `recommended` what the rules said then;
    where either is otherwise now, Conflict. Against the recommendation, and where the page asks, Refused without a rationale.
    The same person's same decision again gives the first.
    """
    _begun(session, incident, nothing="Nothing was decided")
    rationale, standing = rationale.replace("\0", "").strip(), queries.current_decision(session, incident)
    if choice not in SIDES:
        raise Refused("A decision is to roll back or to fix forward. Nothing was decided: choose one.", field="choice")
    if standing and standing.id != seen:
        if (standing.choice, standing.rationale, standing.by_id) == (choice, rationale, by.id or None):
            return standing
        raise _overtaken(incident, standing)
    assessment = assessing.refresh(session, incident, cause="decision", by=by, always=True)
    against = _against(assessment, choice)
    if recommended is not None and recommended != assessment.recommendation:
        raise Conflict(f"The facts have changed since you looked: {assessment.sentence} Nothing was decided; look again, then decide.")
    _check_words(assessment, rationale, against=against)
    made = _keep(session, incident, assessment, choice, rationale, against=against, replaces=standing, by=by)
    if State(incident.state) in PHASES[:2]:
        incidents.move(session, incident, State.DECIDED, by=by)
    return made


def _keep(
    session: Session,
    incident: Incident,
    assessment: Assessment,
    choice: str,
    rationale: str,
    *,
    against: bool,
    replaces: Decision | None,
    by: Person,
) -> Decision:
    objecting = objections.close(session, incident, choice)
    made = Decision(
        incident_id=incident.id,
        assessment_id=assessment.id,
        assessment=assessment,
        choice=choice,
        rationale=rationale,
        against_reason=rationale if against else "",
        by_id=by.id or None,
        by_name=by.name,
        replaces_id=replaces.id if replaces else None,
    )
    session.add(made)
    session.flush()
    line = ("decided anew, to " if replaces else "decided to ") + DOING[choice]
    line += ", against the recommendation" if against else ""
    line += f", over the objection of {', '.join(objecting)}" if objecting else ""
    line += f": {rationale}" if rationale else ""
    timeline.record(session, incident, line, kind="state", by=by, decision=made.id, assessment=assessment.id)
    audit.record(
        session,
        "incident.decide",
        f"incident-{incident.id}",
        actor=by.actor,
        actor_name=by.name,
        choice=choice,
        recommendation=assessment.recommendation,
        rationale=rationale,
        replaces=made.replaces_id,
    )
    return made


def _hold(session: Session, incident: Incident, *, nothing: str) -> None:
    """Hold the incident's row: of two at once the second waits here and sees what the first one wrote. Refused where it is over."""
    session.refresh(incident, with_for_update=True)
    if not incident.is_open:
        raise Refused(f"{incident.ref} is {incident.state}. {nothing}: open it again first, if there is something to decide.")


def _begun(session: Session, incident: Incident, *, nothing: str) -> Assessment:
    """Hold the incident, and have it assessed as it is before anything is changed."""
    _hold(session, incident, nothing=nothing)
    return begin(session, incident, by=SYSTEM)


def _new_fact(session: Session, incident: Incident, *, by: Person) -> Assessment:
    if incident.state == State.DETECTED:
        incidents.move(session, incident, State.ASSESSED, by=by)
    return assessing.refresh(session, incident, cause="fact", by=by)


def _against(assessment: Assessment, choice: str) -> bool:
    return assessment.recommendation in SIDES and assessment.recommendation != choice


def _check_words(assessment: Assessment, rationale: str, *, against: bool) -> None:
    if len(rationale) > LONGEST:
        raise Refused(f"The reason has {len(rationale):,} characters; {LONGEST:,} fit. Nothing was decided: shorten it.", field="rationale")
    if against and not rationale:
        raise Refused("This goes against the recommendation. Nothing was decided: say why, for those who read it later.", field="rationale")
    if assessment.recommendation == "ask" and not rationale:
        raise Refused("Both ways lose something here. Nothing was decided: say why this loss is the smaller one.", field="rationale")


def _overtaken(incident: Incident, standing: Decision) -> Conflict:
    why = f" ({standing.rationale})" if standing.rationale else ""
    return Conflict(
        f"{standing.by_name} decided to {DOING[standing.choice]} at {standing.decided_at:%H:%M:%S} UTC{why}. Yours was not recorded: "
        "look at theirs, then decide anew if you must.",
        link=f"/incidents/{incident.id}/decision",
    )
