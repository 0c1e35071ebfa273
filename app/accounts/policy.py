"""Who may do what: one table, role by permission. `docs/roles.md` shows the same table."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    RESPONDER = "responder"
    COMMANDER = "commander"
    APPROVER = "approver"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Permission(StrEnum):
    READ = "read"  # see services, incidents, plans, runs, verifications
    DECLARE = "incident.declare"
    RESPOND = "incident.respond"  # notes, states, roles, services of an incident
    COMMAND = "incident.command"  # hand over, cancel, restrict, resolve
    PLAN = "run.plan"  # ask for a preview, a verification by hand
    EXECUTE = "run.execute"  # confirm, cancel and retry a run
    SETTLE = "run.settle"  # say what is true of a step that nobody could observe
    APPROVE = "run.approve"
    BREAK_GLASS = "run.break_glass"
    MARK_RELEASE = "release.mark"
    PUBLISH = "notice.publish"  # send notices, and publish on the status page
    EDIT_PROCEDURE = "procedure.edit"  # the decision matrix, templates of checklists and notices
    EDIT_SERVICE = "service.edit"
    ADMINISTER = "administer"  # people, clusters, secrets, allowed addresses
    AUDIT = "audit.read"
    SELF = "self"  # one's own page, sign-ins and tokens
    PUBLIC = "public"  # no sign-in needed: sign-in page, set-up link, health, static files


P, R = Permission, Role
TABLE: dict[Role, frozenset[Permission]] = {
    R.VIEWER: frozenset({P.READ}),
    R.RESPONDER: frozenset({P.READ, P.DECLARE, P.RESPOND, P.PLAN, P.EXECUTE, P.MARK_RELEASE, P.PUBLISH}),
    R.COMMANDER: frozenset(
        {
            P.READ,
            P.DECLARE,
            P.RESPOND,
            P.COMMAND,
            P.PLAN,
            P.EXECUTE,
            P.SETTLE,
            P.BREAK_GLASS,
            P.MARK_RELEASE,
            P.PUBLISH,
            P.EDIT_PROCEDURE,
        }
    ),
    R.APPROVER: frozenset({P.READ, P.APPROVE}),
    R.ADMIN: frozenset({P.READ, P.DECLARE, P.EDIT_SERVICE, P.EDIT_PROCEDURE, P.MARK_RELEASE, P.ADMINISTER}),
    R.AUDITOR: frozenset({P.READ, P.AUDIT}),
}
GLOBAL_ONLY = frozenset({P.ADMINISTER, P.AUDIT})  # a grant for one service never gives these
EVERYBODY = frozenset({P.SELF, P.PUBLIC})
NEVER_BY_TOKEN = frozenset({P.APPROVE, P.BREAK_GLASS, P.SETTLE, P.ADMINISTER, P.SELF})


@dataclass(frozen=True)
class Granted:
    """One grant: `service_id` None means every service."""

    role: Role
    service_id: int | None = None


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in (or a token of theirs): what every handler and action gets as `by`.

    scopes is None for a session and the token's scopes for a token: a token can do at most what its owner can.
    """

    id: int
    name: str
    email: str = ""
    grants: tuple[Granted, ...] = ()
    scopes: frozenset[Permission] | None = None
    session_id: int | None = None
    token_id: int | None = None

    @property
    def actor(self) -> str:
        """How the audit log names this hand."""
        return f"token:{self.token_id}" if self.token_id else f"user:{self.id}"

    @property
    def initials(self) -> str:
        words = self.name.split() or [self.email or "?"]
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()

    def _scoped_out(self, permission: Permission) -> bool:
        return self.scopes is not None and (permission in NEVER_BY_TOKEN or permission not in self.scopes)

    def may(self, permission: Permission, service_ids: Collection[int] | None = None) -> bool:
        """Whether the grants reach `permission` on any of these services.

        None asks for "somewhere at all" (a menu entry); an empty collection means an object without services, which
        everybody who holds the permission anywhere may touch.
        """
        if permission in EVERYBODY:
            return not self._scoped_out(permission)
        if self._scoped_out(permission):
            return False
        held = [grant for grant in self.grants if permission in TABLE[grant.role]]
        if permission in GLOBAL_ONLY:
            return any(grant.service_id is None for grant in held)
        if not service_ids:
            return bool(held)
        return any(grant.service_id is None or grant.service_id in service_ids for grant in held)

    def may_all(self, permission: Permission, service_ids: Collection[int]) -> bool:
        """Whether the grants reach `permission` on every one of these services (a run over several targets)."""
        return all(self.may(permission, {service}) for service in service_ids) if service_ids else self.may(permission)

    def reach(self, permission: Permission = Permission.READ) -> "Reach":
        """Which services a query may show this person."""
        if self._scoped_out(permission):
            return Reach(everything=False, service_ids=frozenset())
        held = [grant for grant in self.grants if permission in TABLE[grant.role]]
        if any(grant.service_id is None for grant in held):
            return Reach(everything=True, service_ids=frozenset())
        return Reach(everything=False, service_ids=frozenset(g.service_id for g in held if g.service_id is not None))


@dataclass(frozen=True)
class Reach:
    """The services within reach, for the WHERE of a query: lists, search, exports and fragments share it."""

    everything: bool
    service_ids: frozenset[int]

    def __bool__(self) -> bool:
        return self.everything or bool(self.service_ids)


SYSTEM = Person(id=0, name="Lastgood", grants=(Granted(Role.COMMANDER), Granted(Role.ADMIN)))


def table_rows() -> Iterable[tuple[Permission, dict[Role, bool]]]:
    """The table as the docs and the people page print it."""
    for permission in Permission:
        yield permission, {role: permission in EVERYBODY or permission in TABLE[role] for role in Role}
