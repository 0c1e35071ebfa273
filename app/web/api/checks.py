"""Checks: how to tell that a service works. A check can be tried before it is saved, and is looked at when it is."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog import checks
from app.catalog.models import Check, Service
from app.core.database import Json
from app.core.errors import NotFound, Refused
from app.executors.checks.configs import HealthConfig, MetricConfig, SmokeConfig, VersionConfig, parse
from app.web import catalog_forms as forms
from app.web import catalog_questions as questions
from app.web.api.asked import Asked, Described, in_config, placed
from app.web.api.catalog_shapes import CheckSettings, SaidShape
from app.web.api.once import Key, once
from app.web.api.shapes import Page
from app.web.deps import Db, Me
from app.web.fields import Fields
from app.web.guard import may
from app.web.loaders import catalog as load

router = APIRouter(tags=["checks"])
Owner = Annotated[Service, may(P.EDIT_SERVICE, load.service)]
Owned = Annotated[Check, may(P.EDIT_SERVICE, load.check)]
Kind = Literal["health", "version", "smoke", "metric"]
CONFIGS = (HealthConfig, VersionConfig, SmokeConfig, MetricConfig)
Config = Annotated[dict[str, Any], Described(*CONFIGS)]
PartOfConfig = Annotated[dict[str, Any], Described(*CONFIGS, part=True)]
Unchecked = Annotated[bool, Field(description="Save without a look, where the runner cannot be reached now.")]
_place = in_config("kind", "name", "credential", "unchecked")


class HttpCredential(Asked):
    """What a check sends along: a bearer token, or a user with a password. It is stored sealed and never told again."""

    token: SecretStr = SecretStr("")
    user: str = ""
    password: SecretStr = SecretStr("")

    def opened(self) -> Any:
        """As the runner takes it. Refused where neither is given."""
        if user := self.user.strip():
            return {"user": user, "password": self.password.get_secret_value().strip()}
        if token := self.token.get_secret_value().strip():
            return token
        raise Refused("Give a token, or a user with a password, or leave the credential out. Nothing was saved.", field="credential")


class Retrial(Asked):
    """A check otherwise than it stands, to be tried and not saved."""

    config: PartOfConfig = Field(default_factory=dict, description="Settings to try; what is not sent is as it stands.")
    credential: HttpCredential | None = None

    def proof(self) -> Any:
        """The credential, or nothing where it stays as it is."""
        return self.credential.opened() if self.credential else None


class Trial(Retrial):
    """A check to be tried and not saved."""

    kind: Kind
    config: Config


class CheckEdit(Retrial):
    """A check otherwise than it stands; what is not sent stays."""

    name: str = ""
    required: bool = Field(True, description="Whether a service counts as recovered only where it holds.")
    unchecked: Unchecked = False


class NewCheck(CheckEdit):
    """A new check of a service."""

    kind: Kind
    name: str
    config: Config


class UsualChecks(Asked):
    """Where the numbers of a service can be read."""

    source: Literal["prometheus", "endpoint"] = "prometheus"
    url: str = Field(description="Of Prometheus, or of the service's own metrics.")
    selector: str = Field("", description='Labels that pick the service, like namespace="shop",app="login".')
    unchecked: Unchecked = False


@router.post("/services/{slug}/checks", response_model=CheckSettings, status_code=201)
def add(request: Request, db: Db, me: Me, service: Owner, wish: NewCheck, key: Key = "") -> Response:
    """Add a check to a service. The runner reads it first: the answer holds what it says, and it is saved whatever that is."""

    def make() -> CheckSettings:
        with placed(_place):
            proof = wish.proof()
            said = _looked_at(service, wish.kind, wish.config, proof, unchecked=wish.unchecked)
            facts: Json = {"name": wish.name, "config": wish.config, "required": wish.required, "credential": proof}
            return _settings(checks.add(db, service, kind=wish.kind, **facts, by=me), said)

    return once(request, db, me, key, wish, make, status=201)


@router.post("/services/{slug}/checks/usual", response_model=Page[CheckSettings], status_code=201)
def add_usual(request: Request, db: Db, me: Me, service: Owner, wish: UsualChecks, key: Key = "") -> Response:
    """Add error rate, response time and 5xx responses at once, from one source."""

    def make() -> Page[CheckSettings]:
        usual = forms.usual_checks(Fields(wish.model_dump(include={"source", "url", "selector"})))
        said = _looked_at(service, "metric", usual[0]["config"], None, unchecked=wish.unchecked)
        added = [checks.add(db, service, **check, by=me) for check in usual]
        return Page(items=[_settings(check, said if check is added[0] else None) for check in added])

    return once(request, db, me, key, wish, make, status=201)


@router.post("/services/{slug}/checks/try", response_model=SaidShape)
def try_out(request: Request, db: Db, me: Me, service: Owner, wish: Trial, key: Key = "") -> Response:
    """Say what a check would say now. Nothing is saved."""

    def make() -> SaidShape:
        with placed(_place):
            return _said(service, wish.kind, wish.config, wish.proof())

    return once(request, db, me, key, wish, make)


@router.get("/checks/{check_id}/settings")
def settings(check: Owned) -> CheckSettings:
    """How a check is set up. Its credential is never told."""
    return _settings(check)


@router.post("/checks/{check_id}/settings", response_model=CheckSettings)
def edit(request: Request, db: Db, me: Me, check: Owned, wish: CheckEdit, key: Key = "") -> Response:
    """Change a check. What it said before stays in its record."""

    def make() -> CheckSettings:
        with placed(_place):
            config, proof, sent = check.config | wish.config, wish.proof(), wish.model_fields_set
            said = _looked_at(check.service, check.kind, config, proof, check=check, unchecked=wish.unchecked)
            name = wish.name if "name" in sent else check.name
            required = wish.required if "required" in sent else check.required
            checks.edit(db, check, name=name, config=config, required=required, credential=proof, by=me)
            return _settings(check, said)

    return once(request, db, me, key, wish, make)


@router.post("/checks/{check_id}/try", response_model=SaidShape)
def try_again(request: Request, db: Db, me: Me, check: Owned, wish: Retrial, key: Key = "") -> Response:
    """Say what a check would say now, as it stands or with other settings. Nothing is saved."""

    def make() -> SaidShape:
        with placed(_place):
            return _said(check.service, check.kind, check.config | wish.config, wish.proof(), check=check)

    return once(request, db, me, key, wish, make)


@router.post("/checks/{check_id}/archive", response_model=CheckSettings)
def archive(request: Request, db: Db, me: Me, check: Annotated[Check, may(P.EDIT_SERVICE, load.check_ever)], key: Key = "") -> Response:
    """Stop asking a check. Its name is free again."""

    def make() -> CheckSettings:
        if check.service.archived_at and not check.archived_at:
            raise NotFound
        checks.archive(db, check, by=me)
        return _settings(check)

    return once(request, db, me, key, None, make)


def _looked_at(service: Service, kind: str, config: Json, proof: Any, *, unchecked: bool, check: Check | None = None) -> SaidShape | None:
    """What a check says before it is saved; None where nobody is to look. Refused where it may not call its address yet."""
    if unchecked:
        return None
    said = _said(service, kind, config, proof, check=check)
    if said.blocked:
        place = f"{said.blocked.host}:{said.blocked.port}"
        raise Refused(
            f"{said.sentence} Nothing was saved: an administrator can allow {place} on the pages, then send it again.", field="url"
        )
    return said


def _said(service: Service, kind: str, config: Json, proof: Any, *, check: Check | None = None) -> SaidShape:
    """What the runner reads now. Refused where the settings are wrong, or nobody answers."""
    parse(kind, config)
    check_id = check.id if check else None
    return SaidShape.model_validate(questions.what_it_says(kind, config, service_id=service.id, check_id=check_id, credential=proof))


def _settings(check: Check, said: SaidShape | None = None) -> CheckSettings:
    return CheckSettings(
        id=check.id,
        service=check.service.slug,
        kind=check.kind,
        name=check.name,
        required=check.required,
        config=check.config,
        has_credential=check.secret_id is not None,
        archived_at=check.archived_at,
        said=said,
    )
