"""Give the public a review: a copy of its own, checked for what is private, every finding confirmed or edited by a person."""

import re
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import Cluster, Contact
from app.core.database import db_now
from app.core.errors import Invalid, Refused
from app.incidents.models import Incident
from app.reviews import lanes, privacy, queries
from app.reviews.models import Publication, Review
from app.reviews.privacy import Finding
from app.reviews.sections import HEADINGS
from app.statuspage import actions as statuspage
from app.statuspage.models import StatusPage

LONGEST = 50_000


class Unconfirmed(Refused):
    """Something may be private and nobody has confirmed it. `findings` are those."""

    def __init__(self, findings: Collection[Finding]) -> None:
        listed = ", ".join(f"“{one.words[:60]}”" for one in list(findings)[:5]) + (" and others" if len(findings) > 5 else "")
        super().__init__(
            f"Nothing was published: {listed} may be private. Edit the text, or tick what everybody may read.", field="confirmed"
        )
        self.findings = findings


def proposal(review: Review) -> str:
    """The public copy to begin with, as markdown: the sections that are meant for it, the lanes as a list."""
    parts = []
    for section in review.sections:
        heading = HEADINGS[section.key]
        if heading.is_public and section.body:
            text = _listed(section.body) if heading.shape == "lanes" else section.body
            parts.append(f"**{heading.title}**\n\n{_without_links(text)}")
    return "\n\n".join(parts)


def findings(session: Session, text: str) -> list[Finding]:
    """What may be private in the text, with the names that this console knows."""
    people = [*session.scalars(select(User.name)), *session.scalars(select(Contact.name).where(Contact.name != ""))]
    clusters = session.scalars(select(Cluster.name))
    return privacy.find(text, people=people, hosts=clusters)


def publish(
    session: Session, review: Review, page: StatusPage, *, title: str, body: str, html: str, confirmed: Collection[str], by: Person
) -> Publication:
    """Put the copy on the status page, or in the place of the one before. `html` is `body` as the caller renders it.

    Unconfirmed where something that may be private is not among `confirmed`, by its words.
    """
    text, name = body.replace("\0", "").strip(), " ".join(title.replace("\0", "").split())
    problems = {}
    if not 1 <= len(name) <= 200:
        problems["title"] = "The public copy has a title of 1 to 200 characters. Nothing was published."
    if not 1 <= len(text) <= LONGEST:
        problems["body"] = f"The public copy has 1 to {LONGEST:,} characters. Nothing was published."
    if problems:
        raise Invalid(problems)
    incident = session.get_one(Incident, review.incident_id)
    session.refresh(incident, with_for_update=True)
    found = findings(session, f"{name}\n{text}")
    if open_ := [one for one in found if one.words not in confirmed]:
        raise Unconfirmed(open_)
    statuspage.publish_review(session, page, incident_ref=incident.ref, title=name, html=html, at=db_now(session), by=by)
    words = [one.words for one in found]
    row = {"page_id": page.id, "page_name": page.name, "title": name, "body": text, "confirmed": words}
    publication = Publication(review_id=review.id, review_version=review.version, by_id=by.id or None, by_name=by.name, **row)
    session.add(publication)
    session.flush()
    detail = {"page": page.name, "version": review.version, "confirmed": words}
    audit.record(session, "review.publish", f"review-{review.id}", actor=by.actor, actor_name=by.name, **detail)
    return publication


def last(session: Session, review: Review) -> Publication | None:
    """What the public was given last."""
    return next(iter(queries.publications(session, review)), None)


def _listed(text: str) -> str:
    """The lanes as lines that everybody can read: time and words, in order."""
    return "\n".join(f"- {mark.at:%H:%M} UTC: {mark.words}" for mark in lanes.read(text))


def _without_links(text: str) -> str:
    """Links into the console lead nowhere outside: their words stay."""
    return re.sub(r"\[([^\]]*)\]\((?:/[^)]*)\)", r"\1", text)
