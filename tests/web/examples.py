"""A real object for every parameter that stands in an address, so that the authorization matrix can walk through every route.

A new loader adds a line to `EXAMPLES`: the parameter's name (or "path parameter" where one name means different things) and how
to make such a thing on a service. `FREE` are those that belong to no service.
"""

from datetime import timedelta

from sqlalchemy import select

from app.accounts import api_tokens, invitations, sign_ins
from app.accounts.models import ApiToken, Grant, SignIn, User
from app.accounts.policy import P, Role
from app.catalog.models import AllowedAddress
from app.core.clock import now
from app.decisions import actions as decisions
from app.decisions import reports
from app.incidents import timeline
from app.verification.models import Verification
from tests import factories
from tests.web import stages


class World:
    """What is on one service: made at once, asked for by name."""

    def __init__(self, session, slug):
        self.session = session
        self.stage = stages.stage(session, slug)
        self.service = self.stage.service
        self.plan = stages.make_plan(session, self.stage)
        self.run = stages.make_run(session, self.stage, stages.make_plan(session, self.stage), state="succeeded", steps=[stages.taken()])
        self.incident = factories.make_incident(session, self.service, by=self.stage.commander)
        self.entry = timeline.record(session, self.incident, "a note", kind="note", by=self.stage.commander)
        self.assessment = decisions.begin(session, self.incident, by=self.stage.commander)
        self.check = factories.make_check(session, self.service, name="another")
        self.verification = add(
            session, Verification(service_id=self.service.id, contract=stages.CONTRACT, deadline_at=now() + timedelta(minutes=15))
        )


def add(session, row):
    session.add(row)
    session.flush()
    return row


def cluster(world, me):
    return factories.make_cluster(world.session).id


def address(world, me):
    return add(world.session, AllowedAddress(host="10.0.0.1", port=9090, allowed_by="Ida Berg")).id


def somebody(world, me):
    return factories.make_person(world.session, "Nadia Haddad", Role.VIEWER).id


def grant(world, me):
    newest = select(Grant.id).order_by(Grant.id.desc()).limit(1)
    return world.session.scalars(newest).one()


def own_sign_in(world, me):
    sign_ins.begin(world.session, world.session.get_one(User, me.id), address="10.0.0.9")
    return world.session.scalars(select(SignIn.id).order_by(SignIn.id.desc()).limit(1)).one()


def own_token(world, me):
    api_tokens.create(world.session, name="pipeline", scopes=(P.READ,), days=1, by=me)
    return world.session.scalars(select(ApiToken.id).order_by(ApiToken.id.desc()).limit(1)).one()


def invitation(world, me):
    user = add(world.session, User(email=f"new{world.service.id}@example.org", name="Mei Tan"))
    return invitations.new_link(world.session, user, by=me).rpartition("/")[2]


EXAMPLES = {
    "slug": lambda world, me: world.service.slug,
    "target_id": lambda world, me: world.stage.target.id,
    "release_id": lambda world, me: world.stage.good.id,
    "check_id": lambda world, me: world.check.id,
    "incident_id": lambda world, me: world.incident.id,
    "entry_id": lambda world, me: world.entry.id,
    "assessment_id": lambda world, me: world.assessment.id,
    "report_id": lambda world, me: reports.add(world.session, world.incident, by=me).id,
    "position": lambda world, me: 1,
    "plan_id": lambda world, me: world.plan.id,
    "run_id": lambda world, me: world.run.id,
    "verification_id": lambda world, me: world.verification.id,
    "cluster_id": cluster,
    "address_id": address,
    "person_id": somebody,
    "grant_id": grant,
    "sign_in_id": own_sign_in,
    "token_id": own_token,
    "/setup/{token} token": lambda world, me: "unknown",
    "/invitations/{token} token": invitation,
    "/static/{name} name": lambda world, me: "css/base.css",
    "kind": lambda world, me: "md",
}


def form(path, world):
    """The fields that a form of this address cannot do without."""
    kind = "health" if path.endswith("/checks") else "git"
    return {"service_id": world.service.id, "service": world.service.slug, "kind": kind}


FREE = {"cluster_id", "address_id", "person_id", "grant_id", "sign_in_id", "token_id", "token", "name", "kind"}
UNKNOWN = {"/setup/{token}"}  # its example is not there, and nobody is told more
