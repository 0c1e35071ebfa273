"""Follow a run in the terminal, and carry it out there where that was asked for.

Ctrl-C never undoes and never cancels: the first one gives the run back at its next safe place, the second one leaves it to its lease.
"""

import json
import math
import os
import signal
import socket
import threading
import time
from contextlib import nullcontext
from types import FrameType

import typer
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.accounts.policy import SYSTEM
from app.cli.acting import named
from app.core.database import transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.runs import queries
from app.runs.engine import execute
from app.runs.models import Run
from app.runs.states import RunState

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
_PATIENCE_S = 10.0
_PAUSE_S = 0.1


def follow(run_id: int, *, here: bool, as_json: bool) -> None:
    """Carry the run out here, or watch it, until it has ended or asks for a person. Code 1 unless it succeeded."""
    teller = Teller(run_id, quiet=as_json)
    run = teller.look()
    with Hands(run_id) if here and _goes_on(run) else nullcontext() as hands:
        patient_until = time.monotonic() + _PATIENCE_S
        while _goes_on(run):
            if hands:
                hands.check(run)
            elif run.state == RunState.QUEUED and time.monotonic() > patient_until:
                typer.echo(f"No runner has taken it yet: see `lastgood doctor`, or `lastgood run {run_id} --here`.", err=True)
                patient_until = math.inf
            time.sleep(_PAUSE_S)
            run = teller.look_again(run)
    if as_json:
        told = {name: getattr(run, name) for name in ("id", "state", "sentence", "attention", "incident_id", "plan_id")}
        typer.echo(json.dumps(told, indent=2))
    elif not run.is_over:
        typer.echo(f"A person answers that on its page: {settings().base_url}/runs/{run.id}")
    raise typer.Exit(0 if run.state == RunState.SUCCEEDED else 1)


def _goes_on(run: Run) -> bool:
    """Whether it neither has ended nor waits for a person's word."""
    return not run.is_over and RunState(run.state) not in {RunState.NEEDS_ATTENTION, RunState.AWAITING_APPROVAL}


class Teller:
    """Prints what is new of a run since the last look."""

    def __init__(self, run_id: int, *, quiet: bool) -> None:
        self._run_id, self._quiet = run_id, quiet
        self._said: dict[int, str] = {}
        self._heard: dict[int, int] = {}  # the last chunk of output, by step

    def look(self) -> Run:
        """The run as it is now. Refused where there is none."""
        with transaction() as session, named(f"run {self._run_id}"):
            run = queries.get_run(session, self._run_id, reach=SYSTEM.reach())
            if not self._quiet:
                for step in run.steps:
                    chunks = queries.output(session, run, step.position, after=self._heard.get(step.position, 0))
                    for chunk in chunks:
                        typer.echo(chunk.text.rstrip("\n"))
                        self._heard[step.position] = chunk.id
                    if step.state != "pending":
                        self._say(step.position, f"  {step.position}. {step.title}: {step.state}.", step.sentence)
                self._say(0, f"run {run.id}: {run.state.replace('_', ' ')}.", run.sentence, run.attention)
        return run

    def look_again(self, before: Run) -> Run:
        """The same, with patience: a database that is away for a moment ends neither the run nor the watch."""
        try:
            run = self.look()
        except DATABASE_AWAY:
            self._say(-1, "The console's database does not answer. Waiting for it; Ctrl-C leaves.")
            return before
        self._said.pop(-1, None)
        return run

    def _say(self, place: int, *parts: str) -> None:
        line = "  ".join(part for part in parts if part)
        if self._said.get(place) != line:
            self._said[place] = line
            typer.echo(line)


class Hands:
    """Carries the run out in a thread of this process while the terminal tells of it. Takes over where another process falls silent."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self._stopping, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"run-{run_id}", daemon=True)
        self._kept_out = False  # somebody else has the run

    def __enter__(self) -> "Hands":
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        self._over.set()
        if kind is KeyboardInterrupt:
            raise Refused(
                f"Run {self.run_id} is left where it is, maybe in the middle of a step. In {settings().lease_s:g} s a runner, or "
                f"`lastgood run {self.run_id} --here`, may take it over: the target is looked at before anything else is done."
            )
        self._thread.join(timeout=5)

    def check(self, run: Run) -> None:
        """Say who has the run where we have not. Refused where we have given it back."""
        if not self._thread.is_alive():
            raise Refused(
                f"Run {run.id} was given back and is not finished. A runner goes on with it, or `lastgood run {run.id} --here`; "
                f"to end it, cancel it on its page: {settings().base_url}/runs/{run.id}"
            )
        if self._kept_out and run.state == RunState.RUNNING:
            self._kept_out = False
            typer.echo(
                f"Another process carries run {run.id} out. This terminal watches, and takes over if that one falls silent.", err=True
            )

    def _work(self) -> None:
        worker = f"terminal-{socket.gethostname()}-{os.getpid()}"
        while not (self._stopping.is_set() or self._over.is_set()):
            try:
                self._kept_out = not execute(self.run_id, worker=worker, draining=self._stopping.is_set)
            except DATABASE_AWAY:
                self._kept_out = False
            self._over.wait(0.5)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            raise KeyboardInterrupt
        self._stopping.set()
        typer.echo("Stopping at the next safe place. Ctrl-C once more leaves the run as it is.", err=True)
