"""The pages themselves and what they show: an administrator's verbs. Each raises the page's revision, so that its files follow."""

import re
import secrets
from typing import NotRequired, TypedDict, Unpack

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import Service
from app.core import gateway, live, queue
from app.core.clock import now
from app.core.errors import Invalid, Refused
from app.statuspage.models import Component, ComponentGroup, Impact, StatusPage

TASK = "statuspage.publish"
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_NAME, LONGEST_ABOUT = 120, 300
OPENS_WITH_A_NAME = 10  # signs of a public name: 50 random bits


class PageFacts(TypedDict):
    """What an administrator says of a page."""

    name: str
    slug: str
    support: NotRequired[str]
    address: NotRequired[str]
    is_private: NotRequired[bool]
    mail_setting_id: NotRequired[int | None]


class ComponentFacts(TypedDict):
    """What an administrator says of a component."""

    name: str
    about: NotRequired[str]
    group_id: NotRequired[int | None]
    service_id: NotRequired[int | None]


def new_ref() -> str:
    """A name for the public: random, so that it says nothing of how much there is."""
    return secrets.token_hex(OPENS_WITH_A_NAME // 2)


def locked(session: Session, page: StatusPage) -> StatusPage:
    """The page as it is now, held until the transaction ends: whoever publishes on it comes one after another."""
    query = select(StatusPage).where(StatusPage.id == page.id).with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one()
    if found.archived_at:
        raise Refused(f"The page {found.name} was closed, so nothing was published. Open another one.")
    return found


def changed(session: Session, page: StatusPage) -> None:
    """Raise the revision, ring for whoever writes the files, and tell every open page."""
    page.revision += 1
    session.flush()
    queue.ring(session, TASK, page.id)
    live.tell(session, f"statuspage-{page.id}", "statuspages")


def create(session: Session, *, by: Person, **facts: Unpack[PageFacts]) -> StatusPage:
    """Open a page. Invalid where a fact cannot be used or the address is taken."""
    checked = _checked(facts)
    row = {**checked, "signing_key": secrets.token_bytes(32), "created_by": by.name}
    made = session.scalar(insert(StatusPage).values(**row).on_conflict_do_nothing(index_elements=["slug"]).returning(StatusPage.id))
    if made is None:
        raise Invalid(
            {"slug": f"There is, or was, a page at {checked['slug']}. Choose another address: subscribers may still know that one."}
        )
    page = session.get_one(StatusPage, made)
    queue.ring(session, TASK, page.id)
    live.tell(session, f"statuspage-{page.id}", "statuspages")
    _written_down(session, "statuspage.create", page, by=by, slug=page.slug, private=page.is_private)
    return page


def change(session: Session, page: StatusPage, *, by: Person, **facts: Unpack[PageFacts]) -> None:
    """Change what a page says of itself. Its address stays: links to it are in other people's hands."""
    page = locked(session, page)
    checked = _checked({**facts, "slug": page.slug})
    for name, value in checked.items():
        setattr(page, name, value)
    changed(session, page)
    _written_down(session, "statuspage.change", page, by=by, private=page.is_private, address=page.address)


def close(session: Session, page: StatusPage, *, by: Person) -> None:
    """Take the whole page off: its files go, its record stays."""
    page = locked(session, page)
    page.archived_at = now()
    changed(session, page)
    _written_down(session, "statuspage.close", page, by=by)


def add_group(session: Session, page: StatusPage, *, name: str, by: Person) -> ComponentGroup:
    """A heading, below those that are there."""
    page, name = locked(session, page), _named(name, "group")
    last = session.scalar(select(func.max(ComponentGroup.position)).where(ComponentGroup.page_id == page.id))
    group = ComponentGroup(page_id=page.id, name=name, position=(last or 0) + 1)
    session.add(group)
    changed(session, page)
    _written_down(session, "statuspage.group.add", page, by=by, name=name)
    return group


def remove_group(session: Session, page: StatusPage, group: ComponentGroup, *, by: Person) -> None:
    """Take a heading away; what stood under it stands without one."""
    page = locked(session, page)
    for component in session.scalars(select(Component).where(Component.group_id == group.id)):
        component.group_id = None
    session.flush()
    session.delete(group)
    changed(session, page)
    _written_down(session, "statuspage.group.remove", page, by=by, name=group.name)


def add_component(session: Session, page: StatusPage, *, by: Person, **facts: Unpack[ComponentFacts]) -> Component:
    """A part that the public sees from now on; before this moment there is no data about it."""
    page = locked(session, page)
    last = session.scalar(select(func.max(Component.position)).where(Component.page_id == page.id))
    component = Component(page_id=page.id, ref=new_ref(), position=(last or 0) + 1, **_component(session, page, facts))
    session.add(component)
    changed(session, page)
    _written_down(session, "statuspage.component.add", page, by=by, name=component.name, service=component.service_id)
    return component


def change_component(session: Session, page: StatusPage, component: Component, *, by: Person, **facts: Unpack[ComponentFacts]) -> None:
    """Call a part something else, put it under another heading, or map it to another service."""
    page = locked(session, page)
    for name, value in _component(session, page, facts).items():
        setattr(component, name, value)
    changed(session, page)
    _written_down(session, "statuspage.component.change", page, by=by, name=component.name, service=component.service_id)


def move_component(session: Session, page: StatusPage, component: Component, *, up: bool) -> None:
    """One place up or down among the parts of the page. At the end nothing moves."""
    page = locked(session, page)
    rows = list(session.scalars(select(Component).where(Component.page_id == page.id).order_by(Component.position, Component.id)))
    standing = [one for one in rows if one.archived_at is None]
    place = standing.index(component)
    other = place - 1 if up else place + 1
    if 0 <= other < len(standing):
        standing[place], standing[other] = standing[other], standing[place]
    for position, one in enumerate(standing, 1):
        one.position = position
    changed(session, page)


def remove_component(session: Session, page: StatusPage, component: Component, *, by: Person) -> None:
    """The public does not see the part any more. Its record stays, and what was felt there ends."""
    page, component.archived_at = locked(session, page), now()
    for impact in session.scalars(select(Impact).where(Impact.component_id == component.id, Impact.ended_at.is_(None))):
        impact.ended_at = component.archived_at
    changed(session, page)
    _written_down(session, "statuspage.component.remove", page, by=by, name=component.name)


def _checked(facts: PageFacts) -> PageFacts:
    problems: dict[str, str] = {}
    checked: PageFacts = {
        "name": " ".join(facts["name"].split()),
        "slug": facts["slug"].strip().lower(),
        "support": " ".join(facts.get("support", "").split()),
        "address": facts.get("address", "").strip(),
        "is_private": facts.get("is_private", False),
        "mail_setting_id": facts.get("mail_setting_id"),
    }
    if not 1 <= len(checked["name"]) <= LONGEST_NAME:
        problems["name"] = f"A page needs a name of 1 to {LONGEST_NAME} characters, like Oakline status."
    if not SLUG.fullmatch(checked["slug"]):
        problems["slug"] = "The address has small letters, digits and hyphens, like oakline."
    if len(checked["support"]) > LONGEST_ABOUT:
        problems["support"] = f"The footer has up to {LONGEST_ABOUT} characters."
    if checked["address"]:
        try:
            gateway.parse(checked["address"])
            checked["address"] = checked["address"].rstrip("/") + "/"
        except gateway.NoAnswer as error:
            problems["address"] = error.sentence
    if problems:
        raise Invalid(problems)
    return checked


def _component(session: Session, page: StatusPage, facts: ComponentFacts) -> ComponentFacts:
    name, about = _named(facts["name"], "component"), " ".join(facts.get("about", "").split())
    if len(about) > LONGEST_ABOUT:
        raise Refused(f"The line about a component has up to {LONGEST_ABOUT} characters. Nothing was saved.", field="about")
    group_id, service_id = facts.get("group_id"), facts.get("service_id")
    if group_id and not session.scalar(select(ComponentGroup.id).where(ComponentGroup.id == group_id, ComponentGroup.page_id == page.id)):
        raise Refused("That group is not on this page any more. Nothing was saved: choose another.", field="group_id")
    if service_id and not session.scalar(select(Service.id).where(Service.id == service_id, Service.archived_at.is_(None))):
        raise Refused("That service is not there any more. Nothing was saved: choose another.", field="service_id")
    return {"name": name, "about": about, "group_id": group_id, "service_id": service_id}


def _named(name: str, what: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Refused(f"A {what} needs a name of 1 to {LONGEST_NAME} characters, in the words of your customers: Sign-in.", field="name")
    return name


def _written_down(session: Session, action: str, page: StatusPage, *, by: Person, **detail: object) -> None:
    audit.record(session, action, f"statuspage-{page.id}", actor=by.actor, actor_name=by.name, page=page.name, **detail)
