"""Services as a company has them, for the pages of the catalog: a good one, one in trouble, one that is new."""

import math
import re
from datetime import timedelta

from app.accounts.policy import Role
from app.catalog import actions, addresses
from app.catalog.actions import ContactFacts, LinkFacts
from app.catalog.models import CheckReading, Rollout
from app.core.clock import now
from app.core.database import transaction
from app.executors.kubernetes.objects import Address
from app.executors.kubernetes.rights import needed
from tests import factories

PROMETHEUS = "https://prometheus.example.org"
POD = {"version": "v1.2.4", "state": "Ready", "mood": "ok", "note": ""}


def seed(session):
    """Everybody and everything; returns the rows that tests and pictures need by name."""
    ada = factories.make_person(session, "Ada Byron", Role.ADMIN, Role.COMMANDER)
    vera = factories.make_person(session, "Vera Lind", Role.VIEWER)
    prod = cluster(session, "prod-eu", problem="")
    cluster(session, "staging", problem="The API server https://10.0.4.1:6443 does not answer: connection refused.")
    login = busy_service(session, prod, ada)
    shop = factories.make_service(session, "shop", name="Shop front", owner="Storefront", tier=1)
    target = factories.make_target(session, shop, observed_at=now(), seen={"settled": True, "tip": "a" * 40})
    old = factories.make_release(session, target, "v3.19.0", standing="good", standing_by="Ben Okafor", standing_reason="held over Easter")
    new = factories.make_release(session, target, "v3.19.1", facts={"subject": "Cache the price list", "author": "Mei Tan"})
    session.add(
        Rollout(target_id=target.id, release_id=new.id, replaced_id=old.id, began_at=now() - timedelta(days=2), holding_since=now())
    )
    factories.make_service(session, "search", name="Search", owner="Discovery", tier=3)
    addresses.allow(session, host="metrics.internal", port=9090, reason="Prometheus of the shop", by=ada)
    session.flush()
    return {"ada": ada, "vera": vera, "login": login, "shop": shop, "prod": prod, "target": target, "release": new}


def cluster(session, name, *, problem):
    made = factories.make_cluster(session)
    made.name, made.server, made.problem, made.checked_at = name, "https://10.0.3.1:6443", problem, now() - timedelta(minutes=3)
    rights = needed(Address(namespace="shop", kind="Deployment", name="login"))
    refused = {"patch", "horizontalpodautoscalers.autoscaling"}
    made.rights = [right.model_copy(update={"allowed": not {right.verb, right.resource} & refused}).model_dump() for right in rights]
    return made


def busy_service(session, prod, ada):
    """Log-in: a bad release went out 12 minutes ago, an incident is open, a check fails."""
    login = factories.make_service(
        session, "login", name="Log-in", owner="Identity", tier=1, description="Signs customers in and keeps their sessions."
    )
    seen = {"uid": "u", "replicas": 3, "ready": 2, "settled": False, "pods": [POD | {"name": f"login-6c9f7d-{n}"} for n in "ab"]}
    seen["pods"].append(POD | {"name": "login-6c9f7d-c", "state": "CrashLoopBackOff", "mood": "bad", "note": "the container keeps exiting"})
    target = factories.make_target(session, login, cluster=prod, observed_at=now() - timedelta(seconds=6), seen=seen)
    began = now() - timedelta(minutes=12)
    releases = [
        factories.make_release(
            session,
            target,
            version,
            standing=standing,
            standing_by="checks" if standing == "good" else "",
            standing_reason="all its checks held for 10\u00a0min" if standing == "good" else "",
            standing_at=now() - timedelta(days=days) if standing == "good" else None,
            last_seen_at=now() - timedelta(days=days),
            made_at=now() - timedelta(days=days + 4),
            facts={"images": [f"registry.example.org/shop/login:{version}"], "image_ids": ["sha256:" + "9f2c41d07ab3" * 5]},
            origin="observed" if days < 10 else "imported",
        )
        for version, standing, days in (
            ("v1.2.1", "unproven", 24),
            ("v1.2.2", "good", 9),
            ("v1.2.3", "good", 0.01),
            ("v1.2.4", "suspect", 0),
        )
    ]
    releases[3].standing_by, releases[3].standing_reason = "Ada Byron", "named by INC-1"
    session.add(Rollout(target_id=target.id, release_id=releases[3].id, replaced_id=releases[2].id, began_at=began))
    staging = factories.make_target(session, login, cluster=prod, namespace="staging", environment="staging")
    staging.observed_at, staging.observe_problem = (
        now() - timedelta(minutes=9),
        "The API server https://10.0.3.1:6443 does not answer: timed out.",
    )
    factories.make_release(session, staging, "v1.3.0-rc.1", current=True)
    readings(session, login)
    people = [
        ("On-call engineer", "Identity pager", "+49 30 5550 100", "", "#identity"),
        ("DevOps lead", "Tomas Lindqvist", "", "tomas@example.org", ""),
    ]
    actions.set_contacts(session, login, [ContactFacts(*person) for person in people], by=ada)
    actions.set_links(session, login, [LinkFacts("Dashboard", "https://grafana.example.org/d/login")], by=ada)
    factories.make_incident(session, login, by=ada, title="Log-in fails for 30 % of users")
    return login


def readings(session, login):
    """An hour of readings: the error rate jumps when the release goes out."""
    metric = {"url": PROMETHEUS, "requests": "r", "errors": "e", "measure": "error_ratio", "limit": 1.0}
    rate = factories.make_check(session, login, "metric", "Error rate", **metric)
    time = factories.make_check(session, login, "metric", "Response time", **metric | {"measure": "latency", "latency": "l", "limit": 500})
    health = factories.make_check(session, login, "health", "Health", url="https://login.example.org/health")
    extra = factories.make_check(session, login, "smoke", "Sign in and out", steps=[{"url": "https://login.example.org/login"}])
    extra.required = False
    for step in range(60):
        at, is_bad = now() - timedelta(minutes=59 - step), step > 47
        errors, slow = (12.1 if is_bad else 0.3) + math.sin(step) * 0.2, (640 if is_bad else 180) + math.cos(step) * 20
        for check, value, holds, says in (
            (rate, errors, not is_bad, f"{errors:.1f}\u00a0% of 3,012 requests failed; the limit is 1\u00a0%."),
            (time, slow, True, f"95\u00a0% of requests took under {slow:.0f}\u00a0ms."),
            (health, 4.0, True, "login.example.org/health answers 200 in 4\u00a0ms."),
        ):
            outcome = "pass" if holds else "fail"
            session.add(CheckReading(check_id=check.id, at=at, outcome=outcome, value=value, sentence=says))


def text_of(answer):
    """What a reader sees: no tags, plain blanks."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).replace("\u00a0", " ").split())


def saved(model):
    with transaction() as session:
        return session.query(model).all()
