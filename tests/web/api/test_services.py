"""Services, as a script registers them: the same rules and sentences as the forms."""

from sqlalchemy import select

from app.audit.models import AuditEntry
from app.catalog.models import Service
from app.core.database import transaction
from tests.web.api.conftest import problem


def test_a_service_needs_a_name_and_the_rest_is_as_on_the_form(admin):
    made = admin.post("/services", {"name": "Log-in API v2"})
    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "slug": "log-in-api-v2",
        "name": "Log-in API v2",
        "owner": "",
        "tier": 2,
        "description": "",
        "good_after_s": 600,
        "archived_at": None,
    }
    assert "log-in-api-v2" in {one["slug"] for one in admin.get("/services").json()["items"]}


WRONG = [
    ({"name": " "}, "name", "A service needs a name of 1 to 100 characters."),
    ({"name": "x", "slug": "Ä"}, "slug", "A slug has up to 63 small letters, digits and hyphens, like log-in."),
    ({"name": "x", "slug": "login-api"}, "slug", "There is already a service login-api. Open that one, or choose another slug."),
    ({"name": "x", "tier": 9}, "tier", "Choose a tier from 1 to 4."),
    ({"name": "x", "good_after_s": 10**30}, "good_after_s", "Give a time from 5 seconds to 7 days."),
    ({"name": "x", "id": 7}, "id", "Extra inputs are not permitted"),
]


def test_a_wrong_field_is_told_in_the_words_of_the_form_and_nothing_is_registered(admin):
    before = admin.get("/services").json()
    for body, field, sentence in WRONG:
        answer = admin.post("/services", body)
        assert sentence in problem(answer, 422)
        assert set(answer.json()["fields"]) == {field}
    assert admin.get("/services").json() == before


def test_what_is_not_sent_stays_and_a_slug_never_changes(admin, world):
    before = admin.get("/services/login-api").json()
    after = admin.post("/services/login-api/facts", {"tier": 1, "owner": "Identity"}).json()
    assert (after["tier"], after["owner"]) == (1, "Identity")
    assert {name: after[name] for name in ("name", "slug", "description", "good_after_s")} == {
        name: before[name] for name in ("name", "slug", "description", "good_after_s")
    }
    answer = admin.post("/services/login-api/facts", {"slug": "other"})
    problem(answer, 422)
    assert set(answer.json()["fields"]) == {"slug"}


def test_contacts_and_links_take_the_place_of_those_that_are_there_in_their_order(admin, world):
    pager, lead = {"name": "Pager", "phone": "110"}, {"role": "Lead", "name": "Tomas", "email": "t@example.org"}
    admin.post("/services/login-api/contacts", {"contacts": [pager, lead]})
    told = admin.post("/services/login-api/contacts", {"contacts": [lead, {}, pager]}).json()
    assert [contact["name"] for contact in told["contacts"]] == ["Tomas", "Pager"]
    told = admin.post("/services/login-api/links", {"links": [{"url": "https://grafana.example.org"}]}).json()
    assert told["links"] == [{"label": "https://grafana.example.org", "url": "https://grafana.example.org"}]
    assert told == admin.get("/services/login-api").json()


def test_a_row_that_cannot_be_used_is_named_by_its_place(admin, world):
    rows = [{"name": "Pager", "phone": "110"}, {"name": "Tomas"}, {"phone": "112"}]
    answer = admin.post("/services/login-api/contacts", {"contacts": rows})
    problem(answer, 422)
    assert answer.json()["fields"] == {
        "contacts.1.phone": "Give a phone number, a mail address or a chat name for Tomas.",
        "contacts.2.name": "Say who answers, like “Payments on-call”.",
    }
    answer = admin.post("/services/login-api/links", {"links": [{"url": "javascript:alert(1)"}]})
    assert answer.json()["fields"] == {"links.0.url": "The address begins with https:// or http://."}
    problem(admin.post("/services/login-api/contacts", {"contacts": [{"name": "x", "phone": "1"}] * 31}), 422)
    assert admin.get("/services/login-api").json()["contacts"] == []


def test_an_archived_service_is_gone_and_sending_that_again_gets_the_first_answer(admin, world):
    first = admin.post("/services/login-api/archive", key="a")
    again = admin.post("/services/login-api/archive", key="a")
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["archived_at"]
    problem(admin.get("/services/login-api"), 404)
    problem(admin.post("/services/login-api/facts", {"tier": 1}), 404)
    with transaction() as session:
        assert session.scalar(select(Service.archived_at).where(Service.slug == "login-api"))
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "service.archive")).all()) == 1


def test_a_token_of_somebody_who_only_responds_registers_nothing(script, world):
    by = script(world.me)
    for path, body in (("/services", {"name": "x"}), ("/services/login-api/facts", {"tier": 1}), ("/services/login-api/archive", None)):
        assert "it lacks the scope service.edit, or its owner may not do it either" in problem(by.post(path, body), 403)


def test_a_release_says_how_it_stands_and_when_it_ran(admin, world):
    good = world.stage.good.id
    admin.post(f"/releases/{good}/mark", {"standing": "suspect", "reason": "leaks memory"})
    told = admin.get(f"/releases/{good}").json()
    assert (told["service"], told["standing"], told["standing_reason"]) == ("login-api", "suspect", "leaks memory")
    assert all(set(one) == {"began_at", "ended_at", "by"} for one in told["rollouts"])
