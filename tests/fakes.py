"""A world outside of the console's transactions, and actions of each class that change it.

The world is a JSON file under a lock. What happens in it stays, whatever becomes of the process that asked for it; every
effect is written down with the operation that caused it, so that a test can count.
"""

import fcntl
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from app.executors import registry
from app.executors.base import ActionClass, Drifted, Params, Part, Resolved, Seen, Standing, StepFailed, Undo

ROOT = Path(__file__).parent.parent


class World:
    """One file. `targets` hold {"version", "serial", "count", "at"}; `effects` is everything that ever happened."""

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.exists():
            self.path.write_text(json.dumps({"targets": {}, "effects": []}))

    def add(self, name, version="v1.2.4", count=10):
        with self.change() as state:
            state["targets"][name] = {"version": version, "serial": 1, "count": count, "at": 0.0}

    def target(self, name):
        return self.read()["targets"][name]

    def effects(self, name):
        return [effect for effect in self.read()["effects"] if effect["target"] == name]

    def read(self):
        with self.path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return json.load(file)

    @contextmanager
    def change(self):
        with self.path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = json.load(file)
            yield state
            text = json.dumps(state)
            file.seek(0)
            file.write(text)
            file.truncate()

    def switch(self, name, version, *, serial, operation):
        """Compare and set. False where the serial is another one."""
        with self.change() as state:
            target = state["targets"][name]
            if target["serial"] != serial:
                return False
            target.update(version=version, serial=serial + 1, at=time.time())
            state["effects"].append({"target": name, "operation": operation})
            return True


class FakeParams(Params):
    world: str
    target: str
    version: str = "v1.2.3"
    takes_s: float = 0.0  # how long the world needs to show the end of it
    lands_after_s: float = 0.0  # how late the effect lands, on the world's own account
    effect_deadline_s: float = 0.5
    says: tuple[str, ...] = ()  # lines of output
    ends: str = "done"  # or "failed": what it comes to


class _Fake:
    tool = "fake"
    destructive = False
    point_of_no_return = False
    cancellable = True
    Params = FakeParams

    def resolve(self, params, ctx):
        now = World(params.world).target(params.target)
        body = {**params.model_dump(mode="json"), "before": now}
        return Resolved(
            body=body,
            pin={"target": params.target, "version": params.version},
            title=f"{self.title} {params.target}",
            target=params.target,
            version_now=now["version"],
            version_after=params.version,
            effect_deadline_s=params.effect_deadline_s,
            expected_s=1.0,
        )

    def undo(self, body, ctx):
        return None


class FakeSwitch(_Fake):
    """Class A: the world itself compares and sets."""

    name = "fake.switch"
    title = "Switch"
    cls = ActionClass.A

    def observe(self, body, ctx):
        target, before = World(body["world"]).target(body["target"]), body["before"]
        if target["version"] == body["version"]:
            age = time.time() - target["at"]
            if age < body["takes_s"]:
                return Seen(standing=Standing.IN_PROGRESS, sentence=f"{int(age * 5)} of 5 parts", parts=[Part(name="part", age_s=age)])
            if body["ends"] == "failed":
                return Seen(standing=Standing.FAILED, sentence="The image cannot be pulled.")
            return Seen(standing=Standing.DONE, sentence=f"{body['target']} runs {body['version']}.", evidence={"serial": target["serial"]})
        if target["serial"] == before["serial"]:
            return Seen(standing=Standing.NOT_STARTED, sentence=f"{body['target']} runs {target['version']}.")
        return Seen(standing=Standing.DRIFTED, sentence=f"{body['target']} runs {target['version']}, not {before['version']} any more.")

    def apply(self, body, ctx):
        for line in body["says"]:
            ctx.output(line)
        arguments = (body["target"], body["version"], body["before"]["serial"], ctx.operation)
        if body["lands_after_s"]:
            late(body["world"], body["lands_after_s"], *arguments)
            return {"status": "accepted"}
        target, version, serial, operation = arguments
        if not World(body["world"]).switch(target, version, serial=serial, operation=operation):
            raise Drifted(f"{target} has changed since the plan was made.")
        return {"status": "ok"}

    def undo(self, body, ctx):
        return Undo(action=self.name, params={"world": body["world"], "target": body["target"], "version": body["before"]["version"]})


class FakeWipe(FakeSwitch):
    """Class A, and destructive: needs a second person."""

    name = "fake.wipe"
    title = "Wipe"
    destructive = True


class FakeSpend(_Fake):
    """Class B: a number goes down by one. It can be seen, and nothing out there prevents a second time."""

    name = "fake.spend"
    title = "Spend"
    cls = ActionClass.B

    def observe(self, body, ctx):
        count, before = World(body["world"]).target(body["target"])["count"], body["before"]["count"]
        standing = {before: Standing.NOT_STARTED, before - 1: Standing.DONE}.get(count, Standing.DRIFTED)
        return Seen(standing=standing, sentence=f"{count} left.", evidence={"count": count})

    def apply(self, body, ctx):
        if ctx.cancelled():  # the last question before the effect: is this run still mine?
            raise StepFailed("It was stopped before it spent anything.")
        if body["lands_after_s"]:
            late(body["world"], body["lands_after_s"], body["target"], "", 0, ctx.operation)
            return {}
        spend(body["world"], body["target"], ctx.operation)
        return {}


class FakePress(_Fake):
    """Class C: a button that shows nothing. Only the process that pressed it knows, and writes it into its folder."""

    name = "fake.press"
    title = "Press"
    cls = ActionClass.C

    def observe(self, body, ctx):
        if (ctx.folder / ctx.operation).exists():
            return Seen(standing=Standing.DONE, sentence="Pressed.")
        return Seen(standing=Standing.NOT_STARTED)

    def apply(self, body, ctx):
        with World(body["world"]).change() as state:
            state["effects"].append({"target": body["target"], "operation": ctx.operation})
        ctx.hit("mid_call")
        (ctx.folder / ctx.operation).touch()
        return {}


FAKES = (FakeSwitch(), FakeWipe(), FakeSpend(), FakePress())


def load():
    """Make the fakes known in this process."""
    registry.register(*FAKES)


def spend(world, target, operation):
    with World(world).change() as state:
        state["targets"][target]["count"] -= 1
        state["effects"].append({"target": target, "operation": operation})


def late(world, after_s, *arguments):
    """The world goes on by itself: the effect lands later, whether its asker lives or not."""
    argv = [sys.executable, "-m", "tests.fakes", str(world), str(after_s), *map(str, arguments)]
    subprocess.Popen(argv, cwd=ROOT, start_new_session=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    world, after_s, target, version, serial, operation = sys.argv[1:]
    time.sleep(float(after_s))
    if version:
        World(world).switch(target, version, serial=int(serial), operation=operation)
    else:
        spend(world, target, operation)
