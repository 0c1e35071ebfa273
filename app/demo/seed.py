"""The rows of the demo: its people, the shop with its target and checks, and that v1.2.3 was good before anything broke.

Put in place by the same verbs that people use, so that the audit log tells who did what. Every start calls it again: it adds what
is missing, follows the shop to another port, and leaves alone what people changed.
"""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.catalog import actions, addresses, checks, queries, releases, targets
from app.catalog.actions import ContactFacts, LinkFacts, ServiceFacts
from app.catalog.models import Release, Service, Target
from app.core.database import Json
from app.demo import people
from app.demo.people import SignIn
from app.demo.production import Production
from app.demo.repository import GOOD

SLUG = "shop"
_WINDOW_S = 20.0
_FACTS = ServiceFacts(
    name="Shop",
    slug=SLUG,
    owner="Shop team",
    tier=1,
    description="The web shop: pages and log-in. A real program on this machine, with real traffic.",
    good_after_s=30,
)
_CONTACTS = (
    ContactFacts(role="On-call engineer", name="Ben Okafor", phone="+49 30 5550 101", email="ben@shop.example", chat="@ben"),
    ContactFacts(role="DevOps lead", name="Ana Ruiz", phone="+49 30 5550 102", email="ana@shop.example", chat="@ana"),
    ContactFacts(role="CTO", name="Noor Haddad", phone="+49 30 5550 103", email="noor@shop.example"),
)


def seed(session: Session, production: Production) -> list[SignIn]:
    """Put the rows in place for a production that is prepared, and say how the people sign in."""
    sign_ins = people.invite_all(session, production.folder)
    by = people.person(session, people.ADMINISTRATOR)
    addresses.allow(session, host="127.0.0.1", port=production.port, reason="The demo's shop on this machine", by=by)
    service = session.scalar(select(Service).where(Service.slug == SLUG))
    if service is None:
        _register(session, production, by=by)
    else:
        _follow(session, service, production, by=by)
    return sign_ins


def _register(session: Session, production: Production, *, by: Person) -> None:
    service = actions.create(session, _FACTS, by=by)
    actions.set_contacts(session, service, _CONTACTS, by=by)
    links = [LinkFacts(label="The shop", url=production.url), LinkFacts(label="Its numbers", url=f"{production.url}/metrics")]
    actions.set_links(session, service, links, by=by)
    target = targets.add(session, service, kind="git", environment="production", config=_target(production), by=by)
    for check in _checks(production.url):
        checks.add(session, service, **check, by=by)
    good = _record_good(session, target, production)
    reason = f"in use since {good.made_at:%-d %B} without a complaint" if good.made_at else "in use for long without a complaint"
    releases.mark(session, good, "good", reason=reason, by=people.person(session, people.RESPONDER))


def _record_good(session: Session, target: Target, production: Production) -> Release:
    """What ran before the console came: v1.2.3."""
    commit = production.repository.facts_of(GOOD)
    sighting = releases.Sighting(
        digest=commit.sha,
        version=GOOD,
        body={"commit": commit.sha, "version": GOOD, "tree": commit.tree},
        facts={"commit": commit.sha, "author": commit.author, "subject": commit.subject},
        made_at=commit.at,
        went_out_at=commit.at,
    )
    return releases.record(session, target, running=sighting).release


def _follow(session: Session, service: Service, production: Production, *, by: Person) -> None:
    """Point the rows at the shop where it is now: another port, another folder, another Python."""
    for target in queries.targets_of(session, service):
        moved = target.config | {name: _target(production)[name] for name in ("repository", "deploy", "version_url")}
        if target.kind != "git" or moved == target.config:
            continue
        old = str(target.config["version_url"]).removesuffix("/version")
        targets.edit(session, target, environment=target.environment, config=moved, by=by)
        for check in queries.checks_of(session, service):
            config = json.loads(json.dumps(check.config).replace(old, production.url))
            if config != check.config:
                checks.edit(session, check, name=check.name, config=config, required=check.required, by=by)


def _target(production: Production) -> Json:
    return {
        "repository": str(production.repository.bare),
        "branch": production.branch,
        "deploy": production.deploy_command,
        "deploy_folder": "",
        "version_url": f"{production.url}/version",
        "version_path": "version",
        "local": True,
    }


def _checks(url: str) -> list[dict[str, Any]]:
    log_ins = 'route="/login"'
    numbers = {"source": "endpoint", "url": f"{url}/metrics", "window_s": _WINDOW_S, "timeout_s": 5}
    share = {"metric": "http_requests_total", "matchers": f'{log_ins},code=~"5.."', "of": log_ins}
    duration = {"metric": "http_request_duration_seconds", "matchers": log_ins, "limit": 300.0, "baseline_factor": 1.5}
    use = [
        {"method": "GET", "url": f"{url}/", "expect_text": "Log in"},
        {"method": "POST", "url": f"{url}/login", "body": "customer=night-watch", "expect_text": "logged in"},
    ]
    return [
        {"kind": "health", "name": "Health", "config": {"url": f"{url}/health", "json_path": "status", "json_equals": "ok"}},
        {"kind": "version", "name": "Version", "config": {"source": "url", "url": f"{url}/version", "json_path": "version"}},
        {"kind": "metric", "name": "Failed log-ins", "config": {**numbers, **share, "measure": "error_ratio", "limit": 1.0}},
        {"kind": "metric", "name": "Time to log in", "config": {**numbers, **duration, "measure": "latency"}},
        {"kind": "smoke", "name": "A customer's visit", "config": {"steps": use}},
    ]
