"""What in a state directory must be as the log says: address, key, trust roots, and the log itself.

The log names them, and the log is what members hold against us. What was exchanged behind its back, by somebody else or by a
restored backup that does not fit, is found here before it is used. Nothing here costs more than reading what is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from securelist.config import FILE_NAME, Config
from securelist.errors import ConfigurationError
from securelist.openpgp.certificate import Certificate
from securelist.trust.entry import Head
from securelist.trust.history import Standing
from securelist.trust.membership import Membership
from securelist.trust.statement import StatementType

_NAMING_ROOTS = (StatementType.FOUND_LIST, StatementType.REPLACE_ROOTS)


def check_configuration(config: Config, membership: Membership) -> None:
    """Raises ConfigurationError if configuration or tables have another address or key than the log ("changed-…")."""
    founding, place = membership.founding, config.home / FILE_NAME
    if founding is None:
        return
    if config.list != founding.list:
        detail = f"{place} says that the list is {config.list}; the log says {founding.list}: put that back, or restore a backup"
        raise ConfigurationError("changed-list", detail)
    if founding.key not in membership.list_keys:
        detail = f"the tables name the list's key {founding.key}, which the log never did; make them anew: securelist log replay"
        raise ConfigurationError("changed-tables", detail)
    if config.key not in membership.list_keys:
        detail = f'{place} has the key {config.key}, which the log never named: put back key = "{founding.key}", or restore a backup'
        raise ConfigurationError("changed-key", detail)


def check_roots(roots: Iterable[Certificate], membership: Membership) -> None:
    """Raises ConfigurationError("missing-root" or "added-root") unless the given certificates are the trust roots of the log.

    Those that founded the list have to be there; those that replaced them may be. A renewed or revoked certificate has the same
    fingerprint, and is the same.
    """
    if membership.founding is None:
        return
    given = {root.fingerprint for root in roots}
    if missing := _named(membership, StatementType.FOUND_LIST) - given:
        which = f"the certificate of the trust root {min(missing)}, which founded the list, is not in the folder roots"
        raise ConfigurationError("missing-root", f"{which}; put it back, from the Secretariat or from a backup")
    if added := given - _named(membership, *_NAMING_ROOTS):
        which = f"the folder roots holds a certificate that is no trust root of this list: {min(added)}"
        raise ConfigurationError("added-root", f"{which}; take that file out, and find out who put it there")


def _named(membership: Membership, *types: StatementType) -> set[str]:
    said = (said for said in membership.said if said.statement.type in types and said.standing is not Standing.VOID)
    return {root for one in said for root in one.statement.roots}


def check_chain(membership: Membership) -> None:
    """Raises ConfigurationError("damaged-log") unless each entry follows from the one before, and the tables speak of no later one.

    The signatures are not asked for again: that takes some milliseconds each, and is what a replay does.
    """
    heads = [Head(), *(entry.head for entry in membership.entries)]
    for (before, after), entry in zip(pairwise(heads), membership.entries, strict=True):
        if (entry.number, entry.previous) != (before.number + 1, before.hash):
            raise _damaged(f"entry {after.number} does not follow from the one before it")
    last = max((said.entry for said in membership.said), default=0)
    if heads[-1] != membership.head:
        raise _damaged("its last entry is not what was written")
    if last > membership.head.number:
        raise _damaged(f"entry {last} is missing")


def _damaged(what: str) -> ConfigurationError:
    return ConfigurationError("damaged-log", f"the log in the database was changed: {what}; restore a backup")
