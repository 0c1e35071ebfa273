from datetime import UTC, datetime, timedelta

import pytest

from app.executors.checks.readings import Reading
from app.verification import judging
from app.verification.models import Verification, WatchedCheck

BEGAN = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
METRIC = {"url": "https://x.example.org", "query": "q", "limit": 1.0, "unit": "%", "consecutive": 2}


def after(seconds):
    return BEGAN + timedelta(seconds=seconds)


def check(position=0, name="Error rate", *, config=METRIC, required=True, **facts):
    state = {"outcome": "pending", "successes": 0, "unclear": 0, "sentence": "", "parts": {}}
    return WatchedCheck(position=position, kind="metric", name=name, config=config, required=required, **state | facts)


def verification(**facts):
    return Verification(contract={"soak_s": 60, "every_s": 10}, began_at=BEGAN, deadline_at=after(600), **facts)


def reading(outcome, value=0.4):
    return Reading(outcome=outcome, value=value, limit=1.0, unit="%", sentence=f"{value} %.")


def take(one, outcome, at, counts_from=0, value=0.4):
    return judging.note(one, reading(outcome, value), at=after(at), counts_from=after(counts_from), every_s=10)


def test_a_check_holds_after_so_many_successes_in_a_row():
    one = check()
    take(one, "pass", 10)
    assert one.holding_since is None
    take(one, "pass", 20)
    take(one, "pass", 30)
    assert one.holding_since == after(20)
    take(one, "fail", 40)
    assert (one.holding_since, one.successes) == (None, 0)


def test_a_reading_whose_window_still_holds_the_outage_counts_for_nothing():
    one = check()
    assert take(one, "fail", 10, counts_from=60) == "early"
    assert take(one, "pass", 50, counts_from=60) == "early"
    assert (one.outcome, one.successes) == ("pending", 0)
    assert take(one, "pass", 60, counts_from=60) == "pass"


def test_what_cannot_be_told_is_borne_twice_and_then_it_holds_no_more():
    one = check(holding_since=BEGAN, successes=2)
    take(one, "inconclusive", 10)
    take(one, "inconclusive", 20)
    assert one.holding_since == BEGAN
    take(one, "inconclusive", 30)
    assert (one.holding_since, one.successes) == (None, 0)


def test_a_gap_in_the_readings_proves_nothing():
    one = check(holding_since=BEGAN, successes=9, seen_at=after(10))
    take(one, "pass", 49)
    assert one.holding_since == BEGAN
    take(one, "pass", 120)
    assert (one.holding_since, one.successes) == (None, 1)


def test_the_soak_counts_from_the_last_check_that_began_to_hold():
    first, last = check(holding_since=after(10), outcome="pass"), check(1, "Latency", holding_since=after(40), outcome="pass")
    watch = verification()
    assert judging.weigh(watch, [first, last], {}, at=after(99)) is None
    assert watch.holding_since == after(40)
    verdict = judging.weigh(watch, [first, last], {}, at=after(100))
    assert (verdict.word, verdict.sentence.startswith("All 2 checks held for 1\u00a0min. Error rate")) == ("recovered", True)


def test_inconclusive_never_passes_even_at_the_end_of_the_soak():
    one = check(holding_since=after(0), outcome="inconclusive")
    assert judging.weigh(verification(), [one], {}, at=after(100)) is None
    assert judging.weigh(verification(), [check(outcome="inconclusive")], {}, at=after(600)).word == "not"


def test_a_check_that_does_not_count_neither_helps_nor_hinders():
    good, bad = check(holding_since=BEGAN, outcome="pass"), check(1, required=False, outcome="fail")
    assert judging.weigh(verification(), [good, bad], {}, at=after(60)).word == "recovered"


@pytest.mark.parametrize(
    ("checks", "word", "words"),
    [
        ([check(outcome="fail", sentence="4 %, over 1 %.")], "not", "No check held when the time was up. Error rate: 4 %, over 1 %."),
        (
            [check(holding_since=after(1), outcome="pass", sentence="fine."), check(1, "Latency", outcome="fail", sentence="slow.")],
            "partly",
            "1 of 2 checks hold. Not so: Latency: slow. Holding: Error rate: fine.",
        ),
        (
            [check(holding_since=after(599), outcome="pass", sentence="fine.")],
            "partly",
            "All checks hold, but not yet for the agreed 1\u00a0min",
        ),
        ([check()], "not", "Error rate: not read yet."),
    ],
)
def test_at_the_deadline_the_verdict_says_what_holds_and_what_does_not(checks, word, words):
    verdict = judging.weigh(verification(), checks, {}, at=after(600))
    assert (verdict.word, words in verdict.sentence) == (word, True)


def test_clearly_worse_than_before_is_said_at_once():
    one = check(outcome="fail", before=4.0, value=12.0, limit=1.0, unit="%")
    assert judging.weigh(verification(), [one], {0: [12.0] * 4}, at=after(100)) is None
    verdict = judging.weigh(verification(), [one], {0: [12.0] * 5}, at=after(100))
    assert (verdict.word, verdict.sentence) == ("worse", "It is worse than before the run: Error rate 12\u00a0%, 4\u00a0% before.")


@pytest.mark.parametrize(("before", "now", "worse"), [(12.4, 12.9, False), (0.2, 0.6, False), (0.2, 1.4, True), (12.4, 20.0, True)])
def test_a_little_worse_is_not_worse(before, now, worse):
    one = check(outcome="fail", before=before, limit=1.0)
    assert judging.is_worse(one, [now] * 5) is worse


def test_for_throughput_less_is_worse():
    one = check(outcome="fail", before=100.0, limit=80.0, config=METRIC | {"direction": "above", "limit": 80.0})
    assert judging.is_worse(one, [30.0] * 5)
    assert not judging.is_worse(one, [75.0] * 5)


def test_the_outlook_says_what_is_waited_for():
    def outlook(one, **facts):
        return judging.outlook(verification(**facts), [one], at=after(10))

    assert outlook(check(), holding_since=after(0)) == "Recovered, if all checks hold until 14:31:00 UTC."
    assert outlook(check(outcome="fail", sentence="4 %.")) == "Not yet. Error rate: 4 %."
    assert outlook(check(outcome="inconclusive", sentence="no data.")) == "It cannot be told yet. Error rate: no data."
    assert outlook(check()).startswith("The first numbers still hold what was before")
