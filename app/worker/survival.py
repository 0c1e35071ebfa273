"""A hand of the notifier that writes the survival kit, so that it is there when nothing else is."""

from app.response import survival
from app.worker.crew import Crew, Duty


def crew() -> Crew:
    """One hand. Nobody rings for it: the age of the files says when they are due."""
    return Crew("survival", (Duty("survival.write", survival.due, survival.carry),), hands=1)
