import json
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.accounts.policy import SYSTEM
from app.catalog.models import CheckReading
from app.core.clock import now
from app.core.database import transaction
from app.executors.checks import reading as checks_reading
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.incidents.states import State
from app.verification import actions, queries, rounds
from app.verification.models import Sample, Verification
from tests.conftest import ROOT
from tests.factories import make_check, make_incident, make_release, make_target
from tests.verification.conftest import BEGAN

METRIC = {"measure": "value", "query": "q", "limit": 1.0, "unit": "%", "window_s": 30, "consecutive": 1}


def answers(site, value):
    """Prometheus at the site answers every query with this value; None is no series."""
    result = [] if value is None else [{"metric": {}, "value": [1, str(value)]}]
    site.answers["/api/v1/query"] = (200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))


def metric(watch, **config):
    return {"check_id": None, "name": "Error rate", "kind": "metric", "config": METRIC | {"url": watch.site.url} | config, "required": True}


def until(fact, within_s=30):
    deadline = time.monotonic() + within_s
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def seconds(later):
    return BEGAN + timedelta(seconds=later)


def test_checks_that_hold_for_the_soak_are_a_recovery_with_its_numbers(watch):
    watch.start(watch.contract(soak_s=20))
    assert watch.at(0).sentence == "Recovered, if all checks hold until 14:30:20 UTC."
    assert watch.at(10).state == "watching"
    done = watch.at(20)
    assert (done.state, done.verdict, done.ended_at, done.rounds) == ("done", "recovered", seconds(20), 3)
    assert done.sentence.startswith("The check held for 20\u00a0s. Health: 127.0.0.1:")


def test_a_failure_breaks_the_soak_and_it_begins_anew(watch):
    watch.start(watch.contract(soak_s=20))
    watch.at(0, 10)
    watch.site.answers["/health"] = (503, "")
    broken = watch.at(20)
    assert (broken.state, broken.holding_since) == ("watching", None)
    assert "answers 503 instead of 200" in broken.sentence
    watch.site.answers["/health"] = (200, "ok")
    assert watch.at(30, 40).verdict is None
    assert watch.at(50).verdict == "recovered"


def test_the_first_number_counts_only_when_its_window_no_longer_holds_the_outage(watch):
    answers(watch.site, 0.1)
    watch.start(watch.contract(metric(watch), soak_s=10))
    assert watch.at(0, 10, 20).holding_since is None
    assert watch.checks()[0].outcome == "pending"
    assert watch.at(30).holding_since == seconds(30)
    assert watch.at(40).verdict == "recovered"
    with transaction() as session:
        assert list(session.scalars(select(Sample.outcome).order_by(Sample.at))) == ["early", "early", "early", "pass", "pass"]


def test_no_traffic_never_passes_and_the_deadline_says_so(watch):
    answers(watch.site, "NaN")
    watch.start(watch.contract(watch.check(), metric(watch), soak_s=10, deadline_s=60))
    done = watch.at(*range(0, 70, 10))
    assert (done.state, done.verdict) == ("done", "partly")
    assert "Not so: Error rate: No traffic in the last 30\u00a0s, so there is nothing to measure. Holding: Health" in done.sentence


def test_a_run_that_made_it_worse_is_said_before_the_deadline(watch):
    def range_of(request):
        values = [[BEGAN.timestamp() - 300 + 10 * step, "2"] for step in range(20)]
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}})

    watch.site.answers["/api/v1/query_range"] = range_of
    answers(watch.site, 30)
    watch.start(watch.contract(metric(watch)))
    done = watch.at(*range(0, 80, 10))
    assert (done.verdict, done.ended_at) == ("worse", seconds(70))
    assert done.sentence == "It is worse than before the run: Error rate 30\u00a0%, 2\u00a0% before."
    with transaction() as session:
        history = select(func.count(), func.min(Sample.at)).where(Sample.is_history)
        assert session.execute(history).one() == (20, seconds(-300))


def test_an_endpoint_has_its_history_and_baseline_from_our_own_readings(watch):
    with transaction() as session:
        target = make_target(session, watch.service)
        good = make_release(session, target, "v1.2.3", standing="good")
        bad = make_release(session, target, "v1.2.4", current=True, standing="suspect")
        check = make_check(session, watch.service, "metric", "Response time", url="http://127.0.0.1:9", limit=100)
        for minute, value in ((-40, 200.0), (-30, 210.0), (-20, 190.0), (-5, 900.0), (-2, 1000.0)):
            session.add(CheckReading(check_id=check.id, at=seconds(minute * 60), outcome="pass", value=value))
        session.flush()
        session.execute(text("UPDATE rollouts SET began_at = :at"), {"at": seconds(-600)})
        check_id, bad_id, good_id = check.id, bad.id, good.id
    config = {
        "source": "endpoint",
        "url": f"{watch.site.url}/metrics",
        "metric": "slow",
        "measure": "value",
        "limit": 100,
        "baseline_factor": 1.5,
    }
    watch.site.answers["/metrics"] = (200, "slow 290\n")
    watch.start(watch.contract({"check_id": check_id, "name": "Response time", "kind": "metric", "config": config, "required": True}))
    assert watch.now().expected["version"] == "v1.2.4"
    first = watch.at(0)
    (read,) = watch.checks()
    assert first.baseline["Response time"]["value"] == 200.0
    assert (read.limit, read.before) == (300.0, 950.0)
    assert "(1.5\u00a0×\u00a0200 from before the release)" in read.sentence
    assert {bad_id, good_id}
    watch.at(10)
    assert watch.checks()[0].limit == 300.0  # kept for the later rounds


