"""What loaders share. Each noun's own loader is in `loaders/`; it is called `loader(db, me, permission, path)`.

NotFound where the reader may not know of the object; Forbidden where they may read it and the permission is missing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from app.accounts.policy import GLOBAL_ONLY, TABLE, Permission, Person
from app.core.errors import Forbidden, NotFound


def number(path: Mapping[str, Any], name: str) -> int:
    """The id in the address. NotFound for what cannot be one."""
    text = str(path[name])
    if not (text.isascii() and text.isdigit() and int(text) < 2**31):
        raise NotFound
    return int(text)


def need(me: Person, permission: Permission, services: Collection[int] | None = None) -> None:
    """Forbidden where the person lacks the permission: on any of these services, or anywhere where None is given."""
    if not me.may(permission, services):
        raise Forbidden(missing(permission, me))


def need_all(me: Person, permission: Permission, services: Collection[int]) -> None:
    """Forbidden where the person lacks the permission on one of these services."""
    if not me.may_all(permission, services):
        raise Forbidden(missing(permission, me))


def missing(permission: Permission, me: Person) -> str:
    """What is missing and who can give it."""
    if me.token_id:
        return f"This token may not do that: it lacks the scope {permission}, or its owner may not do it either."
    roles = [role.value for role in TABLE if permission in TABLE[role]]
    *first, last = roles or ["admin"]
    where = "" if permission in GLOBAL_ONLY else " for this service"
    wanted = f"{', '.join(first)} or {last}" if first else last
    return f"This needs the role {wanted}{where}, which you do not hold. Nothing was changed. An administrator can grant it under People."
