"""Admission by mail: invitations, welcomes, commands; what became of a request.

The numbers of requests are never used twice from now on: people name them in mails.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REQUEST = ("id", "cctld", "address", "fingerprint", "received", "evidence", "certificate")


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _octets(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    _requests()
    _invitations()
    op.create_table(
        "welcomes", _text("cctld", 63), _text("fingerprint", 64), _text("address", 254), *map(_time, ("sent", "confirmed", "reported")),
        sa.PrimaryKeyConstraint("cctld", "fingerprint"),
    )  # fmt: skip
    op.create_table("commands", _text("signer", 64), _text("digest", 64), _time("at"), sa.PrimaryKeyConstraint("signer", "digest"))
    op.create_index(op.f("ix_commands_at"), "commands", ["at"])


def _requests() -> None:
    op.rename_table("requests", "requests_before")
    op.create_table(
        "requests",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        *(_text("cctld", 63), _text("address", 254), _text("fingerprint", 64), _time("received"), _time("signed")),
        *map(_octets, ("evidence", "certificate")),
        *(_time("released"), _time("asked"), sa.Column("letters", sa.Integer(), nullable=False), _time("declined")),
        sa.UniqueConstraint("cctld", "address"),
        sqlite_autoincrement=True,
    )
    old, new = ", ".join(_REQUEST), "signed, released, asked, letters, declined"
    op.execute(f"INSERT INTO requests ({old}, {new}) SELECT {old}, 0, 0, 0, 0, 0 FROM requests_before")
    op.drop_table("requests_before")
    if op.get_context().dialect.name == "postgresql":
        # SQLite counts on from the numbers that were copied; PostgreSQL begins at 1, and would give one of them a second time.
        op.execute("SELECT setval(pg_get_serial_sequence('requests', 'id'), max(id)) FROM requests")


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        *(_text("cctld", 63), _text("address", 254), sa.Column("name", sa.Text(), nullable=False), _time("made")),
        *(
            sa.Column("letters", sa.Integer(), nullable=False),
            _time("answered"),
            _time("signed"),
            sa.Column("told", sa.Boolean(), nullable=False),
        ),
        *(_time("closed"), _text("outcome", 20), _text("signer", 64)),
        *map(_octets, ("evidence", "certificate", "certificates")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_invitations_cctld"), "invitations", ["cctld"])


def downgrade() -> None:
    op.drop_table("commands")
    op.drop_table("welcomes")
    op.drop_table("invitations")
    for column in ("declined", "letters", "asked", "released", "signed"):
        op.drop_column("requests", column)
