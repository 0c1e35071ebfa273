"""The hands that carry deliveries: one crew for each sort, so that a slow service or a crowd of subscribers delays nothing else."""

from app.channels import registry
from app.core import queue
from app.core.database import transaction
from app.core.settings import settings
from app.notifications import carrying, outbox
from app.notifications.kinds import Crew as Sort
from app.worker.crew import Crew, Duty
from app.worker.presence import name_of


def crews() -> list[Crew]:
    """Mail, webhooks, services and the crowd, each with hands of its own."""
    registry.load_all()
    return [_crew(sort) for sort in Sort]


def _crew(sort: Sort) -> Crew:
    worker = name_of(queue.NOTIFY)

    def due() -> list[int]:
        with transaction() as session:
            return outbox.due(session, sort)

    def carry(delivery_id: int) -> None:
        carrying.carry(delivery_id, sort, worker=worker, draining=lambda: crew.draining)

    crew = Crew(f"deliveries-{sort}", (Duty(outbox.TASK, due, carry),), hands=settings().notify_slots)
    return crew
