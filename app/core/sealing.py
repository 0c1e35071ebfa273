"""Credentials at rest: sealed to the public key of the process that uses them. The web process can store a secret and never open one.

Decision: NaCl sealed boxes (X25519, XSalsa20-Poly1305) with the private key in a file outside the database, so that
neither a dump of the database nor the web process holds what opens them. Two pairs: credentials of targets are the runner's, those of
channels the notifier's, so that neither of the two opens what the other needs.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nacl.encoding import HexEncoder
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from app.core.errors import Refused
from app.core.settings import settings

Holder = Literal["runner", "notifier"]


def make_keys(private: Path, public: Path) -> None:
    """Write a new key pair (private 0600) unless there is one. A private key without its public half gets it again."""
    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not private.exists():
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(PrivateKey.generate().encode(HexEncoder))
    if not public.exists():
        key = PrivateKey(private.read_bytes().strip(), HexEncoder)
        public.write_bytes(key.public_key.encode(HexEncoder))


def make_all_keys() -> None:
    """Both pairs at their places in the settings, each unless there is one."""
    make_keys(settings().private_key_path, settings().public_key_path)
    make_keys(settings().notifier_private_key_path, settings().notifier_public_key_path)


class _Pair(NamedTuple):
    """Where the two halves of one holder's keys are, and the variables that name them."""

    private: Path
    public: Path
    private_variable: str
    public_variable: str


def _pair(holder: Holder) -> _Pair:
    if holder == "runner":
        return _Pair(settings().private_key_path, settings().public_key_path, "LASTGOOD_KEY_FILE", "LASTGOOD_PUBLIC_KEY_FILE")
    private, public = settings().notifier_private_key_path, settings().notifier_public_key_path
    return _Pair(private, public, "LASTGOOD_NOTIFIER_KEY_FILE", "LASTGOOD_NOTIFIER_PUBLIC_KEY_FILE")


@lru_cache(maxsize=2)
def _sealing_box(holder: Holder) -> SealedBox[Any]:
    pair = _pair(holder)
    try:
        return SealedBox(PublicKey(pair.public.read_bytes().strip(), HexEncoder))
    except OSError as error:
        raise Refused(
            f"Credentials cannot be stored: the public key {pair.public} cannot be read. Start the console with `lastgood up`, "
            f"or set {pair.public_variable}."
        ) from error


@lru_cache(maxsize=2)
def _opening_box(holder: Holder) -> SealedBox[Any]:
    pair = _pair(holder)
    try:
        return SealedBox(PrivateKey(pair.private.read_bytes().strip(), HexEncoder))
    except OSError as error:
        raise Refused(
            f"Credentials cannot be opened: the key {pair.private} cannot be read. Give this process {pair.private_variable}."
        ) from error


def reset() -> None:
    """Read the keys again at next use (after the settings changed)."""
    _sealing_box.cache_clear()
    _opening_box.cache_clear()


def seal(value: Any, *, to: Holder = "runner") -> bytes:
    """Any JSON value, as bytes that only this holder can open."""
    plain = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return bytes(_sealing_box(to).encrypt(plain))


def unseal(sealed: bytes, *, by: Holder = "runner") -> Any:
    """What was sealed. Refused where the key is not the one that it was sealed to."""
    try:
        return json.loads(_opening_box(by).decrypt(sealed))
    except CryptoError as error:
        raise Refused(
            f"A stored credential was sealed to another key. Store it again, or give the {by} the key that it was "
            f"sealed to ({_pair(by).private_variable})."
        ) from error
