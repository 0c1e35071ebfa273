"""Alerts come in: they open an incident or join one, and note that they are resolved. They never resolve an incident or start a run.

An alert is known by its fingerprint. It belongs to the open incident that has it already; else to the one of its group; else to an open
one of its service that is at least as bad; else it opens one. Messages of one integration are taken one by one (`integrations.admit`
holds its row). Lock order: the integration, all incidents that are joined by number, then what `declare` locks, the audit's head last.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.catalog.models import Service
from app.core.database import db_now
from app.incidents import affected, timeline
from app.incidents.models import Incident, IncidentService
from app.incidents.states import OPEN, Severity
from app.notifications import integrations
from app.notifications.alert_shapes import Told
from app.notifications.alerting_models import Alert, Integration
from app.notifications.integrations import TooMany
from app.response import declare

KIND = "alert"  # of its lines in the timeline
MOST_OPENED, WITHIN = 10, timedelta(minutes=10)  # incidents that one integration opens; what comes beyond joins the newest
COOLING = timedelta(minutes=30)  # an alert that still fires after a person ended its incident opens no other one so soon
OLDEST = timedelta(days=7)
NAMED = 3
_RANK = list(Severity)


@dataclass
class Taken:
    """What became of one message: references of incidents, and numbers of alerts."""

    opened: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    known: int = 0
    resolved: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class _Placed:
    """One alert, with what it means here."""

    told: Told
    severity: str
    named: str
    service: Service | None


def take(session: Session, integration: Integration, message_id: str, told: Sequence[Told]) -> Taken:
    """Take one message. Conflict where it was taken before, TooMany in a storm; nothing has happened then."""
    integrations.admit(session, integration, message_id)
    taken, by = Taken(), Person(id=0, name=integration.name, grants=SYSTEM.grants)
    fresh = [_placed(session, integration, one) for one in {one.fingerprint: one for one in told}.values()]
    rows = _rows(session, integration, [one.told.fingerprint for one in fresh])
    homes = {one.told.fingerprint: home for one in fresh if one.told.is_firing and (home := _home(session, integration, one))}
    full = _full(session, integration)
    incidents = _hold(session, [row.incident_id for row in rows.values()] + list(homes.values()) + ([full] if full else []))
    joining: dict[int, list[_Placed]] = {}
    unknown: list[_Placed] = []
    for one in fresh:
        row, home = rows.get(one.told.fingerprint), homes.get(one.told.fingerprint)
        if row and (incidents[row.incident_id].is_open or _still(session, row, one.told, incidents[row.incident_id])):
            _again(session, incidents[row.incident_id], row, one, taken, by=by)
        elif not one.told.is_firing:
            taken.ignored += 1
        elif home and incidents[home].is_open:
            joining.setdefault(home, []).append(one)
        else:
            unknown.append(one)
    for incident_id, some in sorted(joining.items()):
        _join(session, integration, incidents[incident_id], some, taken, by=by)
    _open(session, integration, unknown, incidents.get(full) if full else None, taken, by=by)
    return taken


def _again(session: Session, incident: Incident, row: Alert, one: _Placed, taken: Taken, *, by: Person) -> None:
    """An alert that the incident has already: only a change of it is told."""
    status = "firing" if one.told.is_firing else "resolved"
    row.times, row.last_at = row.times + 1, db_now(session)
    row.url, row.starts_at = one.told.url or row.url, one.told.starts_at or row.starts_at
    if row.status == status:
        taken.known += 1
        return
    row.status = status
    if one.told.is_firing:
        taken.known += 1
        line = f"the alert fires again: {row.title}"
    else:
        taken.resolved += 1
        line = f"the alert is resolved: {row.title}" + (
            f". The incident stays {incident.state} until a person says otherwise" if incident.is_open else ""
        )
    timeline.record(session, incident, line, kind=KIND, by=by, is_system=True)


def _join(
    session: Session, integration: Integration, incident: Incident, some: Sequence[_Placed], taken: Taken, *, by: Person, why: str = ""
) -> None:
    touched = set(session.scalars(select(IncidentService.service_id).where(IncidentService.incident_id == incident.id)))
    for service in {one.service.id: one.service for one in some if one.service}.values():
        if service.id not in touched:
            affected.touch(session, incident, service, by=by)
    _keep(session, integration, incident, some, opened=False)
    timeline.record(session, incident, f"{_said(some)}{why}", kind=KIND, by=by, is_system=True)
    if incident.ref not in taken.joined:
        taken.joined.append(incident.ref)


def _open(session: Session, integration: Integration, some: Sequence[_Placed], full: Incident | None, taken: Taken, *, by: Person) -> None:
    """Those of one group, or of one service, open one incident together. In a storm they join `full` instead."""
    groups: dict[str, list[_Placed]] = {}
    for one in some:
        groups.setdefault(one.told.group or one.named or one.told.fingerprint, []).append(one)
    room = MOST_OPENED - _opened_lately(session, integration)
    for number, together in enumerate(groups.values()):
        if number < room:
            full = _opened(session, integration, together, taken, by=by)
        elif full and full.is_open:
            why = f". It joined since {MOST_OPENED} incidents were opened lately"
            _join(session, integration, full, together, taken, by=by, why=why)
        else:
            minutes = int(WITHIN.total_seconds() / 60)
            raise TooMany(
                f"{integration.name} opened {MOST_OPENED} incidents within {minutes} minutes. No more are opened now.", after_s=60
            )


def _opened(session: Session, integration: Integration, together: Sequence[_Placed], taken: Taken, *, by: Person) -> Incident:
    worst = min(together, key=lambda one: _RANK.index(Severity(one.severity)))
    more = f" (and {len(together) - 1} more)" if len(together) > 1 else ""
    incident = declare.declare(
        session,
        title=f"{worst.told.title}{more}",
        severity=Severity(worst.severity),
        service_ids=tuple({one.service.id for one in together if one.service}),
        began_at=_began(session, together),
        form_nonce=f"alert-{secrets.token_urlsafe(16)}",
        by=by,
    )
    _keep(session, integration, incident, together, opened=True)
    timeline.record(session, incident, _said(together), kind=KIND, by=by, is_system=True)
    taken.opened.append(incident.ref)
    return incident


def _opened_lately(session: Session, integration: Integration) -> int:
    lately = (Alert.integration_id == integration.id, Alert.opened, Alert.first_at > db_now(session) - WITHIN)
    return session.scalar(select(func.count(func.distinct(Alert.incident_id))).where(*lately)) or 0


def _full(session: Session, integration: Integration) -> int | None:
    """The newest open incident that this integration opened lately: where a storm goes."""
    lately = (Alert.integration_id == integration.id, Alert.opened, Alert.first_at > db_now(session) - WITHIN)
    query = select(Alert.incident_id).join(Incident, Incident.id == Alert.incident_id)
    return session.scalar(query.where(*lately, Incident.state.in_(sorted(OPEN))).order_by(Alert.incident_id.desc()).limit(1))


def _rows(session: Session, integration: Integration, fingerprints: Iterable[str]) -> dict[str, Alert]:
    """The row of each fingerprint: that of an open incident, else the newest."""
    query = select(Alert).join(Incident, Incident.id == Alert.incident_id)
    mine = (Alert.integration_id == integration.id, Alert.fingerprint.in_(list(fingerprints)))
    found = session.scalars(query.where(*mine).order_by(Incident.state.in_(sorted(OPEN)), Alert.id))
    return {row.fingerprint: row for row in found}


def _still(session: Session, row: Alert, told: Told, incident: Incident) -> bool:
    """Whether this is the old fire of an incident that a person ended a moment ago."""
    ended = incident.resolved_at
    return row.starts_at == told.starts_at and ended is not None and ended > db_now(session) - COOLING


def _home(session: Session, integration: Integration, one: _Placed) -> int | None:
    """The open incident that the alert belongs to, by its group or by its service."""
    open_ = (Incident.state.in_(sorted(OPEN)), Incident.is_drill.is_(False))
    if one.told.group:
        grouped = select(Alert.incident_id).join(Incident, Incident.id == Alert.incident_id)
        mine = (Alert.integration_id == integration.id, Alert.group_key == one.told.group)
        if found := session.scalar(grouped.where(*mine, *open_).order_by(Alert.id.desc()).limit(1)):
            return int(found)
    if one.service is None:
        return None
    as_bad = Incident.severity.in_([value.value for value in _RANK[: _RANK.index(Severity(one.severity)) + 1]])
    query = select(Incident.id).join(IncidentService, IncidentService.incident_id == Incident.id)
    return session.scalar(query.where(IncidentService.service_id == one.service.id, as_bad, *open_).order_by(Incident.id.desc()).limit(1))


def _hold(session: Session, ids: Iterable[int]) -> dict[int, Incident]:
    query = select(Incident).where(Incident.id.in_(sorted(set(ids)))).order_by(Incident.id).with_for_update()
    return {incident.id: incident for incident in session.scalars(query.execution_options(populate_existing=True))}


def _placed(session: Session, integration: Integration, told: Told) -> _Placed:
    labels = [integration.label] if integration.label else ["service", "app"]
    named = next((told.labels[label] for label in labels if told.labels.get(label)), "")
    slug = str(integration.services.get(named, named)).lower()
    service = session.scalar(select(Service).where(Service.slug == slug, Service.archived_at.is_(None))) if slug else None
    return _Placed(told, told.severity or integration.severity, named, service)


def _keep(session: Session, integration: Integration, incident: Incident, some: Iterable[_Placed], *, opened: bool) -> None:
    session.add_all(
        Alert(
            integration_id=integration.id,
            incident_id=incident.id,
            opened=opened,
            fingerprint=one.told.fingerprint,
            group_key=one.told.group,
            status="firing",
            title=one.told.title,
            severity=one.severity,
            service_id=one.service.id if one.service else None,
            named=one.named,
            labels=dict(one.told.labels),
            url=one.told.url,
            starts_at=one.told.starts_at,
        )
        for one in some
    )
    session.flush()


def _began(session: Session, some: Iterable[_Placed]) -> datetime | None:
    now = db_now(session)
    starts = [one.told.starts_at for one in some if one.told.starts_at and now - OLDEST < one.told.starts_at <= now]
    return min(starts, default=None)


def _said(some: Sequence[_Placed]) -> str:
    """ "the alert fires: A" or "5 alerts fire: A; B; C and 2 more", and which services nobody registered."""
    titles = "; ".join(one.told.title for one in some[:NAMED]) + (f" and {len(some) - NAMED} more" if len(some) > NAMED else "")
    unknown = sorted({one.named for one in some if one.named and one.service is None})
    strange = f". Not registered here: {', '.join(unknown[:NAMED])}" if unknown else ""
    return f"{'the alert fires' if len(some) == 1 else f'{len(some)} alerts fire'}: {titles}{strange}"
