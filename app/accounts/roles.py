"""The table of roles in words: the people page and docs/roles.md show it."""

from app.accounts.policy import EVERYBODY, GLOBAL_ONLY, NEVER_BY_TOKEN, Permission, Role, table_rows

P, R = Permission, Role
MEANS: dict[Permission, str] = {
    P.READ: "See services, incidents, plans, runs and verifications",
    P.DECLARE: "Declare an incident",
    P.RESPOND: "Write notes, move the incident on, take and hand over roles, name its services",
    P.COMMAND: "Resolve, cancel and restrict an incident, and take roles from others",
    P.PLAN: "Ask what a recovery would change, and verify by hand",
    P.EXECUTE: "Start, cancel, retry and undo a recovery",
    P.SETTLE: "Say what is true of a step that nobody could observe",
    P.APPROVE: "Approve somebody else's destructive plan, with the password again",
    P.BREAK_GLASS: "Go ahead without a second person, loudly and with a reason",
    P.MARK_RELEASE: "Mark a release good or suspect, with a reason",
    P.PUBLISH: "Send notices, and publish on the status page",
    P.EDIT_PROCEDURE: "Edit the decision matrix and the templates of checklists and notices",
    P.EDIT_SERVICE: "Register and edit services, targets, checks and contacts",
    P.ADMINISTER: "People, clusters, channels, credentials, private addresses",
    P.AUDIT: "Read the audit log",
    P.SELF: "One's own page: name, password, sign-ins, tokens",
    P.PUBLIC: "Sign in, and follow a link that was sent",
}
FOR: dict[Role, str] = {
    R.VIEWER: "looks on",
    R.RESPONDER: "recovers services",
    R.COMMANDER: "leads incidents",
    R.APPROVER: "is the second person",
    R.ADMIN: "looks after the console",
    R.AUDITOR: "reads the audit log",
}


def as_markdown() -> str:
    """docs/roles.md, whole."""
    roles = list(Role)
    lines = [
        "# Roles and what they may do",
        "",
        "Written by `lastgood`'s own table (`app/accounts/policy.py`); a test compares the two.",
        "",
        "A role is granted for every service or for one. An incident without services is visible to everybody who may read",
        "anything, until it is restricted.",
        "",
        *(f"- **{role}** {FOR[role]}." for role in roles),
        "",
        f"| | {' | '.join(roles)} |",
        f"|---|{'---|' * len(roles)}",
    ]
    for permission, held in table_rows():
        lines.append(f"| {MEANS[permission]} | {' | '.join('yes' if held[role] else '' for role in roles)} |")
    everywhere = ", ".join(sorted(f"`{permission}`" for permission in GLOBAL_ONLY))
    never = ", ".join(sorted(f"`{permission}`" for permission in NEVER_BY_TOKEN))
    everybody = ", ".join(sorted(f"`{permission}`" for permission in EVERYBODY))
    lines += [
        "",
        f"- Only for everything, never for one service: {everywhere}.",
        f"- Never by an API token, whatever its scopes say: {never}.",
        f"- For everybody: {everybody}. The last line of the table needs no sign-in at all.",
        "",
    ]
    return "\n".join(lines)
