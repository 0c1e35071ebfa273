"""The comparison that a person reads before confirming."""

import copy

from app.executors.kubernetes import diff

BASE = {
    "metadata": {"labels": {"app": "login"}},
    "spec": {
        "containers": [
            {
                "name": "login",
                "image": "login:v1.2.3",
                "command": ["serve"],
                "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "DB_PASSWORD", "value": "old-one"}],
                "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m"}},
                "readinessProbe": {"httpGet": {"path": "/health", "port": 80}},
                "volumeMounts": [{"name": "settings", "mountPath": "/etc/login"}],
            }
        ],
        "volumes": [{"name": "settings", "configMap": {"name": "login-settings", "defaultMode": 420}}],
        "serviceAccountName": "login",
        "serviceAccount": "login",
        "dnsPolicy": "ClusterFirst",
    },
}


def changed(mend):
    after = copy.deepcopy(BASE)
    mend(after["spec"], after["spec"]["containers"][0])
    return {change.setting: change for change in diff.changes(BASE, after)}


def test_nothing_differs_within_one_release():
    assert diff.changes(BASE, copy.deepcopy(BASE)) == []


def test_the_image_comes_first_and_every_kind_of_setting_has_its_name():
    def mend(spec, login):
        login["image"] = "login:v1.2.4"
        login["command"] = ["serve", "--fast"]
        login["env"][0]["value"] = "debug"
        login["resources"]["limits"]["memory"] = "1Gi"
        del login["readinessProbe"]
        spec["serviceAccountName"] = spec["serviceAccount"] = "other"
        spec["volumes"][0]["configMap"]["name"] = "login-settings-2"
        spec["containers"].append({"name": "proxy", "image": "envoy:v9"})

    found = changed(mend)
    assert list(found)[:2] == ["login: image", "proxy: image"]
    assert (found["login: image"].now, found["login: image"].after) == ("login:v1.2.3", "login:v1.2.4")
    assert (found["proxy: image"].now, found["proxy: image"].after) == (None, "envoy:v9")
    assert found["login: command"].after == '["serve", "--fast"]'
    assert found["login: env LOG_LEVEL"].after == "debug"
    assert (found["login: memory limit"].now, found["login: memory limit"].after) == ("256Mi", "1Gi")
    assert found["login: readiness probe"].after is None
    assert found["service account"].after == "other"
    assert found["volume settings"].after == "ConfigMap login-settings-2"
    assert len(found) == 8


def test_a_secret_value_is_hidden_and_its_change_is_told():
    def mend(_, login):
        login["env"][1]["value"] = "new-one"

    only = changed(mend)["login: env DB_PASSWORD"]
    assert only.masked
    assert only.is_change
    assert "one" not in f"{only.now}{only.after}"


def test_what_looks_like_a_secret_is_hidden_under_any_name():
    def mend(_, login):
        login["env"][0]["value"] = "AKIA0123456789ABCDEFGHIJKL"
        login["args"] = ["--database=postgresql://shop:hunter2@db/shop"]

    found = changed(mend)
    assert "AKIA" not in found["login: env LOG_LEVEL"].after
    assert "hunter2" not in found["login: arguments"].after
    assert "postgresql://shop:" in found["login: arguments"].after


def test_a_value_taken_from_a_secret_is_named_by_its_source():
    def mend(_, login):
        login["env"][1] = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}

    assert changed(mend)["login: env DB_PASSWORD"].after == "from Secret db, key password"


def test_a_field_without_a_name_of_its_own_is_compared_too():
    def mend(spec, login):
        spec["dnsPolicy"] = "Default"
        login["brandNewField"] = {"depth": 2}

    found = changed(mend)
    assert found["pod: dnsPolicy"].after == "Default"
    assert found["login: brandNewField.depth"].after == "2"


def test_long_values_are_cut_and_still_told_apart():
    def mend(_, login):
        login["args"] = ["x" * 500 + "1"]

    before = copy.deepcopy(BASE)
    before["spec"]["containers"][0]["args"] = ["x" * 500 + "2"]
    after = copy.deepcopy(BASE)
    mend(None, after["spec"]["containers"][0])
    (only,) = diff.changes(before, after)
    assert only.setting == "login: arguments"
    assert only.is_change
    assert len(only.after) == 200


def test_a_difference_in_words_for_a_sentence():
    found = diff.changes(BASE, copy.deepcopy(BASE) | {"metadata": {"labels": {"app": "login", "a": "1", "b": "2", "c": "3", "d": "4"}}})
    assert diff.in_words(found) == "label a none → 1; label b none → 2; label c none → 3, and 1 more"
