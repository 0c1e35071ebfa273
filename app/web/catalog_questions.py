"""What forms of the catalog, and scripts, ask of the world through the runner before anything is saved.

The request's own transaction stays open meanwhile; it has only read (and taken a script's own key), so it holds nobody up.
Where nobody answers, the sentence belongs to the field `unchecked`, and the form offers to save without a look.
"""

import hashlib
import json
from typing import Any

from sqlalchemy.orm import Session

from app.catalog import clusters, looks
from app.catalog.models import Target
from app.core.database import Json
from app.core.errors import Refused
from app.core.sealing import seal
from app.runs import queries as runs

UNSEEN = "It was saved without a look, so nobody has seen it yet."
WAIT_S = 8.0


def target_is_there(kind: str, config: Json, *, credential: Any = None, target_id: int | None = None, unchecked: bool = False) -> str:
    """Why the target has not been seen, or nothing where it was. Refused beside the field that is wrong."""
    if unchecked:
        return UNSEEN
    params = {"kind": kind, "config": config, "target_id": target_id} | _sealed(credential)
    answer = _asked("target.validate", params)
    if answer["problem"]:
        raise Refused(answer["problem"], field=answer["field"])
    return ""


def cluster_lets_us_in(kind: str, text: str, *, unchecked: bool = False) -> str:
    """Why the cluster has not been reached, or nothing where it was. Refused where the text is no kubeconfig."""
    reduced = clusters.read(text)[0] if kind == "kubeconfig" else ""
    if unchecked:
        return UNSEEN
    _asked("cluster.check", {"kind": kind} | _sealed(reduced))
    return ""


def what_it_says(kind: str, config: Json, *, service_id: int, check_id: int | None = None, credential: Any = None) -> Json:
    """What a check would say now: {"outcome", "sentence", "value", "unit", "limit", "blocked"}."""
    params = {"kind": kind, "config": config, "service_id": service_id, "check_id": check_id} | _sealed(credential)
    return _asked("check.try", params)


def nobody_works_on(session: Session, target: Target) -> None:
    """Refused while a run holds the target: it would act on what is not there any more."""
    if run := runs.busy(session, target):
        raise Refused(f"Run {run.id} works on {target.label}. Wait until it has ended, or cancel it first.")


def _asked(kind: str, params: Json) -> Json:
    """The same question asked twice at once is asked once."""
    question = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:16]
    try:
        return looks.ask_and_wait(kind, f"form-{question}", params, timeout_s=WAIT_S)
    except Refused as refused:
        raise Refused(refused.sentence, field="unchecked") from refused


def _sealed(credential: Any) -> Json:
    return {"sealed": seal(credential).hex()} if credential else {}
