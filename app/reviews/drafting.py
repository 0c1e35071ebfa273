"""What the record says, as the first draft of each section. Rows in, words out: nothing here reads or writes.

A draft says what is known and leaves out what is not: an empty section asks for a person better than a phrase does.
"""

from collections.abc import Iterable, Iterator

from app.executors.checks.figures import span
from app.incidents import roles
from app.incidents.states import State
from app.reviews import lanes
from app.reviews.lanes import BROKE, DONE, Mark
from app.reviews.models import ActionItem
from app.reviews.record import Record, Suspect
from app.runs.models import Run
from app.verification.models import Verification

NBSP = "\u00a0"
VERDICTS = {
    "recovered": "recovered",
    "partly": "recovered only in part",
    "not": "did not recover",
    "worse": "was worse than before",
}


def draft(key: str, record: Record, items: Iterable[ActionItem] = ()) -> str:
    """The text of one section; empty where the record says nothing."""
    match key:
        case "summary":
            return _paragraph(_opening(record), *_causes(record), *map(_ran, _recoveries(record)), _proof(record), _took(record))
        case "impact":
            return _impact(record)
        case "figures":
            return "\n".join(f"{name}: {value}" for name, value in _figures(record))
        case "timeline":
            return lanes.write((*_broke(record), *_done(record)))
        case "root_cause" | "q_why":
            return _paragraph(*_causes(record))
        case "resolution" | "q_resolved":
            return _resolution(record)
        case "q_what":
            return _paragraph(_opening(record), *_causes(record))
        case "q_detected":
            return _detected(record)
        case "prevention" | "q_prevented" | "changes":
            return "\n".join(_item(item) for item in items if item.state != "dropped")
    return ""


