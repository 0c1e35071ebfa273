from datetime import timedelta

import pytest

from app.accounts.policy import Role
from app.audit.queries import verify
from app.catalog import releases
from app.catalog.releases import Sighting
from app.core.clock import now
from app.core.errors import Refused
from tests.factories import make_person, make_release, make_service, make_target

NOON = now() - timedelta(hours=3)


def sighting(version, *, digest=None, made=None):
    return Sighting(digest or f"d-{version}", version, {"spec": version}, {"images": [f"login:{version}"]}, made, made)


def minutes(count):
    return NOON + timedelta(minutes=count)


@pytest.fixture
def target(db, console):
    return make_target(db, make_service(db))


@pytest.fixture
def ana(db):
    return make_person(db, "Ana Ruiz", Role.RESPONDER)


def versions(db, target):
    return [release.version for release in releases.releases_of(db, target)]


def test_a_first_look_records_what_runs_and_imports_what_the_target_remembers(db, target):
    history = [sighting("v1.2.2", made=minutes(-60)), sighting("v1.2.3", made=minutes(-30))]

    rollout = releases.record(db, target, running=sighting("v1.2.4", made=minutes(-12)), remembered=history, at=NOON)

    assert versions(db, target) == ["v1.2.4", "v1.2.3", "v1.2.2"]
    assert [r.origin for r in releases.releases_of(db, target)] == ["observed", "imported", "imported"]
    assert (rollout.began_at, rollout.replaced.version) == (minutes(-12), "v1.2.3")


def test_a_release_that_came_back_before_the_first_look_began_after_the_one_it_replaced(db, target):
    history = [sighting("v1.2.2", made=minutes(-60)), sighting("v1.2.4", made=minutes(-12))]

    rollout = releases.record(db, target, running=sighting("v1.2.3", made=minutes(-30)), remembered=history, at=NOON)

    assert (rollout.began_at, rollout.replaced.version) == (minutes(-12), "v1.2.4")


def test_a_renumbered_release_is_as_new_as_its_place_in_the_history(db, target):
    """v1.2.2 was made first but rolled back to last: the cluster lists it after v1.2.3."""
    history = [sighting("v1.2.3", made=minutes(-30)), sighting("v1.2.2", made=minutes(-60))]

    releases.record(db, target, running=sighting("v1.2.4"), remembered=history, at=NOON)

    assert versions(db, target) == ["v1.2.4", "v1.2.2", "v1.2.3"]


def test_the_same_digest_again_is_the_same_release_and_the_same_rollout(db, target):
    first = releases.record(db, target, running=sighting("v1.2.3"), at=NOON)
    again = releases.record(db, target, running=sighting("v1.2.3"), at=minutes(5))

    assert again.id == first.id
    assert releases.current(db, target).release.last_seen_at == minutes(5)


def test_another_digest_ends_one_rollout_and_begins_the_next(db, target):
    first = releases.record(db, target, running=sighting("v1.2.3"), at=NOON)
    second = releases.record(db, target, running=sighting("v1.2.4", made=minutes(4)), at=minutes(5))

    assert (first.ended_at, second.began_at, second.replaced_id) == (minutes(4), minutes(4), first.release_id)


def test_a_release_that_comes_back_began_when_it_was_seen_not_when_it_was_made(db, target):
    releases.record(db, target, running=sighting("v1.2.3", made=minutes(-60)), at=NOON)
    releases.record(db, target, running=sighting("v1.2.4", made=minutes(4)), at=minutes(5))
    third = releases.record(db, target, running=sighting("v1.2.3", made=minutes(-60)), at=minutes(9))

    assert third.began_at == minutes(9)
    assert versions(db, target) == ["v1.2.3", "v1.2.4"]


def test_a_look_that_answers_late_does_not_bring_back_what_has_gone(db, target):
    releases.record(db, target, running=sighting("v1.2.3"), at=NOON)
    second = releases.record(db, target, running=sighting("v1.2.4"), at=minutes(5))

    late = releases.record(db, target, running=sighting("v1.2.3"), at=minutes(4))

    assert (late.id, releases.current(db, target).id) == (second.id, second.id)


