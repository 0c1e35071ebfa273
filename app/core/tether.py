"""A small program of its own that starts one command and ties its life to ours. Only the standard library; run by path.

    python -I -S tether.py FD START_BY END_BY GRACE FOLDER OPERATION -- command argument ...

FD is one end of a socket pair. We are told there how it goes, one JSON object a line: {"started": pid}, {"failed": errno} or
{"late": true}, then {"code": n, "ended": why}. The command's group is ended (TERM, a grace, KILL) at END_BY, when "stop" comes
in, and when the other end closes, which the kernel does even where our parent was killed with -9. What left the group by
setsid is found by LASTGOOD_OP_ID in its environment. With FOLDER, started.json and exit.json tell a later process the same.

START_BY and END_BY are moments of `core.clock.uptime`. Nothing is executed after START_BY, however long anybody is frozen on the
way: the child that is to become the command sets itself a timer of the kernel, which ends it at that moment and which only the
exec takes away (timer_create(2): "timers are disarmed and deleted during an execve"). There is no instant between the two.
"""

import contextlib
import ctypes
import errno
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

MARK = "LASTGOOD_OP_ID"
PAUSE_S = 0.03
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # as in core.clock, which is out of reach here
LATE = int(getattr(signal, "SIGRTMAX", signal.SIGALRM)) - 1  # ends a process, and nobody else sends it
_ABSOLUTE = 1  # TIMER_ABSTIME


def birth(pid: int) -> str:
    """When a process began (field 22 of /proc/PID/stat): with the number it names one process for good. Empty: it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


def marked(operation: str) -> list[int]:
    """Every process of ours that carries the operation in its environment, except this one."""
    wanted = f"{MARK}={operation}".encode()
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if wanted in file.read().split(b"\0") and birth(int(name)):
                    found.append(int(name))
    return found


def signal_all(group: int | None, operation: str, number: int) -> bool:
    """Send a signal to the group (where it is known) and to what escaped from it. False where nobody is left."""
    somebody = False
    if group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            somebody = True
    for pid in marked(operation):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            somebody = True
    return somebody


def record(folder: str, name: str, facts: dict[str, object]) -> None:
    """Write facts whole or not at all."""
    if not folder:
        return
    path = os.path.join(folder, name)
    with contextlib.suppress(OSError):  # a full disk must not keep the command alive
        with open(f"{path}.new", "w") as file:
            json.dump({**facts, "at": time.time()}, file)
        os.replace(f"{path}.new", path)


class _Event(ctypes.Structure):
    """struct sigevent: which signal the timer sends (SIGEV_SIGNAL is 0)."""

    _fields_ = (("value", ctypes.c_void_p), ("number", ctypes.c_int), ("notify", ctypes.c_int), ("rest", ctypes.c_char * 48))


class _Times(ctypes.Structure):
    """struct itimerspec: every (s, ns), then at (s, ns)."""

    _fields_ = (("every", ctypes.c_long * 2), ("at", ctypes.c_long * 2))


def only_until(start_by: float) -> Callable[[], None] | None:
    """What the child does before it becomes the command, so that it becomes it until then or never. None: at any time."""
    if start_by == math.inf:
        return None
    libc, timer = ctypes.CDLL(None), ctypes.c_void_p()
    times = _Times((0, 0), (int(start_by), int(start_by % 1 * 1e9)))
    has_timers = hasattr(libc, "timer_create")

    def arm() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [LATE])
        if not has_timers:  # not Linux, where nobody runs this for real: the clock is asked, and an instant remains
            if time.clock_gettime(CLOCK) > start_by:
                os.kill(os.getpid(), LATE)
            return
        made = libc.timer_create(CLOCK, ctypes.byref(_Event(None, LATE, 0)), ctypes.byref(timer))
        if made or libc.timer_settime(timer, _ABSOLUTE, ctypes.byref(times), None):
            raise OSError("no timer")  # without it nothing is started

    return arm


class Tether:
    def __init__(self, line: socket.socket, start_by: float, end_by: float, grace_s: float, folder: str, operation: str) -> None:
        self.line = line
        self.start_by = start_by
        self.end_by = end_by
        self.grace_s = grace_s
        self.folder = folder
        self.operation = operation
        self.parent = os.getppid()

    def say(self, **facts: object) -> None:
        with contextlib.suppress(OSError):
            self.line.sendall(json.dumps(facts).encode() + b"\n")

    def nothing(self, **facts: object) -> None:
        """Nothing was executed, and no record says that something was."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, "started.json"))
        self.say(**facts)

    def run(self, argv: list[str]) -> None:
        bell, ringer = os.pipe()
        os.set_blocking(ringer, False)
        signal.set_wakeup_fd(ringer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        ours = {"tether": os.getpid(), "tether_birth": birth(os.getpid())}
        record(self.folder, "started.json", ours)  # before the command can do anything, to us too
        try:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=only_until(self.start_by))
        except (OSError, subprocess.SubprocessError) as error:
            self.nothing(failed=getattr(error, "errno", None) or errno.ENOTSUP)
            return
        record(self.folder, "started.json", {"pid": child.pid, "birth": birth(child.pid), **ours})
        self.say(started=child.pid)
        ended = self.wait(child, bell)
        if ended != "exited":
            self.end(child)
        if child.returncode == -LATE:
            self.nothing(late=True)
            return
        record(self.folder, "exit.json", {"code": child.returncode, "ended": ended})
        self.say(code=child.returncode, ended=ended)

    def wait(self, child: "subprocess.Popen[bytes]", bell: int) -> str:
        """Why the command is over or has to be: exited, deadline, cancelled or orphaned."""
        watched: list[socket.socket | int] = [self.line, bell]
        while child.poll() is None:
            left = self.end_by - time.clock_gettime(CLOCK)
            if left <= 0:
                return "deadline"
            ready, _, _ = select.select(watched, [], [], min(left, 0.5))
            if bell in ready:
                os.read(bell, 512)
            if self.line in ready:
                return "cancelled" if self.heard() else "orphaned"
            if os.getppid() != self.parent:  # a process forked off our parent may hold a copy of the other end
                return "orphaned"
        return "exited"

    def heard(self) -> bool:
        try:
            return bool(self.line.recv(64))
        except OSError:
            return False

    def end(self, child: "subprocess.Popen[bytes]") -> None:
        """TERM to all of it, a grace, then KILL until nobody is left: what forks while it is killed is met in the next round."""
        signal_all(child.pid, self.operation, signal.SIGTERM)
        kill_at = time.monotonic() + self.grace_s
        number = 0
        for _ in range(round(self.grace_s / PAUSE_S) + 100):
            child.poll()
            if not signal_all(child.pid, self.operation, number):
                break
            time.sleep(PAUSE_S)
            number = signal.SIGKILL if time.monotonic() >= kill_at else 0
        if child.poll() is None:
            child.returncode = -signal.SIGKILL  # it runs as somebody else and cannot be ended by us


def main() -> None:
    fd, start_by, end_by, grace, folder, operation, _, *argv = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # only the line ends us; an ignored signal would be inherited, a handler is not
    os.set_inheritable(int(fd), False)
    Tether(socket.socket(fileno=int(fd)), float(start_by), float(end_by), float(grace), folder, operation).run(argv)


if __name__ == "__main__":
    main()
