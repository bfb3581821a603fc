"""The records of ccTLDs: filled by `securelist cctld import`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    texts = [sa.Column(name, sa.Text(), nullable=False) for name in ("manager", "name", "phone", "source")]
    manager, name, phone, source = texts
    op.create_table(
        "records",
        sa.Column("cctld", sa.String(length=63), nullable=False),
        manager,
        name,
        sa.Column("address", sa.String(length=254), nullable=False),
        phone,
        source,
        sa.Column("imported", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cctld"),
    )


def downgrade() -> None:
    op.drop_table("records")
