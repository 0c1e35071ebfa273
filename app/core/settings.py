"""Settings: read once from `LASTGOOD_…` variables or `.env`, checked at the start with every mistake named at once."""

import os
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.errors import Refused

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def default_state_dir() -> Path:
    """Where the embedded stores keep their files: `/var/lib/lastgood` for root, else the user's state folder.

    Root's PostgreSQL runs under another account, which could not enter a folder below `/root` (PostgreSQL refuses root).
    """
    if os.geteuid() == 0:
        return Path("/var/lib/lastgood")
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "lastgood"


class Settings(BaseSettings):
    """Everything an operator can set. Durations are seconds."""

    model_config = SettingsConfigDict(env_prefix="LASTGOOD_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    state_dir: Path = Field(default_factory=default_state_dir, description="Folder of the embedded stores, keys and logs.")
    host: str = Field("127.0.0.1", description="Address on which the console listens.")
    port: int = Field(8420, ge=1, le=65535, description="Port on which the console listens.")
    public_url: str = Field("", validate_default=True, description="Address at which people reach the console. Must be https off loopback.")
    database_url: str = Field("", description="PostgreSQL for the application role. Empty: an embedded PostgreSQL.")
    migration_database_url: str = Field("", description="PostgreSQL for the owner role, used by migrations only.")
    redis_url: str = Field("", description="Redis or Valkey for the doorbell. Empty: an embedded Valkey.")
    key_file: Path | None = Field(None, description="Private key that opens stored credentials. Runner only. Empty: in the state folder.")
    public_key_file: Path | None = Field(None, description="Public key that seals credentials. Empty: beside the private key.")
    notifier_key_file: Path | None = Field(
        None, description="Private key that opens the settings of channels. Notifier only. Empty: in the state folder."
    )
    notifier_public_key_file: Path | None = Field(
        None, description="Public key that seals the settings of channels. Empty: beside the notifier's private key."
    )
    status_dir: Path | None = Field(None, description="Folder of the public status pages. Empty: `status` in the state folder.")
    pg_bin: Path | None = Field(None, description="Folder with PostgreSQL's own programs (initdb, postgres). Empty: the bundled ones.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    lease_s: float = Field(15.0, gt=0, le=300, description="How long a silent worker keeps its run.")
    sweep_s: float = Field(1.0, gt=0, le=60, description="How often each process looks for work that nobody rang for.")
    settle_margin_s: float = Field(2.0, ge=0, le=60, description="Waited beyond an effect's own deadline before it is judged.")
    observe_every_s: float = Field(15.0, gt=0, le=3600, description="How often each target is looked at for new releases.")
    run_slots: int = Field(2, ge=1, le=32, description="Runs that one runner carries at once.")
    look_slots: int = Field(2, ge=1, le=32, description="Looks (previews, checks) that one runner carries at once.")
    notify_slots: int = Field(4, ge=1, le=32, description="Deliveries of each sort (mail, webhooks, services, subscribers) at once.")
    notify_timeout_s: float = Field(15.0, gt=0, le=120, description="How long one try of a delivery may take.")
    page_wait_s: float = Field(
        300, ge=10, le=86400, description="How long a contact who is paged has to answer, unless the service says otherwise."
    )
    drain_s: float = Field(120.0, ge=0, le=3600, description="How long a runner that is told to stop may finish the step it is in.")
    approval_ttl_s: float = Field(1800, gt=0, description="How long a request for approval stays open.")
    allow_break_glass: bool = Field(True, description="Whether a commander may go ahead without a second person, loudly and with a reason.")
    session_idle_s: float = Field(12 * 3600, gt=0, description="A sign-in ends after this long without use.")
    session_absolute_s: float = Field(7 * 24 * 3600, gt=0, description="A sign-in ends after this long in any case.")
    statement_timeout_s: float = Field(30, gt=0, description="A single statement of the console's own database may take this long.")
    drill_environments: str = Field(
        "drill,staging,test,demo", description="Environments whose targets are there to practise on, separated by commas."
    )
    drill_stale_days: int = Field(
        90, ge=1, le=3650, description="A service that was not practised for this many days is named on the board."
    )
    demo_breaks_after_s: float = Field(
        30, ge=0, le=3600, description="`lastgood demo`: the release that breaks the shop goes out this long after the start."
    )

    @field_validator("public_url")
    @classmethod
    def _https_off_loopback(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            if (host := info.data.get("host", "127.0.0.1")) not in LOOPBACK:
                raise ValueError(f"must be set to the console's https address: LASTGOOD_HOST is {host}, which others can reach")
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address like https://lastgood.example.org")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must begin with https:// unless it is on this machine: sign-in cookies are refused over http")
        return value.rstrip("/")

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _driver(cls, value: str) -> str:
        for plain in ("postgresql://", "postgres://"):
            if value.startswith(plain):
                return "postgresql+psycopg://" + value.removeprefix(plain)
        if value and not value.startswith("postgresql+psycopg://"):
            raise ValueError("must begin with postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _broker(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "redis+socket://")):
            raise ValueError("must begin with redis://, rediss:// or redis+socket://")
        return value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @property
    def base_url(self) -> str:
        """The address that links in mails and on the terminal begin with."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def private_key_path(self) -> Path:
        return self.key_file or self.state_dir / "keys" / "runner.key"

    @property
    def public_key_path(self) -> Path:
        return self.public_key_file or self.private_key_path.with_suffix(".pub")

    @property
    def notifier_private_key_path(self) -> Path:
        return self.notifier_key_file or self.state_dir / "keys" / "notifier.key"

    @property
    def notifier_public_key_path(self) -> Path:
        return self.notifier_public_key_file or self.notifier_private_key_path.with_suffix(".pub")

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)


_SECRET = ("database_url", "migration_database_url", "redis_url")


def _from_files() -> tuple[dict[str, Any], list[str]]:
    """Addresses that carry passwords may stand in files instead (`LASTGOOD_DATABASE_URL_FILE`), as container platforms give them.

    Returns what stands in them, and a line for each that cannot be read.
    """
    found: dict[str, Any] = {}
    mistakes = []
    for name in _SECRET:
        variable = f"LASTGOOD_{name.upper()}_FILE"
        path = os.environ.get(variable, "")
        if path and not os.environ.get(f"LASTGOOD_{name.upper()}"):
            try:
                found[name] = Path(path).read_text().strip()
            except OSError as error:
                mistakes.append(f"{variable} names {path}, which cannot be read: {error.strerror}")
    return found, mistakes


def load() -> Settings:
    """Read and check the settings. Refused with one line for each mistake."""
    found, mistakes = _from_files()
    try:
        config = Settings(**found)
    except ValidationError as error:
        for problem in error.errors():
            mistakes.append(f"LASTGOOD_{str(problem['loc'][0]).upper()} {problem['msg'].removeprefix('Value error, ')}")
    if mistakes:
        raise Refused("The settings cannot be used:\n" + "\n".join(f"  {line}" for line in mistakes))
    return config


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Tests call `settings.cache_clear()` after they change the environment."""
    return load()


def reference() -> str:
    """Every setting as a markdown table: `docs/settings.md` is this text."""
    lines = [
        "# Settings",
        "",
        "Each is an environment variable or a line of `.env`. They are checked at the start, and every mistake is named at once.",
        "Durations are seconds. The three addresses of stores may also stand in a file, named by the variable with `_FILE` behind it.",
        "This page is generated: `lastgood settings > docs/settings.md`.",
        "",
        "| variable | default | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        if field.default_factory is not None:
            default = "`/var/lib/lastgood` for root, else `~/.local/state/lastgood`"
        else:
            default = f"`{field.default}`" if field.default not in ("", None) else "empty"
        lines.append(f"| `LASTGOOD_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)
