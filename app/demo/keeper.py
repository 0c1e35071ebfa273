"""Keeps the shop running: starts the release that FOLDER/current points at, another one when it points elsewhere.

    python3 keeper.py FOLDER PORT

A program of its own, like an init system of one service. The shop ends with it: the pipe on the shop's standard input closes.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_S = 0.05
REST_S = 0.5  # after a shop that ended by itself


class Keeper:
    def __init__(self, folder: Path, port: str) -> None:
        self.folder = folder
        self.port = port
        self.parent = os.getppid()
        self.shop: subprocess.Popen[bytes] | None = None
        self.serving = ""
        self.leaving = False

    def keep(self) -> None:
        """Until a TERM, or until whoever started us is gone."""
        while os.getppid() == self.parent and not self.leaving:
            wanted = self.wanted()
            if self.shop and self.shop.poll() is not None:
                time.sleep(REST_S)
                self.serving = ""
            if wanted and wanted != self.serving:
                self.end()
                self.start(wanted)
            time.sleep(LOOK_S)
        self.end()

    def leave(self, *_: object) -> None:
        self.leaving = True

    def wanted(self) -> str:
        try:
            return os.readlink(self.folder / "current")
        except OSError:
            return ""

    def start(self, release: str) -> None:
        argv = [sys.executable, "-I", str(self.folder / release / "shop.py"), self.port]
        self.shop = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.serving = release

    def end(self) -> None:
        if self.shop:
            self.shop.terminate()
            self.shop.wait()
            self.shop = None


def main() -> None:
    keeper = Keeper(Path(sys.argv[1]), sys.argv[2])
    signal.signal(signal.SIGTERM, keeper.leave)
    keeper.keep()


if __name__ == "__main__":
    main()