def test_a_run_names_itself_as_the_hand_that_brought_a_release_back(db, target):
    good = releases.record(db, target, running=sighting("v1.2.3"), at=NOON).release
    releases.record(db, target, running=sighting("v1.2.4"), at=minutes(5))

    back = releases.deployed(db, target, good, by="run-12", at=minutes(9))
    seen = releases.record(db, target, running=sighting("v1.2.3"), at=minutes(10))

    assert (back.by, seen.id, back.began_at) == ("run-12", back.id, minutes(9))


def test_last_good_is_the_newest_good_release_that_differs_from_what_runs(db, target):
    for minute, version in enumerate(["v1.2.1", "v1.2.2", "v1.2.3", "v1.2.4"]):
        releases.record(db, target, running=sighting(version), at=minutes(minute))
    by_version = {release.version: release for release in releases.releases_of(db, target)}
    for version in ("v1.2.1", "v1.2.2", "v1.2.4"):
        releases.proved(db, by_version[version], reason="all checks held for 10 min")

    offer = releases.offer(db, target)

    assert (offer.release.version, offer.proven) == ("v1.2.2", True)
    assert offer.why.startswith("The newest good release that differs from what runs: all checks held for 10 min on ")


def test_where_nothing_is_good_the_newest_differing_release_is_offered_unproven(db, target):
    for minute, version in enumerate(["v1.2.2", "v1.2.3", "v1.2.4"]):
        releases.record(db, target, running=sighting(version), at=minutes(minute))

    offer = releases.offer(db, target)

    assert (offer.release.version, offer.proven) == ("v1.2.3", False)
    assert offer.why == ("No other release has been proven good yet. This is the newest one that differs from v1.2.4, so it is unproven.")


def test_a_suspect_release_is_never_offered(db, target, ana):
    for minute, version in enumerate(["v1.2.3", "v1.2.4", "v1.2.5"]):
        releases.record(db, target, running=sighting(version), at=minutes(minute))
    bad = releases.releases_of(db, target)[1]
    releases.suspect(db, bad, incident_ref="INC-42", by=ana)

    assert releases.offer(db, target).release.version == "v1.2.3"
    assert (bad.standing_reason, bad.standing_by) == ("named by INC-42", "Ana Ruiz")


def test_nothing_is_offered_where_nothing_else_ever_ran_or_nobody_looked_yet(db, target):
    assert releases.offer(db, target) is None
    releases.record(db, target, running=sighting("v1.2.3"), at=NOON)
    assert releases.offer(db, target) is None


def test_the_checks_alone_never_clear_a_suspect_release(db, target, ana):
    release = make_release(db, target, "v1.2.4", standing="suspect")

    releases.proved(db, release, reason="all checks held for 10 min")
    assert release.standing == "suspect"

    releases.mark(db, release, "good", reason="it was the database", by=ana)
    assert (release.standing, release.standing_by) == ("good", "Ana Ruiz")


def test_a_mark_without_a_reason_is_refused_and_one_with_a_reason_is_in_the_audit_log(db, target, ana):
    release = make_release(db, target, "v1.2.4")

    with pytest.raises(Refused, match=r"v1.2.4 is still unproven: say in a few words why"):
        releases.mark(db, release, "good", reason="  ", by=ana)
    releases.mark(db, release, "good", reason="held over the weekend", by=ana)

    assert verify(db) == ""


def test_the_kept_copy_opens_to_exactly_what_was_seen(db, target):
    rollout = releases.record(db, target, running=sighting("v1.2.3"), at=NOON)

    assert releases.template(rollout.release) == {"spec": "v1.2.3"}
    with pytest.raises(Refused, match=r"holds no copy of v9"):
        releases.template(make_release(db, target, "v9"))
