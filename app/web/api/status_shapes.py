"""What the API answers about status pages."""

from datetime import datetime

from pydantic import Field

from app.web.api.shapes import Shape


class StatusPageShape(Shape):
    id: int
    slug: str
    name: str
    address: str
    is_private: bool
    revision: int = Field(description="Counts what was published.")
    written_revision: int = Field(description="The newest that stands in the public files.")
    written_at: datetime | None


class StatusComponentShape(Shape):
    id: int
    public_id: str
    name: str
    service_id: int | None


class PublishedShape(Shape):
    public_id: str
    title: str
    state: str
    updates: int


class StatusPageDetail(StatusPageShape):
    components: list[StatusComponentShape]
    active: list[PublishedShape] = Field(description="What is published as going on.")


class UpdateShape(Shape):
    id: int
    number: int
    state: str
    text: str
    at: datetime
    by_name: str
