import os
import subprocess

import pytest

from app.accounts.policy import Role
from tests.factories import make_person, make_service
from tests.site import Site

WHO = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Ben"), ("EMAIL", "ben@example.org"))}


class Shop:
    """A real repository that a team tags and deploys from."""

    def __init__(self, folder):
        self.folder = folder
        self.address = str(folder)
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments):
        env = os.environ | WHO | {"GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(["git", *arguments], cwd=self.folder, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, content, *, tag=""):
        (self.folder / "shop.py").write_text(content)
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", f"make it {content}")
        if tag:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path / "shop")


@pytest.fixture
def site():
    """The running shop: it says what we tell it to say."""
    site = Site()
    yield site
    site.close()


@pytest.fixture
def ada(db, console):
    return make_person(db, "Ada Byron", Role.ADMIN)


@pytest.fixture
def service(db):
    return make_service(db, "login", name="Log-in")
