"""Targets: where a service runs, as typed settings by kind, and what changes them."""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog import credentials, looks
from app.catalog.models import Cluster, Service, Target
from app.core import live
from app.core.clock import now
from app.core.database import Json
from app.core.errors import Invalid

KINDS = {"kubernetes": "Kubernetes workload", "git": "Git repository with a deploy command"}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
ENVIRONMENTS = ("production", "staging", "test")  # suggestions: a company may name its own

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9 _-]{0,30}[a-z0-9])?")
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
_PLAIN = {
    "extra_forbidden": "There is no such setting.",
    "literal_error": "Choose Deployment, StatefulSet or DaemonSet.",
    "int_parsing": "Choose a cluster.",
    "greater_than_equal": "Choose a cluster.",
    "less_than": "Choose a cluster.",
}
_SSH = re.compile(r"(ssh://)?[\w.-]+@[\w.-]+(:\d+)?[:/].+")


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class KubernetesTarget(_Config):
    """One workload of a cluster."""

    cluster_id: int = Field(ge=1, lt=2**31)
    namespace: str
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"]
    name: str

    @field_validator("namespace")
    @classmethod
    def _label(cls, value: str) -> str:
        if not _LABEL.fullmatch(value):
            raise ValueError("A namespace has up to 63 small letters, digits and hyphens.")
        return value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("The name of a workload has small letters, digits, hyphens and dots.")
        return value


