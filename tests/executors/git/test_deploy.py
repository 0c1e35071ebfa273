"""Deploys, with real commands in real checkouts and a real version address."""

import http.server
import os
import signal
import threading
from pathlib import Path

import pytest

from app.core.processes import recorded
from app.executors.base import OutcomeUnknown, Standing, StepFailed, Unreachable
from app.executors.git import commands
from app.executors.git.deploy import BlindDeploy, Deploy
from tests.core.test_processes import alive, until

STEP = Deploy()


@pytest.fixture
def shop(remote, tmp_path):
    """The repository's deploy command puts its version into a file, and an address answers with that file."""
    running = tmp_path / "running"
    running.write_text("v1.2.4")
    script = f'#!/bin/sh\necho "deploying $1 of $2 in $(basename $(pwd))"\necho "${{1#--tag=}}" > {running}\n'
    remote.commit("Deploy by a script", {"ops/deploy": script})
    remote.wanted = remote.commit("Release v1.2.5", {"VERSION": "1.2.5\n"}, tag="v1.2.5")
    remote.running = running

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if running.exists() else 503)
            self.end_headers()
            if running.exists():
                self.wfile.write(b'{"build": {"version": "' + running.read_text().strip().encode() + b'"}}')

        def log_message(self, *_):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    remote.port = server.server_port
    yield remote
    server.shutdown()
    server.server_close()


@pytest.fixture
def step(shop, as_step):
    """A context that may call the version address; its lines of output are `lines`."""
    lines = []
    ctx = as_step("run-12-step-2", allowed=frozenset({("127.0.0.1", shop.port)}), output=lines.append)
    object.__setattr__(ctx, "lines", lines)
    return ctx


def params(shop, *argv, blind=False, **facts):
    address = {} if blind else {"version_url": f"http://127.0.0.1:{shop.port}/version", "version_path": "build.version"}
    where = {"repository": shop.address, "branch": "main", "local": True, "folder": "ops"}
    wanted = {"commit": shop.wanted, "version": "v1.2.5", "deploy": list(argv) or ["./deploy", "--tag={version}", "{commit}"]}
    return STEP.Params(**{**where, **wanted, **address, **facts})


def test_a_commit_is_deployed_from_a_checkout_of_itself_and_seen_at_its_address(shop, step):
    plan = STEP.resolve(params(shop), step)
    assert (plan.version_now, plan.version_after, plan.already) == ("v1.2.4", "v1.2.5", False)
    assert plan.facts[0].value == f"./deploy --tag=v1.2.5 {shop.wanted}"
    assert STEP.observe(plan.body, step).standing is Standing.NOT_STARTED
    assert STEP.apply(plan.body, step)["code"] == 0
    assert step.lines == [f"$ ./deploy --tag=v1.2.5 {shop.wanted}", f"deploying --tag=v1.2.5 of {shop.wanted} in ops"]
    seen = STEP.observe(plan.body, step)
    assert (seen.standing, seen.evidence["version"]) == (Standing.DONE, "v1.2.5")
    assert not list(step.folder.glob("checkout-*"))
    assert STEP.resolve(params(shop), step).already


def test_undo_deploys_what_ran_before(shop, step, as_step):
    plan = STEP.resolve(params(shop), step)
    STEP.apply(plan.body, step)
    undo = STEP.undo(plan.body, step)
    assert (undo.action, undo.params["version"], undo.params["commit"]) == ("git.deploy", "v1.2.4", shop.bad)


def test_without_knowing_what_ran_before_there_is_no_undo(shop, step):
    shop.running.write_text("something else")
    assert STEP.undo(STEP.resolve(params(shop), step).body, step) is None


def test_a_command_that_fails_is_told_with_its_code(shop, step):
    plan = STEP.resolve(params(shop, "sh", "-c", "echo no room; exit 7"), step)
    with pytest.raises(StepFailed, match="ended with code 7") as failure:
        STEP.apply(plan.body, step)
    assert failure.value.evidence["code"] == 7
    assert step.lines[-1] == "no room"
    seen = STEP.observe(plan.body, step)
    assert (seen.standing, "code 7" in seen.sentence) == (Standing.FAILED, True)


