"""The wheel, in an empty environment: it carries templates, static files and migrations, and `lastgood up` runs from it."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.running import Running, get

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


@pytest.mark.timeout(300)
def test_the_wheel_runs_from_an_empty_environment(installed):
    program = (str(installed / "venv" / "bin" / "lastgood"),)
    console = Running(["up"], installed / "state", program=program, cwd=Path("/")).ready()
    try:
        setup = console.said("Make the first administrator").rsplit(" ", 1)[1]
        status, page = get(setup)
        assert status == 200
        assert "Lastgood" in page
        style = page.split('rel="stylesheet" href="')[1].split('"')[0]
        assert get(f"{console.url}{style}")[0] == 200
        assert console.stop() < 5.5, "Ctrl-C stops everything within 5 s"
        assert console.process.returncode == 0, console.terminal()
        assert get(setup)[0] == 0
    finally:
        console.stop()
