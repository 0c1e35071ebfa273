"""What the application's own database role may do with a new table, for migrations."""

import os
from collections.abc import Iterable

from alembic import op
from sqlalchemy import text
from sqlalchemy.engine import make_url


def open_to_application(tables: Iterable[str], *, deletable: Iterable[str] = (), append_only: Iterable[str] = ()) -> None:
    """Let the application read, write and change rows of `tables`; delete only from `deletable`, and never touch a line of `append_only`
    again. The last are guarded by a trigger too, which holds for the owner as well."""
    named, lines, deleted = list(tables), list(append_only), list(deletable)
    for table in lines:
        when = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
        op.execute(text(f"CREATE TRIGGER append_only {when} EXECUTE FUNCTION append_only()"))
    url = os.environ.get("LASTGOOD_DATABASE_URL", "")
    role = make_url(url).username if url else ""
    if not role or role == op.get_bind().scalar(text("SELECT current_user")):
        return  # the application is the owner: nothing to grant
    op.execute(text(f'GRANT SELECT, INSERT, UPDATE ON {", ".join(named)} TO "{role}"'))
    if lines:
        op.execute(text(f'REVOKE UPDATE ON {", ".join(lines)} FROM "{role}"'))
    if deleted:
        op.execute(text(f'GRANT DELETE ON {", ".join(deleted)} TO "{role}"'))
    op.execute(text(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"'))
