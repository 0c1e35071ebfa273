from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import select

from app.accounts.policy import Role
from app.core import live
from app.core.clock import now
from app.core.database import transaction
from app.incidents.models import Incident
from app.verification import actions
from app.verification.models import Sample, Verification, WatchedCheck
from tests.factories import make_check, make_incident, make_person, make_release, make_service, make_target

METRIC = {"url": "https://prometheus.example.org", "requests": "r", "errors": "e", "measure": "error_ratio", "limit": 1.0, "window_s": 30}


class Story:
    """A verification as its rounds leave it behind: a climb, a fall, and checks that hold."""

    def __init__(self, *, incident=True):
        self.at = now()
        with transaction() as session:
            self.ana = make_person(session)
            self.viewer = make_person(session, "Vera Lind", Role.VIEWER)
            self.service = make_service(session, "login")
            make_check(session, self.service, url="https://login.example.org/health")
            target = make_target(session, self.service)
            make_release(session, target, "v1.2.1", standing="good")
            make_release(session, target, "v1.2.3", current=True)
            self.incident = make_incident(session, self.service, by=self.ana) if incident else None
            checks = [
                {"check_id": None, "name": "Error rate", "kind": "metric", "config": METRIC, "required": True},
                {"check_id": None, "name": "Version on each replica", "kind": "version", "config": {}, "required": True},
                {
                    "check_id": None,
                    "name": "Health",
                    "kind": "health",
                    "config": {"url": "https://login.example.org/health"},
                    "required": True,
                },
            ]
            contract = {"soak_s": 300, "deadline_s": 960, "every_s": 10, "checks": checks}
            made = actions.start(session, service=self.service, contract=contract, by=self.ana, incident=self.incident)
            self.id = made.id

    @property
    def path(self):
        return f"/verifications/{self.id}"

    def tell(self, *, outcome="pass", error_rate=0.4, holding=True, **facts):
        """Write how it stands after five minutes."""
        began = self.at - timedelta(minutes=4)
        pods = [
            {"name": f"login-6c9f7d-{name}", "version": "v1.2.3", "age_s": age, "right": True}
            for name, age in (("4xk2p", 290), ("q8w7d", 250))
        ]
        with transaction() as session:
            one = session.get_one(Verification, self.id)
            one.acted_at, one.began_at = began - timedelta(minutes=1), began
            one.holding_since = began + timedelta(minutes=1) if holding else None
            one.rounds = 24
            for name, value in {"sentence": "Recovered, if all checks hold.", **facts}.items():
                setattr(one, name, value)
            rows = list(
                session.scalars(select(WatchedCheck).where(WatchedCheck.verification_id == self.id).order_by(WatchedCheck.position))
            )
            for row, sentence in zip(
                rows,
                (f"{error_rate}\u00a0%, under 1\u00a0%.", "v1.2.3 on 2 of 2 pods.", "login.example.org/health answers 200."),
                strict=True,
            ):
                row.outcome, row.sentence, row.seen_at, row.successes = "pass", sentence, self.at, 9
                row.holding_since = began + timedelta(seconds=30 + 15 * row.position)
            rows[0].outcome, rows[0].value, rows[0].limit, rows[0].unit = outcome, error_rate, 1.0, "%"
            rows[0].holding_since = rows[0].holding_since if outcome == "pass" else None
            rows[1].parts = {"pods": pods}
            for step in range(60):
                at = began - timedelta(minutes=5) + timedelta(seconds=9 * step)
                value = 12.4 if step < 28 else max(12.4 - 2.2 * (step - 28), error_rate)
                kind = "early" if step < 36 else "pass"
                session.add(
                    Sample(
                        verification_id=self.id,
                        position=0,
                        at=at,
                        outcome=kind,
                        value=value,
                        is_history=step < 34,
                        sentence=f"{value:.1f} %",
                    )
                )
        return self


@pytest.fixture
def story(console):
    return Story()


def test_the_page_says_the_verdict_first_and_then_what_led_to_it(client, sign_in, story):
    story.tell()
    sign_in(client, story.viewer)
    text = client.get(story.path).text
    assert "Recovered, if all checks hold until" in text
    assert "of the 5\u00a0min soak" in text
    assert "0.4\u00a0%" in text
    assert "2 of 2" in text
    assert "login.example.org/health answers 200." in text
    assert text.count('class="lg-chart"') == 2
    assert story.incident.title in text
    assert "style=" not in text.partition('class="lg-vf"')[2].partition("</main>")[0]


def test_the_page_and_its_piece_are_the_same_partial(client, sign_in, story):
    story.tell()
    sign_in(client, story.viewer)
    piece = client.get(f"{story.path}/piece").text
    assert piece.startswith(f'<div id="verification-{story.id}"')
    assert f'data-live="verification-{story.id}"' in piece
    assert client.get(story.path).text.count("lg-vf-big") == piece.count("lg-vf-big") == 1


