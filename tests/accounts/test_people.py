"""The last administrator, links, and the page of roles."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.accounts import grants, invitations, people, queries, setup
from app.accounts.models import Grant, Invitation, User
from app.accounts.policy import Role
from app.accounts.roles import FOR, MEANS, as_markdown
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import NotFound, Refused
from app.core.paths import APP
from tests import factories

PASSWORD = "four words in a row"
MADE = {"name": "Ida Berg", "email": "ida@example.org", "password": PASSWORD, "repeated": PASSWORD}


def together(*jobs):
    """Run at once; what each of them said."""
    said = []

    def run(job):
        try:
            with transaction() as session:
                job(session)
            said.append("done")
        except (Refused, NotFound) as refused:
            said.append(refused.sentence)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


@pytest.fixture
def two(console):
    with transaction() as session:
        return factories.make_person(session, "Ida Berg", Role.ADMIN), factories.make_person(session, "Nadia Haddad", Role.ADMIN)


def test_two_administrators_who_disable_each_other_leave_one(two):
    ida, nadia = two
    said = together(
        lambda session: people.disable(session, queries.get_user(session, nadia.id), by=ida),
        lambda session: people.disable(session, queries.get_user(session, ida.id), by=nadia),
    )
    assert said.count("done") == 1
    with transaction() as session:
        assert not setup.is_needed(session)


def test_two_administrators_who_take_each_others_role_leave_one(two):
    def take(session, whose, by):
        user = queries.get_user(session, whose.id)
        grants.take(session, user, user.grants[0].id, by=by)

    said = together(lambda session: take(session, two[1], two[0]), lambda session: take(session, two[0], two[1]))
    assert said.count("done") == 1
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Grant)) == 1


def test_nobody_disables_themselves(two):
    with pytest.raises(Refused, match="Nobody disables their own account"), transaction() as session:
        people.disable(session, session.get_one(User, two[0].id), by=two[0])


def test_the_same_role_given_twice_at_once_is_one_grant(two):
    ida, nadia = two
    give = lambda session: grants.give(session, queries.get_user(session, nadia.id), role=Role.COMMANDER, by=ida)  # noqa: E731
    assert together(give, give) == ["done", "done"]


def test_of_two_who_use_the_set_up_link_at_once_one_is_the_administrator(console):
    with transaction() as session:
        token = setup.new_link(session).rpartition("/")[2]
    said = together(
        lambda session: setup.complete(session, token, **MADE),
        lambda session: setup.complete(session, token, **MADE | {"email": "leo@example.org"}),
    )
    assert sorted(said) == sorted(["done", setup.USED_UP])


def test_a_set_up_link_ends_after_half_an_hour_and_with_the_next_one(console):
    with transaction() as session:
        first, second = setup.new_link(session).rpartition("/")[2], setup.new_link(session).rpartition("/")[2]
        with pytest.raises(NotFound, match="used before"):
            setup.check_link(session, first)
        setup.check_link(session, second)
        lasts = session.scalars(select(Invitation.expires_at).where(Invitation.expires_at > now())).one() - now()
        assert timedelta(minutes=29) < lasts <= timedelta(minutes=30)
        session.execute(update(Invitation).values(expires_at=now()))
        with pytest.raises(NotFound):
            setup.check_link(session, second)


def test_there_is_no_set_up_while_there_is_an_administrator(two):
    with transaction() as session, pytest.raises(Refused, match="has an administrator already"):
        setup.new_link(session)


def test_a_console_whose_administrators_are_all_disabled_can_be_set_up_again(two):
    with transaction() as session:
        session.execute(update(User).values(state="disabled"))
        token = setup.new_link(session).rpartition("/")[2]
        user = setup.complete(session, token, **MADE)
        assert queries.get_user(session, user.id).state == "active"


def test_a_link_for_a_lost_password_ends_the_one_before_and_works_once(two):
    ida, nadia = two
    with transaction() as session:
        user = session.get_one(User, nadia.id)
        first, second = (invitations.new_link(session, user, by=ida).rpartition("/")[2] for _ in range(2))
    with transaction() as session:
        with pytest.raises(NotFound):
            invitations.owner(session, first)
        invitations.accept(session, second, password=PASSWORD, repeated=PASSWORD)
        with pytest.raises(NotFound):
            invitations.accept(session, second, password=PASSWORD, repeated=PASSWORD)


@pytest.mark.parametrize(
    ("password", "repeated", "sentence"),
    [
        ("too short", "too short", "12 to 200 characters"),
        ("aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa", "too easy"),
        ("ida@example.org", "ida@example.org", "too easy"),
        (PASSWORD, PASSWORD + "s", "differ"),
    ],
)
def test_weak_and_mistyped_passwords_are_refused(console, password, repeated, sentence):
    with transaction() as session:
        token = setup.new_link(session).rpartition("/")[2]
        with pytest.raises(Refused, match=sentence):
            setup.complete(session, token, **MADE | {"password": password, "repeated": repeated})


@pytest.mark.parametrize(
    "email", ["", "ida", "ida@", "@example.org", "ida@example", "ida berg@example.org", "ida@example.org\nBcc: x@y.z", "a@b@c.de"]
)
def test_what_cannot_be_an_address_is_refused(email):
    with pytest.raises(Refused, match="not an e-mail address"):
        invitations.check_email(email)


def test_the_page_of_roles_is_the_table():
    assert (APP.parent / "docs" / "roles.md").read_text() == as_markdown(), "write docs/roles.md anew from app.accounts.roles.as_markdown()"
    assert set(FOR) == set(Role)
    assert len(MEANS) == len(set(MEANS.values()))
