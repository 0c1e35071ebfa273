"""What `lastgood doctor` looks at, each with one sentence."""

import shutil
import socket
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.core import processes
from app.core.database import db_now, transaction
from app.core.embedded import full, reachable
from app.core.errors import Refused
from app.core.migrate import head, revision
from app.core.sealing import seal, unseal
from app.core.settings import settings

_SILENT_S = 15  # a worker says that it lives every few seconds


@dataclass(frozen=True)
class Finding:
    what: str
    ok: bool
    sentence: str


def examine() -> list[Finding]:
    """Everything, worst first within its group; a database that does not answer ends the list early."""
    findings = [Finding("lastgood", True, f"Version {version('lastgood')}."), _git(), _web(), _broker(), *_disk()]
    try:
        with reachable():
            findings += [_schema(), _keys(), _notifier_key(), *_in_the_database()]
    except (Refused, SQLAlchemyError) as error:
        sentence = error.sentence if isinstance(error, Refused) else str(error.__cause__ or error).splitlines()[0]
        findings += [Finding("database", False, sentence), _keys()]
    return findings


def is_alive() -> bool:
    """Whether a worker of this host has been heard of lately."""
    from app.runs.models import Worker

    with transaction() as session:
        seen = session.scalar(select(func.max(Worker.seen_at)).where(Worker.name.contains(socket.gethostname(), autoescape=True)))
        return seen is not None and (db_now(session) - seen).total_seconds() < _SILENT_S


def _keys() -> Finding:
    path = settings().private_key_path
    if not path.exists():
        return Finding("key", False, f"{path} is missing, so stored credentials cannot be opened here. Runner: `lastgood keys`.")
    try:
        fits = unseal(seal("canary")) == "canary"
    except Refused as refusal:
        return Finding("key", False, refusal.sentence)
    return Finding("key", fits, "Credentials can be sealed and opened.")


def _notifier_key() -> Finding:
    path = settings().notifier_private_key_path
    if not path.exists():
        return Finding("notifier key", True, f"{path} is not on this machine; only the notifier needs it.")
    try:
        fits = unseal(seal("canary", to="notifier"), by="notifier") == "canary"
    except Refused as refusal:
        return Finding("notifier key", False, refusal.sentence)
    return Finding("notifier key", fits, "Settings of channels can be sealed and opened.")


def _git() -> Finding:
    program = shutil.which("git")
    if not program:
        return Finding("git", False, "git is not installed: targets of kind git cannot be recovered from here.")
    said: list[str] = []
    try:
        done = processes.run([program, "--version"], cwd=Path.cwd(), deadline_s=10, output=said.append)
    except (processes.NotStarted, processes.Stopped) as problem:
        return Finding("git", False, problem.sentence)
    return Finding("git", done.code == 0, f"{' '.join(said)}.")


def _web() -> Finding:
    url = f"http://{settings().host}:{settings().port}/readyz"
    try:
        answer = httpx.get(url, timeout=3, trust_env=False)
    except httpx.TransportError:
        return Finding("web", False, f"Nothing answers at {url}. Start it with `lastgood up`; runs can be carried out with `--here`.")
    return Finding("web", answer.status_code == 200, f"{url} answers {answer.status_code}.")


def _broker() -> Finding:
    from app.core.queue import ping

    if not settings().redis_url:
        return Finding("doorbell", True, "Embedded: `lastgood up` starts it. Runs start without it too, within seconds.")
    problem = ping()
    return Finding("doorbell", not problem, problem or "Redis answers.")


def _disk() -> list[Finding]:
    """Of the embedded stores; other servers watch their own."""
    if settings().database_url:
        return []
    sentence = full(settings().state_dir)
    return [Finding("disk", not sentence, sentence or f"There is room for the stores at {settings().state_dir}.")]


def _schema() -> Finding:
    at, newest = revision(settings().migration_database_url or settings().database_url), head()
    if at == newest:
        return Finding("database", True, f"PostgreSQL answers, at revision {at}.")
    return Finding("database", False, f"The schema is at revision {at or 'none'}, this version needs {newest}: run `lastgood migrate`.")


def _in_the_database() -> list[Finding]:
    from app.catalog.models import Cluster, Target
    from app.runs.models import Run, Worker

    with transaction() as session:
        moment = db_now(session)
        findings = [_durable(*session.execute(text("SELECT current_setting('fsync'), current_setting('synchronous_commit')")).one())]
        for role in ("run", "look"):
            seen = session.scalar(select(func.max(Worker.seen_at)).where(Worker.role == role))
            silent = None if seen is None else (moment - seen).total_seconds()
            ok = silent is not None and silent < _SILENT_S
            age = "never seen" if silent is None else f"last seen {silent:.0f} s ago"
            findings.append(Finding(f"runner ({role})", ok, age[0].upper() + age[1:] + ("." if ok else ": start `lastgood runner`.")))
        for cluster in session.scalars(select(Cluster).where(Cluster.archived_at.is_(None)).order_by(Cluster.name)):
            ok = bool(cluster.checked_at) and not cluster.problem
            findings.append(Finding(f"cluster {cluster.name}", ok, cluster.problem or ("Reachable." if ok else "Not looked at yet.")))
        for target in session.scalars(select(Target).where(Target.archived_at.is_(None)).order_by(Target.id)):
            ok = bool(target.observed_at) and not target.observe_problem
            findings.append(Finding(f"target {target.label}", ok, target.observe_problem or ("Seen." if ok else "Not looked at yet.")))
        waiting = session.scalars(select(Run).where(Run.state == "needs_attention").order_by(Run.id)).all()
        findings += [Finding(f"run {run.id}", False, f"Waits for a person: {run.attention}") for run in waiting]
    return findings


def _durable(fsync: str, commit: str) -> Finding:
    ok = fsync == "on" and commit not in {"off", "local"}
    return Finding("durability", ok, "Commits reach the disk." if ok else "fsync or synchronous_commit is off: a power cut loses history.")
