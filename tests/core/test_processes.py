"""Commands, run for real: how they end, what is left of them, and what is told of them."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from app.core import processes, tether
from app.core.clock import uptime
from app.core.processes import Cancelled, NotStarted, Overdue, Recorded, Stopped, TooLate

ROOT = Path(__file__).parents[2]


def until(fact, limit_s=15):
    """Wait for `fact()` to be true, and return it."""
    deadline = time.monotonic() + limit_s
    while not (found := fact()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
    return found


def python(source):
    return [sys.executable, "-c", textwrap.dedent(source)]


def alive(pid):
    return bool(tether.birth(pid))


@pytest.fixture
def run(tmp_path):
    """`run(argv, ...)` in a folder of its own; what it wrote is `run.lines`."""
    lines = []

    def start(argv, **how):
        return processes.run(argv, **{"cwd": tmp_path, "deadline_s": 20, "output": lines.append, "grace_s": 0.3, **how})

    start.lines = lines
    return start


def test_the_lines_of_both_streams_come_in_their_order(run):
    done = run(python("import os; [os.write(1 + n % 2, f'line {n}\\n'.encode()) for n in range(200)]"))
    assert done.code == 0
    assert run.lines == [f"line {n}" for n in range(200)]


def test_the_code_and_the_signal_that_ended_it_are_told(run):
    assert run(["sh", "-c", "exit 3"]).code == 3
    assert run(["sh", "-c", "kill -9 $$"]).code == -9


def test_arguments_reach_the_program_as_they_are(run):
    run(["printf", "%s\n", "$HOME; echo no", "* two words", "-x"])
    assert run.lines == ["$HOME; echo no", "* two words", "-x"]


def test_of_our_environment_only_four_names_are_passed_on(run, monkeypatch):
    monkeypatch.setenv("LASTGOOD_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("TZ", "UTC")
    run(["env"], env={"TOKEN": "t"}, operation="run-1-step-1")
    names = {line.partition("=")[0] for line in run.lines} - {"LC_CTYPE"}
    assert names <= {"PATH", "HOME", "LANG", "TZ", "TOKEN", "LASTGOOD_OP_ID", "PWD", "SHLVL", "_"}
    assert {"TOKEN=t", "LASTGOOD_OP_ID=run-1-step-1", "TZ=UTC"} <= set(run.lines)


def test_a_command_that_asks_for_input_gets_none(run):
    assert run(["cat"]).code == 0


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["no-such-program-here"], "No such file or directory"),
        (["/etc/passwd"], "Permission denied"),
        ([], "argument list is empty"),
    ],
)
def test_what_cannot_be_started_is_said_and_nothing_ran(run, argv, sentence):
    with pytest.raises(NotStarted, match=sentence):
        run(argv)


def test_a_folder_that_is_not_there_is_said(run, tmp_path):
    with pytest.raises(NotStarted, match="there is no such folder"):
        run(["true"], cwd=tmp_path / "gone")


def test_terminal_codes_progress_and_control_signs_are_taken_out(run):
    run(["printf", "\\033[31mred\\033[0m\\n10%%\\r50%%\\r100%%\\r\\nnul\\000bell\\007\\ttab\\n\\377\\n\\033]0;title\\007end"])
    assert run.lines == ["red", "100%", "nulbell\ttab", "\N{REPLACEMENT CHARACTER}", "end"]


def test_a_long_line_is_cut_and_says_by_how_much(run):
    run(python("print('x' * 100_000); print('next')"))
    assert run.lines == ["x" * 8192 + " … (91,808 more bytes of this line)", "next"]


def test_a_flood_is_read_to_its_end_and_its_middle_is_left_out(run):
    """50 MB: the command never waits on a full pipe, the first and the last of it are kept, and the rest is counted."""
    done = run(python("import sys; line = 'y' * 99\nfor n in range(500_000): sys.stdout.write(f'{n:06}{line}\\n')"), deadline_s=60)
    assert done.code == 0
    assert sum(map(len, run.lines)) < 1_500_000
    assert run.lines[0].startswith("000000")
    assert run.lines[-1].startswith("499999")
    left_out = next(line for line in run.lines if "left out" in line)
    assert int(left_out.split()[1].replace(",", "")) == 500_000 - (len(run.lines) - 1)


def test_output_is_passed_on_while_the_command_runs(run, tmp_path):
    seen = []

    def output(line):
        seen.append(line)
        (tmp_path / "go").touch()

    source = "import os, time; print('first', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.02)\nprint('second')"
    assert run(python(source), output=output).code == 0
    assert seen == ["first", "second"]


HANG = """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], 'w').write(str(os.getpid()))
    time.sleep(60)
