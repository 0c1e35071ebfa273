"""Every model in one place, for Alembic and the tests."""

from app.accounts import models as accounts
from app.audit import models as audit
from app.catalog import models as catalog
from app.core import idempotency
from app.core.database import Base
from app.incidents import models as incidents
from app.runs import models as runs
from app.verification import models as verification

metadata = Base.metadata

__all__ = ["accounts", "audit", "catalog", "idempotency", "incidents", "metadata", "runs", "verification"]
