"""The wheel, in an empty environment: it carries templates, static files and migrations, and `lastgood up` runs from it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = shutil.which("uv")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("LASTGOOD_", "VIRTUAL_ENV", "PYTHON"))}


@pytest.fixture(scope="module")
def installed():
    if not UV:
        pytest.skip("needs uv: https://docs.astral.sh/uv/")
    with tempfile.TemporaryDirectory(prefix="lastgood-wheel-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        requirements = place / "requirements.txt"
        run = {"cwd": ROOT, "check": True, "capture_output": True, "env": CLEAN}
        subprocess.run([UV, "build", "--wheel", "--quiet", "--out-dir", folder], **run)
        subprocess.run([UV, "export", "--frozen", "--no-dev", "--no-emit-project", "--quiet", "--output-file", str(requirements)], **run)
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(place / "venv")], **run)
        wheel = next(place.glob("*.whl"))
        install = [UV, "pip", "install", "--quiet", "--python", str(place / "venv" / "bin" / "python"), "--compile-bytecode"]
        subprocess.run([*install, "--requirements", str(requirements)], **run)
        subprocess.run([*install, "--no-deps", str(wheel)], **run)
        yield place


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@pytest.mark.timeout(300)
def test_the_wheel_runs_from_an_empty_environment(installed):
    port = free_port()
    state = installed / "state"
    env = CLEAN | {"LASTGOOD_STATE_DIR": str(state), "LASTGOOD_PORT": str(port)}
    process = subprocess.Popen(
        [str(installed / "venv" / "bin" / "lastgood"), "up"], cwd="/", env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        first = process.stdout.readline()
        assert f"Lastgood runs at http://127.0.0.1:{port}" in first, first + process.stdout.read()
        setup = process.stdout.readline().rsplit(" ", 1)[1].strip()
        status, page = get(setup)
        assert status == 200
        assert "Lastgood" in page
        style = page.split('rel="stylesheet" href="')[1].split('"')[0]
        assert get(f"http://127.0.0.1:{port}{style}")[0] == 200
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 5.5, "Ctrl-C stops everything within 5 s"
        assert get(setup)[0] == 0
    finally:
        process.kill()
        process.wait()