def _paragraph(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _stop(words: str) -> str:
    text = words.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def _opening(record: Record) -> str:
    incident = record.incident
    percent = f"{incident.affected_percent:g}{NBSP}% of users were affected." if incident.affected_percent is not None else ""
    return _paragraph(_stop(incident.title), _stop(" ".join(incident.impact.split())), percent)


def _causes(record: Record) -> Iterator[str]:
    for suspect in record.suspects:
        when = f", which went out on {suspect.went_out_at:%-d %B %Y at %H:%M} UTC" if suspect.went_out_at else ""
        yield f"The release under suspicion is `{suspect.release.version}` of {suspect.service.name}{when}."


def _recoveries(record: Record) -> list[Run]:
    return [run for run in record.runs if run.ended_at]


def _ran(run: Run) -> str:
    took = f" It took {span((run.ended_at - run.started_at).total_seconds())}." if run.ended_at and run.started_at else ""
    return f"{_goal(run)}: {_stop(run.sentence or run.state)}{took}"


def _goal(run: Run) -> str:
    """ "Roll login back to v1.2.3", as the plan was called."""
    return run.plan.title or f"{run.plan.kind.replace('_', ' ').capitalize()} of {run.service.name}"


def _proof(record: Record) -> str:
    judged = [one for one in record.verifications if one.verdict]
    return _paragraph(*(f"The checks of {one.service.name} say that it {VERDICTS[one.verdict or 'not']}." for one in _newest(judged)))


def _newest(verifications: Iterable[Verification]) -> list[Verification]:
    return list({one.service_id: one for one in verifications}.values())


def _took(record: Record) -> str:
    whole = next((one for one in record.durations if one.name == "resolve" and one.seconds is not None), None)
    return f"It took {whole.words} from the beginning to the end." if whole else ""


def _impact(record: Record) -> str:
    incident = record.incident
    percent = f"{incident.affected_percent:g}{NBSP}% of users." if incident.affected_percent is not None else ""
    many = "report" if record.reports == 1 else "reports"
    reports = f"{record.reports:,} {many} of users came in." if record.reports else ""
    return _paragraph(_stop(" ".join(incident.impact.split())), percent, reports)


def _figures(record: Record) -> Iterator[tuple[str, str]]:
    incident = record.incident
    if record.works_since and record.works_since >= incident.since:
        yield "Duration", span((record.works_since - incident.since).total_seconds())
    yield "Users", "not known" if incident.affected_percent is None else f"{incident.affected_percent:g}{NBSP}%"
    if record.reports:
        yield "User reports", f"{record.reports:,}"
    yield "Revenue", "not known"


def _resolution(record: Record) -> str:
    decision = record.decision
    parts = []
    if decision:
        choice = "roll back" if decision.choice == "rollback" else "fix forward"
        why = f": {_stop(decision.rationale)}" if decision.rationale else "."
        parts.append(f"{decision.by_name} decided to {choice} at {decision.decided_at:%H:%M:%S} UTC{why}")
    parts += [_ran(run) for run in _recoveries(record)]
    text = _paragraph(*parts)
    return "\n\n".join(part for part in (text, *map(_numbers, _newest(one for one in record.verifications if one.verdict))) if part)


def _numbers(verification: Verification) -> str:
    """The verdict of one service and what each of its checks said last."""
    head = (
        f"The checks of {verification.service.name} say that it {VERDICTS[verification.verdict or 'not']}. {_stop(verification.sentence)}"
    )
    lines = [f"- {check.name}: {check.sentence or check.outcome}" for check in verification.checks]
    return "\n".join([head, "", *lines]) if lines else head


def _detected(record: Record) -> str:
    incident, declared = record.incident, record.entered(State.DETECTED)
    who = declared.by if declared else "Somebody"
    detect = next((one for one in record.durations if one.name == "detect"), None)
    after = f", {detect.words} after it began" if detect and detect.seconds is not None else ""
    return f"{who} declared it on {incident.declared_at:%-d %B %Y at %H:%M:%S} UTC{after}."


def _item(item: ActionItem) -> str:
    due = f", due {item.due_on:%-d %B %Y}" if item.due_on else ""
    return f"- {item.title} ({item.kind}{due})"


def _broke(record: Record) -> Iterator[Mark]:
    incident = record.incident
    yield from (_went_out(suspect) for suspect in record.suspects if suspect.went_out_at)
    if record.works_since and record.works_since >= incident.since:
        yield Mark(incident.since, BROKE, "it fails", until=record.works_since)
        yield Mark(record.works_since, BROKE, "it works again")
    elif incident.began_at:
        yield Mark(incident.began_at, BROKE, "it begins")
    yield Mark(incident.declared_at, BROKE, "declared")


def _went_out(suspect: Suspect) -> Mark:
    return Mark(suspect.went_out_at, BROKE, f"{suspect.release.version} of {suspect.service.name} went out")  # type: ignore[arg-type]  # asked before


def _done(record: Record) -> Iterator[Mark]:
    commander = next((one for one in record.holders if one.role == roles.COMMANDER), None)
    if commander:
        yield Mark(commander.since, DONE, "command taken")
    if assessed := record.entered(State.ASSESSED):
        yield Mark(assessed.began_at, DONE, f"assessed as {record.incident.severity}")
    if record.decision:
        choice = "roll back" if record.decision.choice == "rollback" else "fix forward"
        yield Mark(record.decision.decided_at, DONE, f"decided to {choice}")
    for run in _recoveries(record):
        if run.started_at:
            yield Mark(run.started_at, DONE, _goal(run)[:1].lower() + _goal(run)[1:], until=run.ended_at)
    for one in record.verifications:
        if one.verdict and one.ended_at:
            yield Mark(
                one.holding_since or one.began_at, DONE, f"{one.service.name} is verified: {VERDICTS[one.verdict]}", until=one.ended_at
            )
    for notice in record.notices:
        if notice.ended_at:
            yield Mark(notice.ended_at, DONE, f"{notice.kind} sent to {notice.audience}")
    if record.incident.resolved_at and not record.incident.is_open:
        yield Mark(record.incident.resolved_at, DONE, record.incident.state)