def test_a_command_that_says_well_done_while_the_old_version_answers_is_not_done(shop, step):
    plan = STEP.resolve(params(shop, "true"), step)
    STEP.apply(plan.body, step)
    seen = STEP.observe(plan.body, step)
    assert seen.standing is Standing.IN_PROGRESS
    assert "v1.2.4 still answers" in seen.sentence


def test_a_program_that_is_not_there_changes_nothing(shop, step):
    plan = STEP.resolve(params(shop, "./gone"), step)
    with pytest.raises(StepFailed, match=r"No such file.*Nothing was changed"):
        STEP.apply(plan.body, step)


def test_a_deploy_that_hangs_and_ignores_term_is_stopped_at_its_limit_and_unknown(shop, step, tmp_path):
    script = f"trap '' TERM; echo $$ > {tmp_path}/pid; while true; do sleep 0.1; done"
    plan = STEP.resolve(params(shop, "sh", "-c", script, limit_s=0.7), step)
    assert plan.effect_deadline_s > 0.7
    with pytest.raises(OutcomeUnknown, match="was stopped"):
        STEP.apply(plan.body, step)
    until(lambda: not alive(int((tmp_path / "pid").read_text())))
    seen = STEP.observe(plan.body, step)
    assert (seen.standing, seen.sentence) == (
        Standing.FAILED,
        f"The command was stopped at its limit, and v1.2.4 answers at {plan.body['version_url']}.",
    )


def test_a_deploy_that_did_its_work_before_it_hung_is_done(shop, step):
    plan = STEP.resolve(params(shop, "sh", "-c", f"echo v1.2.5 > {shop.running}; sleep 60", limit_s=0.7), step)
    with pytest.raises(OutcomeUnknown):
        STEP.apply(plan.body, step)
    assert STEP.observe(plan.body, step).standing is Standing.DONE


