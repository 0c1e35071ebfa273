"""The commands in this process, on a console of the test's own; what needs processes starts them."""

import sys
from dataclasses import dataclass

import pytest

from app.accounts.policy import Role
from app.cli import main
from app.core import database, sealing
from app.core.database import transaction
from app.core.settings import settings
from tests import factories


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def lastgood(console, monkeypatch, capsys):
    """`lastgood("incident", "show", "7")` runs a command as the terminal does, and returns its code and what it said."""
    monkeypatch.setattr(main, "hold_on_to_parent", lambda: None)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LASTGOOD_USER", raising=False)

    def run(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["lastgood", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main.run()
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        code = end.value.code
        return Said(code if isinstance(code, int) else int(bool(code)), told.out, told.err)

    return run


@pytest.fixture
def ana(console):
    """The only person of the console: she commands."""
    with transaction() as session:
        return factories.make_person(session, "Ana Ruiz", Role.COMMANDER)


@pytest.fixture
def setting(console):
    """`setting(PORT=1)` changes settings of the console until the test ends."""

    def forget():
        settings.cache_clear()
        sealing.reset()
        database.reset()

    with pytest.MonkeyPatch.context() as patch:

        def run(**values):
            for name, value in values.items():
                patch.setenv(f"LASTGOOD_{name}", str(value))
            forget()

        yield run
    forget()
