"""What the API answers about the catalog: services, targets, checks, releases. Credentials are written and never told."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.web.api.shapes import Shape


class ServiceShape(Shape):
    id: int
    slug: str
    name: str
    owner: str
    tier: int
    description: str
    good_after_s: int = Field(description="For how long the checks must hold until a release counts as good.")
    archived_at: datetime | None = None


class ReleaseShape(Shape):
    id: int
    target_id: int
    version: str
    digest: str
    standing: str
    standing_reason: str
    standing_by: str
    origin: str
    first_seen_at: datetime
    last_seen_at: datetime
    facts: dict[str, Any]


class TargetShape(Shape):
    id: int
    kind: str
    label: str
    environment: str
    observed_at: datetime | None
    observe_problem: str
    seen: dict[str, Any]
    running: ReleaseShape | None = None
    last_good: ReleaseShape | None = Field(None, description="What a rollback would lead to; see last_good_proven.")
    last_good_proven: bool = False
    last_good_why: str = ""


class ReadingShape(Shape):
    at: datetime
    outcome: str = Field(description="pass, fail or inconclusive")
    value: float | None
    sentence: str


class CheckShape(Shape):
    id: int
    kind: str
    name: str
    required: bool
    newest: ReadingShape | None = None


class ContactShape(Shape):
    role: str
    name: str
    phone: str
    email: str
    chat: str


class LinkShape(Shape):
    label: str
    url: str


class ServiceDetail(ServiceShape):
    targets: list[TargetShape]
    checks: list[CheckShape]
    contacts: list[ContactShape] = Field(description="Whom to call, in this order.")
    links: list[LinkShape]


class AddressShape(Shape):
    host: str
    port: int


class SaidShape(Shape):
    """What a check says now."""

    outcome: str = Field(description="pass, fail or inconclusive")
    sentence: str
    value: float | None
    unit: str
    limit: float | None
    blocked: AddressShape | None = Field(description="The private address that an administrator would have to allow first, on the pages.")


class TargetSettings(Shape):
    """Where a service runs, as it was registered."""

    id: int
    service: str = Field(description="Slug.")
    kind: str
    label: str
    environment: str
    config: dict[str, Any] = Field(description="As it may be sent back, whole or in part.")
    has_credential: bool = Field(description="Whether a credential of its own is stored; nobody can read it back.")
    observe_problem: str = Field(description="Why nobody has seen it lately; empty where all is well.")
    archived_at: datetime | None


class CheckSettings(Shape):
    """How a check tells that a service works."""

    id: int
    service: str = Field(description="Slug.")
    kind: str
    name: str
    required: bool
    config: dict[str, Any] = Field(description="What differs from the usual; as it may be sent back, whole or in part.")
    has_credential: bool = Field(description="Whether a credential of its own is stored; nobody can read it back.")
    archived_at: datetime | None
    said: SaidShape | None = Field(None, description="What it said when it was saved; null where nobody looked.")


class RolloutShape(Shape):
    """A stretch of time in which the release ran."""

    began_at: datetime
    ended_at: datetime | None = Field(description="Null while it runs.")
    by: str = Field(description="observed, or the run that brought it: run-12")


class ReleaseDetail(ReleaseShape):
    service: str = Field(description="Slug.")
    rollouts: list[RolloutShape] = Field(description="The twenty newest, the last one first.")
