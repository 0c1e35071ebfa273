import html
import re

import pytest

from app.accounts.policy import Role
from app.core.database import transaction
from app.core.settings import settings
from app.incidents.models import Incident
from app.notifications import drafting, public_post
from app.notifications import queries as notifications
from app.statuspage import actions, pages, publishing, queries
from app.statuspage.models import StatusPage, Subscriber
from tests import factories


@pytest.fixture
def scene(app):
    """A page with a component, an incident of its service, and a responder who may publish."""
    with transaction() as session:
        ana = factories.make_person(session, "Ana Ruiz", Role.RESPONDER)
        admin = factories.make_person(session, "Ida Berg", Role.ADMIN)
        login = factories.make_service(session, "login")
        page = pages.create(session, name="Oakline status", slug="oakline", by=admin)
        component = pages.add_component(session, page, name="Sign-in", service_id=login.id, by=admin)
        incident = factories.make_incident(session, login, by=ana, title="login v1.2.4 crashes")
    return {"ana": ana, "admin": admin, "page": page, "component": component, "incident": incident, "login": login}


def told(scene, **more):
    facts = {
        "title": "Sign-in fails in the mobile app",
        "text": "We are looking for the cause.",
        "state": "investigating",
        "must_act": "No",
        "next_in": "15",
        "seen": "0",
        "tells": "1",
        f"felt-{scene['component'].id}": "partial",
        f"words-{scene['component'].id}": "",
    }
    return facts | more


def carried():
    for page_id in publishing.due():
        publishing.carry(page_id)


def test_a_responder_writes_looks_and_publishes_and_the_public_reads_it(client, sign_in, scene):
    sign_in(client, scene["ana"])
    way = f"/incidents/{scene['incident'].id}/status"
    assert client.get(way).headers["location"] == f"{way}/{scene['page'].id}"
    form = client.get(f"{way}/{scene['page'].id}").text
    assert 'value="partial" selected' in form, "the component of the incident's service is proposed"
    preview = client.post(f"{way}/{scene['page'].id}/preview", data=told(scene))
    assert "Nothing is published yet" in preview.text
    assert "We are looking for the cause." in preview.text
    with transaction() as session:
        assert queries.active(session, session.get_one(StatusPage, scene["page"].id)) == []
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', preview.text))
    assert client.post(f"{way}/{scene['page'].id}", data=fields).status_code == 303
    carried()
    client.cookies.clear()
    public = client.get("/status/oakline/").text
    assert "Sign-in fails in the mobile app" in public
    assert "login v1.2.4" not in public


def test_changing_it_after_the_preview_keeps_what_was_typed(client, sign_in, scene):
    sign_in(client, scene["ana"])
    way = f"/incidents/{scene['incident'].id}/status/{scene['page'].id}/preview"
    again = client.post(way, data=told(scene, text="Typed once.", edit="1")).text
    assert "Typed once." in again
    assert "<form" in again


def test_a_refused_form_is_drawn_again_with_the_reason(client, sign_in, scene):
    sign_in(client, scene["ana"])
    way = f"/incidents/{scene['incident'].id}/status/{scene['page'].id}"
    refused = client.post(f"{way}/preview", data=told(scene, text=""))
    assert refused.status_code == 422
    assert "what is so, and for whom" in refused.text


def test_whoever_comes_second_is_shown_the_first(client, sign_in, scene):
    with transaction() as session:
        page = session.get_one(StatusPage, scene["page"].id)
        actions.publish(
            session, page, scene["incident"], text="Bo was first.", state="identified", title="Sign-in fails", by=scene["admin"]
        )
    sign_in(client, scene["ana"])
    second = client.post(f"/incidents/{scene['incident'].id}/status/{scene['page'].id}", data=told(scene))
    assert second.status_code == 409
    assert "Bo was first." in second.text
    assert 'name="seen" value="1"' in second.text


def test_a_drill_has_no_form(client, sign_in, scene):
    with transaction() as session:
        drill = factories.make_incident(session, scene["login"], by=scene["ana"], is_drill=True)
    sign_in(client, scene["ana"])
    assert "never shown to the public" in client.get(f"/incidents/{drill.id}/status").text
    assert client.get(f"/incidents/{drill.id}/status/{scene['page'].id}").status_code == 422


