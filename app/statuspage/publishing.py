"""The notifier's duty: find pages whose folder is behind, and write them."""

import logging
from datetime import datetime

from sqlalchemy import select, update

from app.core.clock import now
from app.core.database import transaction
from app.statuspage import files, picture, queries
from app.statuspage.models import StatusPage

log = logging.getLogger(__name__)


def due() -> list[int]:
    """Pages whose own folder on this machine is not what the rows say. One small statement, then a look at the folder."""
    with transaction() as session:
        wanted = queries.wanted(session)
    return [page.id for page in wanted if _is_behind(page, now())]


def carry(page_id: int) -> None:
    """Bring the folder of one page up to date, and say in the row that it is. A failure is said there too, and tried again."""
    with transaction() as session:
        slug = session.scalar(select(StatusPage.slug).where(StatusPage.id == page_id))
    if slug is None:
        return
    try:
        with files.alone(slug):
            revision = _brought_up_to_date(page_id)
    except OSError as error:
        log.warning("the files of the status page %s cannot be written: %s", slug, error)
        _say(page_id, problem=f"The files cannot be written: {error.strerror or error}. This is tried again every second.")
    else:
        if revision:
            _say(page_id, revision=revision)


def _brought_up_to_date(page_id: int) -> int:
    """Look, now that nobody else writes this folder, and write where it is behind. The revision that was written, 0 where none was."""
    with transaction() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})  # one moment for all of the page
        page = session.get_one(StatusPage, page_id)
        wanted = queries.Wanted.of(page)
        if not _is_behind(wanted, now()):
            return 0
        drawn = picture.take(session, page) if wanted.is_public else None
    if drawn is None:
        files.remove(wanted.slug)
    else:
        files.write(drawn)
    return wanted.revision


def _is_behind(page: queries.Wanted, at: datetime) -> bool:
    stands = files.standing(page.slug)
    if not page.is_public:
        return stands is not None
    return stands is None or stands.is_behind(page.revision, at)


def _say(page_id: int, *, revision: int = 0, problem: str = "") -> None:
    from_now = {"problem": problem} | ({"written_revision": revision, "written_at": now()} if revision else {})
    with transaction() as session:
        row = update(StatusPage).where(StatusPage.id == page_id)
        session.execute(row.where(StatusPage.written_revision <= revision).values(**from_now) if revision else row.values(**from_now))
