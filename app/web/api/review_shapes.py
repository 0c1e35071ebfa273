"""What the API answers about reviews and action items."""

from datetime import date, datetime

from pydantic import Field, computed_field

from app.web.api.shapes import Named, Shape


class SectionShape(Shape):
    key: str
    body: str = Field(description="Markdown; lines of marks for the timeline, lines of figures for the figures.")
    origin: str = Field(description="drafted: from the record; written: by a person, and no draft replaces it.")
    version: int = Field(description="Send it back to change the section: a newer one is never overwritten.")
    draft: str | None = Field(description="What the record says by now, where that is something else.")
    edited_by_name: str
    edited_at: datetime


class ReviewShape(Shape):
    id: int
    incident_id: int
    kind: str = Field(description="report, post_mortem or retrospective")
    title: str
    state: str = Field(description="draft, in_review or signed")
    version: int
    changed_at: datetime
    signed_at: datetime | None
    outdated_at: datetime | None = Field(description="When the incident was opened again after people had signed or published it.")
    meets_at: datetime | None


class ReviewDetail(ReviewShape):
    sections: list[SectionShape]


class DurationShape(Shape):
    name: str = Field(description="detect, decide, mitigate or resolve")
    standing: str = Field(description="recorded, pending, unknown or invalid")
    seconds: float | None


class ObstacleShape(Shape):
    name: str
    sentence: str
    link: str
    is_final: bool = Field(description="Cannot be overruled: a run that is active.")


class EndShape(Shape):
    """What stands in the way of the end of an incident, and how long it took so far."""

    resolved: list[ObstacleShape] = Field(description="Of resolving it: overruled by `overrule_reason`.")
    reviewed: list[ObstacleShape] = Field(description="Of calling it reviewed: tick or skip them.")
    durations: list[DurationShape]


class ActionItemShape(Shape):
    id: int
    incident_id: int
    title: str
    detail: str
    kind: str = Field(description="fix, test, monitoring, checklist, staging or training")
    priority: str = Field(description="high, medium or low")
    owner: Named | None
    due_on: date | None
    link: str
    state: str = Field(description="open, in_progress, done or dropped")
    outcome: str
    version: int
    created_at: datetime
    ended_at: datetime | None
    reminded_at: datetime | None

    @computed_field
    def page(self) -> str:
        """Where people find it."""
        return f"/actions/{self.id}"
