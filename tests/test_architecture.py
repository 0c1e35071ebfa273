"""The house keeps its shape (DESIGN 2 and 3): what a reader may rely on without looking. Floors and circles are import-linter's."""

import ast
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = sorted((ROOT / "app").rglob("*.py"))
ASYNC = {"app/web/asgi.py", "app/web/fields.py", "app/web/stream.py"}
# whoever starts processes does it from argument lists and ends them: our own (supervisor, stores), commands (processes and its
# tether), and the two programs of the demo's shop, which run outside of the console
PROCESSES = {
    "app/core/processes.py",
    "app/core/stores.py",
    "app/core/supervisor.py",
    "app/core/tether.py",
    "app/core/valkey.py",
    "app/demo/deploy.py",
    "app/demo/keeper.py",
}
# what web may know of the hands: the shapes that it draws, and how checks and the minimal Role are written
HANDS_THAT_WEB_DRAWS = (
    "app.executors.base",
    "app.executors.checks.configs",
    "app.executors.checks.defaults",
    "app.executors.checks.figures",
    "app.executors.kubernetes.rights",
)
OPENERS = {"unseal", "open_for", "template"}  # what opens credentials and sealed bodies


@lru_cache
def tree(path):
    return ast.parse(path.read_text())


def name(path):
    return path.relative_to(ROOT).as_posix()


def imports(node):
    """Every module that is imported below a node, with the names taken from it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from ((alias.name, "") for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            yield from ((part.module or "", alias.name) for alias in part.names)


def functions(path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize(
    ("pattern", "most"), [("app/**/*.py", 300), ("templates/**/*.html", 80), ("static/js/*.js", 60)], ids=["code", "templates", "scripts"]
)
def test_no_file_is_longer_than_one_thought(pattern, most):
    """Over the bound there is a noun that is missing: look for it, do not cut in the middle."""
    long = {name(path): lines for path in ROOT.glob(pattern) if (lines := len(path.read_text().splitlines())) > most}
    assert not long


def test_no_function_is_longer_than_40_lines():
    """Counted from the first line of the body: what a function is given does not make it long."""
    long = {
        f"{name(path)} {function.name}": lines
        for path in CODE
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.body[0].lineno + 1) > 40
    }
    assert not long


def test_only_what_streams_is_asynchronous():
    found = {name(path) for path in CODE for function in functions(path) if isinstance(function, ast.AsyncFunctionDef)}
    assert found == ASYNC


def test_processes_are_started_in_few_places():
    found = {name(path) for path in CODE if any(module.split(".")[0] == "subprocess" for module, _ in imports(tree(path)))}
    assert found == PROCESSES
    calls = ("system", "popen", "fork", "execv", "execve", "spawnv", "posix_spawn")
    for path in CODE:
        used = {part.attr for part in ast.walk(tree(path)) if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "os"}
        assert not used & set(calls), name(path)
        assert "shell=True" not in path.read_text(), name(path)


def test_web_opens_nothing_and_reaches_nothing():
    """Credentials are the runner's: web draws what it found, and seals what people type."""
    for path in (path for path in CODE if name(path).startswith("app/web/")):
        for module, what in imports(tree(path)):
            whole = f"{module}.{what}".rstrip(".")
            assert what not in OPENERS, f"{name(path)} imports {whole}"
            assert not whole.startswith(("app.worker", "app.demo", "app.runs.engine", "app.runs.grounds")), f"{name(path)} imports {whole}"
            if module.startswith("app.executors") or whole.startswith("app.executors"):
                assert whole.startswith(HANDS_THAT_WEB_DRAWS), f"{name(path)} imports {whole}"


def test_the_hands_know_no_session_and_no_domain():
    for path in (path for path in CODE if name(path).startswith("app/executors/")):
        for module, what in imports(tree(path)):
            assert not module.startswith("sqlalchemy"), name(path)
            assert (module, what) not in {("app.core.database", "transaction"), ("app.core", "database")}, name(path)


def test_the_worker_never_imports_web():
    for path in (path for path in CODE if name(path).startswith("app/worker/")):
        assert not any(module.startswith("app.web") for module, _ in imports(tree(path))), name(path)


def test_no_import_hides_in_a_function_to_dodge_a_circle():
    """Only the terminal imports late, so that one command does not pay for all; elsewhere a late import is of something heavy."""
    for path in (path for path in CODE if not name(path).startswith("app/cli/")):
        for function in functions(path):
            late = [module for module, _ in imports(function) if module.split(".")[0] == "app"]
            assert not late, f"{name(path)} {function.name} imports {late}"


def test_a_domain_function_never_commits():
    """The door does: one request, one transaction."""
    doors = ("app/web/", "app/worker/", "app/cli/", "app/core/")
    for path in (path for path in CODE if not name(path).startswith(doors)):
        called = [part for part in ast.walk(tree(path)) if isinstance(part, ast.Attribute) and part.attr == "commit"]
        assert not [part for part in called if ast.unparse(part.value).endswith("session")], name(path)


def test_every_package_says_what_it_owns():
    for path in CODE:
        if path.name == "__init__.py" and path.parent.name not in {"app"}:
            assert ast.get_docstring(tree(path)), name(path)
