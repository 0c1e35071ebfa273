"""Who else writes this workload, and what they will do to a rollback made by hand.

Read from the object itself: controller first, then labels and annotations, then the names in managedFields. The behaviour of each
owner is in reference/engines.md 1.8.
"""

from typing import Any

from pydantic import BaseModel

from app.executors.base import Body, Caution
from app.executors.kubernetes import objects
from app.executors.kubernetes.objects import Address

_TRACKING = "argocd.argoproj.io/tracking-id"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_FLUX = "kustomize.toolkit.fluxcd.io"
_FLUX_HELM = "helm.toolkit.fluxcd.io"


class Owner(BaseModel):
    """Somebody who writes the template too. `code` is stable: "argocd", "flux", "helm"."""

    code: str
    sentence: str

    def caution(self) -> Caution:
        return Caution(code=f"owned-by-{self.code}", sentence=self.sentence)


def detect(address: Address, live: Body, others: dict[str, Any] | None = None) -> list[Owner]:
    """Everybody who is known to write this object. `others`: custom resources read beside it (canaries, rollouts, applications)."""
    others = others or {}
    found = [
        _controller(live),
        _argo_cd(address, live, others.get("application")),
        _flux(live),
        _helm(live),
        _flagger(address, others.get("canaries") or []),
        _rollout(address, others.get("rollouts") or []),
    ]
    owners = [owner for owner in found if owner]
    if not owners and _APPLIED in objects.annotations(live):
        owners.append(
            Owner(
                code="kubectl-apply",
                sentence="It was written by kubectl apply: the next apply of the same files brings the present version back. "
                "Put the files right too.",
            )
        )
    return owners


def last_writer(live: Body, *, besides: str = "lastgood") -> str:
    """The field manager that wrote last, other than ourselves; empty where managedFields does not say."""
    entries = [
        entry
        for entry in live["metadata"].get("managedFields") or []
        if entry.get("manager") != besides and entry.get("subresource") != "status" and entry.get("time")
    ]
    return str(max(entries, key=lambda entry: str(entry["time"]))["manager"]) if entries else ""


def application_of(address: Address, live: Body) -> str:
    """The Argo CD application that tracks this very object; a copied tracking id does not count."""
    name, _, rest = objects.annotations(live).get(_TRACKING, "").partition(":")
    return name if rest == f"apps/{address.kind}:{address.namespace}/{address.name}" else ""


def _controller(live: Body) -> Owner | None:
    for ref in live["metadata"].get("ownerReferences") or []:
        if ref.get("controller"):
            kind, name = ref.get("kind"), ref.get("name")
            code = "flagger" if kind == "Canary" else "operator"
            return Owner(
                code=code, sentence=f"{kind} {name} controls it and takes a rollback made here back within seconds. Change {kind} {name}."
            )
    return None


def _argo_cd(address: Address, live: Body, application: Any) -> Owner | None:
    name = application_of(address, live)
    managers = {entry.get("manager") for entry in live["metadata"].get("managedFields") or []}
    if not name and not managers & {"argocd-controller", "argocd-application-controller"}:
        return None
    who = f"Argo CD application {name}" if name else "Argo CD"
    return Owner(
        code="argocd", sentence=f"{who} owns it: {_argo_behaviour(application)} Revert in Git as well, or turn off auto-sync first."
    )


def _argo_behaviour(application: Any) -> str:
    if not isinstance(application, dict):
        return "with self-heal it takes a rollback made here back within seconds, else at the next sync."
    automated = ((application.get("spec") or {}).get("syncPolicy") or {}).get("automated")
    if automated is None or automated.get("enabled") is False:
        return "it syncs by hand, so a rollback made here stays and the application shows OutOfSync."
    if automated.get("selfHeal"):
        return "self-heal is on, so it takes a rollback made here back within seconds."
    return "auto-sync is on, so a rollback made here stays only until the next commit."


def _flux(live: Body) -> Owner | None:
    labels = live["metadata"].get("labels") or {}
    name = labels.get(f"{_FLUX}/name")
    if name and objects.annotations(live).get(f"{_FLUX}/reconcile") != "disabled":
        where = labels.get(f"{_FLUX}/namespace", "")
        return Owner(
            code="flux",
            sentence=f"Flux Kustomization {where}/{name} owns it and takes a rollback made here back at its next interval, often within "
            f"10 minutes. Revert in Git as well, or suspend it first: flux suspend kustomization {name} -n {where}",
        )
    release = labels.get(f"{_FLUX_HELM}/name")
    if release:
        return Owner(
            code="flux-helm",
            sentence=f"Flux HelmRelease {labels.get(f'{_FLUX_HELM}/namespace', '')}/{release} owns it: a rollback made here stays until "
            "the next upgrade, or shorter with drift detection. Change the version in Git as well.",
        )
    return None


def _helm(live: Body) -> Owner | None:
    labels = live["metadata"].get("labels") or {}
    if labels.get("app.kubernetes.io/managed-by") != "Helm" or f"{_FLUX_HELM}/name" in labels:
        return None
    release = objects.annotations(live).get("meta.helm.sh/release-name", "")
    namespace = objects.annotations(live).get("meta.helm.sh/release-namespace", "")
    return Owner(
        code="helm",
        sentence=f"Helm release {namespace}/{release} installed it: a rollback made here stays, but Helm's record then says something else "
        "than what runs, and the next helm upgrade brings the chart's version back. Follow up with helm rollback.",
    )


def _flagger(address: Address, canaries: list[Body]) -> Owner | None:
    for canary in canaries:
        target = (canary.get("spec") or {}).get("targetRef") or {}
        if (target.get("kind"), target.get("name")) == (address.kind, address.name):
            return Owner(
                code="flagger",
                sentence=f"Flagger canary {canary['metadata']['name']} watches it: users are served by {address.name}-primary, and a "
                "rollback made here starts a new canary analysis. Never scale it by hand.",
            )
    return None


def _rollout(address: Address, rollouts: list[Body]) -> Owner | None:
    for rollout in rollouts:
        reference = (rollout.get("spec") or {}).get("workloadRef") or {}
        if (reference.get("kind"), reference.get("name")) == (address.kind, address.name):
            return Owner(
                code="argo-rollouts",
                sentence=f"Argo Rollout {rollout['metadata']['name']} takes its template from here: a rollback counts as a new update and "
                "runs all its steps and analyses again.",
            )
    return None
