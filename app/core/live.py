"""Tell every open page that something changed: names only ("run-12"), by NOTIFY, in the order of commits.

The page fetches the piece again with its reader's own rights, so a name that is lost, doubled or overheard does no harm.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

CHANNEL = "lastgood_live"


def tell(session: Session, *names: str) -> None:
    """Announce `names` when this transaction commits, and not if it rolls back. PostgreSQL folds repeats into one."""
    for name in names:
        session.execute(text("SELECT pg_notify(:channel, :name)"), {"channel": CHANNEL, "name": name})
