"""The people of the demo: one for each part in an incident, with passwords of their own."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.accounts import grants, invitations, sign_ins
from app.accounts.models import User
from app.accounts.policy import SYSTEM, Person, Role

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # no sign that is read as another one


@dataclass(frozen=True)
class SignIn:
    """How somebody signs in. `password` is empty where the person has changed it since."""

    name: str
    email: str
    password: str
    does: str


@dataclass(frozen=True)
class Character:
    name: str
    email: str
    roles: tuple[Role, ...]
    does: str


COMMANDER = Character("Ana Ruiz", "ana@shop.example", (Role.COMMANDER, Role.RESPONDER), "commands: declares, decides, rolls back")
RESPONDER = Character("Ben Okafor", "ben@shop.example", (Role.RESPONDER,), "responds: writes notes, plans and starts recoveries")
APPROVER = Character("Cleo Martin", "cleo@shop.example", (Role.APPROVER,), "is the second person for what destroys something")
ADMINISTRATOR = Character("Dana Novak", "dana@shop.example", (Role.ADMIN, Role.AUDITOR), "looks after services, people and the audit log")
CAST = (COMMANDER, RESPONDER, APPROVER, ADMINISTRATOR)


def invite_all(session: Session, folder: Path) -> list[SignIn]:
    """Make the accounts that are missing, and say how each signs in. The passwords stay in a file that only we can read."""
    kept = _kept(folder)
    ways = []
    for character in CAST:
        user = session.scalar(select(User).where(User.email == character.email))
        if user is None:
            user, password = _invite(session, character)
            kept[character.email] = {"password": password, "hash": user.password_hash or ""}
        known = kept.get(character.email, {})
        unchanged = bool(known) and known["hash"] == user.password_hash
        ways.append(SignIn(character.name, character.email, known["password"] if unchanged else "", character.does))
    _keep(folder, kept)
    return ways


def person(session: Session, character: Character) -> Person:
    """Somebody of the demo as the one who acts."""
    user = session.scalars(select(User).where(User.email == character.email).options(selectinload(User.grants))).one()
    return sign_ins.person_of(user)


def _invite(session: Session, character: Character) -> tuple[User, str]:
    """By the same verbs as everybody: an invitation, and its acceptance."""
    first, *others = character.roles
    link = invitations.invite(session, email=character.email, name=character.name, role=first, by=SYSTEM)
    password = "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))
    user = invitations.accept(session, link.rpartition("/")[2], password=password, repeated=password)
    for role in others:
        grants.give(session, user, role=role, by=SYSTEM)
    return user, password


def _kept(folder: Path) -> dict[str, dict[str, str]]:
    try:
        return dict(json.loads((folder / "sign-ins.json").read_text()))
    except (OSError, ValueError):
        return {}


def _keep(folder: Path, kept: dict[str, dict[str, str]]) -> None:
    path = folder / "sign-ins.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file, indent=1)


def as_lines(ways: list[SignIn]) -> list[str]:
    """For the terminal, one person a line."""
    width = max((len(way.email) for way in ways), default=0)
    return [f"{way.email:<{width}}  {way.password or '(password changed)':<19}  {way.name} {way.does}" for way in ways]