def test_a_deploy_is_cancelled_with_what_it_had_forked_away(shop, as_step, step, tmp_path):
    script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' & wait"
    plan = STEP.resolve(params(shop, "sh", "-c", script), step)
    cancelling = as_step(
        "run-12-step-2", allowed=step.allowed, cancelled=lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()
    )
    with pytest.raises(StepFailed, match="was stopped after"):
        STEP.apply(plan.body, cancelling)
    until(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_while_the_command_runs_others_see_it_in_progress(shop, step, as_step):
    plan = STEP.resolve(params(shop, "sh", "-c", "echo up; sleep 60"), step)
    seen = []

    def cancelled():
        if "up" in step.lines and not seen:
            seen.append(STEP.observe(plan.body, step).standing)
        return bool(seen)

    with pytest.raises(StepFailed):
        STEP.apply(plan.body, as_step("run-12-step-2", allowed=step.allowed, output=step.output, cancelled=cancelled))
    assert seen == [Standing.IN_PROGRESS]


def test_a_version_nobody_planned_is_drift(shop, step):
    plan = STEP.resolve(params(shop), step)
    shop.running.write_text("v9")
    seen = STEP.observe(plan.body, step)
    assert seen.standing is Standing.DRIFTED
    assert "neither v1.2.4 nor v1.2.5" in seen.sentence


def test_an_address_that_does_not_answer_is_said_and_does_not_block(shop, step):
    shop.running.unlink()
    plan = STEP.resolve(params(shop), step)
    assert [(warning.code, warning.unknown, warning.blocking) for warning in plan.warnings] == [("version-unknown", True, False)]
    with pytest.raises(Unreachable, match="status 503"):
        STEP.observe(plan.body, step)


def test_an_address_in_the_private_network_that_nobody_allowed_is_not_called(shop, as_step):
    plan = STEP.resolve(params(shop), as_step("run-12-step-2"))
    assert "nobody has allowed it" in plan.warnings[0].sentence


def test_without_an_address_the_command_is_taken_at_its_word(shop, step):
    blind = BlindDeploy()
    plan = blind.resolve(params(shop, blind=True, now_commit=shop.bad, now_version="v1.2.4"), step)
    assert [warning.code for warning in plan.warnings] == ["no-version-address"]
    assert blind.observe(plan.body, step).standing is Standing.NOT_STARTED
    blind.apply(plan.body, step)
    assert blind.observe(plan.body, step).standing is Standing.DONE
    assert blind.undo(plan.body, step).params["commit"] == shop.bad


def test_without_an_address_a_cut_off_deploy_is_nobodys_guess(shop, step):
    blind = BlindDeploy()
    plan = blind.resolve(params(shop, "sh", "-c", "kill -9 $PPID; sleep 60", blind=True), step)
    with pytest.raises(OutcomeUnknown, match="ended from outside"):
        blind.apply(plan.body, step)
    assert until(lambda: recorded(step.folder / "commands" / "run-12-step-2").state == "lost")
    seen = blind.observe(plan.body, step)
    assert (seen.standing, "look at the service" in seen.sentence) == (Standing.DRIFTED, True)


def test_a_command_that_needs_no_checkout_runs_in_an_empty_folder(shop, step):
    plan = STEP.resolve(params(shop, "sh", "-c", f"ls -A; echo v1.2.5 > {shop.running}", repository="", branch="", folder=""), step)
    STEP.apply(plan.body, step)
    assert len(step.lines) == 1
    assert STEP.observe(plan.body, step).standing is Standing.DONE


def test_what_killed_runners_left_behind_is_swept_away(shop, step):
    left = step.folder / "checkout-left"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    STEP.apply(STEP.resolve(params(shop), step).body, step)
    assert not left.exists()


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"commit": "e" * 40}, "not in the repository any more"),
        ({"folder": "gone"}, "has no folder gone"),
        ({"version": "-rf"}, "needs a version"),
        ({"version": "v1;reboot"}, "needs a version"),
        ({"version": ""}, "needs a version"),
        ({"deploy": ["./deploy", "a{version}b"]}, "cannot be filled in"),
        ({"deploy": ["./deploy", "{version}{commit}"]}, "cannot be filled in"),
        ({"deploy": ["./deploy", "{password}"]}, "cannot be filled in"),
        ({"deploy": ["{version}"]}, "has no program"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(shop, step, facts, sentence):
    with pytest.raises(StepFailed, match=sentence):
        STEP.resolve(params(shop, **facts), step)


def test_fields_stand_alone_or_at_the_end_of_an_argument():
    values = {"version": "v1.2.3", "commit": "a" * 40}
    filled = commands.fill(["d", "{version}", "--tag={version}", "{commit}", "plain"], values)
    assert filled == [
        "d",
        "v1.2.3",
        "--tag=v1.2.3",
        "a" * 40,
        "plain",
    ]


def test_fifty_megabytes_of_output_do_not_stop_a_deploy(shop, step):
    plan = STEP.resolve(
        params(shop, "sh", "-c", "yes 'a line of a talkative deploy that says much and means little' | head -c 50000000"), step
    )
    assert STEP.apply(plan.body, step)["code"] == 0
    assert sum(map(len, step.lines)) < 1_500_000
    assert any("left out" in line for line in step.lines)


def test_a_runner_that_is_killed_takes_the_deploy_with_it_and_the_next_one_knows(shop, step, tmp_path):
    """The runner dies by kill -9 in the middle: the command dies too, and the next look, by another process, says what is true."""
    plan = STEP.resolve(params(shop, "sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60"), step)
    runner = os.fork()
    if runner == 0:
        STEP.apply(plan.body, step)
        os._exit(0)
    pid = int(until(lambda: Path(tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    assert STEP.observe(plan.body, step).standing is Standing.IN_PROGRESS
    os.kill(runner, signal.SIGKILL)
    os.waitpid(runner, 0)
    until(lambda: not alive(pid))
    assert until(lambda: (seen := STEP.observe(plan.body, step)).standing is Standing.NOT_STARTED and seen).evidence["ended"] == "orphaned"
