"""Rows of a verification."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.catalog.models import Service
from app.core.database import Base, Json
from app.incidents.models import Incident
from app.runs.models import Run


class Verification(Base):
    """The checks of one service, watched after a recovery.

    contract  frozen at the start: {"soak_s", "deadline_s", "every_s", "checks": [{"check_id", "name", "kind", "config",
              "required", …}]}, as agreed on the preview page
    expected  what should run: {"version": "v1.2.3", "image_ids": [...], "target_id": 3}
    baseline  numbers from before the bad release, by check name: {"error rate": {"value": 0.002, "from": …, "to": …}}
    """

    __tablename__ = "verifications"
    __table_args__ = (
        CheckConstraint("state IN ('watching', 'done', 'canceled')", name="state"),
        CheckConstraint("verdict IN ('recovered', 'partly', 'not', 'worse')", name="verdict"),
        CheckConstraint("(state = 'done') = (verdict IS NOT NULL)", name="done"),
        CheckConstraint("(state = 'watching') = (ended_at IS NULL)", name="ended"),
        Index("ix_verifications_due", "next_round_at", postgresql_where=text("state = 'watching'")),
        Index("uq_verifications_run", "run_id", unique=True, postgresql_where=text("run_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    contract: Mapped[Json]
    expected: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    baseline: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default="watching")
    verdict: Mapped[str | None]
    sentence: Mapped[str] = mapped_column(server_default="")  # "Recovered, if all checks hold until 14:42:20"
    began_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    acted_at: Mapped[datetime | None]  # when the run's first effect began: the first mark on the charts
    holding_since: Mapped[datetime | None]  # since when every required check holds: the soak counts from here
    deadline_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    next_round_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    rounds: Mapped[int] = mapped_column(server_default="0")
    checks: Mapped[list["WatchedCheck"]] = relationship(lazy="raise", order_by="WatchedCheck.position")
    service: Mapped[Service] = relationship(lazy="raise")
    incident: Mapped[Incident | None] = relationship(lazy="raise")
    run: Mapped[Run | None] = relationship(lazy="raise")
    asked_by: Mapped[User | None] = relationship(lazy="raise")


class WatchedCheck(Base):
    """One check of a verification and how it stands."""

    __tablename__ = "watched_checks"
    __table_args__ = (CheckConstraint("outcome IN ('pending', 'pass', 'fail', 'inconclusive')", name="outcome"),)

    verification_id: Mapped[int] = mapped_column(ForeignKey("verifications.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    config: Mapped[Json]
    required: Mapped[bool]
    outcome: Mapped[str] = mapped_column(server_default="pending")
    holding_since: Mapped[datetime | None]
    successes: Mapped[int] = mapped_column(server_default="0")  # consecutive
    unclear: Mapped[int] = mapped_column(server_default="0")  # consecutive readings that could not tell
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(server_default="")  # "%", "ms", "/s"
    sentence: Mapped[str] = mapped_column(server_default="")  # "0.4 %, under 1 %"
    limit: Mapped[float | None]  # the effective one, after the baseline was applied
    seen_at: Mapped[datetime | None]
    before: Mapped[float | None]  # what it was just before the first effect, in its unit
    parts: Mapped[Json] = mapped_column(server_default=text("'{}'"))  # {"pods": [{"name", "version", "age_s"}], "scrapes": [...]}


class Sample(Base):
    """One reading of one watched check; the charts are drawn from these. Append-only."""

    __tablename__ = "samples"
    __table_args__ = (UniqueConstraint("verification_id", "position", "at"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    verification_id: Mapped[int] = mapped_column(ForeignKey("verifications.id"))
    position: Mapped[int]
    at: Mapped[datetime]
    outcome: Mapped[str]  # pass | fail | inconclusive | early (the window still held what was before)
    value: Mapped[float | None]
    sentence: Mapped[str] = mapped_column(server_default="")
    is_history: Mapped[bool] = mapped_column(server_default=text("false"))  # from before the run, read from the source
