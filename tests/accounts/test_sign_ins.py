"""Signing in, step-up and the delays, below the pages."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.accounts import api_tokens, delays, passwords, people, sign_ins
from app.accounts.models import ApiToken, SignIn, SignInDelay, User
from app.accounts.policy import P, Role
from app.audit.models import AuditEntry
from app.audit.queries import verify
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import Refused
from tests import factories

PASSWORD = "four words in a row"


@pytest.fixture
def ana(console):
    with transaction() as session:
        person = factories.make_person(session, "Ana Ruiz", Role.RESPONDER)
        session.get_one(User, person.id).password_hash = passwords.hashed(PASSWORD)
    return person


def enter(person, password=PASSWORD, address="10.0.0.1"):
    with transaction() as session:
        return sign_ins.sign_in(session, email=person.email, password=password, address=address)


def fail(person, times, address="10.0.0.1"):
    for _ in range(times):
        with pytest.raises(Refused):
            enter(person, password="wrong and long", address=address)


def recognised(token):
    with transaction() as session:
        return sign_ins.person_for_session(session, token)


def actions():
    with transaction() as session:
        assert verify(session) == ""
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))


def test_only_a_hash_of_the_token_is_kept(ana):
    token = enter(ana)
    assert recognised(token).id == ana.id
    with transaction() as session:
        row = session.scalars(select(SignIn)).one()
        assert token.encode() not in (row.token_hash, row.csrf_token.encode())
        assert len(token) >= 43


def test_failures_outlive_the_refusal_and_are_audited_without_what_was_typed(ana):
    fail(ana, 1)
    with pytest.raises(Refused):
        enter(type(ana)(id=0, name="", email="my password by mistake"))
    with transaction() as session:
        assert session.scalars(select(SignInDelay.failures).where(SignInDelay.key.startswith("account:"))).all() == [1, 1]
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.failed").order_by(AuditEntry.seq)).all()
        assert [entry.object for entry in entries] == [f"user-{ana.id}", "unknown"]
        assert "mistake" not in str([entry.detail for entry in entries])


def test_after_some_failures_the_next_try_waits_and_the_right_password_too(ana):
    fail(ana, delays.ACCOUNT.free + 1)
    with pytest.raises(Refused, match="The next try is possible in"):
        enter(ana)
    with transaction() as session:
        session.execute(update(SignInDelay).values(blocked_until=now() - timedelta(seconds=1)))
    assert enter(ana)


def test_no_wait_is_longer_than_a_minute():
    assert delays.ACCOUNT.wait(10_000) == timedelta(seconds=60)
    assert delays.ACCOUNT.wait(delays.ACCOUNT.free) == timedelta(0)


def test_strangers_who_guess_do_not_keep_somebody_out_of_a_browser_they_use(ana):
    enter(ana, address="10.0.0.1")
    fail(ana, delays.ACCOUNT.free + 1, address="203.0.113.9")
    with pytest.raises(Refused, match="next try"):
        enter(ana, address="203.0.113.9")
    assert enter(ana, address="10.0.0.1")


def test_many_tries_at_once_gain_nothing(ana):
    outcomes = []

    def guess():
        try:
            enter(ana, password="wrong and long")
        except Refused as refused:
            outcomes.append(refused.sentence)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in outcomes if one == sign_ins.WRONG]) <= delays.ACCOUNT.free + 1
    assert len(outcomes) == 12


def test_a_good_sign_in_starts_the_count_anew(ana):
    fail(ana, delays.ACCOUNT.free)
    enter(ana)
    fail(ana, 1)
    assert enter(ana)


def test_an_unknown_account_costs_as_much_work_as_a_known_one(ana, monkeypatch):
    checked = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda stored, typed: checked.append(stored) or real(stored, typed))
    fail(ana, 1)
    fail(type(ana)(id=0, name="", email="nobody@example.org"), 1)
    assert checked[0] is not None
    assert checked[1] is None
    assert real(None, "no account has this password") is False


def test_step_up_gives_a_new_token_and_the_old_one_only_for_what_was_on_its_way(ana):
    token = enter(ana)
    with transaction() as session:
        fresh = sign_ins.step_up(session, password=PASSWORD, by=recognised(token))
    assert recognised(fresh).session_id == recognised(token).session_id
    with transaction() as session:
        row = session.scalars(select(SignIn)).one()
        assert row.stepped_up_at
        row.rotated_at = now() - sign_ins.ROTATION_GRACE
    assert recognised(token) is None
    assert recognised(fresh)
    assert "sign_in.step_up" in actions()


def test_step_up_with_a_wrong_password_changes_nothing_and_counts(ana):
    token = enter(ana)
    with pytest.raises(Refused, match="not your password") as caught, transaction() as session:
        sign_ins.step_up(session, password="wrong and long", by=recognised(token))
    assert caught.value.field == "password"
    assert recognised(token)
    assert actions()[-1] == "sign_in.failed"


def test_a_token_speaks_for_its_owner_within_its_scopes(ana):
    with transaction() as session:
        text = api_tokens.create(session, name="pipeline", scopes=(P.READ, P.DECLARE), days=1, by=ana)
    with transaction() as session:
        person = api_tokens.person_for_bearer(session, text)
        assert (person.id, person.actor) == (ana.id, f"token:{person.token_id}")
        assert person.may(P.DECLARE)
        assert not person.may(P.EXECUTE)
        assert api_tokens.person_for_bearer(session, text[:-1] + "x") is None
        assert api_tokens.person_for_bearer(session, "") is None
        assert text not in str(vars(session.scalars(select(ApiToken)).one()))


@pytest.mark.parametrize("end", ["revoke", "expire", "disable"])
def test_a_token_ends(ana, end):
    with transaction() as session:
        text = api_tokens.create(session, name="pipeline", scopes=(P.READ,), days=1, by=ana)
        token = session.scalars(select(ApiToken)).one()
        if end == "revoke":
            api_tokens.revoke(session, token.id, by=ana)
        elif end == "expire":
            token.expires_at = now()
        else:
            ida = factories.make_person(session, "Ida Berg", Role.ADMIN)
            people.disable(session, session.get_one(User, ana.id), by=ida)
    with transaction() as session:
        assert api_tokens.person_for_bearer(session, text) is None


@pytest.mark.parametrize("scope", [P.APPROVE, P.ADMINISTER, P.SELF, P.PUBLIC])
def test_some_scopes_are_never_given(ana, scope):
    with pytest.raises(Refused, match="at least one scope"), transaction() as session:
        api_tokens.create(session, name="pipeline", scopes=(P.READ, scope), days=1, by=ana)
