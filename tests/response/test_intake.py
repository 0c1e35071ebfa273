import ast
import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from app.accounts.policy import Role
from app.catalog.actions import ContactFacts, set_contacts
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import Conflict, NotFound, Refused
from app.incidents import actions as incidents
from app.incidents.models import Incident, IncidentService, TimelineEntry
from app.incidents.states import State
from app.notifications import alert_shapes, integrations
from app.notifications.alerting_models import Alert, IntakeReceipt, Integration, PageAttempt
from app.response import intake
from app.runs.models import Plan, Run
from tests import factories


def alertmanager(*alerts, group='{}:{alertname="Errors"}'):
    """A message as Alertmanager sends it (version 4)."""
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "lastgood",
        "groupLabels": {"alertname": "Errors"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org:9093",
        "alerts": list(alerts),
    }


def alert(fingerprint="1a30ba71cca2921f", status="firing", *, service="login", severity="critical", minutes=2, **labels):
    return {
        "status": status,
        "labels": {"alertname": "HighErrorRate", "service": service, "severity": severity} | labels,
        "annotations": {"summary": f"{service} answers with errors", "description": "More than 5 %"},
        "startsAt": (now() - timedelta(minutes=minutes)).replace(second=0, microsecond=0).isoformat().replace("+00:00", ".123456789Z"),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=x",
        "fingerprint": fingerprint,
    }


@pytest.fixture
def scene(console):
    with transaction() as session:
        admin = factories.make_person(session, "Ida Berg", Role.ADMIN)
        mei = factories.make_person(session, "Mei Tan")
        login = factories.make_service(session, "login")
        source, token = integrations.add(session, name="Alertmanager prod", kind="alertmanager", by=admin)
    return {"admin": admin, "mei": mei, "login": login, "source": source, "token": token}


def send(scene, body, kind="alertmanager", source=None):
    with transaction() as session:
        integration = session.get_one(Integration, (source or scene["source"]).id)
        told = alert_shapes.read(kind, json.dumps(body).encode())
        return intake.take(session, integration, f"m-{time.monotonic_ns()}", told)


def lines():
    with transaction() as session:
        return list(session.scalars(select(TimelineEntry.body).where(TimelineEntry.kind == "alert").order_by(TimelineEntry.id)))


def the_incident():
    with transaction() as session:
        return session.scalars(select(Incident)).one()


def test_an_alert_opens_an_incident_of_its_service_with_its_severity_and_pages(scene):
    with transaction() as session:
        factories.make_channel(session, "mail", name="Ops mail")
        set_contacts(session, scene["login"], [ContactFacts(name="Ana Ruiz", email="ana@example.org")], by=scene["admin"])
    taken = send(scene, alertmanager(alert()))
    incident = the_incident()
    assert taken.opened == [incident.ref]
    assert (incident.title, incident.severity) == ("login answers with errors", "critical")
    assert incident.began_at < incident.declared_at
    with transaction() as session:
        assert session.scalars(select(IncidentService.service_id)).all() == [scene["login"].id]
        assert session.scalars(select(PageAttempt.name)).all() == ["Ana Ruiz"]
        row = session.scalars(select(Alert)).one()
        assert (row.opened, row.url) == (True, "http://prometheus.example.org:9090/graph?g0.expr=x")
        assert session.scalars(select(TimelineEntry.actor_name).where(TimelineEntry.kind == "state")).one() == "Alertmanager prod"
    assert lines() == ["the alert fires: login answers with errors"]


def test_an_alert_never_starts_a_run(scene):
    send(scene, alertmanager(alert()))
    send(scene, alertmanager(alert(status="resolved")))
    with transaction() as session:
        assert session.scalar(select(func.count(Run.id))) == session.scalar(select(func.count(Plan.id))) == 0


