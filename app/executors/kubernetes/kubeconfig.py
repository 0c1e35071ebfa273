"""What we accept as a way into a cluster, and what we refuse.

A kubeconfig is typed into the console by a person and used by the runner. One that starts a program, or reads a file of the
runner's machine, would let that person do so too: both are refused, with what to store instead.
"""

from typing import Any

import yaml

from app.executors.base import Body, StepFailed

_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": "token",
}


class BadKubeconfig(StepFailed):
    """The kubeconfig cannot be used. The text says why and what to store instead."""


def parse(text: str) -> Body:
    """The kubeconfig reduced to its current context: one cluster, one user. BadKubeconfig where it cannot be used."""
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadKubeconfig("This is not a kubeconfig: it is not valid YAML.") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("clusters"), list):
        raise BadKubeconfig("This is not a kubeconfig: it lists no clusters.")
    current = whole.get("current-context")
    if not current:
        raise BadKubeconfig("This kubeconfig has no current-context. Choose one with: kubectl config view --minify --flatten")
    context = _named(whole, "contexts", current).get("context") or {}
    cluster = _named(whole, "clusters", context.get("cluster")).get("cluster") or {}
    user = _named(whole, "users", context.get("user")).get("user") or {}
    _check(cluster, user)
    return {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": str(context["cluster"]), "user": "it"}}],
        "clusters": [{"name": str(context["cluster"]), "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }


def server_of(config: Body) -> str:
    """The API server's address of a parsed kubeconfig."""
    return str(config["clusters"][0]["cluster"]["server"]).rstrip("/")


def name_of(config: Body) -> str:
    """What the kubeconfig calls the cluster."""
    return str(config["clusters"][0]["name"])


def _named(whole: Body, kind: str, name: Any) -> Body:
    for entry in whole.get(kind) or []:
        if isinstance(entry, dict) and entry.get("name") == name:
            return entry
    raise BadKubeconfig(f"This kubeconfig names {kind[:-1]} {name!s} and does not contain it.")


def _check(cluster: Body, user: Body) -> None:
    if not str(cluster.get("server", "")).startswith(("https://", "http://")):
        raise BadKubeconfig("This kubeconfig has no server address for its current context.")
    for program in ("exec", "auth-provider"):
        if program in user:
            raise BadKubeconfig(
                "This kubeconfig signs in by starting a program, which the console never does. "
                "Make a service account with a token and store a kubeconfig with that token."
            )
    for path, instead in _FILES.items():
        if (path in cluster or path in user) and instead not in cluster and instead not in user:
            raise BadKubeconfig(
                f"This kubeconfig points to a file ({path}), which the console cannot read. "
                "Store the output of: kubectl config view --minify --flatten"
            )
    for path in _FILES:
        cluster.pop(path, None)
        user.pop(path, None)
