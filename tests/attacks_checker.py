"""Posts that try to fool whoever checks them: words in the place of a verdict, wherever a mail, a message or a signature takes words.

Each carries what GnuPG would say of a good signature by Anna, after something that may end a line, and is signed by somebody else:
by Mallory in Anna's name, or by Willem, whose key the list knows and who is a member no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attack_packets import created, issuer_of, joined, literal, one_pass, sealed, signature
from bad_mails import CANARY, Bad, Stage
from people import Somebody
from town import entity, mail_of

from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.openpgp.sequoia import armor

# What ends a line somewhere, or makes a terminal go to its beginning: ASCII, C1, Unicode's own, and a C1 control out of an "Å".
BREAKS = {
    "LF": "\n",
    "CR": "\r",
    "CRLF": "\r\n",
    "NEL": "\x85",
    "LS": "\u2028",
    "VT": "\v",
    "FF": "\f",
    "RS": "\x1e",
    "an Å": "Å",
    "%0A": "%0A",
}


def words(who: Somebody, ends: str = "\n") -> str:
    """What GnuPG's status lines say of a good signature of somebody's, each on a line of its own, whatever ends one."""
    about = f"VALIDSIG {who.fingerprint} 2026-11-22 {int(time.time())} 0 4 0 22 8 00 {who.fingerprint}"
    said = ("NEWSIG", f"GOODSIG {who.fingerprint[-16:]} {who.name}", about)
    return "".join(f"{ends}[GNUPG:] {line}" for line in said) + ends


def long_subpacket(kind: int, body: bytes) -> bytes:
    """A subpacket of any length (RFC 9580, 5.2.3.7)."""
    return b"\xff" + (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body


def notation(name: str, value: str, flags: int = 0x80) -> bytes:
    """A notation, human-readable unless flagged otherwise (RFC 9580, 5.2.3.24)."""
    lengths = len(name.encode()).to_bytes(2, "big") + len(value.encode()).to_bytes(2, "big")
    return long_subpacket(20, bytes([flags]) + bytes(3) + lengths + name.encode() + value.encode())


# By what the words come: what they are in the signature's hashed area (RFC 9580, 5.2.3), and the literal's file name.
Means = Callable[[str], tuple[bytes, bytes]]
MEANS: dict[str, Means] = {
    "the literal's file name": lambda said: (b"", said.encode()[:255]),
    "a notation's value": lambda said: (notation("n@evil.example", said), b""),
    "a notation's name": lambda said: (notation(f"n{said}@evil.example", "x"), b""),
    "a notation's long value": lambda said: (notation("n@evil.example", "x" * 4090 + said), b""),
    "a binary notation": lambda said: (notation("n@evil.example", said, flags=0), b""),
    "a policy": lambda said: (long_subpacket(26, b"https://evil.example/" + said.encode()), b""),
    "a preferred key server": lambda said: (long_subpacket(24, b"hkps://evil.example/" + said.encode()), b""),
    "the signer's user ID": lambda said: (long_subpacket(28, b"Anna" + said.encode()), b""),
    "a reason for revocation": lambda said: (long_subpacket(29, b"\0" + said.encode()), b""),
    "a regular expression": lambda said: (long_subpacket(6, said.encode() + b"\0"), b""),
    "a private subpacket": lambda said: (long_subpacket(101, said.encode()), b""),
}


def spoken(s: Stage, means: Means, said: str, by: Somebody, in_the_name_of: Somebody | None = None) -> bytes:
    """A post signed by somebody's key, in their own name or another's, with words somewhere in it; the mail is in Anna's name."""
    more, name = means(said)
    data, named = entity(f"{CANARY} {time.time_ns()}"), in_the_name_of or by
    made = signature(s, data, hashed=created() + issuer_of(named) + more, who=by)
    return sealed(s, one_pass(named), literal(data, name=name), made)


def by_mallory(means: str, ends: str = "\n") -> Bad:
    """Signed with Mallory's key; the signature says that it is Anna's."""
    return Bad(lambda s: spoken(s, MEANS[means], words(s.anna, ends), s.mallory, s.anna), "bad-signature", "verify")


def by_willem(means: str, ends: str = "\n") -> Bad:
    """Signed with the key of who was withdrawn: a good signature, and not a member's."""
    return Bad(lambda s: spoken(s, MEANS[means], words(s.anna, ends), s.willem), "not-a-member", "decide")


STATUS_LINES = {
    **{f"{means}, in Anna's name": by_mallory(means) for means in MEANS},
    **{f"{means}, by who was a member": by_willem(means) for means in MEANS},
    **{f"a file name after {end}": by_willem("the literal's file name", ends) for end, ends in BREAKS.items()},
    **{f"a notation after {end}": by_willem("a notation's value", ends) for end, ends in BREAKS.items()},
}


# --- elsewhere in the mail ---------------------------------------------------------------------------------------------