def test_what_takes_alerts_in_does_not_even_know_how_a_run_is_started():
    root = Path(intake.__file__).parents[1]
    for name in (
        "response/intake.py",
        "notifications/integrations.py",
        "notifications/alert_shapes.py",
        "web/routes/intake.py",
        "web/intake_views.py",
    ):
        modules = [node for node in ast.walk(ast.parse((root / name).read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in modules:
            text_of = ast.unparse(node)
            assert not any(word in text_of for word in ("app.runs", "app.executors", "recover", "app.core import queue")), (
                f"{name}: {text_of}"
            )


def test_the_same_alert_again_adds_nothing_and_resolving_it_resolves_no_incident(scene):
    for status in ("firing", "firing", "resolved", "resolved", "firing"):
        send(scene, alertmanager(alert(status=status)))
    assert lines() == [
        "the alert fires: login answers with errors",
        "the alert is resolved: login answers with errors. The incident stays detected until a person says otherwise",
        "the alert fires again: login answers with errors",
    ]
    assert the_incident().state == "detected"
    with transaction() as session:
        assert session.scalars(select(Alert.times)).one() == 5


def test_several_alerts_of_one_group_open_one_incident_with_the_worst_severity(scene):
    with transaction() as session:
        factories.make_service(session, "shop")
    several = [alert("a", severity="warning"), alert("b", service="shop"), alert("c", severity="info"), alert("d", severity="odd")]
    send(scene, alertmanager(*several))
    incident = the_incident()
    assert (incident.title, incident.severity) == ("shop answers with errors (and 3 more)", "critical")
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(IncidentService)) == 2
        severities = {row.fingerprint: row.severity for row in session.scalars(select(Alert))}
    assert severities == {"a": "medium", "b": "critical", "c": "low", "d": "high"}
    assert lines()[0].startswith("4 alerts fire: ")
    assert lines()[0].endswith("and 1 more")


def test_a_new_alert_joins_the_incident_of_its_group_or_service_but_not_a_milder_one_nor_a_drill(scene):
    with transaction() as session:
        drill = factories.make_incident(session, scene["login"], by=scene["mei"], is_drill=True)
        mild = factories.make_incident(session, scene["login"], by=scene["mei"], severity="low")
    first = send(scene, alertmanager(alert("a")))
    assert first.opened
    assert first.opened[0] not in {drill.ref, mild.ref}
    assert send(scene, alertmanager(alert("b", service="unheard-of"))).joined == first.opened  # its group
    assert send(scene, alertmanager(alert("c"), group="other")).joined == first.opened  # its service


def test_an_unknown_service_opens_an_incident_without_one_and_says_so(scene):
    send(scene, alertmanager(alert(service="billing")))
    with transaction() as session:
        assert session.scalars(select(IncidentService)).all() == []
    assert lines() == ["the alert fires: billing answers with errors. Not registered here: billing"]


def test_labels_and_names_map_to_services(scene):
    with transaction() as session:
        source = session.get_one(Integration, scene["source"].id)
        integrations.arrange(session, source, label="team", services={"identity": "login"}, severity="medium", by=scene["admin"])
    send(scene, alertmanager(alert(service="shop", severity="", team="identity")))
    assert the_incident().severity == "medium"
    with transaction() as session:
        assert session.scalars(select(IncidentService.service_id)).all() == [scene["login"].id]


def end(scene, *, ago=timedelta(0)):
    with transaction() as session:
        incident = session.scalars(select(Incident).order_by(Incident.id.desc())).first()
        incidents.move(session, incident, State.CANCELLED, reason="it is over", by=scene["mei"])
        incident.resolved_at -= ago


def test_an_alert_that_still_fires_after_a_person_ended_the_incident_opens_no_other_one_so_soon(scene):
    body = alertmanager(alert())
    send(scene, body)
    end(scene)
    assert send(scene, body).known == 1
    end_long_ago = text("UPDATE incidents SET resolved_at = resolved_at - interval '1 hour'")
    with transaction() as session:
        session.execute(end_long_ago)
    assert len(send(scene, body).opened) == 1


def test_a_new_fire_after_the_end_opens_a_new_incident(scene):
    send(scene, alertmanager(alert(minutes=30)))
    end(scene)
    assert len(send(scene, alertmanager(alert(minutes=1))).opened) == 1


def test_a_resolved_alert_that_nobody_knows_opens_nothing(scene):
    assert send(scene, alertmanager(alert(status="resolved"))).ignored == 1
    with transaction() as session:
        assert session.scalars(select(Incident)).all() == []


def test_in_a_storm_new_alerts_join_the_newest_incident(scene):
    for number in range(intake.MOST_OPENED):
        assert send(scene, alertmanager(alert(f"f{number}", service=f"s{number}"), group=f"g{number}")).opened
    taken = send(scene, alertmanager(alert("one-more", service="s77"), group="g77"))
    assert taken.opened == []
    assert taken.joined == ["INC-10"]
    assert "10 incidents were opened lately" in lines()[-1]
    with transaction() as session:
        session.execute(update(Incident).values(state="cancelled", resolved_at=func.now()))
    with pytest.raises(integrations.TooMany, match="No more are opened now"):
        send(scene, alertmanager(alert("two-more", service="s78"), group="g78"))


def test_too_many_messages_are_refused_with_a_sentence(scene):
    with transaction() as session:
        session.add_all(IntakeReceipt(integration_id=scene["source"].id, message_id=str(number)) for number in range(integrations.A_MINUTE))
    with pytest.raises(integrations.TooMany, match="within a minute"):
        send(scene, alertmanager(alert()))


def test_grafana_says_the_same_and_its_panel_is_the_link(scene):
    with transaction() as session:
        source, _ = integrations.add(session, name="Grafana", kind="grafana", by=scene["admin"])
    one = alert() | {
        "silenceURL": "https://g/s",
        "dashboardURL": "https://g.example.org/d/1",
        "panelURL": "https://g.example.org/d/1?viewPanel=2",
    }
    body = alertmanager(one) | {"orgId": 1, "title": "[FIRING:1]", "state": "alerting", "message": "**Firing**"}
    send(scene, body, "grafana", source)
    with transaction() as session:
        assert session.scalars(select(Alert.url)).one() == "https://g.example.org/d/1?viewPanel=2"


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"alerts": []}', b'{"alerts": [1]}', b'{"alerts": {}}', b"[" * 100_000])
def test_a_body_of_another_shape_is_refused_with_a_sentence(body):
    with pytest.raises(Refused, match="Nothing was opened"):
        alert_shapes.read("alertmanager", body)
    with pytest.raises(Refused, match="Nothing was opened"):
        alert_shapes.read("webhook", body)


def test_odd_values_are_read_as_text_or_left_out():
    odd = {
        "labels": {"alertname": "A\0B\n C", "n": 3, "x": {}},
        "generatorURL": "javascript:alert(1)",
        "startsAt": "yesterday",
        "annotations": [],
    }
    [told] = alert_shapes.read("alertmanager", json.dumps({"alerts": [odd]}).encode())
    assert (told.title, told.url, told.starts_at, told.labels) == ("AB C", "", None, {"alertname": "AB\n C", "n": "3"})
    assert len(told.fingerprint) == 32


def signed(secret, body, *, uid="m1", at=None):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    moment = str(int(at or time.time()))
    mac = hmac.new(key, f"{uid}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": uid, "webhook-timestamp": moment, "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}


def test_a_signed_message_is_taken_once_and_not_when_it_is_old_or_changed(scene):
    body = json.dumps({"title": "Checkout answers 500", "severity": "sev1", "service": "login"}).encode()
    with transaction() as session:
        source, secret = integrations.add(session, name="Scripts", kind="webhook", by=scene["admin"])

    def knock(headers, content=body):
        with transaction() as session:
            integration, message_id = integrations.known(session, source.hook, headers, content)
            return intake.take(session, integration, message_id, alert_shapes.read("webhook", content))

    headers = signed(secret, body)
    assert knock(headers).opened == ["INC-1"]
    with pytest.raises(Conflict, match="taken already"):
        knock(headers)
    for spoilt in (headers | {"webhook-id": "m2"}, headers | {"webhook-signature": "v1,x"}, {}, headers | {"webhook-timestamp": "٣"}):
        with pytest.raises(NotFound):
            knock(spoilt)
    with pytest.raises(NotFound):
        knock(headers, body + b" ")
    for off in (-301, 301):
        with pytest.raises(Refused, match="five minutes"):
            knock(signed(secret, body, uid=f"late{off}", at=time.time() + off))


def test_a_token_is_known_as_bearer_and_as_a_password_and_only_its_hash_is_kept(scene):
    basic = base64.b64encode(f"alertmanager:{scene['token']}".encode()).decode()
    with transaction() as session:
        for good in (f"Bearer {scene['token']}", f"bearer {scene['token']}", f"Basic {basic}"):
            assert integrations.known(session, scene["source"].hook, {"authorization": good}, b"")[0].id == scene["source"].id
        for bad in ("", "Bearer", "Bearer x", f"Token {scene['token']}", "Basic !!", scene["token"]):
            with pytest.raises(NotFound):
                integrations.known(session, scene["source"].hook, {"authorization": bad}, b"")
        kept = session.execute(text("SELECT token_hash, signing_key FROM integrations")).one()
        assert kept == (hashlib.sha256(scene["token"].encode()).digest(), None)
        integrations.rotate(session, session.get_one(Integration, scene["source"].id), by=scene["admin"])
        with pytest.raises(NotFound):
            integrations.known(session, scene["source"].hook, {"authorization": f"Bearer {scene['token']}"}, b"")
