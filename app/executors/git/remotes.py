"""How to reach a repository: which protocols, which addresses, with which credential, and nothing of this machine's own settings.

A credential is {"token", "username"?} for https, or {"ssh_key", "known_hosts"?} for ssh; a plain text is one or the other by its look.
Neither is ever an argument: the token goes through the environment of a small askpass program, the key through a file of our own.
"""

import os
import re
import shlex
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core import gateway
from app.executors.base import Context, StepFailed, Unreachable

_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>(?!/?/)[^\s].*|/[^/].*)")
_SSH = re.compile(r"ssh://(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\])(?::(?P<port>\d+))?/.+")
_ASKPASS = '#!/bin/sh\ncase "$1" in Username*) printf "%s\\n" "$LASTGOOD_GIT_USERNAME";; *) printf "%s\\n" "$LASTGOOD_GIT_TOKEN";; esac\n'


@dataclass(frozen=True)
class Road:
    """The settings and the environment for git programs that talk to one remote."""

    settings: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


@contextmanager
def road(repository: str, ctx: Context, *, local: bool) -> Iterator[Road]:
    """The checked way to a repository. StepFailed where the address is of a kind that we do not use, Unreachable where it is blocked."""
    ssh = _SSH.fullmatch(repository) or _SCP.fullmatch(repository)
    credential = _credential(ctx.credentials.get("git"))
    with tempfile.TemporaryDirectory(prefix="lastgood-git-") as folder:
        if local and (repository.startswith(("/", "file:///"))):
            yield Road(env={"GIT_ALLOW_PROTOCOL": "file"})
        elif repository.startswith("https://"):
            yield _https(repository, credential, ctx, Path(folder))
        elif ssh:
            yield _ssh(ssh.groupdict(), credential, ctx, Path(folder))
        else:
            raise StepFailed(f"{repository} is not an address that the console uses. Give an https:// or ssh address. Nothing was changed.")


def _credential(stored: Any) -> dict[str, str]:
    if isinstance(stored, str):
        return {"ssh_key": stored} if stored.lstrip().startswith("-----BEGIN") else {"token": stored.strip()}
    return {name: str(value) for name, value in (stored or {}).items() if value}


def _https(repository: str, credential: dict[str, str], ctx: Context, folder: Path) -> Road:
    to, addresses = _judged(repository, ctx)
    pinned = f"http.curloptResolve={to.host}:{to.port}:{','.join(_bracketed(address) for address in addresses)}"
    env = {"GIT_ALLOW_PROTOCOL": "https"}
    if credential.get("token"):
        env |= {"LASTGOOD_GIT_TOKEN": credential["token"], "LASTGOOD_GIT_USERNAME": credential.get("username", "x-access-token")}
        env["GIT_ASKPASS"] = str(_file(folder / "askpass", _ASKPASS, stat.S_IRWXU))
    return Road(("-c", "http.followRedirects=false", "-c", "http.proxy=", "-c", pinned), env)


def _ssh(parts: dict[str, str | None], credential: dict[str, str], ctx: Context, folder: Path) -> Road:
    host, port = parts["host"] or "", int(parts.get("port") or 22)
    _, addresses = _judged(f"https://{host}:{port}/", ctx)
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ClearAllForwardings=yes", "ConnectTimeout=10"]
    options += [f"HostName={addresses[0]}", f"HostKeyAlias={host.strip('[]') if port == 22 else f'[{host}]:{port}'}"]
    if credential.get("known_hosts"):
        options.append(f"UserKnownHostsFile={_file(folder / 'known_hosts', credential['known_hosts'].strip() + chr(10))}")
    argv = ["ssh", "-F", "none", *(part for option in options for part in ("-o", option))]
    if credential.get("ssh_key"):
        argv += ["-i", str(_file(folder / "key", credential["ssh_key"].strip() + "\n")), "-o", "IdentitiesOnly=yes"]
    return Road(env={"GIT_ALLOW_PROTOCOL": "ssh", "GIT_SSH_COMMAND": shlex.join(argv), "GIT_SSH_VARIANT": "ssh"})


def _judged(url: str, ctx: Context) -> tuple[gateway.Destination, list[str]]:
    try:
        to = gateway.parse(url)
        return to, gateway.judged(to, allowed=ctx.allowed, timeout_s=ctx.deadline_s)
    except gateway.NoAnswer as error:
        raise Unreachable(error.sentence) from error


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _file(path: Path, text: str, mode: int = stat.S_IRUSR | stat.S_IWUSR) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    return path
