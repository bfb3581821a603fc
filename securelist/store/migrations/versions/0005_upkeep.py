"""Upkeep: addresses that do not work, members who miss posts, warnings, receipts, drills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "addresses", _text("address", 254), _time("since"), _text("why", 500), *map(_flag, ("by_report", "passing")),
        *map(_time, ("told", "cleared")), sa.PrimaryKeyConstraint("address"),
    )  # fmt: skip
    op.create_table(
        "absent", _text("cctld", 63), _text("fingerprint", 64), _time("since"), sa.Column("last_copy", NUMBER, nullable=False),
        *map(_time, ("noticed", "contact_told")), sa.PrimaryKeyConstraint("cctld", "fingerprint"),
    )  # fmt: skip
    op.create_table(
        "warnings", _text("whom", 64), _text("what", 200), _time("ends"), sa.Column("days", sa.Integer(), nullable=False), _time("at"),
        sa.PrimaryKeyConstraint("whom", "what", "ends"),
    )  # fmt: skip
    op.create_table("lookups", _text("address", 254), _time("at"), sa.PrimaryKeyConstraint("address"))
    op.create_table(
        "receipts", sa.Column("post_id", NUMBER, sa.ForeignKey("posts.id"), nullable=False), *map(_time, ("claimed", "first")),
        _flag("told"), _text("missed", 64), *map(_time, ("looked", "last")), sa.PrimaryKeyConstraint("post_id"),
    )  # fmt: skip
    _drills()


def _drills() -> None:
    op.create_table(
        "drills", sa.Column("id", NUMBER, primary_key=True, autoincrement=True), *map(_time, ("started", "ends")), _text("by", 64),
        *map(_time, ("reported", "settled")), *(sa.Column(name, sa.Integer(), nullable=False) for name in ("members", "answered")),
        _time("median"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "drill_members", sa.Column("drill", NUMBER, sa.ForeignKey("drills.id"), nullable=False), _text("cctld", 63),
        _text("fingerprint", 64), sa.Column("name", sa.Text(), nullable=False), *map(_time, ("asked", "answered")), _text("failure", 16),
        _text("why", 500), _time("told"), sa.PrimaryKeyConstraint("drill", "cctld", "fingerprint"),
    )  # fmt: skip


def downgrade() -> None:
    for table in ("drill_members", "drills", "receipts", "lookups", "warnings", "absent", "addresses"):
        op.drop_table(table)
