"""Which addresses were looked for in a Web Key Directory within the last day. Callers begin the transaction and pass its connection."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, or_, select

from securelist.mail.addresses import same_address
from securelist.store.schema_upkeep import LookupRow

# Once: who extends a key can mail it, which works at once; this is for who forgets to.
AGAIN_AFTER_S = 86_400


def claim(connection: Connection, addresses: Iterable[str], at: int, most: int) -> tuple[str, ...]:
    """At most so many of these addresses that were not looked for in the last day, noted as looked for at `at` (Unix seconds).

    Raises IntegrityError when somebody else does the same at this moment.
    """
    connection.execute(delete(LookupRow).where(or_(LookupRow.at <= at - AGAIN_AFTER_S, LookupRow.at > at)))
    recent = set(connection.execute(select(LookupRow.address)).scalars())
    wanted = {same_address(address): address for address in addresses}
    chosen = [address for compared, address in wanted.items() if compared not in recent][:most]
    if chosen:
        connection.execute(insert(LookupRow), [{"address": same_address(address), "at": at} for address in chosen])
    return tuple(chosen)
