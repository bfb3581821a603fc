"""Signed messages in their three forms, and the one way by which they become verified: two engines, the same bytes.

*combined*: one-pass signature, literal data, signature (RFC 9580, 10.3); *clearsigned* (RFC 9580, 7);
*detached*: a multipart/signed entity (RFC 3156, 5). Nothing else is a signed message here.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from securelist.errors import Refused
from securelist.mail.mime import crlf, decoded, parts_of, read_entity, read_head
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.armor import blocks, dearmor, only_block
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import (
    MAX_DECOMPRESSED,
    Literal,
    Packet,
    Tag,
    decompress,
    intended_recipients,
    read_literal,
    read_packets,
)

# What the clocks of decent machines differ by: a signature from the future counts up to here.
MAX_AHEAD_S = 600
# A key ID may fit several certificates when somebody adopted a key that is not theirs; more than a few is an attack.
MAX_CANDIDATES = 3

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
# Looked for one after the other: in one pattern, ten thousand signatures that do not end would cost minutes.
_CLEARSIGNED = (
    re.compile(rb"(?:\A|(?<=\n))" + _BEGIN + rb"[ \t]*\r?\n"),
    re.compile(rb"\n-----BEGIN PGP SIGNATURE-----"),
    re.compile(rb"\n-----END PGP SIGNATURE-----[ \t]*(?=\r?\n|\Z)"),
)


@dataclass(frozen=True)
class SignedMessage:
    """One signed thing, not yet verified. `octets` is all it takes to read it again: the evidence."""

    form: str
    octets: bytes
    issuers: tuple[str, ...]
    """Fingerprints and key IDs, upper-case hex, that its one signature names; nobody checked them."""
    claimed: int = 0
    """When its signature says it was made; nobody checked that, either."""
    intended: tuple[str, ...] = ()
    """Fingerprints the signature names as intended recipients; checked when the signature is."""
    content: bytes = b""
    """What is said to be signed (combined, detached)."""
    signature: bytes = b""
    text: bool = False
    """Whether the literal data is text, whose line ends mean nothing."""
    expires: bool = False
    """Whether the signature says that it ends (RFC 9580, 5.2.3.18): Sequoia judges that by today's date, not as of `at`."""


_BY_VERIFY = object()
# Octets, and text in two notations (RFC 9580, 5.9); what programs make of other formats differs.
_FORMATS = {"b", "t", "u"}


@dataclass(frozen=True)
class Verified:
    """What both engines said was signed, by whom and when; only `verify` makes one."""

    content: bytes
    signer: str
    made: int
    evidence: bytes
    intended: tuple[str, ...] = ()
    key: str = ""
    """The fingerprint (upper-case hex) of the key that made the signature: the signer's primary key or a subkey of it."""
    proof: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.proof is not _BY_VERIFY:
            raise TypeError("only verify() makes a Verified")


# --- reading ---------------------------------------------------------------------------------------------------------


def read_signed(octets: bytes, most: int = MAX_DECOMPRESSED) -> SignedMessage:
    """The one signed message in `octets`, in whichever form; raises Refused, "not-signed" when it is none of the three.

    What is compressed may unpack to `most` octets.
    """
    if is_multipart_signed(octets):
        return _read_detached(octets)
    is_binary = octets[:1] >= b"\x80"  # then a clearsigned text in it is a part of what was signed
    if _BEGIN in octets and not is_binary:
        return _read_clearsigned(octets)
    return read_combined(dearmor(octets), most)


def is_multipart_signed(octets: bytes) -> bool:
    """Whether this is a MIME entity that says it is a multipart/signed."""
    try:
        return bool(octets) and not octets[0] & 0x80 and read_head(octets).content_type == "multipart/signed"
    except Refused:
        return False


def _read_clearsigned(octets: bytes) -> SignedMessage:
    at, marks = 0, list[re.Match[bytes]]()
    for pattern in _CLEARSIGNED:
        found = pattern.search(octets, at)
        if found is None or octets.count(_BEGIN) != 1:
            raise Refused("not-one-signature", "there must be exactly one clearsigned text, whole")
        marks.append(found)
        at = found.end()
    whole = octets[marks[0].start() : at]
    armored = [block for kind, block in blocks(whole) if kind == "SIGNATURE"]
    if len(armored) != 1:
        raise Refused("bad-armor", "the signature of the clearsigned text is damaged")
    facts = sequoia.read_signature(_only_signature(armored[0]).octets)
    return SignedMessage("clearsigned", whole, facts.issuers, facts.claimed, expires=facts.expires)


