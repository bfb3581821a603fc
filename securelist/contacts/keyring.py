"""The members' certificates, for their own programs: with them members write to each other without this server.

Somebody who is suspended is not in it: their key may be in other hands, and nobody should encrypt to it. Somebody whose certificate has
run out or is revoked is: their new one is recognised by it, and a revocation has to reach everybody. Imported contacts are not: what is
imported into a keyring looks as good as the rest, and nobody here vouches for them.

There is nothing before the block and no comment in it: not every program skips what it does not expect.
"""

from __future__ import annotations

from securelist.contacts.repository import Repository
from securelist.openpgp import sequoia
from securelist.trust.membership import SUSPENDED


def write(repository: Repository) -> bytes:
    """One armoured block (RFC 9580, 6) with every certificate in the order of the contacts; nothing if there is none."""
    certificates = [contact.certificate for contact in repository.contacts if contact.state != SUSPENDED]
    return sequoia.armor(b"".join(certificates), "PUBLIC KEY BLOCK") if certificates else b""
