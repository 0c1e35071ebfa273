"""Targets: where a service runs. As on the pages, the runner looks at the target before anything is saved.

A credential is sealed for the runner at once and never told again.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import looks, queries, releases, targets
from app.catalog.models import Service, Target
from app.core.database import Json
from app.core.errors import Invalid, NotFound, Refused
from app.web import catalog_forms as forms
from app.web import catalog_questions as questions
from app.web.api.asked import Asked, Described, in_config, placed
from app.web.api.catalog_shapes import ReleaseShape, TargetSettings, TargetShape
from app.web.api.once import Key, once
from app.web.api.shapes import Named, Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load

router = APIRouter(tags=["targets"])
Owned = Annotated[Target, may(P.EDIT_SERVICE, load.target)]
Ever = Annotated[Target, may(P.EDIT_SERVICE, load.target_ever)]
_place = in_config("environment", "credential", "unchecked")


class KubernetesConfig(BaseModel):
    """One workload of a cluster."""

    cluster_id: int = Field(description="One of /clusters.")
    namespace: str
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"]
    name: str


class GitConfig(BaseModel):
    """A branch, and the command that puts a commit of it to work."""

    repository: str = Field(description="An https or ssh address, without a password in it.")
    branch: str
    deploy: list[str] = Field(description="The command, one argument each; {version} and {commit} are filled in, nothing else.")
    deploy_folder: str = Field("", description="A folder inside the repository to run it in.")
    version_url: str = Field("", description="Answers with what runs now.")
    version_path: str = Field("", description="The place of the version in its JSON, like build.version; empty for plain text.")


Config = Annotated[dict[str, Any], Described(KubernetesConfig, GitConfig)]
PartOfConfig = Annotated[dict[str, Any], Described(KubernetesConfig, GitConfig, part=True)]
Unchecked = Annotated[bool, Field(description="Save without a look, where the target or the runner cannot be reached now.")]


class GitCredential(Asked):
    """What opens a repository: an ssh key with the hosts to trust, or a token. It is stored sealed and never told again."""

    ssh_key: SecretStr = SecretStr("")
    known_hosts: str = ""
    token: SecretStr = SecretStr("")
    username: str = ""

    def opened(self) -> Json:
        """As the runner takes it. Refused where neither is given."""
        if key := self.ssh_key.get_secret_value().strip():
            return {"ssh_key": key, "known_hosts": self.known_hosts.strip()}
        if token := self.token.get_secret_value().strip():
            return {"token": token} | ({"username": self.username.strip()} if self.username.strip() else {})
        raise Refused("Give an ssh key or a token, or leave the credential out. Nothing was saved.", field="credential")


class TargetEdit(Asked):
    """A target otherwise than it stands; what is not sent stays. Pointed at another place, it ends and another begins there."""

    environment: str = ""
    config: PartOfConfig = Field(default_factory=dict)
    credential: GitCredential | None = Field(None, description="For a Git repository; left out, it stays as it is.")
    unchecked: Unchecked = False

    def proof(self, kind: str) -> Json | None:
        """The credential to store, or nothing. Refused for a workload: its cluster has one."""
        if self.credential and kind != "git":
            raise Refused("A workload is reached with its cluster's own credential. Nothing was saved: leave it out.", field="credential")
        return self.credential.opened() if self.credential else None

    def settings(self) -> Json:
        """The settings as they were sent. Invalid for what only the demo sets: a folder of the console's own machine."""
        if "local" in self.config:
            raise Invalid({"local": "There is no such setting."})
        return self.config


class NewTarget(TargetEdit):
    """A new target of a service."""

    kind: Literal["kubernetes", "git"]
    environment: str = Field("production", description="Like production or staging.")
    config: Config


@router.get("/clusters")
def clusters(db: Db, _: Annotated[Person, may(P.EDIT_SERVICE)]) -> Page[Named]:
    """The clusters that a target can live on. Administrators add them on the pages."""
    return Page(items=[Named.model_validate(cluster) for cluster in queries.clusters(db)])


