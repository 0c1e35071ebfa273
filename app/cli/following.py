"""Follow a run in the terminal, and carry it out there where that was asked for.

Ctrl-C never undoes and never cancels: the first one gives the run back at its next safe place, the second one leaves it to its lease.
"""

import json
import os
import signal
import socket
import threading
import time
from types import FrameType

import typer

from app.accounts.policy import SYSTEM
from app.cli.acting import named
from app.core.database import transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.runs import queries
from app.runs.engine import execute
from app.runs.models import Run
from app.runs.states import RunState

_WAITS_FOR_A_PERSON = {RunState.NEEDS_ATTENTION, RunState.AWAITING_APPROVAL}
_PATIENCE_S = 10.0
_PAUSE_S = 0.1


def follow(run_id: int, *, here: bool, as_json: bool) -> None:
    """Carry the run out here, or watch it, until it has ended or asks for a person. Code 1 unless it succeeded."""
    teller = Teller(run_id, quiet=as_json)
    run = teller.look()
    hands = Hands(run_id) if here and not run.is_over else None
    patient_until = time.monotonic() + _PATIENCE_S
    with hands or _Nobody():
        while not (run.is_over or RunState(run.state) in _WAITS_FOR_A_PERSON):
            if hands and hands.empty:
                _explain(hands, run)
                hands = None
            if not hands and run.state == RunState.QUEUED and time.monotonic() > patient_until:
                typer.echo(f"No runner has taken it yet: see `lastgood doctor`, or `lastgood run {run_id} --here`.", err=True)
                patient_until = float("inf")
            time.sleep(_PAUSE_S)
            run = teller.look()
    if as_json:
        told = {"id": run.id, "state": run.state, "sentence": run.sentence, "attention": run.attention}
        typer.echo(json.dumps(told | {"incident_id": run.incident_id, "plan_id": run.plan_id}, indent=2))
    elif RunState(run.state) in _WAITS_FOR_A_PERSON:
        typer.echo(f"A person answers that on its page: {settings().base_url}/runs/{run.id}")
    raise typer.Exit(0 if run.state == RunState.SUCCEEDED else 1)


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
                        self._say(step.position, f"  {step.position}. {step.title}: {step.state}", step.sentence)
                self._say(0, f"run {run.id}: {run.state}", run.sentence, run.attention)
        return run

    def _say(self, place: int, *parts: str) -> None:
        line = "  ".join(part for part in parts if part)
        if self._said.get(place) != line:
            self._said[place] = line
            typer.echo(line)


class Hands:
    """Carries the run out in a thread of this process while the terminal tells of it."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"run-{run_id}", daemon=True)
        self._took = False

    @property
    def empty(self) -> bool:
        return not self._thread.is_alive()

    @property
    def held_nothing(self) -> bool:
        """Whether somebody else had the run all the time."""
        return self.empty and not self._took

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if kind is KeyboardInterrupt:
            raise Refused(
                f"Run {self.run_id} is left in the middle of a step. In {settings().lease_s:g} s a runner, or `lastgood run "
                f"{self.run_id} --here`, may take it over: the target is looked at before anything else is done."
            )
        self._thread.join(timeout=5)

    def _work(self) -> None:
        worker = f"terminal-{socket.gethostname()}-{os.getpid()}"
        self._took = execute(self.run_id, worker=worker, draining=self.stopping.is_set)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopping.is_set():
            raise KeyboardInterrupt
        self.stopping.set()
        typer.echo("Stopping at the next safe place. Ctrl-C once more leaves the run as it is.", err=True)


class _Nobody:
    """Somewhere else somebody carries the run; here it is only watched."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _explain(hands: Hands, run: Run) -> None:
    """Why our hands are empty and the run goes on."""
    if hands.stopping.is_set():
        raise Refused(
            f"Run {run.id} was given back and is not finished. A runner goes on with it, or `lastgood run {run.id} --here`; "
            f"to end it, cancel it on its page: {settings().base_url}/runs/{run.id}"
        )
    if hands.held_nothing:
        typer.echo(f"Another process carries run {run.id} out; this terminal watches.", err=True)
