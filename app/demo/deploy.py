"""The shop's deploy command: puts a commit of its repository to work.

    python3 deploy.py --to=FOLDER --version=v1.2.3 --commit=SHA

Checks the commit out of FOLDER/shop.git into FOLDER/releases/SHA, points FOLDER/current there, and waits until the shop says that
it runs this version. What was deployed before stays, so that deploying it again is only the switch.
"""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 30.0


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output is what people watch


def install(to: Path, version: str, commit: str) -> Path:
    """Put the files in place, whole or not at all."""
    place = to / "releases" / commit
    if not place.exists():
        half = to / "releases" / f".{commit}.{os.getpid()}"
        git("clone", "--quiet", "--shared", "--no-checkout", str(to / "shop.git"), str(half))
        git("-C", str(half), "checkout", "--quiet", "--detach", commit)
        shutil.rmtree(half / ".git")
        (half / "RELEASE").write_text(json.dumps({"version": version, "commit": commit}) + "\n")
        half.rename(place)
    return place


def git(*arguments: str) -> None:
    if subprocess.run(["git", *arguments]).returncode:  # noqa: S607 - whichever git the machine has
        sys.exit(1)


def switch(to: Path, place: Path) -> None:
    """Point at the release. The shop's keeper sees it and starts that one."""
    link = to / f".current.{os.getpid()}"
    link.symlink_to(place.relative_to(to))
    link.replace(to / "current")


def answers(to: Path) -> str:
    """The version that the shop says it runs, "" while it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", int((to / "port").read_text()), timeout=2)
    try:
        connection.request("GET", "/version")
        return str(json.loads(connection.getresponse().read())["version"])
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("to", "version", "commit"):
        parser.add_argument(f"--{name}", required=True)
    wanted = parser.parse_args()
    to = Path(wanted.to)
    say(f"deploying {wanted.version} ({wanted.commit[:8]}), {answers(to) or 'nothing'} is running")
    place = install(to, wanted.version, wanted.commit)
    say(f"installed in releases/{place.name[:8]}")
    switch(to, place)
    say("switched, the shop restarts")
    began = time.monotonic()
    while (running := answers(to)) != wanted.version:
        if time.monotonic() - began > PATIENCE_S:
            say(f"{wanted.version} does not answer after {PATIENCE_S:.0f} s, {running or 'nothing'} does")
            sys.exit(1)
        time.sleep(0.1)
    say(f"{running} answers after {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
