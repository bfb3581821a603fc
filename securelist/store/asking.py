"""Since when members are asked for their contact details. Callers begin the transaction."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from securelist.contacts.freshness import Asking
from securelist.store.schema_contacts import AskingRow


def kept(connection: Connection) -> Asking | None:
    """As the last round left it; None if there was none yet."""
    row = connection.execute(select(AskingRow.days, AskingRow.since, AskingRow.last)).first()
    return Asking(*row) if row else None


def keep(connection: Connection, asking: Asking) -> None:
    """Puts it in the place of what was."""
    connection.execute(delete(AskingRow))
    connection.execute(insert(AskingRow), asdict(asking))
