"""Targets: where a service runs. Forms ask the target itself before anything is saved."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog import looks, queries, targets
from app.catalog.models import Service, Target
from app.core.errors import NotFound
from app.web import catalog_forms as forms
from app.web import catalog_questions as questions
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import catalog as load
from app.web.render import back, page

router = APIRouter()

Owner = Annotated[Service, may(P.EDIT_SERVICE, load.service)]
Editable = Annotated[Target, may(P.EDIT_SERVICE, load.target)]


@router.get("/services/{slug}/targets/new")
def new(request: Request, db: Db, service: Owner, kind: str = "") -> Response:
    if kind not in targets.KINDS:
        return page(request, "targets/kinds.html", service=service)
    return page(request, "targets/new.html", **_form(db, service, kind))


@router.post("/services/{slug}/targets")
def create(request: Request, db: Db, service: Owner, me: Me, sent: Sent) -> Response:
    kind = sent.text("kind")
    with redrawn(request, "targets/new.html", sent, **_form(db, service, kind)):
        config, credential = forms.target(kind, sent), forms.git_credential(sent)
        environment, config = targets.checked(db, kind, sent.text("environment"), config)
        unseen = questions.target_is_there(kind, config, credential=credential, unchecked=sent.ticked("unchecked"))
        target = targets.add(db, service, kind=kind, environment=environment, config=config, credential=credential, unseen=unseen, by=me)
    return back(f"/services/{service.slug}", f"{target.label} is watched from now on. {unseen}".strip())


@router.get("/targets/{target_id}/edit")
def edit_form(request: Request, db: Db, target: Editable) -> Response:
    shown = _form(db, target.service, target.kind, target)
    return page(request, "targets/edit.html", fields=Fields(forms.of_target(target)), **shown)


@router.post("/targets/{target_id}/edit")
def edit(request: Request, db: Db, target: Editable, me: Me, sent: Sent) -> Response:
    kind = target.kind
    with redrawn(request, "targets/edit.html", sent, **_form(db, target.service, kind, target)):
        config, credential = forms.kept_local(target, forms.target(kind, sent)), forms.git_credential(sent)
        environment, config = targets.checked(db, kind, sent.text("environment"), config)
        unchecked = sent.ticked("unchecked")
        unseen = questions.target_is_there(kind, config, credential=credential, target_id=target.id, unchecked=unchecked)
        questions.nobody_works_on(db, target)
        saved = targets.edit(db, target, environment=environment, config=config, credential=credential, unseen=unseen, by=me)
    return back(f"/services/{saved.service.slug}", f"{saved.label} is saved. {unseen}".strip())


@router.post("/targets/{target_id}/look")
def look(db: Db, target: Annotated[Target, may(P.READ, load.target)]) -> Response:
    """Look now instead of with the next round."""
    looks.ask(db, "target.observe", f"target-{target.id}", {})
    return back(f"/services/{target.service.slug}", f"The runner looks at {target.label} now.")


@router.post("/targets/{target_id}/archive")
def archive(db: Db, target: Editable, me: Me) -> Response:
    with landing(f"/services/{target.service.slug}"):
        questions.nobody_works_on(db, target)
        targets.archive(db, target, by=me)
    return back(f"/services/{target.service.slug}", f"{target.label} is not watched any more. Its releases and runs stay in the record.")


def _form(db: Session, service: Service, kind: str, target: Target | None = None) -> dict[str, Any]:
    if kind not in targets.KINDS:
        raise NotFound("There is no such kind of target. Choose one on the service's page.")
    clusters = queries.clusters(db)
    return {
        "service": service,
        "kind": kind,
        "target": target,
        "clusters": clusters,
        "cluster_options": [(cluster.id, cluster.name) for cluster in clusters],
        "workload_options": [(name, name) for name in targets.WORKLOADS],
    }
