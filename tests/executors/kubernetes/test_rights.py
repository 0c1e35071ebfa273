"""The Role to copy, and what is asked for."""

import yaml

from app.executors.kubernetes import rights
from app.executors.kubernetes.objects import Address

TARGETS = [("shop", "Deployment", "login"), ("shop", "Deployment", "cart"), ("data", "StatefulSet", "db")]


def granted(role, verb, resource, name):
    group = {"deployments": "apps", "statefulsets": "apps", "controllerrevisions": "apps", "replicasets": "apps"}.get(resource, "")
    return any(
        verb in rule["verbs"] and resource in rule["resources"] and group in rule["apiGroups"] and name in rule.get("resourceNames", [name])
        for rule in role["rules"]
    )


def test_one_role_a_namespace_with_the_right_to_patch_by_name_only():
    data, shop = yaml.safe_load_all(rights.minimal_role(TARGETS))
    assert [role["metadata"]["namespace"] for role in (data, shop)] == ["data", "shop"]
    assert granted(shop, "patch", "deployments", "login")
    assert granted(shop, "patch", "deployments", "cart")
    assert not granted(shop, "patch", "deployments", "other")
    assert not granted(shop, "patch", "statefulsets", "db")
    assert granted(data, "patch", "statefulsets", "db")


def test_pods_may_be_deleted_only_where_a_controller_leaves_broken_ones_in_place():
    data, shop = yaml.safe_load_all(rights.minimal_role(TARGETS))
    assert granted(data, "delete", "pods", "db-0")
    assert not granted(shop, "delete", "pods", "login-1")


def test_secrets_are_never_asked_for():
    assert "secrets" not in rights.minimal_role(TARGETS)


def test_the_role_grants_everything_that_is_asked_for():
    for namespace, kind, name in TARGETS:
        address = Address(namespace=namespace, kind=kind, name=name)
        (role,) = yaml.safe_load_all(rights.minimal_role([(namespace, kind, name)]))
        for right in rights.needed(address):
            resource, _, group = right.resource.partition(".")
            assert any(
                right.verb in rule["verbs"] and resource in rule["resources"] and group in rule["apiGroups"]
                for rule in role["rules"]
                if not rule.get("resourceNames") or right.name in rule["resourceNames"]
            ), right.sentence
