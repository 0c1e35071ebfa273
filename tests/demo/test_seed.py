"""The demo's rows: put there by the verbs that people use."""

import pytest
from sqlalchemy import func, select

from app.accounts import passwords
from app.accounts.models import User
from app.accounts.policy import SYSTEM, Role
from app.audit.models import AuditEntry
from app.catalog import observing, queries, releases
from app.catalog.models import AllowedAddress, Check, Release, Service, Target
from app.core.database import transaction
from app.demo import people
from app.demo.production import Production
from app.demo.repository import GOOD
from app.demo.seed import seed

REACH = SYSTEM.reach()


@pytest.fixture
def seeded(console, production):
    """A console with the demo in it; the sign-ins."""
    with transaction() as session:
        return seed(session, production)


def test_four_people_can_sign_in_with_passwords_of_their_own(seeded):
    assert [way.name for way in seeded] == ["Ana Ruiz", "Ben Okafor", "Cleo Martin", "Dana Novak"]
    assert len({way.password for way in seeded}) == 4
    with transaction() as session:
        for way in seeded:
            user = session.scalars(select(User).where(User.email == way.email)).one()
            assert passwords.matches(user.password_hash, way.password)
        roles = {role for character in people.CAST for role in people.person(session, character).grants}
    assert {granted.role for granted in roles} == set(Role) - {Role.VIEWER}


def test_the_terminal_shows_one_line_a_person(seeded):
    lines = people.as_lines(seeded)
    assert len(lines) == 4
    assert all(way.password in line for way, line in zip(seeded, lines, strict=True))


def test_the_shop_is_there_with_a_release_that_a_person_called_good(seeded):
    with transaction() as session:
        service = queries.get_service(session, "shop", reach=REACH)
        [target] = queries.targets_of(session, service)
        running = releases.current(session, target).release
        assert (running.version, running.standing, running.standing_by) == (GOOD, "good", "Ben Okafor")
        assert "without a complaint" in running.standing_reason
        assert [check.name for check in queries.checks_of(session, service)] == [
            "Health",
            "Version",
            "Failed log-ins",
            "Time to log in",
            "A customer's visit",
        ]


def test_seeded_again_nothing_is_doubled_and_nothing_is_written(seeded, production):
    counts = select(
        *(select(func.count()).select_from(model).scalar_subquery() for model in (User, Service, Target, Check, Release, AuditEntry))
    )
    with transaction() as session:
        before = tuple(session.execute(counts).one())
    with transaction() as session:
        assert seed(session, production) == seeded
    with transaction() as session:
        assert tuple(session.execute(counts).one()) == before


def test_a_password_that_was_changed_is_not_shown_any_more(seeded, production):
    with transaction() as session:
        user = session.scalars(select(User).where(User.email == seeded[0].email)).one()
        user.password_hash = passwords.hashed("another password of my own")
    with transaction() as session:
        assert [bool(way.password) for way in seed(session, production)] == [False, True, True, True]


def test_the_file_with_the_passwords_is_for_us_alone(seeded, production):
    assert (production.folder / "sign-ins.json").stat().st_mode & 0o777 == 0o600


def test_the_rows_follow_the_shop_to_another_port_and_leave_alone_what_people_changed(seeded, production):
    with transaction() as session:
        check = session.scalars(select(Check).where(Check.name == "Failed log-ins")).one()
        check.config = check.config | {"limit": 7.0}
    old = production.port
    moved = Production(production.folder, old)
    (production.folder / "port").write_text(str(old + 1))
    with transaction() as session:
        seed(session, moved)
    with transaction() as session:
        [target] = session.scalars(select(Target)).all()
        assert target.config["version_url"] == f"http://127.0.0.1:{old + 1}/version"
        configs = [str(check.config) for check in session.scalars(select(Check))]
        assert all(f":{old + 1}/" in config and f":{old}/" not in config for config in configs)
        assert session.scalars(select(Check).where(Check.name == "Failed log-ins")).one().config["limit"] == 7.0
        assert set(session.scalars(select(AllowedAddress.port))) == {old, old + 1}


def test_the_runner_sees_the_shop_as_it_is_and_the_next_version_when_it_goes_out(seeded, production):
    production.start()
    with transaction() as session:
        target_id = session.scalars(select(Target.id)).one()
    assert observing.observe(f"target-{target_id}", {})["running"] == GOOD
    production.break_it()
    assert observing.observe(f"target-{target_id}", {})["running"] == "v1.2.4"
    with transaction() as session:
        service = queries.get_service(session, "shop", reach=REACH)
        [target] = queries.targets_of(session, service)
        offer = releases.offer(session, target)
        assert (offer.release.version, offer.proven) == (GOOD, True)
        assert "marked good by Ben Okafor" in offer.why
        [change] = queries.recent_changes(session, reach=REACH)
        assert (change.release.version, change.replaced.version) == ("v1.2.4", GOOD)
