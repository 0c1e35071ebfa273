"""Opaque tokens for sign-ins, links and scripts: 256 random bits, of which only a hash is kept."""

import hashlib
import secrets


def new() -> tuple[str, bytes]:
    """A token and the hash to keep."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
