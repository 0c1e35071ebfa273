"""One sweep a second, whoever comes first.

Why: every process looks for what nobody rang for; with five of them, four passes a second were for nothing.
"""

import sqlalchemy as sa
from alembic import op

from app.core.grants import open_to_application

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "pulses",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulses")),
    )
    open_to_application(["pulses"])


def downgrade() -> None:
    op.drop_table("pulses")
