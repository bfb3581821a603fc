"""What looks like an attack on the wholeness of a post and changes nothing that anybody reads: taken as what was signed, or refused.

And the attacks' own tools: they do what they say, so that a refusal is for the damage and not for the tool.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from attack_packets import (
    TEXT,
    code,
    compressed,
    contained,
    content,
    framed,
    joined,
    literal,
    ocb,
    one_pass,
    outer,
    sealed,
    signature,
    signed,
)
from attack_stage import Judging
from attacks_mime import SIGNATURE, apart, encrypted_text, unsigned
from attacks_whole import gadgets
from bad_mails import CANARY, Stage, head_of
from forge import BLOCK, cfb, key_packets, packets_of, protected
from mail_styles import attached_file, multipart
from town import entity

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, write_packet

HIDDEN = "text that nobody signed"


def around_parts(s: Stage) -> bytes:
    """Text before the first part and behind the last one (RFC 2046, 5.1.1: to be ignored), as mail programs write it."""
    mail = s.post()
    return mail.replace(b"\r\n\r\n--b0", f"\r\n\r\n{HIDDEN}\r\n--b0".encode(), 1) + f"{HIDDEN}\r\n".encode()


def around_signed_parts(s: Stage) -> bytes:
    """The same inside, around what was signed apart."""
    return unsigned(lambda s: apart(s, (b"\r\n\r\n--b", f"\r\n\r\n{HIDDEN}\r\n--b".encode())) + HIDDEN.encode())(s)


def beside_the_signed_part(s: Stage) -> bytes:
    """Fields in front of a multipart/signed, which nobody signed."""
    return unsigned(lambda s: f"Subject: {HIDDEN}\r\nX-Note: {HIDDEN}\r\n".encode() + apart(s))(s)


def in_file_name(s: Stage, name: bytes) -> bytes:
    """A literal's file name, which is not signed (RFC 9580, 5.9)."""
    once, data, made = signed(s)
    return sealed(s, once, literal(data.body[6 + data.body[1] :], name=name), made)


def old_form(s: Stage) -> bytes:
    """The signature in front (RFC 9580, 10.3)."""
    _, data, made = signed(s)
    return sealed(s, made, data)


def flagged(s: Stage) -> bytes:
    """A one-pass signature that says that another follows, as PGPy writes it (RFC 9580, 5.4)."""
    data = content()
    return sealed(s, one_pass(s.anna, last=0), literal(data), signature(s, data))


def text_signature(s: Stage) -> bytes:
    data = content()
    return sealed(s, one_pass(s.anna, TEXT), literal(data, b"t"), signature(s, data, TEXT))


def by_bert_around_anna(s: Stage) -> bytes:
    """What Anna signed apart, signed by Bert as a whole: it is Bert who says it."""
    return s.town.post(s.bert, apart(s))


HARMLESS: dict[str, Callable[[Stage], bytes]] = {
    "text around the parts": around_parts,
    "text around the signed parts": around_signed_parts,
    "fields around the signed part": beside_the_signed_part,
    "a file name with gpg's words": lambda s: in_file_name(s, f"x\n[GNUPG:] VALIDSIG {s.bert.fingerprint}\n{HIDDEN}".encode()),
    "for your eyes only": lambda s: in_file_name(s, b"_CONSOLE"),
    "the signature in front": old_form,
    "a one-pass signature that says that another follows": flagged,
    "a signature over text": text_signature,
    "compressed and not compressed": lambda s: sealed(s, compressed(joined(*signed(s)))),
    "OCB as GnuPG writes it": lambda s: ocb(s, lambda chunks: chunks),
    "a container put together by hand": lambda s: contained(s, lambda p, m: m + code(p, m)),
    "another hash in the MIME framing": unsigned(lambda s: apart(s, (b"micalg=pgp-sha512", b"micalg=pgp-sha1"))),
    "a name for the signature": unsigned(lambda s: apart(s, (SIGNATURE, SIGNATURE + b"; name=signature.asc"))),
    "a wrong checksum of the armour": lambda s: s.mail(re.sub(rb"\n=[A-Za-z0-9+/]{4}\n", b"\n=AAAA\n", s.town.encrypt(s.anna, content()))),
    "the session key twice": lambda s: s.packets(lambda p: [p[0], *p]),
    "somebody's encrypted message, quoted": lambda s: s.town.post(s.anna, entity(re.sub("(?m)^", "> ", encrypted_text(s)))),
    "somebody's encrypted message, as a file": lambda s: s.town.post(
        s.anna, multipart("mixed", entity(CANARY), attached_file("for-bert.asc", encrypted_text(s).encode()))
    ),
    "somebody's signed message as text": lambda s: s.town.post(s.anna, entity(s.people.sign(s.bert, CANARY).decode())),
    "where an encrypted message begins": lambda s: s.town.post(s.anna, entity("it starts with\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nbye")),
}


