"""What a pod template cannot start without."""

from app.executors.kubernetes import references


def test_every_kind_of_reference_is_found_once_and_optional_ones_are_left_out():
    spec = {
        "serviceAccountName": "login",
        "imagePullSecrets": [{"name": "registry"}],
        "initContainers": [{"envFrom": [{"configMapRef": {"name": "init"}}]}],
        "containers": [
            {
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "db", "key": "a"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "db", "key": "b"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "maybe", "key": "c", "optional": True}}},
                    {"name": "D", "value": "plain"},
                ],
                "envFrom": [{"secretRef": {"name": "all"}}],
            }
        ],
        "volumes": [
            {"name": "a", "configMap": {"name": "files"}},
            {"name": "b", "secret": {"secretName": "tls"}},
            {"name": "c", "secret": {"secretName": "perhaps", "optional": True}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "e", "projected": {"sources": [{"secret": {"name": "inner"}}, {"serviceAccountToken": {}}]}},
            {"name": "f", "emptyDir": {}},
        ],
    }
    assert [f"{found.kind} {found.name}" for found in references.of({"spec": spec})] == [
        "ConfigMap files",
        "ConfigMap init",
        "PersistentVolumeClaim data",
        "Secret all",
        "Secret db",
        "Secret inner",
        "Secret registry",
        "Secret tls",
        "ServiceAccount login",
    ]


def test_the_default_service_account_is_always_there():
    assert references.of({"spec": {"serviceAccountName": "default"}}) == []
