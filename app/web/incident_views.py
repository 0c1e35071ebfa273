"""What the pages of an incident draw, worked out from its rows: the one thing to do now, phases, services, people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog import releases
from app.catalog.models import Contact, Link, Release, Rollout, Service, Target
from app.catalog.releases import Offer
from app.core.clock import now
from app.incidents import queries, roles
from app.incidents.models import Incident, Phase, RoleHolder
from app.incidents.states import PHASES, State
from app.web.figures import Figure, figures_of


@dataclass(frozen=True)
class PhaseView:
    """One segment of the stepper: done, now or ahead, and when it was last entered."""

    state: State
    mood: str  # done | now | ahead
    since: datetime | None


@dataclass(frozen=True)
class TargetView:
    """Where a touched service runs: what runs there, and where it can go back to."""

    target: Target
    running: Rollout | None
    offer: Offer | None
    is_suspect: bool

    @property
    def changed_lately(self) -> bool:
        return bool(self.running and self.running.replaced_id and now() - self.running.began_at < timedelta(hours=24))


@dataclass(frozen=True)
class ServiceView:
    """A touched service, the way back first."""

    service: Service
    suspect: Release | None
    targets: Sequence[TargetView]
    figures: Sequence[Figure]
    contacts: Sequence[Contact]
    links: Sequence[Link]


@dataclass(frozen=True)
class RoleView:
    """A role and who holds it."""

    role: str
    name: str
    holder: RoleHolder | None


def phases(session: Session, incident: Incident) -> list[PhaseView]:
    """The seven phases; those behind the present one are done, whether or not anybody stopped there."""
    entered = {phase.state: phase for phase in queries.phases(session, incident)}
    state = State(incident.state)
    if state in PHASES:
        reached = PHASES.index(state)
    else:
        reached = max((PHASES.index(State(phase)) for phase in entered if phase in PHASES), default=0) + 1
    return [PhaseView(phase, _mood(place, reached, state in PHASES), _since(entered.get(phase))) for place, phase in enumerate(PHASES)]


def touched(session: Session, incident: Incident, *, me: Person) -> list[ServiceView]:
    """The services of the incident that the reader may see, with everything that the cockpit shows of them."""
    reach = me.reach()
    return [
        ServiceView(
            service=link.service,
            suspect=link.suspect_release,
            targets=targets(session, link.service, suspect=link.suspect_release),
            figures=figures_of(session, link.service),
            contacts=catalog.contacts_of(session, link.service),
            links=catalog.links_of(session, link.service),
        )
        for link in incident.services
        if reach.everything or link.service_id in reach.service_ids
    ]


def targets(session: Session, service: Service, *, suspect: Release | None) -> list[TargetView]:
    """Where the service runs, production first, and of those what changed last."""
    found = catalog.targets_of(session, service)
    running = catalog.running_on(session, found)
    views = []
    for target in found:
        rollout = running.get(target.id)
        is_suspect = bool(suspect and rollout and rollout.release_id == suspect.id)
        views.append(TargetView(target, rollout, releases.offer(session, target), is_suspect))
    return views


def role_views(incident: Incident) -> list[RoleView]:
    """The three known roles, held or free, then the free ones that somebody holds."""
    held = {holder.role: holder for holder in incident.roles}
    names = [*roles.NAMES, *(role for role in held if role not in roles.NAMES)]
    return [RoleView(role, roles.name_of(role), held.get(role)) for role in names]


def rights(incident: Incident, me: Person) -> dict[str, bool]:
    """What the reader may do here; the domain asks again."""
    ids = frozenset(link.service_id for link in incident.services)
    return {"respond": me.may(P.RESPOND, ids), "command": me.may(P.COMMAND, ids), "plan": me.may(P.PLAN, ids)}


def heirs(session: Session, incident: Incident, holder: RoleHolder) -> list[User]:
    """To whom the role can be handed."""
    return [user for user in queries.people(session, incident) if user.id != holder.user_id]


def _mood(place: int, reached: int, is_on_the_way: bool) -> str:
    if place == reached and is_on_the_way:
        return "now"
    return "done" if place < reached else "ahead"


def _since(phase: Phase | None) -> datetime | None:
    return phase.began_at if phase else None
