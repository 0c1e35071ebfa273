"""From the fields of the catalog's forms to what its actions take, and from rows back to what the forms show."""

import json
import shlex
from collections.abc import Iterable
from typing import Any, Literal

from app.catalog.actions import ContactFacts, LinkFacts, ServiceFacts
from app.catalog.models import Check, Service, Target
from app.core.database import Json
from app.core.errors import Refused
from app.executors.checks.configs import KINDS
from app.executors.checks.defaults import defaults_for
from app.web.fields import Fields

SPARE_ROWS = 3
MOST_ROWS = 30
CONTACT = ("role", "name", "phone", "email", "chat")
LINK = ("label", "url")


def service(sent: Fields) -> ServiceFacts:
    return ServiceFacts(
        name=sent.text("name"),
        slug=sent.text("slug"),
        owner=sent.text("owner"),
        tier=sent.whole("tier") or 2,
        description=sent.text("description"),
        good_after_s=sent.whole("good_after_s") or 600,
    )


def contacts(sent: Fields) -> list[ContactFacts]:
    """The rows in the order that their numbers give; a row without a number comes last."""
    return [ContactFacts(**row) for row in _rows(sent, CONTACT)]


def links(sent: Fields) -> list[LinkFacts]:
    return [LinkFacts(**row) for row in _rows(sent, LINK)]


def rows_of(kept: Iterable[Any], names: Iterable[str]) -> dict[str, str]:
    """Rows as the fields of their form: {"name-0": "Pager", …}."""
    return {f"{name}-{number}": getattr(row, name) for number, row in enumerate(kept) for name in names}


def target(kind: str, sent: Fields) -> Json:
    """The settings of a target of this kind, unchecked."""
    if kind == "kubernetes":
        return {name: sent.text(name) for name in ("cluster_id", "namespace", "name")} | {"kind": sent.text("workload")}
    plain = ("repository", "branch", "deploy_folder", "version_url", "version_path")
    return {name: sent.text(name) for name in plain} | {
        "deploy": [line.strip() for line in sent.text("deploy").splitlines() if line.strip()]
    }


def kept_local(target: Target, config: Json) -> Json:
    """A repository that is a folder of this machine stays one, as long as it is the same folder: no form can name another."""
    if target.kind == "git" and target.config.get("local") and config["repository"] == target.config["repository"]:
        return config | {"local": True}
    return config


def git_credential(sent: Fields) -> Json | None:
    """What opens the repository, or nothing where the form leaves it as it is."""
    if key := sent.text("ssh_key"):
        return {"ssh_key": key, "known_hosts": sent.text("known_hosts")}
    if token := sent.text("token"):
        return {"token": token} | ({"username": sent.text("username")} if sent.text("username") else {})
    return None


def of_target(target: Target) -> dict[str, str]:
    """The settings of a target as the fields of its form."""
    values = {name: str(value) for name, value in target.config.items()} | {"environment": target.environment}
    if target.kind == "kubernetes":
        return values | {"workload": target.config["kind"]}
    return values | {"deploy": "\n".join(target.config["deploy"])}


def check(kind: str, sent: Fields) -> Json:
    """The settings of a check of this kind, unchecked. Refused for a kind that does not exist."""
    if kind not in KINDS:
        raise Refused("Choose what the check looks at: health, version, smoke test or metric.", field="kind")
    names = [field.alias or name for name, field in KINDS[kind].model_fields.items()]
    config: Json = {name: sent.text(name) for name in names if sent.text(name)}
    if kind == "metric":
        config["must_have_data"] = sent.ticked("must_have_data")
    return config


def check_facts(kind: str, sent: Fields) -> Json:
    """What `checks.add` and `checks.edit` take."""
    return {
        "name": sent.text("name"),
        "config": check(kind, sent),
        "required": sent.ticked("required"),
        "credential": http_credential(sent),
    }


def usual_checks(sent: Fields) -> list[Json]:
    """The three checks that most services begin with, from one source."""
    source: Literal["endpoint", "prometheus"] = "endpoint" if sent.text("source") == "endpoint" else "prometheus"
    if not sent.text("url"):
        raise Refused("Give the address of Prometheus, or of the service's own metrics.", field="url")
    return defaults_for(source, sent.text("url"), selector=sent.text("selector"))


def http_credential(sent: Fields) -> Any:
    """What a check sends along, or nothing where the form leaves it as it is."""
    if sent.text("http_user"):
        return {"user": sent.text("http_user"), "password": sent.text("http_token")}
    return sent.text("http_token") or None


def of_check(check: Check) -> dict[str, str]:
    """The settings of a check as the fields of its form."""
    values = {name: _shown(name, value) for name, value in check.config.items()} | {"name": check.name}
    if check.kind == "metric" and check.config.get("must_have_data", True):
        values["must_have_data"] = "yes"
    return values | ({"required": "yes"} if check.required else {})


def of_service(service: Service) -> dict[str, str]:
    names = ("name", "slug", "owner", "tier", "description", "good_after_s")
    return {name: str(getattr(service, name)) for name in names}


def _shown(name: str, value: Any) -> str:
    if name == "command":
        return shlex.join(value)
    if name == "steps":
        plain = not any(step.get("headers") or step.get("body") for step in value)
        return "\n".join(_step(step) for step in value) if plain else json.dumps(value, indent=2)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _step(step: Json) -> str:
    words = [step.get("method", "GET"), step["url"], str(step.get("expect_status", 200)), step.get("expect_text", "")]
    return " ".join(words).strip()


def _rows(sent: Fields, names: tuple[str, ...]) -> list[dict[str, str]]:
    count = min(sum(key.startswith(f"{names[0]}-") for key in sent), MOST_ROWS)
    rows = [
        (sent.whole(f"place-{number}") or MOST_ROWS, {name: sent.text(f"{name}-{number}") for name in names}) for number in range(count)
    ]
    return [row for _, row in sorted(rows, key=lambda entry: entry[0])]
