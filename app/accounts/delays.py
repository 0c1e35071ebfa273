"""Failed sign-ins make the next try wait, for an account and for an address, and never for ever.

Kept in PostgreSQL, in transactions of their own: a refusal rolls the request back, and Redis may be away. A try is counted
before its password is looked at, so that many tries at once gain nothing. An address from which the person signed in lately
has an account key of its own: strangers who guess from elsewhere cannot keep a responder waiting.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import SignInDelay
from app.core.database import db_now, transaction
from app.core.errors import Refused

FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Rule:
    """How many tries are free, and the longest wait in seconds after that; it doubles from one second."""

    free: int
    longest_s: int

    def wait(self, failures: int) -> timedelta:
        over = failures - self.free
        return timedelta(seconds=min(2.0 ** min(over, 30), self.longest_s) if over > 0 else 0)


ACCOUNT, ADDRESS = Rule(free=4, longest_s=60), Rule(free=30, longest_s=60)


def keys(email: str, address: str, *, is_known_here: bool) -> dict[str, Rule]:
    """What a try counts for."""
    account = "account:" + hashlib.sha256(email.encode()).hexdigest()[:32]
    return {f"{account}@{address}" if is_known_here else account: ACCOUNT, f"address:{address}": ADDRESS}


def count_try(counted: Mapping[str, Rule]) -> None:
    """Count a try that is about to be made. Refused, and not counted, while one of its keys has to wait."""
    with transaction() as session:
        moment = db_now(session)
        rows = _locked(session, counted, moment)
        waits = [(row.blocked_until - moment).total_seconds() for row in rows if row.blocked_until and row.blocked_until > moment]
        if waits:
            seconds = int(max(waits)) + 1
            raise Refused(f"There were several failed sign-ins. The next try is possible in {seconds} s; nobody is locked out for good.")
        for row in rows:
            row.failures += 1
            row.last_failure_at = moment
            row.blocked_until = moment + counted[row.key].wait(row.failures)


def forgive(counted: Mapping[str, Rule]) -> None:
    """The try was a good one: the account starts anew, the address has one less."""
    with transaction() as session:
        for key, rule in sorted(counted.items()):
            if rule is ACCOUNT:
                session.execute(delete(SignInDelay).where(SignInDelay.key == key))
            else:
                one_less = update(SignInDelay).where(SignInDelay.key == key, SignInDelay.failures > 0)
                session.execute(one_less.values(failures=SignInDelay.failures - 1, blocked_until=None))


def _locked(session: Session, counted: Mapping[str, Rule], moment: datetime) -> list[SignInDelay]:
    """The rows of the keys, locked in one order so that two tries never wait for each other in a circle."""
    session.execute(delete(SignInDelay).where(SignInDelay.last_failure_at < moment - FORGOTTEN_AFTER))
    for key in sorted(counted):
        session.execute(insert(SignInDelay).values(key=key, last_failure_at=moment).on_conflict_do_nothing())
    query = select(SignInDelay).where(SignInDelay.key.in_(sorted(counted))).order_by(SignInDelay.key).with_for_update()
    return list(session.scalars(query))
