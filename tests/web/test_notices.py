import re

import pytest
from sqlalchemy import func, select, update

from app.accounts.policy import Role
from app.core.database import transaction
from app.incidents.states import Severity
from app.notifications.models import ChannelSetting, Delivery, Notice, NoticeTemplateVersion, Recipient, UpdateClock
from app.response import declare as declaring
from tests import factories


@pytest.fixture
def stage(client, sign_in):
    """A critical incident on one service, a channel for its team, and a commander who is signed in."""

    class Stage:
        pass

    stage = Stage()
    with transaction() as session:
        stage.ana = factories.make_person(session, "Ana Ruiz")
        stage.bo = factories.make_person(session, "Bo Lind", Role.RESPONDER)
        stage.ida = factories.make_person(session, "Ida Berg", Role.ADMIN)
        service = factories.make_service(session, "login", name="Log-in")
        told = {"severity": Severity.CRITICAL, "service_ids": (service.id,)}
        stage.incident = declaring.declare(session, title="Nobody <b>can</b> sign in", form_nonce="n", by=stage.ana, **told)
        stage.channel = factories.make_channel(session, "webhook", url="https://x", secret="s")
        factories.make_recipient(session, stage.channel, name="Ops room")
        stage.alert = session.scalars(select(Notice.id).where(Notice.kind == "alert", Notice.audience == "inside")).one()
    stage.url = f"/incidents/{stage.incident.id}/notices"
    sign_in(client, stage.ana)
    return stage


def typed(client, number):
    """What the form of a draft holds, as a browser would send it."""
    page = client.get(f"/notices/{number}").text
    hidden = dict(re.findall(r'<input type="hidden" name="(version|last)" value="(\d+)"', page))
    with transaction() as session:
        notice = session.get_one(Notice, number)
        return hidden | {"subject": notice.subject, "body": notice.body, "next": "rule"}


def notice(number):
    with transaction() as session:
        return session.get_one(Notice, number)


def test_the_header_of_every_tab_counts_down_to_the_next_update(client, stage):
    for tab in ("", "/timeline", "/roles", "/notices"):
        page = client.get(f"/incidents/{stage.incident.id}{tab}").text
        assert re.search(r'data-due data-mood="calm" data-left="29\d\.\d+"', page), tab
    with transaction() as session:
        session.execute(update(UpdateClock).values(due_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 1, 20)))
    piece = client.get(f"/incidents/{stage.incident.id}/header").text
    assert 'data-mood="late"' in piece
    assert "01:20 late" in piece


def test_the_tab_shows_the_prepared_alert_and_the_page_is_the_piece(client, stage):
    page, piece = client.get(stage.url).text, client.get(f"{stage.url}/list").text
    assert f'href="/notices/{stage.alert}">Incident alert for everyone inside' in page
    start = page.index('<div id="incident-')
    assert piece.strip() in page[start - 200 :] or piece.strip().splitlines()[0] in page


