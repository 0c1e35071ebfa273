"""Rows that are valid by default; a test names only what it is about. Every maker flushes and returns the row."""

from itertools import count

from app.accounts.models import Grant, User
from app.accounts.policy import Granted, Person, Role
from app.catalog.models import Check, Cluster, Release, Rollout, Secret, Service, Target
from app.core.sealing import seal
from app.incidents import actions as incidents
from app.incidents.states import Severity
from app.notifications.models import ChannelSetting, Recipient

_numbers = count(1)


def _add(session, row):
    session.add(row)
    session.flush()
    return row


def make_person(session, name="Ana Ruiz", *roles, service=None, state="active"):
    """A user with grants and the `Person` that actions take as `by`. Without roles: commander of everything."""
    roles = roles or (Role.COMMANDER,)
    email = f"{name.split()[0].lower()}{next(_numbers)}@example.org"
    user = _add(session, User(email=email, name=name, state=state))
    for role in roles:
        _add(session, Grant(user_id=user.id, role=role, service_id=service.id if service else None))
    return Person(id=user.id, name=name, email=email, grants=tuple(Granted(Role(r), service.id if service else None) for r in roles))


def make_service(session, slug=None, **facts):
    slug = slug or f"login-{next(_numbers)}"
    return _add(session, Service(slug=slug, **{"name": slug.capitalize(), **facts}))


def make_cluster(session, kubeconfig="{}", **facts):
    secret = _add(session, Secret(name="lab", purpose="kubeconfig", sealed=seal(kubeconfig)))
    return _add(session, Cluster(name=f"lab-{next(_numbers)}", kind="kubeconfig", secret_id=secret.id, **facts))


def make_target(session, service, *, cluster=None, name="login", namespace="shop", **facts):
    """A Kubernetes target where there is a cluster, else a git one."""
    if cluster:
        config = {"cluster_id": cluster.id, "namespace": namespace, "kind": "Deployment", "name": name}
        return _add(session, Target(service_id=service.id, kind="kubernetes", config=config, cluster_id=cluster.id, **facts))
    config = {"repository": "file:///nowhere", "branch": "main", "deploy": ["true"], "deploy_folder": "", "version_url": "", "local": True}
    return _add(session, Target(service_id=service.id, kind="git", **{"config": config, **facts}))


def make_release(session, target, version="v1.2.3", *, standing="unproven", current=False, sealed=None, **facts):
    release = _add(
        session,
        Release(
            target_id=target.id,
            version=version,
            digest=facts.pop("digest", f"digest-{next(_numbers)}"),
            standing=standing,
            origin=facts.pop("origin", "observed"),
            facts=facts.pop("facts", {"images": [f"login:{version}"]}),
            sealed=seal(sealed) if sealed is not None else None,
            **facts,
        ),
    )
    if current:
        _add(session, Rollout(target_id=target.id, release_id=release.id))
    return release


def make_check(session, service, kind="health", name="health", **config):
    return _add(session, Check(service_id=service.id, kind=kind, name=name, config=config or {"url": "http://127.0.0.1:1/health"}))


def make_incident(session, *services, by, title="Log-in fails for some users", severity=Severity.HIGH, **facts):
    ids = tuple(service.id for service in services)
    nonce = f"nonce-{next(_numbers)}"
    return incidents.declare(session, title=title, severity=severity, form_nonce=nonce, service_ids=ids, by=by, **facts)


def make_channel(session, kind="webhook", *, name=None, **settings):
    """A channel that an administrator set up; `settings` are its secrets, sealed to the notifier as they are."""
    name = name or f"{kind}-{next(_numbers)}"
    sealed = seal(settings, to="notifier")
    return _add(
        session, ChannelSetting(name=name, kind=kind, service=kind.capitalize(), shown="127.0.0.1", sealed=sealed, made_by="Ida Berg")
    )


def make_recipient(session, setting, audience="team", **facts):
    return _add(session, Recipient(**{"name": f"R{next(_numbers)}", "setting_id": setting.id, "audience": audience, **facts}))