@pytest.mark.parametrize(
    ("verdict", "headline", "next_step"),
    [
        ("recovered", "Login has recovered", "Resolve INC-"),
        ("partly", "Login has recovered only in part", "The next release to go back to is"),
        ("not", "Login has not recovered", "The next release to go back to is"),
        ("worse", "Login is worse than before the run", "v1.2.1"),
    ],
)
def test_each_verdict_has_its_headline_and_its_next_step(client, sign_in, story, verdict, headline, next_step):
    story.tell(state="done", verdict=verdict, ended_at=story.at, sentence="All 3 checks held.")
    sign_in(client, story.ana)
    text = client.get(story.path).text
    assert headline in text
    assert next_step in text
    with transaction() as session:
        assert session.get_one(Incident, story.incident.id).state == "verifying"


def test_a_check_that_fails_or_cannot_tell_is_explained(client, sign_in, story):
    sign_in(client, story.viewer)
    story.tell(outcome="fail", error_rate=4.2, holding=False, sentence="Not yet. Error rate: 4.2 %.")
    text = client.get(story.path).text
    assert "Login has not recovered yet" in text
    assert "Fails" in text


def test_before_the_first_round_the_page_is_calm_and_complete(client, sign_in, story):
    sign_in(client, story.viewer)
    text = client.get(story.path).text
    assert "Waiting for the first numbers that count" in text
    assert "Not read yet" in text


def test_the_readings_stand_in_a_table_for_those_who_do_not_see_curves(client, sign_in, story):
    story.tell()
    sign_in(client, story.viewer)
    text = client.get(f"{story.path}/numbers").text
    assert text.startswith(f'<div id="verification-{story.id}-numbers"')
    assert "<caption>Error rate: the newest of 26 readings</caption>" in text
    assert "No reading yet." in text


def test_stopping_it_needs_the_permission_and_leaves_no_verdict(client, sign_in, story):
    sign_in(client, story.viewer)
    assert client.post(f"{story.path}/cancel").status_code == 403
    sign_in(client, story.ana)
    answer = client.post(f"{story.path}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, story.path)
    piece = client.post(f"{story.path}/cancel", headers={"HX-Request": "true"})
    assert "Stopped without a verdict" in piece.text


def test_it_can_be_started_by_hand_from_a_service_and_belongs_to_the_incident(client, sign_in, story):
    sign_in(client, story.ana)
    client.post(f"{story.path}/cancel")
    answer = client.post("/services/login/verifications", data={"incident_id": str(story.incident.id)})
    assert answer.headers["location"].startswith("/verifications/")
    again = client.post("/services/login/verifications", data={"incident_id": str(story.incident.id)})
    assert again.headers["location"] == answer.headers["location"]
    with transaction() as session:
        made = session.get_one(Verification, int(answer.headers["location"].rpartition("/")[2]))
        assert (made.incident_id, made.run_id, made.asked_by_id) == (story.incident.id, None, story.ana.id)


def test_a_service_without_checks_says_what_to_do_instead(client, sign_in, story):
    with transaction() as session:
        make_service(session, "bare")
    sign_in(client, story.ana)
    answer = client.post("/services/bare/verifications")
    assert answer.headers["location"] == "/services/bare"


def test_somebody_of_another_service_finds_nothing(client, sign_in, story):
    with transaction() as session:
        stranger = make_person(session, "Sam Okafor", Role.COMMANDER, service=make_service(session, "shop"))
    sign_in(client, stranger)
    for path in ("", "/piece", "/numbers"):
        assert client.get(story.path + path).status_code == 404
    assert client.post(f"{story.path}/cancel").status_code == 404


def test_where_nothing_says_what_should_run_the_page_does_without(client, sign_in, story):
    story.tell(expected={})
    sign_in(client, story.viewer)
    text = client.get(story.path).text
    assert "No check has failed since then." in text
    assert "Should run" not in text


def test_without_an_incident_the_page_stands_for_itself(client, sign_in, console):
    story = Story(incident=False).tell()
    sign_in(client, story.viewer)
    text = client.get(story.path).text
    assert "<h1>Verification of Login</h1>" in text


@pytest.mark.browser
def test_the_page_follows_the_rounds_without_a_reload_and_keeps_the_table_open(open_page, story):
    page = open_page(story.path, story.viewer)
    page.get_by_text("Waiting for the first numbers that count").wait_for()
    page.get_by_text("The readings behind it").click()
    story.tell()
    with transaction() as session:
        live.tell(session, f"verification-{story.id}")
    page.get_by_text("Recovered, if all checks hold until").wait_for()
    page.get_by_text("Error rate: the newest of 26 readings").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_everybody_can_use_the_page(open_page, story, theme, width):
    story.tell()
    page = open_page(story.path, story.ana, width=width, theme=theme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.browser
def test_without_javascript_it_can_be_stopped(open_page, story):
    page = open_page(story.path, story.ana, javascript=False)
    page.get_by_role("button", name="Stop watching").click()
    page.get_by_role("heading", name="Stopped without a verdict").wait_for()
