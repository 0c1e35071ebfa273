"""Credentials at rest: sealed to the runner's public key. The web process can store a secret and never open one.

Decision: NaCl sealed boxes (X25519, XSalsa20-Poly1305) with the private key in a file outside the database, so that
neither a dump of the database nor the web process holds what opens them.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from nacl.encoding import HexEncoder
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from app.core.errors import Refused
from app.core.settings import settings


def make_keys(private: Path, public: Path) -> None:
    """Write a new key pair (private 0600) unless there is one. A private key without its public half gets it again."""
    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not private.exists():
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(PrivateKey.generate().encode(HexEncoder))
    if not public.exists():
        key = PrivateKey(private.read_bytes().strip(), HexEncoder)
        public.write_bytes(key.public_key.encode(HexEncoder))


@lru_cache(maxsize=1)
def _sealing_box() -> SealedBox[Any]:
    path = settings().public_key_path
    try:
        return SealedBox(PublicKey(path.read_bytes().strip(), HexEncoder))
    except OSError as error:
        raise Refused(
            f"Credentials cannot be stored: the public key {path} cannot be read. Start the console with `lastgood up`, "
            "or set LASTGOOD_PUBLIC_KEY_FILE."
        ) from error


@lru_cache(maxsize=1)
def _opening_box() -> SealedBox[Any]:
    path = settings().private_key_path
    try:
        return SealedBox(PrivateKey(path.read_bytes().strip(), HexEncoder))
    except OSError as error:
        raise Refused(f"Credentials cannot be opened: the key {path} cannot be read. Give this process LASTGOOD_KEY_FILE.") from error


def reset() -> None:
    """Read the keys again at next use (after the settings changed)."""
    _sealing_box.cache_clear()
    _opening_box.cache_clear()


def seal(value: Any) -> bytes:
    """Any JSON value, as bytes that only the runner can open."""
    plain = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return bytes(_sealing_box().encrypt(plain))


def unseal(sealed: bytes) -> Any:
    """What was sealed. Refused where the key is not the one that it was sealed to."""
    try:
        return json.loads(_opening_box().decrypt(sealed))
    except CryptoError as error:
        raise Refused(
            "A stored credential was sealed to another key. Store it again, or give the runner the key that it was "
            "sealed to (LASTGOOD_KEY_FILE)."
        ) from error
