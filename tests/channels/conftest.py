"""Real receivers on loopback."""

from tests.receivers import mailbox, receiver, receivers

__all__ = ["mailbox", "receiver", "receivers"]
