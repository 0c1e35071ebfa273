"""What a preview makes of the answer to a dry run."""

import pytest

from app.executors.kubernetes.problems import Answered
from app.executors.kubernetes.trial import Trial

LIVE = {"metadata": {"uid": "1", "generation": 3}}


def refused(status, message):
    return Trial.of(Answered("https://api", status, {"message": message}), LIVE)


def test_a_webhook_that_is_down_is_a_warning_since_the_change_itself_would_meet_it_too():
    trial = refused(500, 'failed calling webhook "policy": connection refused')
    (caution,) = trial.cautions
    assert (caution.code, caution.blocking, caution.unknown) == ("webhook-down", False, False)
    assert "does not answer, so no such change is taken" in caution.sentence


@pytest.mark.parametrize("answer", [None, Answered("https://api", 400, {"message": 'webhook "w" does not support dry run'})])
def test_a_change_that_could_not_be_tried_out_is_named_as_unknown(answer):
    (caution,) = Trial.of(answer, LIVE).cautions
    assert (caution.code, caution.unknown) == ("no-dry-run", True)


def test_what_the_server_refuses_blocks():
    (caution,) = refused(422, "spec.template: Invalid value").cautions
    assert (caution.code, caution.blocking) == ("refused", True)


def test_a_missing_right_is_said_once_and_not_here():
    message = (
        'deployments.apps "web" is forbidden: User "x" cannot patch resource "deployments" in API group "apps" in the namespace "shop"'
    )
    assert refused(403, message).cautions == []
