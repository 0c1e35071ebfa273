"""Answers that were given before."""

import pytest

from app.core import idempotency
from app.core.errors import Conflict


def test_the_order_of_fields_makes_no_other_request_and_a_value_does():
    one = idempotency.fingerprint("POST", "/incidents", {"a": 1, "b": [1, 2]})
    assert one == idempotency.fingerprint("POST", "/incidents", {"b": [1, 2], "a": 1})
    others = [
        ("PUT", "/incidents", {"a": 1, "b": [1, 2]}),
        ("POST", "/runs", {"a": 1, "b": [1, 2]}),
        ("POST", "/incidents", {"a": 1, "b": [2, 1]}),
    ]
    assert len({one, *(idempotency.fingerprint(*other) for other in others)}) == 4


def test_a_key_begins_without_an_answer_and_then_has_it(db):
    row = idempotency.begin(db, owner="token:1", key="a", asked="f")
    assert row.answer is None
    row.answer, row.status = {"id": 1}, 201
    db.flush()
    assert idempotency.begin(db, owner="token:1", key="a", asked="f").answer == {"id": 1}
    assert idempotency.begin(db, owner="token:2", key="a", asked="g").answer is None


def test_a_key_that_was_used_for_another_request_is_a_conflict(db):
    idempotency.begin(db, owner="token:1", key="a", asked="f")
    with pytest.raises(Conflict, match="was used for another request"):
        idempotency.begin(db, owner="token:1", key="a", asked="g")
