"""Who else writes the workload, and what they will do to a rollback."""

from app.executors.kubernetes import owners
from app.executors.kubernetes.objects import Address

LOGIN = Address(namespace="shop", kind="Deployment", name="login")


def live(*, labels=None, annotations=None, **metadata):
    return {"metadata": {"uid": "u", "labels": labels or {}, "annotations": annotations or {}, **metadata}, "spec": {}}


def codes(found):
    return [owner.code for owner in found]


def test_nobody_owns_a_plain_workload():
    assert owners.detect(LOGIN, live()) == []


def test_an_operator_takes_a_rollback_back():
    (owner,) = owners.detect(LOGIN, live(ownerReferences=[{"controller": True, "kind": "Cluster", "name": "orders"}]))
    assert owner.code == "operator"
    assert "Change Cluster orders" in owner.sentence


def test_argo_cd_by_its_tracking_id_and_what_its_sync_policy_means():
    tracked = live(annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/login"})
    (owner,) = owners.detect(LOGIN, tracked)
    assert owner.code == "argocd"
    assert "Argo CD application shop" in owner.sentence

    def told(policy):
        return owners.detect(LOGIN, tracked, {"application": {"spec": {"syncPolicy": policy}}})[0].sentence

    assert "self-heal is on" in told({"automated": {"selfHeal": True}})
    assert "until the next commit" in told({"automated": {}})
    assert "stays" in told({})
    assert "stays" in told({"automated": {"enabled": False}})


def test_a_copied_tracking_id_is_no_ownership():
    assert owners.detect(LOGIN, live(annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/other"})) == []


def test_flux_names_the_command_that_suspends_it():
    flux = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    (owner,) = owners.detect(LOGIN, live(labels=flux))
    assert "flux suspend kustomization shop -n flux-system" in owner.sentence
    assert owners.detect(LOGIN, live(labels=flux, annotations={"kustomize.toolkit.fluxcd.io/reconcile": "disabled"})) == []


def test_helm_and_flux_helm_are_told_apart():
    helm = {"app.kubernetes.io/managed-by": "Helm"}
    release = {"meta.helm.sh/release-name": "login", "meta.helm.sh/release-namespace": "shop"}
    assert codes(owners.detect(LOGIN, live(labels=helm, annotations=release))) == ["helm"]
    by_flux = helm | {"helm.toolkit.fluxcd.io/name": "login", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
    assert codes(owners.detect(LOGIN, live(labels=by_flux, annotations=release))) == ["flux-helm"]


def test_flagger_and_argo_rollouts_by_what_they_point_at():
    canary = {"metadata": {"name": "login"}, "spec": {"targetRef": {"kind": "Deployment", "name": "login"}}}
    rollout = {"metadata": {"name": "front"}, "spec": {"workloadRef": {"kind": "Deployment", "name": "login"}}}
    assert codes(owners.detect(LOGIN, live(), {"canaries": [canary], "rollouts": [rollout]})) == ["flagger", "argo-rollouts"]
    other = LOGIN.model_copy(update={"name": "shop"})
    assert owners.detect(other, live(), {"canaries": [canary], "rollouts": [rollout]}) == []


def test_kubectl_apply_is_named_only_where_nobody_else_is():
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert codes(owners.detect(LOGIN, live(annotations=applied))) == ["kubectl-apply"]


def test_the_last_writer_is_never_ourselves_nor_a_status():
    fields = [
        {"manager": "kubectl-edit", "time": "2026-11-24T08:00:00Z"},
        {"manager": "lastgood", "time": "2026-11-24T09:00:00Z"},
        {"manager": "kube-controller-manager", "time": "2026-11-24T09:30:00Z", "subresource": "status"},
    ]
    assert owners.last_writer(live(managedFields=fields)) == "kubectl-edit"
    assert owners.last_writer(live()) == ""
