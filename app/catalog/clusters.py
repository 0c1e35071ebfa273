"""Clusters: how the runner reaches them, and what the console may do there."""

import yaml
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog import credentials, looks
from app.catalog.models import Cluster, Target
from app.core import live
from app.core.clock import now
from app.core.database import Json
from app.core.errors import Invalid, Refused
from app.executors.kubernetes import kubeconfig

KINDS = {"kubeconfig": "A kubeconfig", "in_cluster": "The account of the pod that the runner runs in"}
LONGEST = 200_000
IN_CLUSTER = "https://kubernetes.default.svc"


def add(session: Session, *, name: str, kind: str, text: str = "", by: Person, unseen: str = "") -> Cluster:
    """Register a cluster. The kubeconfig is sealed at once and shown to nobody again.

    Invalid where the name is taken; Refused where the text needs something outside of itself.
    """
    name = name.strip()
    if not 1 <= len(name) <= 60:
        raise Invalid({"name": "A cluster needs a name of 1 to 60 characters, like prod-eu."})
    if kind not in KINDS:
        raise Invalid({"kind": "Choose how the runner reaches the cluster."})
    facts: Json = {"name": name, "kind": kind, "server": IN_CLUSTER, "problem": unseen}
    if kind == "kubeconfig":
        reduced, server = read(text)
        secret_id = credentials.keep(session, None, name=name, purpose="kubeconfig", value=reduced, by=by)
        facts |= {"server": server, "secret_id": secret_id}
    made = session.scalar(insert(Cluster).values(**facts).on_conflict_do_nothing(index_elements=["name"]).returning(Cluster.id))
    if made is None:
        raise Invalid({"name": f"There is already a cluster {name}. Open that one, or choose another name."})
    cluster = session.get_one(Cluster, made)
    _changed(session, cluster, "cluster.add", by=by)
    return cluster


def rotate(session: Session, cluster: Cluster, *, text: str, by: Person, unseen: str = "") -> None:
    """Put a new kubeconfig in the place of the old one. Refused for a cluster that needs none."""
    if cluster.kind != "kubeconfig":
        raise Refused(f"{cluster.name} is reached with the account of the runner's pod, so there is no kubeconfig to replace.")
    reduced, server = read(text)
    cluster.secret_id = credentials.keep(session, cluster.secret_id, name=cluster.name, purpose="kubeconfig", value=reduced, by=by)
    cluster.server, cluster.problem = server, unseen
    _changed(session, cluster, "cluster.rotate", by=by)


def read(text: str) -> tuple[str, str]:
    """The kubeconfig reduced to its current context, as it is stored, and the address of its server.

    Refused, with the way out, where it cannot be used. Nothing that it names is opened, and the other clusters in it are dropped.
    """
    if not text.strip():
        raise Refused("Paste a kubeconfig: `kubectl config view --raw --minify --flatten` prints one.", field="kubeconfig")
    try:
        if len(text) > LONGEST:
            raise kubeconfig.BadKubeconfig(f"This is longer than a kubeconfig can be ({len(text):,} signs).")
        reduced = kubeconfig.parse(text)
    except kubeconfig.BadKubeconfig as error:
        raise Refused(f"{error.sentence} Nothing was stored.", field="kubeconfig") from error
    except (ValueError, RecursionError) as error:
        raise Refused("This cannot be read as YAML, so it is no kubeconfig. Nothing was stored.", field="kubeconfig") from error
    return yaml.safe_dump(reduced), kubeconfig.server_of(reduced)


def archive(session: Session, cluster: Cluster, *, by: Person) -> None:
    """Forget a cluster. Refused while a target lives on it."""
    used = session.scalar(select(Target).where(Target.cluster_id == cluster.id, Target.archived_at.is_(None)).limit(1))
    if used:
        raise Refused(f"{cluster.name} stays: {used.label} lives on it. Remove its targets first.")
    if cluster.archived_at is None:
        cluster.archived_at = now()
        cluster.name = f"{cluster.name} (until {cluster.archived_at:%Y-%m-%d %H:%M:%S.%f})"
        _changed(session, cluster, "cluster.archive", by=by)


def ask_for_check(session: Session, cluster: Cluster) -> None:
    """Have the runner find out whether it reaches the cluster and what it may do there."""
    looks.ask(session, "cluster.check", f"cluster-{cluster.id}", {})


def _changed(session: Session, cluster: Cluster, action: str, *, by: Person) -> None:
    session.flush()
    audit.record(session, action, f"cluster-{cluster.id}", actor=by.actor, actor_name=by.name, name=cluster.name, server=cluster.server)
    if cluster.archived_at is None:
        ask_for_check(session, cluster)
    live.tell(session, "clusters", f"cluster-{cluster.id}")
