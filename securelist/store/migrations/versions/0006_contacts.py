"""The contact repository: imported contacts, what the last repository that was mailed said, and since when members are asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "imported", sa.Column("id", NUMBER, autoincrement=True, nullable=False), _text("source", 64), _text("name", 100),
        *map(_time, ("made", "received")), _text("cctld", 63), sa.Column("details", sa.Text(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("ix_imported_source", "imported", ["source"])
    op.create_table(
        "sources", _text("fingerprint", 64), _text("name", 100), _text("address", 254), *map(_time, ("made", "received")),
        sa.PrimaryKeyConstraint("fingerprint"),
    )  # fmt: skip
    op.create_table(
        "mailed", _text("cctld", 63), _text("who", 64), _text("fingerprint", 64), _text("state", 20), _text("digests", 500),
        sa.PrimaryKeyConstraint("cctld", "who"),
    )  # fmt: skip
    op.create_table("mailing", *map(_time, ("due", "at")), sa.Column("entry", NUMBER, nullable=False), sa.PrimaryKeyConstraint("due"))
    op.create_table("asking", *map(_time, ("days", "since", "last")), sa.PrimaryKeyConstraint("days"))


def downgrade() -> None:
    for table in ("asking", "mailing", "mailed", "sources", "imported"):
        op.drop_table(table)
