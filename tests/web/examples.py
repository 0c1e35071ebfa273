"""A real object for every parameter that stands in an address, so that the authorization matrix can walk through every route.

A new loader adds a line to `EXAMPLES`: the parameter's name (or "path parameter" where one name means different things) and how
to make such a thing on a service. `FREE` are those that belong to no service.
"""

from datetime import timedelta

from sqlalchemy import select

from app.accounts import api_tokens, invitations, sign_ins
from app.accounts.models import ApiToken, Grant, SignIn, User
from app.accounts.policy import P, Role
from app.catalog.models import AllowedAddress, Contact
from app.checklists import actions as checklists
from app.checklists import queries as checklist_queries
from app.checklists.models import ChecklistTemplate
from app.core.clock import now
from app.decisions import actions as decisions
from app.decisions import reports
from app.drills import actions as drills
from app.drills import queries as drill_queries
from app.drills.models import Drill, DrillScript
from app.incidents import timeline
from app.incidents.models import Incident
from app.notifications import drafting, integrations
from app.notifications.kinds import Audience
from app.notifications.kinds import Kind as NoticeKind
from app.notifications.models import Delivery, Notice, NoticeTemplate
from app.reviews import actions as reviews
from app.reviews import items
from app.reviews.models import Kind
from app.statuspage import actions as publishing
from app.statuspage import maintenance, pages
from app.statuspage.models import Component, PublicIncident, StatusPage, Subscriber
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
        checklists.attach(session, self.incident, by=self.stage.commander)
        self.checklist = checklist_queries.of_incident(session, self.incident)[0]
        self.item = self.checklist.items[0]
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


def template(world, me):
    return world.session.scalars(select(ChecklistTemplate.id).order_by(ChecklistTemplate.id).limit(1)).one()


def notice(world, me):
    """A notice that was sent, with a copy that failed; made once a world."""
    found = world.session.scalar(select(Notice).where(Notice.incident_id == world.incident.id))
    if found is None:
        found = drafting.make(world.session, world.incident, NoticeKind.UPDATE, Audience.INSIDE, by=world.stage.commander)
        row = {"kind": "mail", "crew": "mail", "lane": "x", "recipient": "Ana", "message": {}, "state": "failed", "reason": "No."}
        add(world.session, Delivery(about=f"notice-{found.id}", notice_id=found.id, ended_at=now(), **row))
    return found.id


def delivery(world, me):
    return world.session.scalars(select(Delivery.id).where(Delivery.notice_id == notice(world, me))).one()


def channel(world, me):
    return factories.make_channel(world.session).id


def recipient(world, me):
    return factories.make_recipient(world.session, factories.make_channel(world.session)).id


def notice_template(world, me):
    return world.session.scalars(select(NoticeTemplate.id).order_by(NoticeTemplate.id).limit(1)).one()


def script(world, me):
    return world.session.scalars(select(DrillScript.id).order_by(DrillScript.id).limit(1)).one()


def drill(world):
    """A drill that goes on on the service, made once a world."""
    found = world.session.scalar(select(Drill).where(Drill.service_id == world.service.id))
    if found is None:
        first = world.session.get_one(DrillScript, script(world, None))
        by = world.stage.commander
        found = drills.start(world.session, first, world.service, target=None, form_nonce=f"drill-{world.service.id}", by=by)
    return drill_queries.get(world.session, found.id, reach=world.stage.commander.reach())


def status_page(world, me):
    return status_of(world).id


def status_of(world):
    """A page with a component of the service, made once a world."""
    found = world.session.scalar(select(StatusPage).where(StatusPage.slug == f"status-{world.service.id}"))
    if found is None:
        found = pages.create(world.session, name="Status", slug=f"status-{world.service.id}", by=world.stage.commander)
        pages.add_component(world.session, found, name="Sign-in", service_id=world.service.id, by=world.stage.commander)
    return found


def status_slug(world, me):
    return status_of(world).slug


def component(world, me):
    status_of(world)
    return world.session.scalars(select(Component.id).where(Component.page_id == status_of(world).id)).first()


def group(world, me):
    return pages.add_group(world.session, status_of(world), name="Shop", by=world.stage.commander).id


def published(world, me):
    told = {"title": "Sign-in fails", "text": "We look.", "state": "investigating"}
    update = publishing.publish(world.session, status_of(world), by=world.stage.commander, **told)
    return world.session.get_one(PublicIncident, update.public_incident_id).ref


