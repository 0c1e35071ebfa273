"""A real repository with a history, and a person who works on it."""

import os
import subprocess
from dataclasses import replace

import pytest

from app.executors.base import Context

PERSON = {
    "GIT_AUTHOR_NAME": "Ben Okafor",
    "GIT_AUTHOR_EMAIL": "ben@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
PERSON |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in PERSON.items()}


def git(*arguments, cwd):
    return subprocess.run(["git", *arguments], cwd=cwd, env=os.environ | PERSON, check=True, capture_output=True, text=True).stdout.strip()


class Remote:
    """A bare repository and a colleague's working copy of it."""

    def __init__(self, folder):
        self.bare = folder / "shop.git"
        self.work = folder / "colleague"
        git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=folder)
        git("clone", "--quiet", str(self.bare), str(self.work), cwd=folder)
        git("checkout", "--quiet", "-B", "main", cwd=self.work)

    @property
    def address(self):
        return str(self.bare)

    def commit(self, subject, files, *, tag="", push=True):
        for path, content in files.items():
            place = self.work / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.unlink()
            else:
                place.write_text(content)
                place.chmod(0o755 if content.startswith("#!") else 0o644)
        git("add", "-A", cwd=self.work)
        git("commit", "--quiet", "--allow-empty", "-m", subject, cwd=self.work)
        if tag:
            git("tag", "-a", tag, "-m", tag, cwd=self.work)
        if push:
            git("push", "--quiet", "--follow-tags", "origin", "main", cwd=self.work)
        return git("rev-parse", "HEAD", cwd=self.work)

    def pull(self):
        git("pull", "--quiet", "--ff-only", "origin", "main", cwd=self.work)

    def at(self, revision):
        return git("rev-parse", revision, cwd=self.bare)

    def hook(self, name, script):
        path = self.bare / "hooks" / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)


@pytest.fixture
def remote(tmp_path):
    """v1.2.3, two commits on top of it with a migration, and v1.2.4."""
    remote = Remote(tmp_path)
    remote.commit("Log-in by password", {"shop.py": "login = 'password'\n", "old.txt": "x\n"})
    remote.good = remote.commit("Release v1.2.3", {"VERSION": "1.2.3\n"}, tag="v1.2.3")
    remote.commit("Log-in by token", {"shop.py": "login = 'token'\n", "new.txt": "n\n", "old.txt": None})
    remote.commit("Store tokens", {"migrations/0007_tokens.py": "up = 1\n"})
    remote.bad = remote.commit("Release v1.2.4", {"VERSION": "1.2.4\n"}, tag="v1.2.4")
    return remote


@pytest.fixture
def ctx(tmp_path):
    return Context(operation="run-12-step-1", folder=tmp_path / "runner", deadline_s=15)


@pytest.fixture
def as_step(ctx):
    """The same runner in another step: `as_step("run-13-step-1")`."""
    return lambda operation, **facts: replace(ctx, operation=operation, **facts)
