"""One change against an API server that plays rough. The server is scripted: it is the outside world."""

import pytest

from app.executors.base import Context, Drifted, OutcomeUnknown, StepFailed
from app.executors.kubernetes import changing
from app.executors.kubernetes.objects import Address
from app.executors.kubernetes.problems import Answered, Silent

LOGIN = Address(namespace="shop", kind="Deployment", name="login")
BODY = {"uid": "u1", "resource_version": "10"}


class Server:
    """Answers patches from a script; the object's version rises with every look."""

    server = "https://k8s.example:6443"

    def __init__(self, *script, uid="u1"):
        self.script, self.uid, self.version, self.sent = list(script), uid, 10, []

    def patch(self, path, body, *, timeout_s):
        self.sent.append(body["metadata"]["resourceVersion"])
        answer = self.script.pop(0) if self.script else self._object()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def get(self, path):
        self.version += 1
        return self._object()

    def _object(self):
        return {"metadata": {"uid": self.uid, "resourceVersion": str(self.version), "generation": 2}, "spec": {}}


def answered(status):
    return Answered(Server.server, status, {"message": "the object has been modified"})


def send(server, *, judge=lambda live: False, **context):
    return changing.patch(server, LOGIN, Context(operation="run-1-step-1", **context), BODY, lambda live: {"metadata": {}}, judge)


def test_the_first_send_rests_on_the_look_behind_the_plan():
    server = Server()
    assert send(server)["already"] is False
    assert server.sent == ["10"]


def test_somebody_was_first_so_it_looks_again_and_sends_with_the_newer_version():
    server = Server(answered(409), answered(429))
    assert send(server)["sends"] == 3
    assert server.sent == ["10", "11", "12"]


def test_after_five_conflicts_it_stops_and_says_that_nothing_happened():
    server = Server(*[answered(409)] * 9)
    with pytest.raises(StepFailed) as stopped:
        send(server)
    assert len(server.sent) == 5
    assert "Nothing was changed" in stopped.value.sentence


def test_our_own_change_found_after_a_conflict_is_success():
    server = Server(answered(409))
    assert send(server, judge=lambda live: True)["already"] is True
    assert server.sent == ["10"]


def test_another_object_by_the_same_name_is_never_touched():
    server = Server(answered(409), uid="u2")
    with pytest.raises(Drifted, match="created again"):
        send(server)
    assert server.sent == ["10"]


def test_a_deleted_object_is_drift():
    with pytest.raises(Drifted, match="was deleted"):
        send(Server(answered(404)))


def test_a_lost_reply_is_unknown_and_not_sent_again():
    server = Server(Silent(Server.server, "the connection was cut", sent=True))
    with pytest.raises(OutcomeUnknown):
        send(server)
    assert len(server.sent) == 1


def test_a_cancelled_step_does_not_send_again():
    server = Server(answered(409))
    with pytest.raises(StepFailed, match="Cancelled"):
        send(server, cancelled=lambda: True)
    assert len(server.sent) == 1