def test_the_console_serves_the_files_squeezed_and_with_their_etag(client, scene):
    carried()
    first = client.get("/status/oakline/", headers={"Accept-Encoding": "br"})
    assert first.headers["content-encoding"] == "br"
    assert client.get("/status/oakline/", headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"
    plain = client.get("/status/oakline/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    again = client.get("/status/oakline/", headers={"Accept-Encoding": "identity", "If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304
    style = re.search(r'href="(assets/public-[^"]+)"', plain.text)[1]
    assert "immutable" in client.get(f"/status/oakline/{style}").headers["cache-control"]
    assert client.get("/status/oakline/status.json").headers["content-type"] == "application/json"
    for path in ("%2e%2e/oakline/index.html", "..%2foakline/index.html", ".generation", "assets/..%2findex.html", "nothing.html"):
        assert client.get(f"/status/oakline/{path}").status_code == 404


def test_a_page_for_people_signed_in_is_drawn_for_them_and_never_written(client, sign_in, scene):
    with transaction() as session:
        pages.create(session, name="Inside", slug="inside", is_private=True, by=scene["admin"])
    carried()
    assert not (settings().state_dir / "status" / "inside").exists()
    assert client.get("/status/inside/").status_code == 404
    assert client.get("/internal-status/inside/").headers["location"].startswith("/sign-in")
    sign_in(client, scene["ana"])
    assert "Inside" in client.get("/internal-status/inside/").text
    assert client.get("/internal-status/inside/feed.atom").headers["content-type"].startswith("application/atom+xml")


def test_an_administrator_opens_a_page_and_arranges_it(client, sign_in, scene):
    sign_in(client, scene["admin"])
    made = client.post("/status-pages", data={"name": "EU status", "slug": "eu"})
    way = made.headers["location"]
    assert client.post("/status-pages", data={"name": "Again", "slug": "eu"}).status_code == 422
    page_id = way.split("/")[2]
    client.post(f"/status-pages/{page_id}/groups", data={"name": "Shop"})
    client.post(f"/status-pages/{page_id}/components", data={"name": "Search"})
    client.post(f"/status-pages/{page_id}/components", data={"name": "Checkout"})
    with transaction() as session:
        page = session.get_one(StatusPage, int(page_id))
        second, group = queries.components(session, page)[1], queries.groups(session, page)[0]
    client.post(f"/status-pages/{page_id}/components/{second.id}", data={"name": "Checkout", "group_id": group.id})
    client.post(f"/status-pages/{page_id}/components/{second.id}/move", data={"to": "up"})
    carried()
    public = client.get("/status/eu/").text
    assert "Search" in public.partition("<h3>Shop</h3>")[0]
    assert "Checkout" in public.partition("<h3>Shop</h3>")[2]
    client.post(f"/status-pages/{page_id}/close")
    carried()
    assert client.get("/status/eu/").status_code == 404


def test_known_and_unknown_addresses_get_the_same_answer(client, scene):
    with transaction() as session:
        page = session.get_one(StatusPage, scene["page"].id)
        session.add(Subscriber(page_id=page.id, kind="webhook", address="https://known.example.org/x", state="active"))
    answers = [
        client.post("/status/oakline/subscribe", data={"kind": "webhook", "address": f"https://{name}.example.org/x"})
        for name in ("known", "unknown")
    ]
    assert answers[0].text == answers[1].text
    assert {answer.status_code for answer in answers} == {200}


def test_the_form_of_a_page_on_another_host_is_taken(client, scene):
    headers = {"Origin": "https://status.oakline.example", "Sec-Fetch-Site": "cross-site"}
    asked = client.post("/status/oakline/subscribe", data={"kind": "webhook", "address": "https://a.example.org/x"}, headers=headers)
    assert asked.status_code == 200


def test_the_draft_for_the_public_is_where_the_form_begins_and_is_sent_with_what_was_published(client, sign_in, scene):
    with transaction() as session:
        drafting.declared(session, session.get_one(Incident, scene["incident"].id), by=scene["ana"])
    sign_in(client, scene["ana"])
    way = f"/incidents/{scene['incident'].id}/status/{scene['page'].id}"
    with transaction() as session:
        words = public_post.words(session, session.get_one(Incident, scene["incident"].id))
    assert words
    assert "not known yet" not in words, "what nobody knows yet is no paragraph for the public"
    assert words.splitlines()[0] in html.unescape(client.get(way).text)
    client.post(f"{way}/preview", data=told(scene))
    with transaction() as session:
        assert public_post.waiting(session, session.get_one(Incident, scene["incident"].id)), "a preview sends nothing"
    assert client.post(way, data=told(scene)).status_code == 303
    with transaction() as session:
        incident = session.get_one(Incident, scene["incident"].id)
        assert public_post.waiting(session, incident) is None
        (post,) = [one for one in notifications.ended(session, incident) if one.audience == "public"]
        assert (post.state, post.sent_text, post.ended_by) == ("sent", "We are looking for the cause.", "Ana Ruiz")
    assert 'value="15"' in client.get(way).text, "the promise begins with the incident's own rhythm"
