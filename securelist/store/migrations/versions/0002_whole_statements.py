"""The projection of the log with every statement whole; requests for membership.

The projection is made anew: after the upgrade `securelist log replay` fills it from the log.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only in a column of type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REMADE = ("admin_contacts", "attestations", "certificates", "founding", "statements")


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _long(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _octets(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _contacts(*more: sa.Column[int]) -> None:
    known: tuple[SchemaItem, ...] = (_text("cctld", 63), _text("fingerprint", 64), _long("person"), _number("entry"))
    columns: tuple[SchemaItem, ...] = (*known, *more, _number("dismissed"))
    op.create_table("admin_contacts", *columns, sa.PrimaryKeyConstraint("cctld"))


def _attestations(*more: SchemaItem) -> None:
    names: tuple[SchemaItem, ...] = (_text("cctld", 63), _text("address", 254), _text("fingerprint", 64))
    known: tuple[SchemaItem, ...] = (*names, _long("person"), _text("signer", 64))
    ends: tuple[SchemaItem, ...] = (_time("expires"), _number("entry"), _number("withdrawn"))
    op.create_table("attestations", *known, *ends, *more, sa.PrimaryKeyConstraint("cctld", "address"))


def _others() -> None:
    op.create_table("certificates", _text("fingerprint", 64), _octets("octets"), _long("facts"), sa.PrimaryKeyConstraint("fingerprint"))
    columns: tuple[SchemaItem, ...] = (_text("list", 254), _text("key", 64), _long("roots"), _number("threshold"), _number("entry"))
    op.create_table("founding", *columns, sa.PrimaryKeyConstraint("list"))


def upgrade() -> None:
    for table in REMADE:
        op.drop_table(table)
    _others()
    _contacts(_time("time"))
    _attestations(
        _number("suspended"), _number("replaced"), _time("confirmed"), sa.Column("certified", sa.Boolean(), nullable=False), _long("void")
    )
    said = (_number("entry"), _time("time"), _text("signer", 64), _text("key", 64), _text("text", 64), _number("part"), _time("made"))
    rest = (_text("subject", 360), _text("about", 64), _text("evidence", 64), _long("statement"), _text("standing", 10))
    op.create_table("statements", *said, *rest, sa.PrimaryKeyConstraint("entry"))
    void = (_number("entry"), _text("fingerprint", 64), _text("cctld", 63), _time("since"))
    op.create_table("voids", *void, sa.PrimaryKeyConstraint("entry", "fingerprint"))
    request = (_text("cctld", 63), _text("address", 254), _text("fingerprint", 64), _time("received"))
    evidence = (_octets("evidence"), _octets("certificate"))
    keys = (sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("cctld", "address"))
    op.create_table("requests", sa.Column("id", NUMBER, autoincrement=True, nullable=False), *request, *evidence, *keys)


def downgrade() -> None:
    for table in (*REMADE, "voids", "requests"):
        op.drop_table(table)
    _others()
    _contacts()
    _attestations()
    said = (_number("entry"), _text("signer", 64), _text("text", 64), _number("part"), _text("subject", 320), _time("made"))
    op.create_table("statements", *said, sa.PrimaryKeyConstraint("entry"), sa.UniqueConstraint("signer", "text", "part"))
