"""The demo's production, wherever it stands: on this machine, or on a cluster where the user named one."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.demo.cluster import ClusterProduction
from app.demo.people import SignIn, as_lines
from app.demo.production import Production
from app.demo.seed import seed
from app.demo.wish import Wish

__all__ = ["as_lines", "production", "seeded"]


def production(state: Path, wish: Wish | None) -> Production | ClusterProduction:
    """The production in its folder below the state folder; nothing is started yet."""
    return ClusterProduction(state / "cluster", wish) if wish else Production(state / "production")


def seeded(session: Session, place: Production | ClusterProduction) -> list[SignIn]:
    """Put the rows in place that are missing, and say how the people sign in."""
    return place.seed(session) if isinstance(place, ClusterProduction) else seed(session, place)