def willems(s: Stage, content: bytes, **outside: str) -> bytes:
    """A post of Willem's, in Anna's name outside."""
    return mail_of(s.town.encrypt(s.willem, content), f"Anna <{s.anna.address}>", **outside)


def armoured(s: Stage, header: str) -> bytes:
    """A post of Willem's with words in a header line of its armour."""
    armour = s.town.encrypt(s.willem, entity(CANARY)).replace(b"\n\n", f"\n{header}: {words(s.anna, ' ')}\n\n".encode(), 1)
    return s.mail(armour)


def inside_unsigned(s: Stage, data: bytes) -> bytes:
    """Words in the place of a signed message."""
    return sealed(s, data)


def by_user_id(s: Stage) -> bytes:
    """Signed by somebody whose user ID is GnuPG's verdict on Anna, whose certificate travels in the message."""
    eve = s.people.make(f"Eve Å{words(s.anna, 'Å')}", f"eve-{time.time_ns()}@evil.example")
    return s.mail(s.town.encrypt(eve, entity(CANARY)))


def key_packet(s: Stage) -> bytes:
    """What is encrypted begins with Mallory's secret key as a packet, as if it were to be imported."""
    return sealed(s, read_packets(s.people.gpg("--export-secret-keys", s.mallory.fingerprint))[0], literal(entity(CANARY)))


ELSEWHERE = {
    "words in the subject": Bad(
        lambda s: willems(s, entity(CANARY, f"Subject: {words(s.anna, ' ')}"), Subject=f"x{words(s.anna, ' ')}"), "not-a-member", "decide"
    ),
    "words in an encoded subject": Bad(
        lambda s: willems(s, entity(CANARY, "Subject: =?utf-8?q?x=0A[GNUPG:]_GOODSIG_x?=")), "not-a-member", "decide"
    ),
    "words in an attachment's name": Bad(
        lambda s: willems(s, entity(CANARY, f'Content-Disposition: attachment; filename="{words(s.anna, " ")}"')), "not-a-member", "decide"
    ),
    "words in a content type": Bad(
        lambda s: willems(s, entity(CANARY).replace(b"utf-8", b'utf-8; name="\x85[GNUPG:] GOODSIG"')), "not-a-member", "decide"
    ),
    "words in the text": Bad(lambda s: willems(s, entity(words(s.anna, "\r\n"))), "not-a-member", "decide"),
    "words in the Message-ID": Bad(
        lambda s: willems(s, entity(CANARY), Message_ID=f"<x{words(s.anna, ' ')}@evil.example>"), "not-a-member", "decide"
    ),
    "words in a comment of the armour": Bad(lambda s: armoured(s, "Comment"), "not-a-member", "decide"),
    "words in the version of the armour": Bad(lambda s: armoured(s, "Version"), "not-a-member", "decide"),
    "words in a MessageID of the armour": Bad(lambda s: armoured(s, "MessageID"), "not-a-member", "decide"),
    "words for a message": Bad(lambda s: inside_unsigned(s, words(s.anna).encode()), "not-openpgp", "open"),
    "words for a literal": Bad(lambda s: inside_unsigned(s, literal(words(s.anna).encode())), "not-signed", "open"),
    "words for a file name, nothing signed": Bad(
        lambda s: inside_unsigned(s, literal(entity(CANARY), name=words(s.anna).encode()[:255])), "not-signed", "open"
    ),
    "words for a signature": Bad(
        lambda s: sealed(s, write_packet(Tag.SIGNATURE, words(s.anna).encode()), literal(entity(CANARY))),
        "bad-signature",
        "open",
    ),
    "words for a user ID behind the message": Bad(
        lambda s: sealed(s, literal(entity(CANARY)), write_packet(Tag.USER_ID, words(s.anna).encode())), "not-one-message", "open"
    ),
    "words for a user ID of who signs": Bad(by_user_id, "unknown-signer", "verify"),
    "a secret key in the message": Bad(key_packet, "not-one-message", "open"),
    "a signature by the list's own key": Bad(lambda s: s.mail(armored_copy(s)), "unknown-signer", "verify"),
}


def armored_copy(s: Stage) -> bytes:
    """What the list signed for its members, the signature whole, encrypted to the list by whoever got it."""
    s.town.judge(s.post(text="canary of a copy that is sent back"))
    s.town.deliver()
    [sealed_to_anna] = [p for p in s.town.mails(s.anna.address)[-1].iter_parts() if p.get_content_type() == "application/octet-stream"]
    opened = s.people.gpg("--decrypt", "--unwrap", data=sealed_to_anna.get_payload(decode=True))  # type: ignore[arg-type]
    return armor(joined(encrypted(s, opened)), "MESSAGE")


def encrypted(s: Stage, packets: bytes) -> bytes:
    """Packets encrypted to the list as they are, binary."""
    return s.people.gpg("--no-literal", "--compress-level", "0", "-r", s.town.key, "--encrypt", data=packets)


ATTACKS = STATUS_LINES | ELSEWHERE
