import pytest

from app.accounts.policy import Role
from app.core.database import transaction
from app.incidents.actions import move
from app.incidents.states import State
from tests.factories import make_incident, make_person, make_service
from tests.web import gallery, seeds


@pytest.fixture
def ana(client, sign_in):
    with transaction() as db:
        person = make_person(db)
    return sign_in(client, person)


def test_a_console_that_watches_nothing_has_one_loud_thing_for_whoever_may_add_a_service(client, sign_in):
    with transaction() as db:
        ada = make_person(db, "Ada", Role.ADMIN)
    sign_in(client, ada)
    page = client.get("/").text
    assert "This console watches nothing yet." in page
    assert page.count("btn-primary") == 1
    assert 'href="/services/new">Add the first service' in page
    assert client.get("/services").text.count("btn-primary") == 1


def test_a_console_that_watches_nothing_says_who_can_change_that(client, ana):
    page = client.get("/").text
    assert "No open incidents." in page
    assert "An administrator adds the services." in page


def test_a_climbing_error_rate_after_a_release_offers_a_declaration_that_is_filled_in(client, ana):
    with transaction() as db:
        seeds.shop(db)
    page = client.get("/").text
    assert "Login</a>: error rate 12.4\u00a0%" in page
    assert "Nothing is declared yet" in page
    assert page.count("btn-primary") == 2  # one on a screen: the panel's, and the phone's bar
    url = page.split('href="/incidents/new?')[1].split('"')[0].replace("&amp;", "&")
    form = client.get(f"/incidents/new?{url}").text
    assert 'value="login: error rate 12.4\u00a0% since v1.2.4"'.lower() in form.lower()
    assert 'value="login" checked' in form


def test_a_service_with_an_open_incident_is_not_offered_again(client, ana):
    with transaction() as db:
        login = seeds.shop(db)[0]
        make_incident(db, login, by=ana)
    page = client.get("/").text
    assert "error rate 12.4" not in page
    assert "Log-in fails for some users" in page


def test_open_incidents_stand_by_severity_with_commander_and_phase(client, ana):
    with transaction() as db:
        make_incident(db, by=ana, title="Slow", severity="low", takes_command=True)
        worst = make_incident(db, by=ana, title="Down", severity="critical")
        move(db, worst, State.RECOVERING, by=ana)
        move(db, make_incident(db, by=ana, title="Gone"), State.RESOLVED, by=ana)
    page = client.get("/").text
    assert page.index("Down") < page.index("Slow") < page.index("Ended lately") < page.index("Gone")
    assert "Nobody yet" in page
    assert "Recovering" in page
    assert "2 open incidents" in page


@pytest.mark.parametrize(
    ("state", "says"), [("run_running", "Wait until every replica is ready"), ("run_waits_for_approval", "Waits for approval")]
)
def test_the_run_of_an_incident_stands_in_its_row(client, sign_in, state, says):
    with transaction() as db:
        scene = gallery.make(db, state)
    sign_in(client, scene.viewer)
    row = client.get("/").text.split('class="lg-inc-run"')[1].split("lg-inc-commander")[0]
    assert f'href="{scene.address}"' in row
    assert says in row


def test_the_piece_is_what_the_page_holds(client, ana):
    with transaction() as db:
        make_incident(db, by=ana)
    piece = client.get("/board", headers={"HX-Request": "true"}).text
    assert piece.strip().startswith('<div id="board"')
    assert "<html" not in piece


def test_readers_of_one_service_see_that_service_only(client, sign_in):
    with transaction() as db:
        ana = make_person(db)
        login = seeds.shop(db)[0]
        mine = make_service(db, "mine")
        narrow = make_person(db, "Nia Low", Role.VIEWER, service=mine)
        make_incident(db, login, by=ana, title="Theirs")
        make_incident(db, mine, by=ana, title="Ours")
    sign_in(client, narrow)
    page = client.get("/").text
    assert "Ours" in page
    for hidden in ("Theirs", "Login", "Checkout", "v1.2.4", "Declare incident"):
        assert hidden not in page


def test_many_open_incidents_are_shown_by_the_worst_and_counted_no_further_than_a_hundred(client, ana):
    with transaction() as db:
        for number in range(103):
            make_incident(db, by=ana, title=f"Number {number}", severity="low" if number else "critical")
    page = client.get("/").text
    assert "100 or more open incidents" in page
    assert "The worst 20 are shown." in page
    assert page.index("Number 0<") < page.index("Number 102<")
