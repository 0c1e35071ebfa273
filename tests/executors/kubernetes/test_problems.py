"""Errors of an API server as sentences, and which of them mean that something may have happened."""

import pytest

from app.executors.base import OutcomeUnknown, StepFailed, Unreachable
from app.executors.kubernetes.problems import Answered, Silent, changes, reads, sentence

SERVER = "https://k8s.example:6443"


def answered(status, message="", reason="", **details):
    return Answered(SERVER, status, {"message": message, "reason": reason, "details": details})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Silent(SERVER, "the connection was refused", sent=False), "does not answer: the connection was refused. Check that"),
        (answered(401, "Unauthorized"), "the token has expired or was revoked. Store a new kubeconfig"),
        (
            answered(
                403,
                'daemonsets.apps "agent" is forbidden: User "system:serviceaccount:default:ims" cannot patch resource "daemonsets" '
                'in API group "apps" in the namespace "default"',
            ),
            "The console may not patch daemonsets in default: it acts as system:serviceaccount:default:ims",
        ),
        (answered(403, 'pods "a" is forbidden: exceeded quota: q, requested: pods=1'), "A resource quota is used up"),
        (answered(404, 'deployments.apps "x" not found'), "deployment/login in shop does not exist"),
        (
            answered(400, 'admission webhook "policy.example" denied the request: no latest tags'),
            "policy.example refused the change: no latest tags",
        ),
        (answered(400, 'admission webhook "w" does not support dry run'), "does not support a dry run"),
        (
            answered(500, 'Internal error occurred: failed calling webhook "w": connection refused'),
            'An admission webhook of this cluster does not answer, so no such change is taken: "w": connection refused. Mend the webhook.',
        ),
        (answered(429, "too many requests"), "too busy"),
        (answered(500, "etcdserver: request timed out"), "a problem of its own (500): etcdserver: request timed out"),
    ],
)
def test_each_answer_says_what_it_means(error, said):
    assert said in sentence(error, "deployment/login in shop")


def test_a_refused_field_is_named_without_the_object_that_the_server_repeats():
    secret = "password=hunter22"
    error = answered(
        422, f"Deployment is invalid: {secret}" + "x" * 5000, causes=[{"field": "spec.template", "message": "selector does not match"}]
    )
    assert "spec.template: selector does not match" in sentence(error, "it")
    bare = sentence(answered(422, secret + "x" * 5000), "it")
    assert "hunter22" not in bare
    assert len(bare) < 400


def test_a_read_that_fails_is_unreachable_and_a_missing_object_is_a_failure():
    for error in (answered(401), answered(403), answered(503), Silent(SERVER, "the answer timed out", sent=True)):
        with pytest.raises(Unreachable), reads("it"):
            raise error
    with pytest.raises(StepFailed), reads("it"):
        raise answered(404)


def test_only_a_call_that_may_have_arrived_is_unknown():
    for error in (answered(500), answered(504), Silent(SERVER, "the connection was cut", sent=True)):
        with pytest.raises(OutcomeUnknown), changes("it"):
            raise error
    for error in (answered(403), answered(422), answered(500, 'failed calling webhook "w"'), Silent(SERVER, "refused", sent=False)):
        with pytest.raises(StepFailed) as failed, changes("it"):
            raise error
        assert "Nothing was changed." in failed.value.sentence
