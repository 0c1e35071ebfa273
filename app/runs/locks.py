"""A target is held by one run at a time: rows that a run takes when it is queued and gives back when it ends."""

from collections.abc import Iterable
from typing import NoReturn

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, class_mapper

from app.accounts.models import User
from app.catalog.models import Target
from app.core.errors import Conflict
from app.runs.models import Plan, Run, RunLock


def lock(session: Session, row: Run | Plan) -> None:
    """Hold a row until the transaction ends, with its columns as they are now; what was loaded around it stays loaded."""
    columns = [attribute.key for attribute in class_mapper(type(row)).column_attrs if not attribute.deferred]
    session.refresh(row, columns, with_for_update={"key_share": True})


def targets_of(plan: Plan) -> list[int]:
    """The targets that a run of this plan touches, and so holds."""
    return [plan.target_id]


def take(session: Session, run: Run, target_ids: Iterable[int]) -> None:
    """Hold these targets for the run. Conflict, with the link to the holder, where another run holds one of them.

    Two at once: the second insert waits for the first one's transaction, then finds the target held. In one order for
    everybody, so that two runs over the same targets never wait for each other.
    """
    for target_id in sorted(target_ids):
        while not _take_one(session, run, target_id):
            holder = session.scalar(select(Run).join(RunLock, RunLock.run_id == Run.id).where(RunLock.target_id == target_id))
            if holder is not None:
                _refuse(session, holder, target_id)


def _take_one(session: Session, run: Run, target_id: int) -> bool:
    query = insert(RunLock).values(target_id=target_id, run_id=run.id).on_conflict_do_nothing().returning(RunLock.target_id)
    return session.scalar(query) is not None


def _refuse(session: Session, holder: Run, target_id: int) -> NoReturn:
    plan = session.get_one(Plan, holder.plan_id)
    person = session.get_one(User, holder.requested_by_id)
    target = session.get_one(Target, target_id)
    raise Conflict(
        f"Run {holder.id} ({plan.title}, {person.name}, {holder.state.replace('_', ' ')}) holds {target.label}, so nothing was started. "
        "Wait for it, or cancel it and start this one.",
        link=f"/runs/{holder.id}",
    )


def release(session: Session, run: Run) -> None:
    """Give back everything that the run holds."""
    session.execute(delete(RunLock).where(RunLock.run_id == run.id).execution_options(synchronize_session=False))