@pytest.mark.parametrize("make", HARMLESS.values(), ids=HARMLESS)
def test_what_nobody_reads_is_no_reason_to_refuse(stage: Stage, judge: Judging, make: Callable[[Stage], bytes]) -> None:
    """What stands where no program looks is dropped: all is signed that is left."""
    said = judge(make(stage))
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said


def test_who_signs_around_it_all_has_posted(stage: Stage, judge: Judging) -> None:
    """A signature within is content; the list says who signed the whole."""
    assert judge(by_bert_around_anna(stage)).poster == stage.bert.fingerprint


def test_nothing_of_what_nobody_signed_reaches_a_member(stage: Stage) -> None:
    """Every copy so far, opened: none holds the text from around the parts."""
    stage.town.deliver()
    opened = [stage.town.opened(mail)[0] for mail in stage.town.mails(stage.bert.address)]
    assert any(CANARY.encode() in copy for copy in opened)
    assert not any(HIDDEN.encode() in copy for copy in opened)


# --- all orders --------------------------------------------------------------------------------------------------------

# Which orders of one message's packets are that message: with its one-pass signature, or with its signature in front.
WHOLE_INSIDE, WHOLE_OUTSIDE = {"ols", "sl"}, {"kd", "kkd", "kkkd"}


def orders(letters: str) -> list[str]:
    """Every row of up to four of these, each as often as one likes."""
    return ["".join(row) for length in range(1, 5) for row in itertools.product(letters, repeat=length)]


def taken(judge: Judging, stage: Stage, mails: dict[str, bytes]) -> set[str]:
    """Which mails the list took as Anna's, the first time or again; the others it refused, each with a reason."""
    found = set()
    for order, mail in mails.items():
        said = judge(mail)
        assert said.verdict == "accept" or said.reason, order
        if said.verdict == "accept" or said.reason == "duplicate":
            assert said.poster == stage.anna.fingerprint
            found.add(order)
    return found


def test_every_order_of_the_signed_packets_is_the_message_or_refused(stage: Stage, judge: Judging) -> None:
    """One-pass signature, literal data and signature: left out, doubled, exchanged."""
    packets = dict(zip("ols", signed(stage), strict=True))
    assert taken(judge, stage, {order: sealed(stage, *(packets[p] for p in order)) for order in orders("ols")}) == WHOLE_INSIDE


def test_every_order_of_the_encrypted_packets_is_the_message_or_refused(stage: Stage, judge: Judging) -> None:
    """Session key and data, with a marker: left out, doubled, exchanged."""
    message = dearmor(stage.town.encrypt(stage.anna, content()))
    data = packets_of(message, Tag.SEIPD)[0].octets
    packets = {"k": key_packets(message), "d": data, "m": write_packet(Tag.MARKER, b"PGP")}
    mails = {order: framed(stage, b"".join(packets[p] for p in order)) for order in orders("kdm")}
    assert taken(judge, stage, mails) == WHOLE_OUTSIDE


def test_the_gadgets_do_what_they_are_for(stage: Stage) -> None:
    """Under the right key, an attacker's text stands in what was another's message: only the code over it tells."""
    _, key = outer(stage.town)
    body = packets_of(protected(key, joined(*signed(stage))), Tag.SEIPD)[0].body
    changed = gadgets(body)[1:]
    decrypted = b"".join(
        bytes(a ^ b for a, b in zip(cfb(key, previous, bytes(BLOCK)), changed[at : at + BLOCK], strict=False))
        for at, previous in ((at, (bytes(BLOCK) + changed)[at : at + BLOCK]) for at in range(0, len(changed), BLOCK))
    )
    assert decrypted.count(b'<img src="//') == 3


def test_an_inline_post_may_be_empty_around(stage: Stage, judge: Judging) -> None:
    """White space around the block is no text."""
    block = stage.town.encrypt(stage.anna, CANARY.encode()).replace(b"\n", b"\r\n")
    said = judge(head_of(stage, Content_Type="text/plain") + b"\r\n\r\n \t\r\n" + block + b"\r\n\r\n \r\n")
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said