"""


def test_a_command_that_hangs_and_ignores_term_is_killed_at_its_deadline(run, tmp_path):
    began = time.monotonic()
    with pytest.raises(Overdue, match="did not end within 1 s"):
        run([*python(HANG), str(tmp_path / "pid")], deadline_s=1)
    assert time.monotonic() - began < 8
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_command_may_end_itself_decently_before_it_is_killed(run):
    source = """
        import signal, sys, time
        def bye(*_):
            print('put things back')
            sys.exit(0)
        signal.signal(signal.SIGTERM, bye)
        print('ready', flush=True)
        time.sleep(60)
    """
    lines = []
    with pytest.raises(Cancelled):
        run(python(source), output=lines.append, cancelled=lambda: bool(lines), grace_s=10)
    assert lines == ["ready", "put things back"]


def test_what_leaves_the_group_is_found_and_ended_too(run, tmp_path):
    escape = f"""
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, '-c', {textwrap.dedent(HANG)!r}, sys.argv[1]], start_new_session=True)
        time.sleep(60)
    """
    with pytest.raises(Cancelled):
        run([*python(escape), str(tmp_path / "pid")], cancelled=lambda: (tmp_path / "pid").exists(), operation="run-7-step-2")
    pid = int(until(lambda: (tmp_path / "pid").read_text()))
    until(lambda: not alive(pid))


def test_what_a_finished_command_leaves_running_is_left_alone_and_not_waited_for(run, tmp_path):
    source = "import subprocess; child = subprocess.Popen(['sleep', '60']); open('pid', 'w').write(str(child.pid)); print('deployed')"
    began = time.monotonic()
    assert run(python(source)).code == 0
    assert time.monotonic() - began < 10
    assert run.lines == ["deployed"]
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_sink_that_breaks_ends_the_command(run, tmp_path):
    def broken(_):
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="database is gone"):
        run(["sh", "-c", "echo $$ > pid; echo line; exec sleep 60"], output=broken)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_tether_that_is_killed_takes_the_command_with_it(run, tmp_path):
    def cut(_):
        os.kill(parent_of(tmp_path), signal.SIGKILL)

    with pytest.raises(Stopped, match="ended from outside"):
        run(["sh", "-c", "echo $$ > pid; echo line; exec sleep 60"], output=cut)
    until(lambda: not alive(int((tmp_path / "pid").read_text())))


def parent_of(folder):
    stat = Path(f"/proc/{(folder / 'pid').read_text().strip()}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


WORKER = """
    import sys
    from app.core import processes
    from pathlib import Path
    folder = Path(sys.argv[2])
    how = {"operation": "run-9-step-1", "folder": folder / "record", "deadline_s": 60, "grace_s": 0.5}
    processes.run([sys.executable, "-c", sys.argv[1], str(folder / "pid")], cwd=folder, output=print, **how)
"""


def test_the_command_dies_with_us_even_by_kill_9_and_a_later_process_learns_it(tmp_path):
    argv = [sys.executable, "-c", textwrap.dedent(WORKER), textwrap.dedent(HANG), str(tmp_path)]
    worker = subprocess.Popen(argv, cwd=ROOT)
    pid = int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    assert processes.recorded(tmp_path / "record") == Recorded("running")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    until(lambda: not alive(pid), limit_s=5)
    assert until(lambda: (now := processes.recorded(tmp_path / "record")).state == "ended" and now) == Recorded("ended", -9, "orphaned")


def test_the_command_stops_at_its_deadline_even_while_we_are_frozen(tmp_path):
    argv = [
        sys.executable,
        "-c",
        textwrap.dedent(WORKER).replace('"deadline_s": 60', '"deadline_s": 3'),
        textwrap.dedent(HANG),
        str(tmp_path),
    ]
    worker = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL)
    pid = int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    worker.send_signal(signal.SIGSTOP)
    until(lambda: not alive(pid))
    worker.kill()
    worker.wait()


def test_after_its_time_to_start_a_command_is_not_executed_and_has_no_record(run, tmp_path):
    with pytest.raises(TooLate, match="its time to start had passed"):
        run(["touch", "it-ran"], folder=tmp_path / "record", start_by=uptime())
    assert not (tmp_path / "it-ran").exists()
    assert processes.recorded(tmp_path / "record") == Recorded("absent")


def test_who_is_frozen_on_the_last_step_before_the_exec_never_executes(tmp_path):
    start_by = uptime() + 0.5
    arm = tether.only_until(start_by)
    pid = os.fork()
    if pid == 0:
        try:
            arm()
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp("touch", ["touch", str(tmp_path / "it-ran")])
        finally:
            os._exit(1)
    os.waitpid(pid, os.WUNTRACED)
    until(lambda: uptime() > start_by)
    os.kill(pid, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -tether.LATE
    assert not (tmp_path / "it-ran").exists()


def test_a_command_that_started_in_time_is_not_ended_by_its_time_to_start(run):
    for within_s in (0.5, 2, 8):  # as long as this machine needs to start one
        start_by = uptime() + within_s
        outlives = f"import time\nwhile time.clock_gettime({tether.CLOCK}) < {start_by + 0.2}: time.sleep(0.02)\nprint('on')"
        with contextlib.suppress(TooLate):
            assert run(python(outlives), start_by=start_by).code == 0
            break
    assert run.lines == ["on"]


def test_a_record_tells_absent_ended_and_lost_apart(run, tmp_path):
    folder = tmp_path / "record"
    assert processes.recorded(folder) == Recorded("absent")
    run(["sh", "-c", "exit 4"], folder=folder)
    assert processes.recorded(folder) == Recorded("ended", 4, "exited")
    (folder / "exit.json").unlink()
    assert processes.recorded(folder) == Recorded("lost")
    run(["true"], folder=folder)
    assert processes.recorded(folder) == Recorded("ended", 0, "exited")
    with pytest.raises(NotStarted):
        run(["no-such-program-here"], folder=folder)
    assert processes.recorded(folder) == Recorded("absent")


def test_captured_output_keeps_its_bytes_and_its_streams_apart(tmp_path):
    done = processes.capture(["sh", "-c", "printf 'a\\000b'; echo sorry >&2; exit 2"], cwd=tmp_path, deadline_s=10)
    assert (done.code, done.out, done.err) == (2, b"a\x00b", "sorry\n")


def test_captured_output_beyond_the_limit_is_read_and_dropped(tmp_path):
    done = processes.capture(python("print('z' * 3_000_000)"), cwd=tmp_path, deadline_s=20, limit_bytes=1000)
    assert (done.code, len(done.out)) == (0, 1000)