def test_a_draft_is_read_edited_and_sent_in_one_form(client, stage):
    page = client.get(f"/notices/{stage.alert}").text
    assert "[CRITICAL] Nobody &lt;b&gt;can&lt;/b&gt; sign in" in page
    assert "Not known yet: impact, action, eta, commander" in page
    assert "Goes to 1 receiver:" in page
    sent = client.post(f"/notices/{stage.alert}", data=typed(client, stage.alert) | {"impact": "Nobody gets in", "do": "send"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/notices/{stage.alert}")
    assert "Impact: Nobody gets in" in notice(stage.alert).sent_text
    after = client.get(f"/notices/{stage.alert}").text
    assert "0 of 1 sent" in after
    assert "Ops room" in after
    timeline = client.get(f"/incidents/{stage.incident.id}/timeline").text
    assert f'href="/notices/{stage.alert}"' in timeline
    assert client.get(f"/incidents/{stage.incident.id}/timeline?kind=notice").status_code == 200


def test_a_second_press_sees_who_was_first_and_nothing_is_sent_twice(client, stage, sign_in):
    form = typed(client, stage.alert) | {"do": "send"}
    assert client.post(f"/notices/{stage.alert}", data=form).status_code == 303
    sign_in(client, stage.bo)
    answer = client.post(f"/notices/{stage.alert}", data=form)
    assert answer.status_code == 409
    assert "Ana Ruiz sent this notice at" in answer.text
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def test_an_unknown_field_is_refused_with_the_near_one_and_what_was_typed_stays(client, stage):
    answer = client.post(f"/notices/{stage.alert}", data=typed(client, stage.alert) | {"body": "{{ severty }} and more", "do": "send"})
    assert answer.status_code == 422
    assert "Did you mean severity?" in answer.text
    assert "{{ severty }} and more" in answer.text
    assert notice(stage.alert).state == "draft"


def test_the_preview_follows_what_is_typed_and_saves_nothing(client, stage):
    form = {"subject": "{{ incident }}", "body": "{{ action }} until {{ next_update }}", "action": "<i>Rolling back</i>", "next": "30"}
    piece = client.post(f"/notices/{stage.alert}/preview", data=form).text
    assert f"INC-{stage.incident.id}" in piece
    assert "&lt;i&gt;Rolling back&lt;/i&gt; until by" in piece
    assert "There is no field" in client.post(f"/notices/{stage.alert}/preview", data={"subject": "x", "body": "{{ nope }}"}).text
    assert notice(stage.alert).version == 1
    assert "Rolling back" not in notice(stage.alert).subject


def test_snoozing_and_setting_the_next_time_are_in_the_same_form(client, stage):
    form = typed(client, stage.alert) | {"next": "30", "do": "snooze"}
    refused = client.post(f"/notices/{stage.alert}", data=form)
    assert (refused.status_code, "Say in a few words why" in refused.text) == (422, True)
    assert client.post(f"/notices/{stage.alert}", data=form | {"reason": "the restore runs"}).status_code == 303
    page = client.get(stage.url).text
    assert "set by <span hx-ignore>Ana Ruiz: the restore runs</span>" in page
    assert client.post(f"/incidents/{stage.incident.id}/cadence", data={"next": "5"}).status_code == 303
    assert client.post(f"/incidents/{stage.incident.id}/cadence", data={"next": "7"}).status_code == 422


def test_a_copy_that_failed_says_why_and_is_sent_again_by_hand(client, stage):
    client.post(f"/notices/{stage.alert}", data=typed(client, stage.alert) | {"do": "send"})
    with transaction() as session:
        reason = "hooks.example.org:443 answered 302, a redirect, and redirects are not followed."
        session.execute(update(Delivery).values(state="failed", ended_at=func.now(), reason=reason, tries=1))
        number = session.scalars(select(Delivery.id)).one()
    assert "1 not arrived" in client.get(stage.url).text
    assert "redirects are not followed" in client.get(f"/notices/{stage.alert}/copies").text
    retried = client.post(f"/notices/{stage.alert}/copies/{number}/retry", headers={"HX-Request": "true"})
    assert (retried.status_code, "Waits" in retried.text) == (200, True)
    again = client.post(f"/notices/{stage.alert}/copies/{number}/retry")
    assert again.status_code == 303
    assert "was not sent again" in client.get(f"/notices/{stage.alert}").text


def test_without_a_channel_people_are_told_another_way_and_that_is_written_down(client, stage):
    with transaction() as session:
        session.execute(update(Recipient).values(archived_at=func.now()))
    form = typed(client, stage.alert) | {"do": "send"}
    assert "Nobody would get it" in client.post(f"/notices/{stage.alert}", data=form).text
    assert client.post(f"/notices/{stage.alert}", data=form | {"elsewhere": "on the bridge"}).status_code == 303
    assert "Told another way: on the bridge" in client.get(f"/notices/{stage.alert}").text


def test_another_notice_is_prepared_by_hand(client, stage):
    made = client.post(stage.url, data={"kind": "apology", "audience": "customers"})
    assert "We are sorry about Log-in" in client.get(made.headers["location"]).text
    assert client.post(stage.url, data={"kind": "poem", "audience": "customers"}).status_code == 422


def test_channels_are_set_up_tried_out_and_never_shown_again(client, stage, sign_in):
    sign_in(client, stage.ida)
    assert "Set up" in client.get("/channels").text or "New channel" in client.get("/channels").text
    form = {
        "kind": "mail",
        "name": "Ops mail",
        "host": "smtp.example.org",
        "port": "587",
        "security": "starttls",
        "sender": "l@example.org",
    }
    wrong = client.post("/channels", data=form | {"port": "x", "password": "hunter2-never-shown"})
    assert (wrong.status_code, "A port is a number" in wrong.text, "hunter2" in wrong.text) == (422, True, False)
    made = client.post("/channels", data=form | {"username": "u", "password": "hunter2-never-shown"})
    url = made.headers["location"]
    page = client.get(url).text
    assert "smtp.example.org:587" in page
    assert "hunter2" not in page
    with transaction() as session:
        setting = session.scalars(select(ChannelSetting).where(ChannelSetting.name == "Ops mail")).one()
        assert b"hunter2" not in setting.sealed
    assert client.post(f"{url}/test", data={"address": "ida@example.org"}).status_code == 303
    assert "Waits" in client.get(f"{url}/tests").text
    told = {"name": "On call", "address": "oncall@example.org", "audience": "team", "least_severity": "high", "service": "login"}
    assert client.post(f"{url}/recipients", data=told).status_code == 303
    assert "is told by Ops mail already" in client.post(f"{url}/recipients", data=told).text
    assert client.post(f"{url}/pause", data={"paused": "yes"}).status_code == 303
    assert "every copy for it is skipped" in client.get(url).text
    assert client.post(f"{url}/remove").status_code == 303
    assert client.get(url).status_code == 404


def test_every_kind_of_channel_has_a_form(client, stage, sign_in):
    sign_in(client, stage.ida)
    assert "Signed JSON" in client.get("/channels/new").text
    for kind in ("mail", "webhook", "apprise"):
        assert client.get(f"/channels/new?kind={kind}").status_code == 200
    slack = {"kind": "apprise", "name": "Slack", "url": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"}
    page = client.get(client.post("/channels", data=slack).headers["location"]).text
    assert "Slack" in page
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in page


def test_templates_are_edited_with_a_preview_and_the_cadence_is_set(client, stage):
    page = client.get("/notice-templates").text
    address = re.search(r'href="(/notice-templates/\d+)">Incident alert for everyone inside<', page)[1]
    assert "Nobody can sign in" in client.get(address).text
    preview = client.post(f"{address}/preview", data={"subject": "{{ title }}", "body": "{{ titel }}"}).text
    assert "Did you mean title?" in preview
    assert client.post(address, data={"subject": "S", "body": "{{ titel }}", "was": "1"}).status_code == 422
    assert client.post(address, data={"subject": "S {{ title }}", "body": "B", "was": "1"}).status_code == 303
    assert client.post(address, data={"subject": "S", "body": "B", "was": "1"}).status_code == 409
    with transaction() as session:
        assert session.scalar(select(func.max(NoticeTemplateVersion.number))) == 2
    rules = {f"{name}-{severity}": "9" for name in ("first", "every") for severity in Severity}
    assert client.post("/notice-templates/cadence", data=rules).status_code == 303
    assert client.post("/notice-templates/cadence", data=rules | {"first-low": "0"}).status_code == 422