def planned(world, me):
    ahead = {"starts_at": now() + timedelta(hours=1), "ends_at": now() + timedelta(hours=2)}
    return maintenance.plan(world.session, status_of(world), title="Work", text="Soon.", by=world.stage.commander, **ahead).ref


def review(world, me):
    told = {"incident_ref": world.incident.ref, "title": "Review", "html": "<p>x</p>", "at": now()}
    return publishing.publish_review(world.session, status_of(world), by=world.stage.commander, **told).ref


def subscriber(world, me):
    return add(world.session, Subscriber(page_id=status_of(world).id, kind="mail", address="a@example.org", state="active")).id


def private_slug(world, me):
    return pages.create(world.session, name="Inside", slug=f"inside-{world.service.id}", is_private=True, by=world.stage.commander).slug


def integration(world, me):
    return integrations.add(world.session, name=f"Alertmanager {world.service.id}", kind="alertmanager", by=me)[0].id


def contact(world, me):
    return add(world.session, Contact(service_id=world.service.id, position=0, role="On-call", name="Bo", phone="1")).id


EXAMPLES = {
    "slug": lambda world, me: world.service.slug,
    "target_id": lambda world, me: world.stage.target.id,
    "release_id": lambda world, me: world.stage.good.id,
    "check_id": lambda world, me: world.check.id,
    "incident_id": lambda world, me: world.incident.id,
    "entry_id": lambda world, me: world.entry.id,
    "review_id": lambda world, me: reviews.begin(world.session, world.incident, Kind.REPORT, by=world.stage.commander).id,
    "section": lambda world, me: "summary",
    "action_id": lambda world, me: items.add(world.session, world.incident, title="A smoke check", by=world.stage.commander).id,
    "assessment_id": lambda world, me: world.assessment.id,
    "report_id": lambda world, me: reports.add(world.session, world.session.get_one(Incident, world.incident.id), by=me).id,
    "position": lambda world, me: 1,
    "plan_id": lambda world, me: world.plan.id,
    "drill_id": lambda world, me: drill(world).id,
    "inject_id": lambda world, me: drill(world).injects[0].id,
    "script_id": script,
    "run_id": lambda world, me: world.run.id,
    "verification_id": lambda world, me: world.verification.id,
    "checklist_id": lambda world, me: world.checklist.id,
    "item_id": lambda world, me: world.item.id,
    "template_id": template,
    "notice_id": notice,
    "delivery_id": delivery,
    "channel_id": channel,
    "recipient_id": recipient,
    "notice_template_id": notice_template,
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
    "page_id": status_page,
    "component_id": component,
    "group_id": group,
    "subscriber_id": subscriber,
    "verb": lambda world, me: "remove",
    "number": lambda world, me: 1,
    "public_ref": published,
    "/status-pages/{page_id}/maintenance/{public_ref} public_ref": planned,
    "/status-pages/{page_id}/maintenance/{public_ref}/times public_ref": planned,
    "/status-pages/{page_id}/reviews/{public_ref}/remove public_ref": review,
    "page_slug": status_slug,
    "/internal-status/{page_slug}/ page_slug": private_slug,
    "/internal-status/{page_slug}/{name} page_slug": private_slug,
    "/internal-status/{page_slug}/{name} name": lambda world, me: "index.html",
    "/status/{page_slug}/{name} name": lambda world, me: "index.html",
    "/status/{page_slug}/confirm/{token} token": lambda world, me: "1.1.unknown",
    "/answer/{token} token": lambda world, me: "1.unknown",
    "contact_id": contact,
    "hook": lambda world, me: "unknown",
    "integration_id": integration,
    "/status/{page_slug}/leave/{token} token": lambda world, me: "1.unknown",
}


def form(path, world):
    """The fields that a form of this address cannot do without."""
    kind = "health" if path.endswith("/checks") else "git"
    return {"service_id": world.service.id, "service": world.service.slug, "kind": kind}


FREE = {
    "script_id",
    "hook",
    "integration_id",
    "channel_id",
    "recipient_id",
    "notice_template_id",
    "template_id",
    "cluster_id",
    "address_id",
    "person_id",
    "grant_id",
    "sign_in_id",
    "token_id",
    "token",
    "name",
    "kind",
    "page_slug",
}
UNKNOWN = {
    "/intake/{hook}",
    "/setup/{token}",
    "/status/{page_slug}/",
    "/status/{page_slug}/{name}",
}  # its example is not there, and nobody is told more
