"""Who was reached: one tap beside each contact of an incident."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog.models import Contact
from app.incidents.models import Incident
from app.notifications import contacts_reached
from app.web.deps import Db, Me, Sent
from app.web.guard import may
from app.web.loaders import contact as load
from app.web.render import back

router = APIRouter()
Called = Annotated[tuple[Incident, Contact], may(P.RESPOND, load.of_incident)]


@router.post("/incidents/{incident_id}/contacts/{contact_id}")
def say(db: Db, called: Called, me: Me, sent: Sent) -> Response:
    incident, contact = called
    contacts_reached.say(db, incident, contact, reached=sent.text("outcome") == contacts_reached.REACHED, by=me)
    return back(f"/incidents/{incident.id}#contacts")
