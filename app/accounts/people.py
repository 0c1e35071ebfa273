"""What changes an account, apart from its roles."""

from sqlalchemy.orm import Session

from app.accounts import grants, invitations, passwords, sign_ins
from app.accounts.models import User
from app.accounts.policy import Person
from app.audit import actions as audit
from app.core import live
from app.core.errors import Refused


def rename(session: Session, *, name: str, by: Person) -> None:
    """Change one's own name. What was written under the old one stays as it was."""
    name = name.strip()
    invitations.check_name(name)
    session.get_one(User, by.id).name = name
    audit.record(session, "person.rename", f"user-{by.id}", actor=by.actor, actor_name=by.name, to=name)
    live.tell(session, "people")


def change_password(session: Session, *, present: str, password: str, repeated: str, by: Person) -> str:
    """Change one's own password, end every other sign-in, and return this browser's new token. Refused without the present one."""
    user = session.get_one(User, by.id)
    passwords.check_new(password, repeated, email=user.email)
    try:
        token = sign_ins.step_up(session, password=present, by=by)
    except Refused as refused:
        raise Refused(refused.sentence, field="present") from refused
    user.password_hash = passwords.hashed(password)
    sign_ins.end_others(session, by.id, keep=by.session_id)
    audit.record(session, "person.set_password", f"user-{by.id}", actor=by.actor, actor_name=by.name, by="change")
    return token


def disable(session: Session, user: User, *, by: Person) -> None:
    """Shut somebody out at once: sign-ins and open pages end, tokens stop, history stays. Refused for oneself and the last one."""
    if user.id == by.id:
        raise Refused("Nobody disables their own account. Ask another administrator.")
    grants.keep_an_administrator(session, user)  # takes its locks first, in the one order that everybody takes them
    session.refresh(user, with_for_update=True)
    if user.state == "disabled":
        return
    user.state = "disabled"
    ended = sign_ins.end_others(session, user.id)
    audit.record(session, "person.disable", f"user-{user.id}", actor=by.actor, actor_name=by.name, sign_ins_ended=ended)
    live.tell(session, "people")


def enable(session: Session, user: User, *, by: Person) -> None:
    """Let somebody in again, with the password they had, or by a new link where they had none."""
    session.refresh(user, with_for_update=True)
    if user.state != "disabled":
        return
    user.state = "active" if user.password_hash else "invited"
    audit.record(session, "person.enable", f"user-{user.id}", actor=by.actor, actor_name=by.name)
    live.tell(session, "people")
