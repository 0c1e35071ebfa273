import pytest

from app.accounts.policy import Role
from app.core.errors import Forbidden, NotFound, Refused
from app.incidents.affected import leave, restrict, suspect, touch
from app.incidents.queries import get, newest_entries, service_ids, shown
from tests.factories import make_incident, make_person, make_release, make_service, make_target


def last_line(db, incident):
    return newest_entries(db, incident)[0].body


def test_services_come_and_go_with_a_line_each(db, ana, incident):
    login, shop = make_service(db, "login"), make_service(db, "shop")
    for service in (login, shop, shop):
        touch(db, incident, service, by=ana)
    leave(db, incident, login, by=ana)
    leave(db, incident, login, by=ana)
    assert service_ids(db, incident) == {shop.id}
    assert [entry.body for entry in newest_entries(db, incident)][:3] == [
        "took off the service login",
        "added the service shop",
        "added the service login",
    ]


def test_the_last_service_stays_unless_the_incident_is_restricted(db, ana):
    login = make_service(db, "login")
    incident = make_incident(db, login, by=ana)
    with pytest.raises(Refused, match="only service"):
        leave(db, incident, login, by=ana)
    restrict(db, incident, True, by=ana)
    leave(db, incident, login, by=ana)
    assert service_ids(db, incident) == frozenset()


def test_naming_a_release_makes_it_suspect_in_the_catalog(db, ana, incident):
    login = make_service(db, "login")
    bad = make_release(db, make_target(db, login), "v1.2.4", current=True)
    suspect(db, incident, login, bad, by=ana)
    suspect(db, incident, login, bad, by=ana)
    assert last_line(db, incident) == "named login v1.2.4 as the suspect"
    assert (bad.standing, bad.standing_reason) == ("suspect", f"named by {incident.ref}")
    assert shown(db, incident).services[0].suspect_release.version == "v1.2.4"
    suspect(db, incident, login, None, by=ana)
    assert shown(db, incident).services[0].suspect_release is None


def test_a_release_is_suspected_only_by_those_who_respond_for_its_service(db, ana):
    login, shop = make_service(db, "login"), make_service(db, "shop")
    incident = make_incident(db, login, shop, by=ana)
    theirs = make_release(db, make_target(db, shop), "v3.19.1", current=True)
    rio = make_person(db, "Rio Sol", Role.RESPONDER, service=login)
    with pytest.raises(Forbidden, match="do not respond for shop"):
        suspect(db, incident, shop, theirs, by=rio)
    with pytest.raises(Refused, match="not a release of login"):
        suspect(db, incident, login, theirs, by=rio)
    assert theirs.standing == "unproven"


def test_a_restricted_incident_is_hidden_and_nobody_hides_it_from_themselves(db, ana, incident):
    narrow = make_person(db, "Nia Low", Role.COMMANDER, service=make_service(db))
    assert get(db, incident.id, reach=narrow.reach())
    with pytest.raises(Forbidden, match="could not read it yourself"):
        restrict(db, incident, True, by=narrow)
    restrict(db, incident, True, by=ana)
    with pytest.raises(NotFound):
        get(db, incident.id, reach=narrow.reach())
