"""An answer that cannot be taken: whoever was invited is told why, at the address of record, if the mail shows their token.

People reply without a signature, or forget to attach their certificate. The token says that it was they who were invited,
so they are not left in silence; whoever wrote without one still learns nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from securelist.delivery.bounce_token import read_secret
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.openpgp.admission import read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import read_signed
from securelist.procedures.token import numbers_in
from securelist.store import invitations
from securelist.store.database import reading
from securelist.store.invitations import Invitation
from securelist.trust.silence import MAX_TEXT_OCTETS
from securelist.trust.text import text_of

# Each costs both engines some work; an answer comes with its signer's certificate and those of three contacts.
MAX_CERTIFICATES = 4

# What is said in clear, by the reason of the refusal: nothing of what the mail said.
_IN_CLEAR = {
    "not-signed": "it was not signed; in Thunderbird: menu OpenPGP > Digitally Sign",
    "unknown-signer": "the certificate of the key that signed it was not attached; in Thunderbird: menu OpenPGP > Attach My Public Key",
    "no-statement": "the text to sign was not in it, or was quoted (with > before it)",
    "used-token": "the invitation was answered already, perhaps by somebody else",
    "lapsed-token": "the invitation is no longer good",
}
# Always in clear: who signed need not be who was invited, and could not read what is encrypted to somebody else.
_ABOUT_THE_TOKEN = {"used-token", "lapsed-token", "token-of-another"}
_OTHERWISE = "it breaks a rule that cannot be told in clear ({reason}); attach your certificate, and the answer will say more"


def tell_invited(house: Installation, mail: Iterable[bytes], certificates: Iterable[bytes], refused: Refused, at: int) -> bool:
    """Tells the invited why their answer was refused; False if the mail shows no token of an invitation.

    `mail` is the mail as it came, and the signed texts found in it; `certificates` came along, binary. What is about the token
    the letter says in clear. The rest it says encrypted, to the certificate of who signed; without one, in general terms.
    """
    texts = tuple(mail)
    invitation = _invitation(house, texts)
    if invitation is None:
        return False
    facts: Facts = {"tld": invitation.cctld, "still_good": not (invitation.answered or invitation.closed)}
    certificate = None if refused.reason in _ABOUT_THE_TOKEN else _signers(texts, certificates, at)
    if certificate is not None:
        to = Addressee((invitation.address,), invitation.cctld, certificate)
        return house.letters.write("invitation-unusable", to, at, problem=refused.detail, **facts)
    by_itself = refused.detail if refused.reason in _ABOUT_THE_TOKEN else _OTHERWISE.format(reason=refused.reason)
    problem = _IN_CLEAR.get(refused.reason, by_itself)
    return house.letters.publish("invitation-unusable", invitation.address, at, problem=problem, **facts)


def _invitation(house: Installation, texts: Iterable[bytes]) -> Invitation | None:
    secret = read_secret(house.home)
    numbers = (number for octets in texts for text in _readable(octets) for number in numbers_in(secret, text))
    number = next(numbers, None)
    if number is None:
        return None
    with reading(house.engine) as connection:
        return invitations.find(connection, number)


def _readable(octets: bytes) -> Iterator[str]:
    """What somebody may have written there: as the text of a mail, of what was signed, or else as it is."""
    with suppress(Refused):
        yield text_of(octets)
    with suppress(Refused):
        yield text_of(read_signed(octets, MAX_TEXT_OCTETS).content)
    yield octets.decode("latin-1")


def _signers(texts: Iterable[bytes], certificates: Iterable[bytes], at: int) -> Certificate | None:
    """The certificate that came along and holds the key which a text names as its signer's, if it can be encrypted to."""
    issuers: set[str] = set()
    for octets in texts:
        with suppress(Refused):
            issuers |= set(read_signed(octets, MAX_TEXT_OCTETS).issuers)
    for place, octets in enumerate(certificates):
        if place == MAX_CERTIFICATES or not issuers:
            return None
        with suppress(Refused):
            certificate = read_certificate(octets)
            if issuers & set(certificate.names) and certificate.can_encrypt(at):
                return certificate
    return None
