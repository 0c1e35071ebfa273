"""Clusters and private addresses: what the console may reach. For administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import addresses, clusters, queries
from app.catalog.models import AllowedAddress, Cluster
from app.web import catalog_questions as questions
from app.web import cluster_views as views
from app.web.deps import Db, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import catalog as load
from app.web.render import back, page, piece

router = APIRouter()

Admin = Annotated[Person, may(P.ADMINISTER)]
Known = Annotated[Cluster, may(P.ADMINISTER, load.cluster)]


@router.get("/clusters")
def index(request: Request, db: Db, me: Admin) -> Response:  # noqa: ARG001 - it is who may
    return page(request, "clusters/index.html", clusters=queries.clusters(db), addresses=queries.addresses(db))


@router.get("/clusters/new")
def new(request: Request, me: Admin) -> Response:  # noqa: ARG001
    return page(request, "clusters/new.html", kinds=clusters.KINDS)


@router.post("/clusters")
def create(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    kind, text = sent.text("kind"), sent.text("kubeconfig")
    with redrawn(request, "clusters/new.html", sent, kinds=clusters.KINDS):
        unseen = questions.cluster_lets_us_in(kind, text, unchecked=sent.ticked("unchecked"))
        cluster = clusters.add(db, name=sent.text("name"), kind=kind, text=text, unseen=unseen, by=me)
    return back(f"/clusters/{cluster.id}", f"{cluster.name} is stored. {unseen or 'The console is let in.'}")


@router.get("/clusters/{cluster_id}")
def show(request: Request, db: Db, cluster: Known) -> Response:
    return page(request, "clusters/show.html", **views.shown(db, cluster))


@router.get("/clusters/{cluster_id}/piece")
def show_piece(request: Request, db: Db, cluster: Known) -> Response:
    return piece(request, "clusters/_state.html", **views.shown(db, cluster))


@router.post("/clusters/{cluster_id}/check")
def check(db: Db, cluster: Known) -> Response:
    clusters.ask_for_check(db, cluster)
    return back(f"/clusters/{cluster.id}", f"The runner asks {cluster.name} now.")


@router.post("/clusters/{cluster_id}/kubeconfig")
def rotate(request: Request, db: Db, cluster: Known, me: Me, sent: Sent) -> Response:
    text = sent.text("kubeconfig")
    with redrawn(request, "clusters/show.html", sent, **views.shown(db, cluster)):
        unseen = questions.cluster_lets_us_in(cluster.kind, text, unchecked=sent.ticked("unchecked"))
        clusters.rotate(db, cluster, text=text, unseen=unseen, by=me)
    return back(f"/clusters/{cluster.id}", f"The new kubeconfig of {cluster.name} is used from now on. {unseen}".strip())


@router.post("/clusters/{cluster_id}/archive")
def archive(db: Db, cluster: Known, me: Me) -> Response:
    name = cluster.name
    with landing(f"/clusters/{cluster.id}"):
        clusters.archive(db, cluster, by=me)
    return back("/clusters", f"{name} is forgotten.")


@router.post("/addresses")
def allow(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    shown: dict[str, Any] = {"clusters": queries.clusters(db), "addresses": queries.addresses(db)}
    with redrawn(request, "clusters/index.html", sent, **shown):
        address = addresses.allow(db, host=sent.text("host"), port=sent.whole("port") or 0, reason=sent.text("reason"), by=me)
    return back("/clusters", f"The console may call {address.host} on port {address.port}.")


@router.post("/addresses/{address_id}/remove")
def forbid(db: Db, address: Annotated[AllowedAddress, may(P.ADMINISTER, load.address)], me: Me) -> Response:
    addresses.forbid(db, address, by=me)
    return back("/clusters", f"The console does not call {address.host} on port {address.port} any more.")
