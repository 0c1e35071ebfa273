"""What the whole hour is played on: three people, a service on the lab's cluster with its checks, a mailbox, and a status page."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.accounts.models import Grant, User
from app.accounts.passwords import hashed
from app.accounts.policy import Person, Role
from app.accounts.sign_ins import person_of
from app.catalog import actions as catalog
from app.catalog import addresses, checks, clusters, releases, targets
from app.catalog.models import Release, Service, Target
from app.core import database, sealing
from app.core.embedded import reachable
from app.core.settings import settings
from app.notifications import channels, recipients
from app.notifications.models import ChannelSetting
from app.statuspage import pages
from tests.journeys.people import Visitor
from tests.running import Running, until

PASSWORD = "a horse, a battery and a staple"
HOLDS_S = 6
STATUS = "/status/oakline/"
ADDRESSES = {"Ana Ruiz": "ana@example.org", "Ben Okafor": "ben@example.org"}
TEAM, CUSTOMER = "oncall@example.org", "sam@customer.example"


@contextmanager
def inside(console: Running) -> Iterator[Session]:
    """One transaction on the database of a running console, in the place of its administrator's first afternoon."""
    kept = dict(os.environ)
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL"):
        os.environ.pop(f"LASTGOOD_{name}", None)
    os.environ |= {name: value for name, value in console.env.items() if name.startswith("LASTGOOD_")}
    _forget()
    try:
        with reachable():
            with database.transaction() as session:
                yield session
            database.engine().dispose()
    finally:
        os.environ.clear()
        os.environ |= kept
        _forget()


def _forget() -> None:
    settings.cache_clear()
    sealing.reset()
    database.reset()


@dataclass
class Place:
    """Where a service of the story runs: the lab's cluster, seen from outside."""

    kubeconfig: str
    namespace: str
    prometheus: str
    apps: str


@dataclass
class Post:
    """The mails that really arrived, oldest first."""

    mailbox: Any

    @property
    def mails(self) -> list[tuple[str, EmailMessage]]:
        """Whom each was for, and what it says."""
        return [(one.rcpt_tos[0], message_from_bytes(one.content, policy=policy.default)) for one in self.mailbox.mails]

    @property
    def subjects(self) -> list[str]:
        return [mail["Subject"] for _, mail in self.mails]

    def to(self, address: str, subject: str = "", holds: str = "") -> list[str]:
        """The texts to this address whose subject looks so and that hold these words."""
        texts = [mail.get_content() for whom, mail in self.mails if whom == address and re.search(subject, mail["Subject"])]
        return [text for text in texts if holds in text]

    def brings(self, address: str, subject: str, *, holds: str = "") -> str:
        """Wait for such a mail and return its text."""
        return until(lambda: self.to(address, subject, holds), what=f"the mail “{subject}” to {address} that says “{holds}”")[0]


def link_in(text: str, *, holds: str) -> str:
    """The first link in a mail that holds these words."""
    return next(link for link in re.findall(r"https?://\S+", text) if holds in link)


def an_administrator_prepares(session: Session, place: Place, smtp_port: int) -> None:
    """Ana commands and administers, Ben responds and is on call for Log-in, customers see it as “Sign-in” on Oakline status."""
    ana = _person(session, "Ana Ruiz", Role.COMMANDER, Role.ADMIN)
    _person(session, "Ben Okafor", Role.RESPONDER)
    for address in (place.prometheus, place.apps):
        addresses.allow(session, **_where(address), by=ana, reason="the lab")
    addresses.allow(session, host="127.0.0.1", port=smtp_port, by=ana, reason="mail")
    mail = _mail(session, smtp_port, by=ana)
    lab = clusters.add(session, name="lab", kind="kubeconfig", text=place.kubeconfig, by=ana)
    login = watched(session, place, "login", name="Log-in", environment="production", cluster_id=lab.id, by=ana)
    watched(session, place, "rehearsal", name="Rehearsal", environment="drill", cluster_id=lab.id, by=ana)
    ben = catalog.ContactFacts(role="On-call engineer", name="Ben Okafor", email=ADDRESSES["Ben Okafor"])
    for slug in ("log-in", "rehearsal"):
        catalog.set_contacts(session, session.scalars(select(Service).where(Service.slug == slug)).one(), [ben], by=ana)
    page = pages.create(session, name="Oakline status", slug="oakline", support="Oakline Store", mail_setting_id=mail.id, by=ana)
    pages.add_component(session, page, name="Sign-in", service_id=login.id, by=ana)


