"""Hands of the notifier that write the public status pages: they have no other work, so no channel ever delays a page."""

from app.statuspage import publishing
from app.statuspage.pages import TASK
from app.worker.crew import Crew, Duty


def crew() -> Crew:
    """One hand: pages are few, and each is written in a moment."""
    return Crew("status", (Duty(TASK, publishing.due, publishing.carry),), hands=1)
