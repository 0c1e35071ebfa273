"""Facts that fill themselves: from the readings that were taken anyway, from what runs where, from our own runs.

Nothing here asks the outside world, so it is cheap and may run in any process. What cannot be told is unknown, and says why.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session, joinedload

from app.accounts.models import User
from app.catalog import queries as catalog
from app.catalog import readings
from app.catalog.models import Check, CheckReading, Rollout
from app.core.clock import now
from app.core.errors import Invalid
from app.decisions.facts import Fact
from app.decisions.feasibility import Way
from app.decisions.kinds import KINDS, Value
from app.decisions.models import UserReport
from app.executors.checks.configs import MetricConfig, parse
from app.executors.checks.figures import figure, span
from app.incidents.models import Incident, IncidentService, TimelineEntry
from app.incidents.signals import FRESH
from app.incidents.states import Trouble
from app.verification.groundwork import MARGIN, USUAL

FEWEST = 3  # readings that make a baseline


@dataclass(frozen=True)
class Seen:
    """A check of a touched service with its newest reading. `metric` is None for the checks that count nothing."""

    check: Check
    service: str
    metric: MetricConfig | None
    reading: CheckReading | None

    @property
    def name(self) -> str:
        return f"{self.check.name} of {self.service}"

    @property
    def is_fresh(self) -> bool:
        return self.reading is not None and now() - self.reading.at <= FRESH

    @property
    def fails(self) -> bool:
        return self.is_fresh and self.reading is not None and self.reading.outcome == "fail"


def measured(session: Session, incident: Incident, links: Sequence[IncidentService], way: Way | None) -> dict[str, Fact]:
    """Every fact that the machine can tell, by key; the others are unknown."""
    seen = _seen(session, links)
    error_rate = _error_rate(seen)
    found = [
        error_rate,
        _latency(session, links, seen),
        _users(session, incident, error_rate, seen),
        _critical(session, incident, seen),
        _by_trouble(session, incident, "data_corruption", Trouble.DATA_CORRUPTION),
        _by_trouble(session, incident, "vulnerability", Trouble.VULNERABILITY),
        _rollback_takes(way),
        _good_release(way),
        _age(session, links, way),
        _reports(session, incident),
        _of_incident(session, incident, "severity", incident.severity),
        _of_incident(session, incident, "trouble", incident.trouble or None),
    ]
    by_key = {fact.key: fact for fact in found}
    return {key: by_key.get(key) or Fact(key, None, "Nobody has said yet.") for key in KINDS}


def _seen(session: Session, links: Sequence[IncidentService]) -> list[Seen]:
    names = {link.service_id: link.service.name for link in links}
    checks = catalog.checks_on_services(session, [link.service for link in links])
    newest = readings.newest(session, checks)
    return [Seen(check, names[check.service_id], _metric(check), newest.get(check.id)) for check in checks]


def _metric(check: Check) -> MetricConfig | None:
    try:
        config = parse(check.kind, check.config)
    except Invalid:
        return None  # settings of an older version: its own page says so
    return config if isinstance(config, MetricConfig) else None


def _worst(key: str, seen: Iterable[Seen], measure: str, value: Callable[[Seen], tuple[float | None, str]]) -> Fact:
    """The worst of the services: the highest value, else why there is none."""
    fitting = [one for one in seen if one.metric and one.metric.measure == measure]
    found: list[Fact] = []
    for one in fitting:
        if one.reading is None:
            found.append(Fact(key, None, f"{one.name} has not been read yet.", "check"))
        elif not one.is_fresh:
            last = figure(one.reading.value, one.metric.unit if one.metric else "")
            age = span((now() - one.reading.at).total_seconds())
            found.append(Fact(key, None, f"{one.name} was last read {age} ago: {last}.", "check", one.reading.at))
        else:
            number, said = value(one)
            found.append(Fact(key, number, said, "check", one.reading.at))
    if not found:
        words = {"error_ratio": "error rate", "latency": "response time"}[measure]
        return Fact(key, None, f"No check measures the {words}.")
    return max(found, key=lambda fact: fact.value if isinstance(fact.value, float) else -1.0)


def _error_rate(seen: Sequence[Seen]) -> Fact:
    def value(one: Seen) -> tuple[float | None, str]:
        return (one.reading.value if one.reading else None), f"{one.name}: {one.reading.sentence if one.reading else ''}"

    return _worst("error_rate", seen, "error_ratio", value)


def _latency(session: Session, links: Sequence[IncidentService], seen: Sequence[Seen]) -> Fact:
    """The newest response time against the median of the half hour before the suspect release went out, from our own readings."""
    changed = {link.service_id: _went_out(session, link) for link in links}

    def value(one: Seen) -> tuple[float | None, str]:
        present = one.reading.value if one.reading else None
        unit = one.metric.unit if one.metric else ""
        if present is None:
            return None, f"{one.name}: {one.reading.sentence if one.reading else ''}"
        rollout = changed[one.check.service_id]
        if rollout is None:
            return None, f"{one.name}: {figure(present, unit)}, and no release is known before which it could be compared."
        usual = _baseline(session, one.check, rollout.began_at)
        if not usual:
            before = f"from before {rollout.release.version} there are too few readings to compare it with"
            return None, f"{one.name}: {figure(present, unit)}; {before}."
        return present / usual, f"{one.name}: {figure(present, unit)}, was {figure(usual, unit)} before {rollout.release.version}."

    return _worst("latency_ratio", seen, "latency", value)


def _baseline(session: Session, check: Check, until: datetime) -> float | None:
    """The median of the readings of the half hour that ends a minute before `until`; None where there are too few."""
    until = until - MARGIN
    middle = func.percentile_cont(0.5).within_group(CheckReading.value)
    query = select(middle, func.count(CheckReading.value)).where(
        CheckReading.check_id == check.id, CheckReading.at.between(until - USUAL, until), CheckReading.value.is_not(None)
    )
    value, count = session.execute(query).one()
    return float(value) if count >= FEWEST else None


def _went_out(session: Session, link: IncidentService) -> Rollout | None:
    """The rollout of the suspect release; where none is named, of what runs in production now, if it replaced something."""
    targets = readings.proven_by_checks(catalog.targets_of(session, link.service))
    if link.suspect_release_id:
        query = select(Rollout).where(Rollout.release_id == link.suspect_release_id).order_by(Rollout.began_at.desc()).limit(1)
        if rollout := session.scalar(query.options(joinedload(Rollout.release))):
            return rollout
    running = [rollout for rollout in catalog.running_on(session, targets).values() if rollout.replaced_id]
    return max(running, key=lambda rollout: rollout.began_at, default=None)


def _users(session: Session, incident: Incident, errors: Fact, seen: Sequence[Seen]) -> Fact:
    """What the incident says; else the share of requests that fail, where it is the errors that are wrong and nothing else."""
    if incident.affected_percent is not None:
        return _of_incident(session, incident, "users_affected", incident.affected_percent)
    if errors.value is None:
        return Fact("users_affected", None, "Traffic does not tell: " + errors.said[:1].lower() + errors.said[1:])
    required = [one for one in seen if one.check.required]
    error_checks = [one for one in required if one.metric and one.metric.measure == "error_ratio"]
    others = next((one for one in required if one.fails and one not in error_checks), None)
    if others and not any(one.fails for one in error_checks):
        return Fact("users_affected", None, f"Traffic does not tell: {others.name} fails while few requests do.")
    said = f"Estimated from traffic: this share of requests fails ({errors.said.partition(':')[0]})."
    return Fact("users_affected", errors.value, said, "check", errors.at)


def _critical(session: Session, incident: Incident, seen: Sequence[Seen]) -> Fact:
    """Said by the kind of trouble, or by a required check that uses the service. A health check that passes proves little."""
    if incident.trouble == Trouble.CRITICAL_BUG:
        return _by_trouble(session, incident, "critical_broken", Trouble.CRITICAL_BUG)
    uses = [one for one in seen if one.check.required and one.check.kind in ("health", "smoke") and one.is_fresh and one.reading]
    for one in uses:
        if one.fails and one.reading:
            return Fact("critical_broken", True, f"{one.name} fails: {one.reading.sentence}", "check", one.reading.at)
    smoke = next((one for one in uses if one.check.kind == "smoke"), None)
    if smoke and smoke.reading and smoke.reading.outcome == "pass":
        return Fact("critical_broken", False, f"{smoke.name} passes: {smoke.reading.sentence}", "check", smoke.reading.at)
    return Fact("critical_broken", None, "No smoke test uses the service, so no check can tell.")


def _by_trouble(session: Session, incident: Incident, key: str, trouble: Trouble) -> Fact:
    if incident.trouble != trouble:
        return Fact(key, None, "Nobody has said yet.")
    who, at = _who_said(session, incident, "trouble")
    return Fact(key, True, f"The kind of trouble, as {who} said.", "incident", at, who)


def _rollback_takes(way: Way | None) -> Fact:
    if way is None or way.usual_s is None:
        return Fact("rollback_minutes", None, "No rollback of it is on record, so there is no estimate.", "history")
    many = len(way.durations)
    lowest, highest = span(min(way.durations)), span(max(way.durations))
    said = f"Median of {many} earlier rollbacks of {way.service}, {lowest} to {highest}." if many > 1 else f"One earlier run: {lowest}."
    return Fact("rollback_minutes", round(way.usual_s / 60, 2), said, "history")


def _good_release(way: Way | None) -> Fact:
    if way is None:
        return Fact("good_release", None, "It is not known what runs. Name the service, or look at its targets.")
    return Fact("good_release", way.good, f"{way.version}: {way.why}" if way.version else way.why, "catalog")


def _age(session: Session, links: Sequence[IncidentService], way: Way | None) -> Fact:
    rollouts = [rollout for link in links if (rollout := _went_out(session, link))]
    mine = max(rollouts, key=lambda rollout: rollout.began_at, default=None)
    if mine is None:
        said = f"{way.running} is the first that was seen there." if way else "It is not known what runs."
        return Fact("release_age", None, said, "catalog")
    minutes = (now() - mine.began_at) / timedelta(minutes=1)
    return Fact("release_age", round(minutes, 1), f"{mine.release.version} went out.", "catalog", mine.began_at)


def _reports(session: Session, incident: Incident) -> Fact:
    query = select(func.coalesce(func.sum(UserReport.count), 0), func.max(UserReport.at))
    count, at = session.execute(query.where(UserReport.incident_id == incident.id, UserReport.withdrawn_at.is_(None))).one()
    return Fact("user_reports", float(count), "Counted by people, below." if count else "None was written down.", "incident", at)


def _of_incident(session: Session, incident: Incident, key: str, value: Value) -> Fact:
    """A fact of the incident itself, with whoever said it last."""
    if value is None:
        return Fact(key, None, "Nobody has said yet.")
    who, at = _who_said(session, incident, {"users_affected": "affected_percent"}.get(key, key))
    return Fact(key, value, f"Said by {who}.", "person" if key == "users_affected" else "incident", at, who)


def _who_said(session: Session, incident: Incident, fact: str) -> tuple[str, datetime]:
    """Who set a fact of the incident last, and when; whoever declared it, where nobody changed it since."""
    # the kind as a literal, as its index says it: an incident may have ten thousand lines, and few of them are facts
    of_facts = TimelineEntry.kind == literal_column("'facts'")
    line = select(TimelineEntry.actor_name, TimelineEntry.at).where(TimelineEntry.incident_id == incident.id, of_facts)
    line = line.where(TimelineEntry.refs["fact"].astext == fact)
    if row := session.execute(line.order_by(TimelineEntry.id.desc()).limit(1)).first():
        return row[0], row[1]
    declarer = session.get(User, incident.declared_by_id) if incident.declared_by_id else None
    return declarer.name if declarer else "Lastgood", incident.declared_at