def _read_detached(octets: bytes) -> SignedMessage:
    entity = read_entity(octets)
    parts = parts_of(entity)
    if len(parts) != 2:
        raise Refused("not-one-signature", "a multipart/signed has two parts: what is signed, and one signature (RFC 3156, 5)")
    if parts[0].count(b"\r") != parts[0].count(b"\r\n"):
        # GnuPG is asked with line ends of either kind; a lone CR would make other bytes of the same signature.
        raise Refused("bare-line-end", "the signed part mixes line ends; CR and LF come in pairs only (RFC 3156, 5)")
    holder = read_entity(parts[1])
    if holder.content_type != "application/pgp-signature" or entity.parameter("protocol").lower() not in ("", holder.content_type):
        raise Refused("not-signed", "the second part of the multipart/signed is no OpenPGP signature (RFC 3156, 5)")
    kind, block = only_block(decoded(holder))
    if kind != "SIGNATURE":
        raise Refused("not-signed", "the second part of the multipart/signed is no OpenPGP signature (RFC 3156, 5)")
    signature = _only_signature(block)
    facts = sequoia.read_signature(signature.octets)
    intended = intended_recipients(signature)
    return SignedMessage("detached", octets, facts.issuers, facts.claimed, intended, parts[0], signature.octets, expires=facts.expires)


def _only_signature(octets: bytes) -> Packet:
    packets = read_packets(octets)
    if len(packets) != 1 or packets[0].tag != Tag.SIGNATURE:
        raise Refused("not-one-signature", "there must be exactly one signature")
    return packets[0]


def open_literal(octets: bytes, most: int = MAX_DECOMPRESSED) -> tuple[tuple[Packet, ...], Literal | None]:
    """The packets of a message with one layer of compression undone, to `most` octets, and its literal data if there is exactly one.

    Where that is all there is, it comes without packets, which would hold its 25 MiB once more.
    """
    packets = read_packets(octets)
    if len(packets) == 1 and packets[0].tag == Tag.COMPRESSED:
        packets = read_packets(decompress(packets[0], most))
    literals = [p for p in packets if p.tag == Tag.LITERAL]
    literal = read_literal(literals[0]) if len(literals) == 1 else None
    return packets if literal is None or len(packets) > 1 else (), literal


def read_combined(octets: bytes, most: int = MAX_DECOMPRESSED) -> SignedMessage:
    """A binary OpenPGP message that is signed once over everything (RFC 9580, 10.3), of at most so many octets; raises Refused."""
    return combined(*open_literal(octets, most))


def combined(packets: tuple[Packet, ...], literal: Literal | None) -> SignedMessage:
    """The same, of what `open_literal` found."""
    tags = [p.tag for p in packets]
    if tags not in ([Tag.ONE_PASS_SIGNATURE, Tag.LITERAL, Tag.SIGNATURE], [Tag.SIGNATURE, Tag.LITERAL]) or literal is None:
        raise Refused(*_why_not_combined(tags))
    signature = packets[0 if tags[0] == Tag.SIGNATURE else 2]
    facts = sequoia.read_signature(signature.octets)
    if literal.format not in _FORMATS or (signature is packets[-1] and not _announces(packets[0], signature, facts.issuers)):
        raise Refused("not-one-message", "the literal data or the one-pass signature is not as RFC 9580 has it (5.4, 5.9)")
    whole, intended = packets[0].source, intended_recipients(signature)
    text = literal.format != "b"
    return SignedMessage("combined", whole, facts.issuers, facts.claimed, intended, literal.data, signature.octets, text, facts.expires)


def _announces(one_pass: Packet, signature: Packet, issuers: tuple[str, ...]) -> bool:
    """Whether a one-pass signature says what the signature itself says: type, algorithms and key ID (RFC 9580, 5.4).

    GnuPG does not compare them all, and other programs believe the first. Its flag does not matter: there is one signature.
    """
    said, body = one_pass.body, signature.body
    old = body[:1] == b"\3"  # RFC 9580, 5.2.2; elsewhere 5.2.3
    facts = body[2:3] + body[16:17] + body[15:16] if old else body[1:2] + body[3:4] + body[2:3]
    named = not issuers or said[4:12].hex().upper() in {issuer[-16:] for issuer in issuers}
    return len(said) == 13 and said[:4] == b"\3" + facts and named


def _why_not_combined(tags: list[int]) -> tuple[str, str]:
    if not tags:
        return "not-signed", "the message is not signed as a whole; let your program sign and encrypt in one step"
    if Tag.SEIPD in tags or Tag.SED in tags or Tag.OCB in tags or Tag.PKESK in tags:
        return "nested-encryption", "there is an encrypted message inside; encrypt once only"
    if tags.count(Tag.SIGNATURE) > 1:
        return "not-one-signature", "the message carries more than one signature; sign once only"
    return "not-one-message", "the OpenPGP data is not one signed message (RFC 9580, 10.3)"


