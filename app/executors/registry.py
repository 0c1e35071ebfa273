"""Every action by its name. A tool's module is imported when the first of its actions is asked for (`kubernetes` takes 1 s).

A new tool is one line here and a module with `ACTIONS`; without the line and the module it is gone.
"""

import importlib
import threading

from app.executors.base import Action

# the first part of an action's name -> the module whose ACTIONS holds the tool's instances
TOOLS = {
    "kubernetes": "app.executors.kubernetes.actions",
    "git": "app.executors.git.actions",
}

ACTIONS: dict[str, Action] = {}
_loading = threading.Lock()


def register(*actions: Action) -> None:
    """Make actions known by their names."""
    ACTIONS.update({action.name: action for action in actions})


def action(name: str) -> Action:
    """The action of that name. KeyError where no tool has it."""
    if name not in ACTIONS:
        _load(name.partition(".")[0])
    return ACTIONS[name]


def load_all() -> None:
    """Import every tool now: a runner does so at its start, so that nobody waits for it in an incident."""
    for tool in TOOLS:
        _load(tool)


def _load(tool: str) -> None:
    if tool in TOOLS:
        with _loading:
            register(*importlib.import_module(TOOLS[tool]).ACTIONS)
