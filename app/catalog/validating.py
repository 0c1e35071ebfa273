"""What the runner answers to a form: does this workload exist, may we act there, what does this check say. Nothing is saved.

A credential that was only typed so far arrives sealed among the params; the runner alone can open it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from app.catalog import credentials, queries, releases
from app.catalog.models import Check, Cluster, Service, Target
from app.catalog.observing import context, expectation
from app.catalog.sightings import of_target
from app.catalog.targets import GitTarget, KubernetesTarget, parse
from app.core import gateway, live
from app.core.clock import now
from app.core.database import Json, transaction
from app.core.errors import Refused
from app.core.sealing import unseal
from app.executors.base import Body, StepFailed, Unreachable
from app.executors.checks import configs
from app.executors.checks.reading import read
from app.executors.kubernetes import reading as cluster_reading
from app.executors.kubernetes import rights


def validate_target(subject: str, params: Json) -> Json:
    """Whether the target is there. {"problem": "", "running": "v1.2.4", …}, or the problem with its field and what was found."""
    config = parse(params["kind"], params["config"])
    with transaction() as session:
        opened, where = _opened_for(session, config, params)
        allowed = credentials.allowed_addresses(session)
    try:
        seen = of_target(config, context(subject, opened, allowed))
    except StepFailed as error:
        return {"problem": "", "field": "", "found": []} | _explained(config, opened, where, error)
    facts = {name: seen.facts[name] for name in ("replicas", "ready") if name in seen.facts}
    return {"problem": "", "running": seen.running.version, "remembered": len(seen.remembered)} | facts


def choices(subject: str, params: Json) -> Json:  # noqa: ARG001 - every handler of a look is called so
    """The names of the workloads of a kind in a namespace: {"found": ["web-api", "web-front"]}."""
    with transaction() as session:
        opened = credentials.open_cluster(session, session.get_one(Cluster, params["cluster_id"]))
    with _said():
        return {"found": cluster_reading.workloads(opened, params["namespace"], params["kind"])}


def check_cluster(subject: str, params: Json) -> Json:
    """Whether we are let in, and what we may do there. A cluster that is only typed so far is asked, and nothing written."""
    if "sealed" in params or params.get("kind") == "in_cluster":
        with _said():
            rights.check(_typed(params, "kubeconfig") or {"kubeconfig": {"in_cluster": True}}, [])
        return {"problem": ""}
    with transaction() as session:
        cluster = session.get_one(Cluster, int(subject.rpartition("-")[2]))
        targets = [_address(target) for target in queries.targets_on(session, cluster)]
        opened = credentials.open_cluster(session, cluster)
    found, problem = [], ""
    try:
        found = [right.model_dump() for right in rights.check(opened, targets)]
    except (Unreachable, StepFailed) as error:
        problem = error.sentence
    with transaction() as session:
        cluster = session.get_one(Cluster, cluster.id, with_for_update={"key_share": True})
        cluster.checked_at, cluster.problem = now(), problem
        cluster.rights = found or cluster.rights
        live.tell(session, f"cluster-{cluster.id}", "clusters")
    return {"problem": problem}


def try_check(subject: str, params: Json) -> Json:
    """What a check would say now, before it is saved. `blocked` names the address that an administrator may allow."""
    config = configs.parse(params["kind"], params["config"])
    with transaction() as session:
        service = session.get_one(Service, params["service_id"])
        targets = queries.targets_of(session, service)
        opened = credentials.open_for(session, targets[0]) if targets else {}
        running = releases.current(session, targets[0]) if targets else None
        saved = session.get(Check, params["check_id"]) if params.get("check_id") else None
        proof = _typed(params, "http") or (credentials.open_check(session, saved) if saved else {})
        allowed = credentials.allowed_addresses(session)
    expected: Body = {}
    if targets:
        expected = expectation(targets[0], running.release.version if running else "", running.release.facts if running else {})
    reading = read(params["kind"], config, context(subject, opened | proof, allowed), expected=expected)
    answer = {
        "outcome": reading.outcome,
        "sentence": reading.sentence,
        "value": reading.value,
        "unit": reading.unit,
        "limit": reading.limit,
    }
    return answer | {"blocked": _blocked(_urls(params["config"]), allowed)}


def _opened_for(session: Session, config: KubernetesTarget | GitTarget, params: Json) -> tuple[Body, str]:
    """The credentials of a target that is not saved yet, and the name of where it lives."""
    if isinstance(config, KubernetesTarget):
        cluster = session.get(Cluster, config.cluster_id)
        if cluster is None:
            raise Refused("This cluster is not known any more. Choose another.")
        return credentials.open_cluster(session, cluster), cluster.name
    typed = _typed(params, "git")
    if typed or not params.get("target_id"):
        return typed, config.repository
    return credentials.open_for(session, session.get_one(Target, params["target_id"])), config.repository


def _explained(config: KubernetesTarget | GitTarget, opened: Body, where: str, error: StepFailed) -> Json:
    """Why the target is not there, beside its field; for a workload with the names of those that are."""
    if isinstance(config, GitTarget):
        return {"problem": error.sentence, "field": "branch" if "branch" in error.sentence else "repository"}
    if error.evidence.get("status") != 404:
        raise Refused(error.sentence) from error
    missing = f"{config.kind.lower()} {config.name} does not exist in namespace {config.namespace} on cluster {where}"
    try:
        found = cluster_reading.workloads(opened, config.namespace, config.kind)
    except (Unreachable, StepFailed):
        return {"problem": f"{missing}. What does exist there could not be read.", "field": "name"}
    if found:
        return {"problem": f"{missing}: found {_some(found)}.", "field": "name", "found": found}
    return {"problem": f"{missing}, and no other {config.kind.lower()} does. Check the namespace.", "field": "namespace"}


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def _typed(params: Json, purpose: str) -> Body:
    """A credential that was typed into the form and is stored nowhere."""
    return {purpose: unseal(bytes.fromhex(params["sealed"]))} if params.get("sealed") else {}


def _address(target: Target) -> tuple[str, str, str]:
    return target.config["namespace"], target.config["kind"], target.config["name"]


def _urls(config: Any) -> Iterator[str]:
    """Every address that the settings of a check name."""
    if isinstance(config, dict):
        for name, value in config.items():
            if name == "url" and isinstance(value, str) and value:
                yield value
            else:
                yield from _urls(value)
    elif isinstance(config, list):
        for value in config:
            yield from _urls(value)


def _blocked(urls: Iterator[str], allowed: frozenset[tuple[str, int]]) -> Json | None:
    """The first private address that an administrator could allow, and has not."""
    for url in urls:
        try:
            gateway.judged(gateway.parse(url), allowed=allowed)
        except gateway.AddressBlocked as error:
            place = {"host": error.host, "port": error.port}
            try:
                gateway.judged(gateway.parse(url), allowed={(error.host, error.port)})
            except gateway.NoAnswer:
                continue  # never to be called, whoever allows it
            return place
        except gateway.NoAnswer:
            continue
    return None


@contextmanager
def _said() -> Iterator[None]:
    """What the world said becomes the sentence that the asker of the look reads."""
    try:
        yield
    except (Unreachable, StepFailed) as error:
        raise Refused(error.sentence) from error