class GitTarget(_Config):
    """A branch, and the command that puts a commit of it to work.

    deploy        one argument each; {version} and {commit} are filled in, nothing else
    deploy_folder a folder inside the repository to run it in, empty for its top
    version_url   answers with what runs now; `version_path` names the place in its JSON ("build.version"), empty for plain text
    local         the repository is a folder of this machine: only the demo sets it, no form does
    """

    local: bool = False  # first: the rule for the repository looks at it
    repository: str = Field(min_length=1)
    branch: str = Field(min_length=1)
    deploy: list[str] = Field(min_length=1)
    deploy_folder: str = ""
    version_url: str = ""
    version_path: str = ""

    @field_validator("repository")
    @classmethod
    def _remote(cls, value: str, info: ValidationInfo) -> str:
        if not info.data.get("local") and not _is_remote(value):
            raise ValueError("Give an https:// or ssh address, like https://git.example.org/shop.git or git@git.example.org:shop.git.")
        return value

    @field_validator("branch")
    @classmethod
    def _branch(cls, value: str) -> str:
        if value.startswith("-") or re.search(r"\s|\.\.|[~^:?*\[\\]|@\{|//|/$|\.lock$", value):
            raise ValueError("This is not the name of a branch. Write it like main or release/2026.")
        return value

    @field_validator("deploy")
    @classmethod
    def _deploy(cls, value: list[str]) -> list[str]:
        unknown = {name for part in value for name in _PLACEHOLDER.findall(part)} - {"version", "commit"}
        if unknown:
            raise ValueError(f"Only {{version}} and {{commit}} are filled in; there is no {{{min(unknown)}}}.")
        if not value[0].strip() or _PLACEHOLDER.search(value[0]):
            raise ValueError("The first line is the program, without fields to fill in.")
        return value

    @field_validator("deploy_folder")
    @classmethod
    def _folder(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError("Give a folder inside the repository, like deploy or ops/deploy.")
        return value

    @field_validator("version_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("The address begins with https:// or http://.")
        return value


def parse(kind: str, config: Json) -> KubernetesTarget | GitTarget:
    """The typed settings. Invalid, with one sentence a field, where they are not right."""
    model = {"kubernetes": KubernetesTarget, "git": GitTarget}.get(kind)
    if model is None:
        raise Invalid({"kind": "Choose where the service runs: a Kubernetes workload, or a Git repository with a deploy command."})
    try:
        parsed: KubernetesTarget | GitTarget = model(**config)
    except ValidationError as error:
        raise Invalid(_problems(error)) from error
    return parsed


def add(
    session: Session, service: Service, *, kind: str, environment: str, config: Json, by: Person, credential: Any = None, unseen: str = ""
) -> Target:
    """Register where a service runs, and have the runner look at it. `unseen` says why nobody has seen it yet, where that is so."""
    target = Target(service_id=service.id, service=service, kind=kind)
    session.add(target)
    return _set(session, target, "target.add", environment=environment, config=config, credential=credential, unseen=unseen, by=by)


def edit(
    session: Session, target: Target, *, environment: str, config: Json, by: Person, credential: Any = None, unseen: str = ""
) -> Target:
    """Change a target. One that is pointed at another place ends, and another begins there with a history of its own.

    Otherwise a rollback would put the template of one workload on another.
    """
    facts: Json = {"environment": environment, "config": config, "credential": credential, "unseen": unseen, "by": by}
    if _place(checked(session, target.kind, environment, config)[1]) == _place(target.config):
        return _set(session, target, "target.edit", **facts)
    archive(session, target, by=by)
    moved = Target(service_id=target.service_id, service=target.service, kind=target.kind, secret_id=target.secret_id)
    session.add(moved)
    return _set(session, moved, "target.add", **facts)


def checked(session: Session, kind: str, environment: str, config: Json) -> tuple[str, Json]:
    """The name of the environment and the settings, as they are stored. Invalid where a field is wrong; the world is not asked."""
    environment = environment.strip().lower()
    if not _ENVIRONMENT.fullmatch(environment):
        raise Invalid({"environment": "Name the environment, like production or staging."})
    parsed = parse(kind, config)
    if isinstance(parsed, KubernetesTarget):
        cluster = session.get(Cluster, parsed.cluster_id)
        if cluster is None or cluster.archived_at:
            raise Invalid({"cluster_id": "Choose one of the clusters that the console knows."})
    return environment, parsed.model_dump()


def archive(session: Session, target: Target, *, by: Person) -> None:
    """Stop looking at a target. Its releases and runs stay in the record."""
    if target.archived_at is None:
        target.archived_at = now()
        audit.record(session, "target.archive", f"target-{target.id}", actor=by.actor, actor_name=by.name, label=target.label)
        live.tell(session, "services", f"service-{target.service_id}")


def _set(
    session: Session, target: Target, action: str, *, environment: str, config: Json, credential: Any, unseen: str, by: Person
) -> Target:
    with session.no_autoflush:
        target.environment, target.config = checked(session, target.kind, environment, config)
    target.cluster_id, target.observe_problem = target.config.get("cluster_id"), unseen
    if target.kind == "git" and credential:
        name = f"{target.service.slug} git"
        target.secret_id = credentials.keep(session, target.secret_id, name=name, purpose="git", value=credential, by=by)
    session.flush()
    detail = {"config": target.config, "environment": target.environment}
    audit.record(session, action, f"target-{target.id}", actor=by.actor, actor_name=by.name, **detail)
    looks.ask(session, "target.observe", f"target-{target.id}", {})
    live.tell(session, "services", f"service-{target.service_id}")
    return target


def _place(config: Json) -> tuple[object, ...]:
    """What makes a target this one and no other."""
    return tuple(config.get(name) for name in ("cluster_id", "namespace", "kind", "name", "repository", "branch"))


def _problems(error: ValidationError) -> dict[str, str]:
    """Field name to sentence."""
    found: dict[str, str] = {}
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else "kind"
        text = (
            problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "value_error"
            else _PLAIN.get(problem["type"], "This is needed.")
        )
        found.setdefault(field, text)
    return found


def _is_remote(repository: str) -> bool:
    """An https or ssh address without a password in it. Anything else (files, ext::) could reach into this machine."""
    if repository.startswith("https://"):
        return "@" not in repository.removeprefix("https://").split("/")[0]
    return bool(_SSH.fullmatch(repository)) and "::" not in repository
