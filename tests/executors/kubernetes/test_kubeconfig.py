"""Which kubeconfigs are taken, and what is said of the others."""

import pytest
import yaml

from app.executors.kubernetes import kubeconfig


def config(cluster=None, user=None, **other):
    return yaml.safe_dump(
        {
            "current-context": "lab",
            "contexts": [{"name": "lab", "context": {"cluster": "prod", "user": "ops"}}, {"name": "x", "context": {}}],
            "clusters": [
                {"name": "prod", "cluster": {"server": "https://k8s.example:6443"} | (cluster or {})},
                {"name": "other", "cluster": {}},
            ],
            "users": [{"name": "ops", "user": user if user is not None else {"token": "t"}}],
        }
        | other
    )


def test_only_the_current_context_is_kept():
    parsed = kubeconfig.parse(config())
    assert kubeconfig.server_of(parsed) == "https://k8s.example:6443"
    assert kubeconfig.name_of(parsed) == "prod"
    assert len(parsed["clusters"]) == len(parsed["users"]) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid YAML"),
        ("just words", "lists no clusters"),
        (config(**{"current-context": ""}), "has no current-context"),
        (config(**{"current-context": "nowhere"}), "names context nowhere and does not contain it"),
        (config(cluster={"server": ""}), "no server address"),
        (config(user={"exec": {"command": "aws"}}), "starting a program"),
        (config(user={"auth-provider": {"name": "gcp"}}), "starting a program"),
        (config(user={"tokenFile": "/etc/shadow"}), "points to a file (tokenFile)"),
        (config(cluster={"certificate-authority": "/etc/passwd"}), "kubectl config view --minify --flatten"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_store_instead(text, said):
    with pytest.raises(kubeconfig.BadKubeconfig) as refused:
        kubeconfig.parse(text)
    assert said in refused.value.sentence


def test_a_path_beside_the_data_itself_is_dropped():
    parsed = kubeconfig.parse(config(cluster={"certificate-authority": "/etc/passwd", "certificate-authority-data": "QUJD"}))
    assert "certificate-authority" not in parsed["clusters"][0]["cluster"]
