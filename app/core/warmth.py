"""Leave what was loaded at the start out of every later garbage collection."""

import gc

_YOUNG = 20_000  # objects made before the youngest are looked through; Python's own 700 suits programs that hold little


def settle() -> None:
    """Call once, when a process that runs for long has loaded what it needs: its modules live as long as it does.

    Without this, a full collection walks some hundred thousand objects of libraries, now and then in the middle of a recovery.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
