"""What is the same release, and what it is called."""

import pytest

from app.executors.kubernetes import digests


def template(image="shop/login:v1.2.3", *, labels=None, annotations=None, **spec):
    return {
        "metadata": {"labels": {"app": "login", **(labels or {})}, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "login", "image": image}], **spec},
    }


def test_a_restart_is_not_a_new_release():
    restarted = template(annotations={"kubectl.kubernetes.io/restartedAt": "2026-11-24T09:00:00Z"})
    assert digests.digest(restarted) == digests.digest(template())


def test_marks_of_controllers_and_of_ourselves_do_not_count():
    marked = template(labels={"pod-template-hash": "6477f49844"}, annotations={"lastgood/operation": "run-1-step-1"})
    marked["metadata"]["creationTimestamp"] = None
    assert digests.digest(marked) == digests.digest(template())


def test_every_other_difference_counts():
    for other in (
        template("shop/login:v1.2.4"),
        template(labels={"tier": "front"}),
        template(annotations={"prometheus.io/scrape": "true"}),
        template(terminationGracePeriodSeconds=5),
    ):
        assert digests.digest(other) != digests.digest(template())


def test_fields_that_no_client_knows_survive():
    unknown = template(somethingNew={"deep": [1, {"x": None}]})
    assert digests.bare(unknown)["spec"]["somethingNew"] == {"deep": [1, {"x": None}]}
    assert digests.digest(unknown) != digests.digest(template())


def test_what_is_written_back_keeps_the_restart_stamp_and_loses_the_hash():
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-11-24T09:00:00Z"}
    bare = digests.bare({"$patch": "replace"} | template(labels={"pod-template-hash": "1"}, annotations=stamp))
    assert bare["metadata"] == {"labels": {"app": "login"}, "annotations": stamp}
    assert "$patch" not in bare


def test_the_given_template_is_left_alone():
    given = template(labels={"pod-template-hash": "1"})
    digests.normalise(given)
    assert given["metadata"]["labels"]["pod-template-hash"] == "1"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("login:v1.2.3", "v1.2.3"),
        ("registry.example:5000/shop/login:v1.2.3", "v1.2.3"),
        ("registry.example:5000/shop/login", "latest"),
        ("login:v1.2.3@sha256:0a1b2c3d4e5f60718293", "v1.2.3"),
        ("login@sha256:0a1b2c3d4e5f60718293", "0a1b2c3d4e5f"),
    ],
)
def test_a_version_is_the_tag_or_the_short_digest(image, version):
    assert digests.version_of(template(image)) == version


def test_the_main_container_gives_the_version_where_one_is_named():
    two = template(annotations={"kubectl.kubernetes.io/default-container": "login"})
    two["spec"]["containers"].insert(0, {"name": "proxy", "image": "envoy:v9"})
    assert digests.version_of(two) == "v1.2.3"
    del two["metadata"]["annotations"]
    assert digests.version_of(two) == "v9"