@router.post("/services/{slug}/targets", response_model=TargetSettings, status_code=201)
def add(
    request: Request, db: Db, me: Me, service: Annotated[Service, may(P.EDIT_SERVICE, load.service)], wish: NewTarget, key: Key = ""
) -> Response:
    """Register where a service runs. The runner looks at it first; what is not there is refused beside its field."""

    def make() -> TargetSettings:
        with placed(_place):
            kind, credential = wish.kind, wish.proof(wish.kind)
            environment, config = targets.checked(db, kind, wish.environment, wish.settings())
            unseen = questions.target_is_there(kind, config, credential=credential, unchecked=wish.unchecked)
            facts: Json = {"environment": environment, "config": config, "credential": credential, "unseen": unseen}
            return _settings(targets.add(db, service, kind=kind, **facts, by=me))

    return once(request, db, me, key, wish, make, status=201)


@router.get("/targets/{target_id}/settings")
def settings(target: Owned) -> TargetSettings:
    """How a target is registered. Its credential is never told."""
    return _settings(target)


@router.post("/targets/{target_id}/settings", response_model=TargetSettings)
def edit(request: Request, db: Db, me: Me, target: Ever, wish: TargetEdit, key: Key = "") -> Response:
    """Change a target. Pointed at another workload or branch, it ends, and the answer is the one that begins there."""

    def make() -> TargetSettings:
        _still_there(target)
        with placed(_place):
            kind, credential = target.kind, wish.proof(target.kind)
            config = forms.kept_local(target, _told(target) | wish.settings())
            environment = wish.environment if "environment" in wish.model_fields_set else target.environment
            environment, config = targets.checked(db, kind, environment, config)
            unseen = questions.target_is_there(kind, config, credential=credential, target_id=target.id, unchecked=wish.unchecked)
            questions.nobody_works_on(db, target)
            facts: Json = {"environment": environment, "config": config, "credential": credential, "unseen": unseen}
            return _settings(targets.edit(db, target, **facts, by=me))

    return once(request, db, me, key, wish, make)


@router.post("/targets/{target_id}/look", response_model=TargetShape, status_code=202)
def look(request: Request, db: Db, me: Me, target: Annotated[Target, may(P.READ, load.target)], key: Key = "") -> Response:
    """Have the runner look at a target now instead of with the next round. The answer is what the last look saw."""

    def make() -> TargetShape:
        looks.ask(db, "target.observe", f"target-{target.id}", {})
        return target_shape(db, target)

    return once(request, db, me, key, None, make, status=202)


@router.post("/targets/{target_id}/archive", response_model=TargetSettings)
def archive(request: Request, db: Db, me: Me, target: Ever, key: Key = "") -> Response:
    """Stop looking at a target. Its releases and runs stay in the record."""

    def make() -> TargetSettings:
        questions.nobody_works_on(db, target)
        targets.archive(db, target, by=me)
        return _settings(target)

    return once(request, db, me, key, None, make)


def target_shape(db: Session, target: Target) -> TargetShape:
    """A target with what runs there and what a rollback would lead to."""
    shape = TargetShape.model_validate(target)
    if current := releases.current(db, target):
        shape.running = ReleaseShape.model_validate(current.release)
    if offer := releases.offer(db, target):
        shape.last_good = ReleaseShape.model_validate(offer.release)
        shape.last_good_proven, shape.last_good_why = offer.proven, offer.why
    return shape


def _still_there(target: Target) -> None:
    if target.archived_at or target.service.archived_at:
        raise NotFound


def _told(target: Target) -> Json:
    return {name: value for name, value in target.config.items() if name != "local"}


def _settings(target: Target) -> TargetSettings:
    return TargetSettings(
        id=target.id,
        service=target.service.slug,
        kind=target.kind,
        label=target.label,
        environment=target.environment,
        config=_told(target),
        has_credential=target.secret_id is not None,
        observe_problem=target.observe_problem,
        archived_at=target.archived_at,
    )
