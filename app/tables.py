"""Every model in one place, for Alembic and the tests."""

from app.accounts import models as accounts
from app.audit import models as audit
from app.catalog import models as catalog
from app.checklists import models as checklists
from app.core import idempotency, pulse
from app.core.database import Base
from app.decisions import models as decisions
from app.drills import models as drills
from app.incidents import models as incidents
from app.notifications import alerting_models as alerting
from app.notifications import models as notifications
from app.reviews import models as reviews
from app.runs import models as runs
from app.statuspage import models as statuspage
from app.verification import models as verification

metadata = Base.metadata

__all__ = [
    "accounts",
    "alerting",
    "audit",
    "catalog",
    "checklists",
    "decisions",
    "drills",
    "idempotency",
    "incidents",
    "metadata",
    "notifications",
    "pulse",
    "reviews",
    "runs",
    "statuspage",
    "verification",
]