def watched(session: Session, place: Place, workload: str, *, name: str, environment: str, cluster_id: int, by: Person) -> Service:
    """A service that runs as this workload, with a check of each sort that the lab can answer."""
    facts = catalog.ServiceFacts(name=name, slug=name.lower(), good_after_s=3600)
    service = catalog.create(session, facts, by=by)
    config = {"cluster_id": cluster_id, "namespace": place.namespace, "kind": "Deployment", "name": workload}
    targets.add(session, service, kind="kubernetes", environment=environment, config=config, by=by)
    which = f'namespace="{place.namespace}",app="{workload}"'
    prometheus = {"url": place.prometheus, "window_s": 5}
    every = f"sum(rate(http_requests_total{{{which}}}[{{window}}]))"
    failed = f'sum(rate(http_requests_total{{{which},code=~"5.."}}[{{window}}]))'
    slow = f"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{{which}}}[{{window}}])))"
    ratio = prometheus | {"measure": "error_ratio", "requests": every, "errors": failed, "limit": 1}
    latency = prometheus | {"measure": "latency", "latency": slow, "limit": 600}
    checks.add(session, service, kind="version", name="Version", config={}, by=by)
    checks.add(session, service, kind="health", name="Health", config={"url": f"{place.apps}/{place.namespace}/{workload}/health"}, by=by)
    checks.add(session, service, kind="metric", name="Error rate", config=ratio, by=by)
    checks.add(session, service, kind="metric", name="Response time", config=latency, by=by)
    return service


def what_runs_is_good(session: Session, slug: str) -> bool:
    """Somebody's word on the release that runs; False while the console has not seen it yet."""
    target = session.scalars(select(Target).join(Service).where(Service.slug == slug)).one()
    release = session.scalar(select(Release).where(Release.target_id == target.id))
    if release is None:
        return False
    ana = _known(session, "Ana Ruiz")
    releases.mark(session, release, "good", reason="in use since spring without a complaint", by=ana)
    return True


def signs_in(visitor: Visitor, name: str) -> None:
    visitor.signs_in(ADDRESSES[name], PASSWORD)


def _person(session: Session, name: str, *roles: Role) -> Person:
    user = User(email=ADDRESSES[name], name=name, state="active", password_hash=hashed(PASSWORD))
    session.add(user)
    session.flush()
    session.add_all(Grant(user_id=user.id, role=role) for role in roles)
    session.flush()
    return _known(session, name)


def _known(session: Session, name: str) -> Person:
    query = select(User).where(User.name == name).options(selectinload(User.grants)).execution_options(populate_existing=True)
    return person_of(session.scalars(query).one())


def _mail(session: Session, port: int, *, by: Person) -> ChannelSetting:
    """The console's way to its own people, to the customers who want to know, and to the list of the team."""
    server = {"host": "127.0.0.1", "port": str(port), "security": "none", "username": "", "sender": "lastgood@example.org"}
    setting = channels.add(session, name="Ops mail", kind="mail", settings=server, by=by)
    recipients.add(session, setting, name="On-call engineers", audience="team", address=TEAM, takes_drills=False, by=by)
    recipients.add(session, setting, name="The other team", audience="team", address="drills@example.org", by=by)
    return setting


def _where(url: str) -> dict[str, object]:
    host, _, port = url.removeprefix("http://").split("/")[0].partition(":")
    return {"host": host, "port": int(port or 80)}