# --- verifying -------------------------------------------------------------------------------------------------------


def candidates(message: SignedMessage, certificates: Iterable[Certificate]) -> list[Certificate]:
    """Those certificates that hold a key which the signature names; by fingerprint if it names one, else by key ID."""
    named = {name for name in message.issuers if len(name) > 16} or set(message.issuers)
    found = [certificate for certificate in certificates if not named.isdisjoint(certificate.names)]
    # Whose primary key it is comes first: others may hold it as a subkey, and may be many.
    return sorted(found, key=lambda c: not named & {c.fingerprint, c.primary.key_id})[:MAX_CANDIDATES]


def verify(message: SignedMessage, certificates: Iterable[Certificate], at: int) -> Verified:
    """Who signed what, if GnuPG (as of `at`, or of the signature's time up to MAX_AHEAD_S later) and Sequoia agree.

    Raises Refused: "unknown-signer" when no certificate fits, "engines-differ" when one engine accepts and the other does
    not or names other bytes, else the engines' own reason.
    """
    fitting = candidates(message, certificates)
    if not fitting:
        raise Refused("unknown-signer", "the key that signed this is nobody's that the list knows")
    problem: Refused | None = None
    as_of = max(at, min(message.claimed, at + MAX_AHEAD_S))
    for certificate in fitting:
        try:
            return _verify_with(message, certificate, as_of)
        except Refused as refused:
            problem = problem or refused
    raise problem or Refused("bad-signature", "the signature does not verify")


def _verify_with(message: SignedMessage, certificate: Certificate, at: int) -> Verified:
    if message.form == "clearsigned":
        first = gnupg.verify(message.octets, certificate.octets, at)
        signer, seen = _agreeing(message.octets, certificate, None)
        content = _same_text(first.content, seen)
    elif message.form == "combined":
        first = _first_of_combined(message, certificate, at)
        signer, content = _agreeing(message.content, certificate, message.signature)
    else:
        content = message.content
        first, hashed = _first_variant(message, certificate, at)
        signer, _ = _agreeing(hashed, certificate, message.signature)
    if not first.signer == signer == certificate.fingerprint:
        raise _differ()
    return Verified(content, signer, first.made, message.octets, message.intended, first.key, _BY_VERIFY)


def _first_of_combined(message: SignedMessage, certificate: Certificate, at: int) -> gnupg.GoodSignature:
    """GnuPG's verdict, if the data that it put out are those that Sequoia is going to see: from here on, 25 MiB are there once less."""
    first = gnupg.verify(message.octets, certificate.octets, at)
    put_out, held = (_unix(first.content), _unix(message.content)) if message.text else (first.content, message.content)
    if put_out != held:
        raise _differ()
    return replace(first, content=message.content)


def _first_variant(message: SignedMessage, certificate: Certificate, at: int) -> tuple[gnupg.GoodSignature, bytes]:
    """GnuPG's verdict with CRLF line ends, as RFC 3156 5 wants, or with the bytes as they stand, as neomutt signs them."""
    problem: Refused | None = None
    tried = set[bytes]()  # by their digests: each may have 25 MiB
    for form in (crlf, bytes, _unix):
        variant = form(message.content)
        digest = hashlib.sha256(variant).digest()
        if digest in tried:
            continue
        tried.add(digest)
        try:
            return gnupg.verify(variant, certificate.octets, at, message.signature), variant
        except Refused as refused:
            problem = problem or refused
    raise problem or _differ()


def _agreeing(content: bytes, certificate: Certificate, detached: bytes | None) -> tuple[str, bytes]:
    """Sequoia's verdict, after GnuPG has accepted: a refusal now means that the engines differ."""
    try:
        return sequoia.verify(content, certificate.octets, detached)
    except Refused:
        raise _differ() from None


def _differ() -> Refused:
    return Refused("engines-differ", "GnuPG and Sequoia do not agree about this signature; nothing is taken on the word of one")


def _unix(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n")


def _same_text(first: bytes, second: bytes) -> bytes:
    """The text of a clearsigned message if both engines put out the same, line ends and blanks at them aside."""
    text = _bare(second)
    if _bare(first) != text:
        raise _differ()
    return text + b"\n"


def _bare(text: bytes) -> bytes:
    """A text without blanks at the ends of its lines, nor empty lines at its end. A list of a million lines takes fifty MiB."""
    kept = bytearray()
    for line in io.BytesIO(text):
        kept += line.rstrip() + b"\n"
    return bytes(kept.rstrip())
