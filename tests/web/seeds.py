"""A believable morning at a small shop, for pages that want to be looked at: services, what went out, figures, incidents."""

from datetime import timedelta

from sqlalchemy import insert, update

from app.accounts.policy import Role
from app.catalog.models import CheckReading, Contact, Link, Rollout
from app.core.clock import now
from app.incidents import actions, affected, facts, roles, timeline
from app.incidents.models import Incident, Phase, TimelineEntry
from app.incidents.states import Severity, State
from tests.factories import make_check, make_person, make_release, make_service, make_target

ERROR_RATE = {
    "url": "http://127.0.0.1:9090",
    "measure": "error_ratio",
    "requests": "sum(rate(r[{window}]))",
    "errors": "sum(rate(e[{window}]))",
    "limit": 1.0,
}


def service_on(session, slug, before, after, *, minutes, good=True):
    """A service that went from one version to another some minutes ago; returns it with its target and both releases."""
    service = make_service(session, slug, owner="Web team", tier=1)
    target = make_target(session, service, observed_at=now())
    proven = {"standing": "good", "standing_reason": "all its checks held for 10 min", "standing_by": "checks"}
    old = make_release(session, target, before, **(proven if good else {}))
    new = make_release(session, target, after)
    began = now() - timedelta(minutes=minutes)
    session.add(Rollout(target_id=target.id, release_id=old.id, began_at=began - timedelta(days=9), ended_at=began))
    session.flush()
    session.add(Rollout(target_id=target.id, release_id=new.id, replaced_id=old.id, began_at=began))
    session.flush()
    return service, target, old, new


def figures(session, service, values, *, name="error rate", config=ERROR_RATE, limit=1.0):
    """A metric check and its readings, one every 30 s up to now."""
    check = make_check(session, service, "metric", name, **config)
    moment = now()
    rows = [
        {
            "check_id": check.id,
            "at": moment - timedelta(seconds=30 * (len(values) - 1 - place)),
            "outcome": "fail" if value > limit else "pass",
            "value": value,
            "sentence": f"{value:g} %, {'over' if value > limit else 'under'} {limit:g} %.",
        }
        for place, value in enumerate(values)
    ]
    session.execute(insert(CheckReading), rows)
    return check


def shop(session):
    """login with a bad release, checkout and search that are well. Returns (login, its target, old, new)."""
    login = service_on(session, "login", "v1.2.3", "v1.2.4", minutes=12)
    figures(session, login[0], [0.3, 0.2, 0.4] * 20 + [0.4, 2.1, 6.0, 9.4, 11.8, 12.4, 12.1, 12.6, 12.4])
    health = make_check(session, login[0], "health", "health")
    session.add(CheckReading(check_id=health.id, at=now(), outcome="pass", sentence="login answers 200 in 34 ms."))
    checkout = service_on(session, "checkout", "v3.19.0", "v3.19.1", minutes=340)
    figures(session, checkout[0], [0.2, 0.1, 0.2] * 20)
    service_on(session, "search", "v0.31.6", "v0.31.7", minutes=60 * 20, good=False)
    make_service(session, "billing", name="Billing worker")
    session.add_all(
        [
            Contact(service_id=login[0].id, position=1, role="On-call engineer", name="Mei Tan", phone="+1 555 0134"),
            Contact(service_id=login[0].id, position=2, role="DevOps lead", name="Tomas Lindqvist", phone="+1 555 0171"),
            Link(service_id=login[0].id, position=1, label="Dashboard: login overview", url="https://grafana.example.org/login"),
        ]
    )
    session.flush()
    return login


def people(session):
    return (
        make_person(session, "Ana Ruiz"),
        make_person(session, "Jonas Weber", Role.RESPONDER),
        make_person(session, "Priya Nair", Role.RESPONDER),
        make_person(session, "Vic Low", Role.VIEWER),
    )


def incident(session, login, *, by, helper, title="Log-in fails for some users of the mobile app", state=State.ASSESSED):
    """Declared 14 minutes ago, with notes, a commander, a scribe and some noise of the system."""
    made = actions.declare(
        session, title=title, form_nonce=f"seed-{title}", severity=Severity.CRITICAL, service_ids=(login.id,), by=by, takes_command=True
    )
    roles.take(session, made, roles.SCRIBE, by=helper)
    facts.change(session, made, affected_percent=30.0, impact="Everybody on the mobile app before 5.2 is logged out.", by=by)
    timeline.note(session, made, body="Desktop sign-in works. **Checkout** is not affected.", by=helper)
    for tick in range(6):
        timeline.record(session, made, f"Seen: error rate {tick + 6}.2 %", kind="system", by=by, is_system=True)
    found = "Found it: v1.2.4 rejects tokens of the app before 5.2.\n\n- see https://example.org/t/1\n- fix: 45 min"
    timeline.note(session, made, body=found, by=by)
    if state is not State.DETECTED:
        actions.move(session, made, state, by=by)
    began = now() - timedelta(minutes=14, seconds=32)
    session.execute(update(Incident).where(Incident.id == made.id).values(declared_at=began, began_at=began))
    session.execute(update(Phase).where(Phase.incident_id == made.id, Phase.state == "detected").values(began_at=began))
    session.flush()
    session.refresh(made)
    return made


def many_lines(session, made, count):
    began = now() - timedelta(minutes=13)
    same = {"incident_id": made.id, "kind": "note", "actor_name": "Ana Ruiz", "refs": {}}
    rows = [same | {"at": began + timedelta(milliseconds=n), "body": f"line {n}"} for n in range(count)]
    session.execute(insert(TimelineEntry), rows)
    session.execute(update(Incident).where(Incident.id == made.id).values(entries=Incident.entries + count))


def suspect(session, made, login, release, *, by):
    affected.suspect(session, made, login, release, by=by)
