"""Passwords: argon2id, and only a few hashed at once, since each takes 64 MiB and a tenth of a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.core.errors import Refused

SHORTEST, LONGEST = 12, 200
_hasher = PasswordHasher()
_slots = BoundedSemaphore(4)


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=5):
        raise Refused("Many people are signing in at this moment, so this try was not looked at. Try again in a few seconds.")
    try:
        yield
    finally:
        _slots.release()


@lru_cache(maxsize=1)
def _nobody() -> str:
    """What an unknown account is compared with, so that it takes as long as a known one. Made when the first password is looked at."""
    return _hasher.hash("no account has this password")


def check_new(password: str, repeated: str, *, email: str) -> None:
    """Refused for a password that is easily guessed, or was not typed the same twice."""
    if not SHORTEST <= len(password) <= LONGEST:
        sentence = f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}. Several words in a row are fine."
        raise Refused(sentence, field="password")
    if len(set(password)) < 5 or password.lower() in {email.lower(), email.lower().partition("@")[0]}:
        raise Refused("This password is too easy to guess. Several words in a row are fine.", field="password")
    if password != repeated:
        raise Refused("The two passwords differ. Type the same one twice.", field="repeated")


def hashed(password: str) -> str:
    with _slot():
        return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one. Takes as long where nothing is stored."""
    nobody = _nobody()
    with _slot():
        try:
            _hasher.verify(stored or nobody, password[:LONGEST])
        except (VerifyMismatchError, InvalidHashError):
            return False
    return stored is not None
