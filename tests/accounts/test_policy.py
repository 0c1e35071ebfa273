import pytest

from app.accounts.policy import NEVER_BY_TOKEN, TABLE, Granted, Permission, Person, Role


def person(*grants, scopes=None):
    return Person(id=1, name="Ana Ruiz", grants=tuple(Granted(*grant) for grant in grants), scopes=scopes)


def test_every_role_reads_and_only_the_approver_approves():
    assert all(Permission.READ in permissions for permissions in TABLE.values())
    assert [role for role in Role if Permission.APPROVE in TABLE[role]] == [Role.APPROVER]


def test_a_grant_for_one_service_reaches_that_service_only():
    ana = person((Role.RESPONDER, 7))
    assert ana.may(Permission.EXECUTE, {7})
    assert not ana.may(Permission.EXECUTE, {8})
    assert not ana.may_all(Permission.EXECUTE, {7, 8})
    assert ana.reach().service_ids == {7}


def test_administration_is_never_granted_for_one_service():
    assert not person((Role.ADMIN, 7)).may(Permission.ADMINISTER)
    assert person((Role.ADMIN,)).may(Permission.ADMINISTER)


@pytest.mark.parametrize("permission", sorted(NEVER_BY_TOKEN))
def test_a_token_never_approves_or_administers_whatever_its_scopes_say(permission):
    everything = tuple((role,) for role in Role)
    assert not person(*everything, scopes=frozenset(Permission)).may(permission)


def test_a_token_does_at_most_its_scopes():
    token = person((Role.RESPONDER,), scopes=frozenset({Permission.READ}))
    assert token.may(Permission.READ)
    assert not token.may(Permission.EXECUTE)
    assert not token.reach(Permission.EXECUTE)


def test_nobody_without_a_grant_reads_anything():
    assert not person().may(Permission.READ)
    assert not person().reach()