def test_a_round_that_is_not_due_is_not_made(watch):
    watch.start()
    watch.at(0, 3)
    assert (watch.now().rounds, len(watch.site.requests)) == (1, 1)


def test_two_workers_make_one_round(watch):
    watch.start()
    watch.site.hang("/health", 0.3)
    threads = [threading.Thread(target=rounds.advance, args=[watch.id], kwargs={"at": BEGAN}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (watch.now().rounds, watch.now().fence, len(watch.site.requests)) == (1, 1, 1)


@pytest.mark.parametrize("killed", ["while reading", "before writing"])
def test_a_round_whose_worker_was_killed_is_made_again_after_its_lease(watch, monkeypatch, killed):
    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    watch.start(watch.contract(soak_s=10))
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "read" if killed == "while reading" else "_write", die)
        with pytest.raises(Killed):
            watch.at(0)
    assert watch.at(0).rounds == 0  # the lease still stands
    lease = watch.now().lease_until - BEGAN
    after = int(lease.total_seconds()) + 1
    assert watch.at(after).rounds == 1
    assert watch.at(after + 10).verdict == "recovered"
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Sample)) == 2


def test_kill_9_in_the_middle_of_a_round_costs_that_round_and_nothing_else(watch):
    watch.start(watch.contract(soak_s=1, every_s=1), began=now())
    watch.site.hang("/health", 30)
    script = f"from app.verification.rounds import advance; advance({watch.id})"
    worker = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    until(lambda: watch.site.requests)
    worker.kill()
    worker.wait()
    assert (watch.now().rounds, watch.now().fence) == (0, 1)
    watch.site.answers["/health"] = (200, "ok")

    def ended():
        rounds.advance(watch.id)
        return watch.now().ended_at

    until(ended)
    assert (watch.now().verdict, watch.now().rounds >= 2) == ("recovered", True)


def test_a_worker_that_slept_past_its_lease_writes_nothing(watch):
    watch.start()
    with transaction() as session:
        late = rounds._claim(session, watch.id, BEGAN)
    watch.at(5)
    with transaction() as session:
        rounds._write(session, late, {}, {0: checks_reading.Reading(outcome="fail", sentence="old news")})
    assert watch.checks()[0].outcome == "pass"
    assert watch.now().rounds == 1


def test_a_long_round_holds_its_lease_while_it_reads(watch):
    watch.start()
    watch.site.hang("/health", 0.9)
    worker = threading.Thread(target=rounds.advance, args=[watch.id])
    worker.start()
    leases = set()
    while worker.is_alive():
        leases.add(watch.now().lease_until)
        worker.join(0.05)
    assert len(leases - {None}) >= 2
    assert watch.now().rounds == 1


def test_a_fault_of_ours_in_one_check_does_not_keep_the_others_from_a_verdict(watch, monkeypatch):
    real = rounds.read

    def read(kind, *arguments, **named):
        if kind == "smoke":
            raise RuntimeError("boom")
        return real(kind, *arguments, **named)

    monkeypatch.setattr(rounds, "read", read)
    smoke = {"check_id": None, "name": "Log in", "kind": "smoke", "config": {"command": ["true"]}, "required": False}
    watch.start(watch.contract(watch.check(), smoke, soak_s=10))
    assert watch.at(0, 10).verdict == "recovered"
    assert "fault in Lastgood" in watch.checks()[1].sentence


def test_the_incident_is_told_and_resolves_nothing_by_itself(watch):
    with transaction() as session:
        incident = make_incident(session, watch.service, by=watch.ana)
    watch.start(watch.contract(soak_s=10), incident=incident)
    watch.at(0, 10)
    with transaction() as session:
        incident = session.get_one(Incident, incident.id)
        lines = incidents.newest_entries(session, incident)
        assert incident.state == State.VERIFYING
        newest = lines[0]
        assert newest.body.startswith("proved that Login has recovered. The check held for 10\u00a0s. Health")
        assert (newest.actor_name, newest.refs) == (SYSTEM.name, {"verification": watch.id})
        assert any(line.body.startswith("began to verify Login: 1 check for 10\u00a0s") for line in lines)


def test_due_names_what_nobody_holds(watch):
    watch.start()
    with transaction() as session:
        assert rounds.due(session) == [watch.id]
        rounds._claim(session, watch.id, None)
        assert rounds.due(session) == []


def test_stopped_by_a_person_there_is_no_verdict_and_no_more_reading(watch):
    watch.start()
    with transaction() as session:
        claimed = rounds._claim(session, watch.id, BEGAN)
    with transaction() as session:
        actions.cancel(session, session.get_one(Verification, watch.id), by=watch.ana)
    with transaction() as session:
        rounds._write(session, claimed, {}, {0: checks_reading.Reading(outcome="pass", sentence="late")})
    stopped = watch.at(60)
    assert (stopped.state, stopped.verdict, stopped.rounds) == ("canceled", None, 0)
    assert stopped.sentence == "Stopped by Ana Ruiz, without a verdict."


def test_the_page_is_given_the_newest_samples_oldest_first(watch, monkeypatch):
    monkeypatch.setattr(queries, "NEWEST", 2)
    watch.start()
    watch.at(0, 10, 20)
    with transaction() as session:
        verification = queries.get(session, watch.id, reach=watch.ana.reach())
        assert [sample.at for sample in queries.samples(session, verification)[0]] == [seconds(10), seconds(20)]
