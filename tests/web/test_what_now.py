"""The headline of an incident is one short sentence; the numbers that led to it stand below."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.core.clock import now
from app.incidents.models import Incident
from app.web import what_now

NUMBERS = "All 2 checks held for 5 min. Error rate: 0.4 %, under 1 %; Version: v1.2.3 on 3 of 3 pods."


def judged(verdict, **facts):
    return SimpleNamespace(
        id=7, run_id=1, state="judged", verdict=verdict, sentence=NUMBERS, service=SimpleNamespace(name="Shop"), began_at=now(), **facts
    )


def said(verifications=(), runs=()):
    incident = Incident(id=3, state="verifying", began_at=now(), state_since=now())
    return what_now.of(incident, services=[], runs=list(runs), verifications=list(verifications))


@pytest.mark.parametrize(
    ("verdict", "headline"),
    [
        ("recovered", "Shop has recovered."),
        ("partly", "Shop has recovered only in part."),
        ("not", "Shop has not recovered."),
        ("worse", "Shop is worse than before the run."),
    ],
)
def test_a_verdict_is_one_sentence_and_its_numbers_stand_below(verdict, headline):
    what = said([judged(verdict)])
    assert (what.say, what.told) == (headline, NUMBERS)


def test_while_the_checks_are_watched_the_headline_leaves_the_numbers_to_their_list():
    watching = judged(None)
    watching.state, watching.sentence = "watching", "Not yet. Error rate: 12.4 %, over the limit of 1 %."
    assert said([watching]).say == "Not yet."


def test_a_run_that_ended_is_said_in_its_first_sentence():
    run = SimpleNamespace(
        id=4, is_over=True, state="failed", ended_at=now() - timedelta(minutes=1), sentence="v1.2.3 did not start. Two pods wait."
    )
    what = said(runs=[run])
    assert (what.say, what.told) == ("v1.2.3 did not start.", "Two pods wait.")
