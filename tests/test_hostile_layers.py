"""Encryption within a post: no trick of armour, encoding, page or part brings it to a member; files that are attached may come."""

from __future__ import annotations

import base64
import encodings.aliases
import pkgutil
import time
from collections.abc import Callable

import pytest
from attack_stage import Judging, must_be_refused
from attacks_layers import ARMOUR, ATTACHED, ATTACKS_LAYERS, BASE64, CR_ALONE
from attacks_mime import encrypted_text
from attacks_types import ATTACKS as ATTACKS_TYPES
from bad_mails import Bad, Stage
from mail_styles import multipart, part
from town import entity

from securelist.errors import Refused
from securelist.mail.charset import is_in
from securelist.mail.mime import read_entity
from securelist.openpgp.armor import dearmor
from securelist.post.one_layer import check_one_layer


@pytest.mark.parametrize("bad", ATTACKS_LAYERS.values(), ids=ATTACKS_LAYERS)
def test_a_thief_hides_anothers_encrypted_mail(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Signed by a member whose account is somebody else's: members' programs would decrypt what is theirs."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", ATTACKS_TYPES.values(), ids=ATTACKS_TYPES)
def test_a_thief_hides_it_by_what_programs_take_it_for(stage: Stage, judge: Judging, bad: Bad) -> None:
    """By types, boundaries, names and pages that two programs read in two ways, or as a mail within what was signed."""
    must_be_refused(stage, judge, bad)


def test_a_member_names_what_is_no_character_set() -> None:
    """Python knows ways to write other things by names of this kind, "zlib" or "punycode-": none is an error, a bomb, or slow."""
    known = encodings.aliases.aliases
    names = {
        *known,
        *known.values(),
        *(module.name for module in pkgutil.iter_modules(encodings.__path__)),
    }
    before = time.process_time()
    for name in names | {f"{name}-" for name in names}:
        if name not in ("oem", "mbcs"):
            check_one_layer(read_entity(f"Content-Type: text/html; charset={name}\r\n\r\n".encode() + b"<b>a-&nbsp;" * 200))
            is_in(b"a-\x81" * 200, name)
    assert not any(is_in(b"", name) for name in ("hex", "zlib_codec", "punycode-", "-punycode", "unicode--escape", "idna-", "undefined"))
    assert time.process_time() - before < 20


@pytest.mark.parametrize("head", CR_ALONE.values(), ids=CR_ALONE)
def test_a_member_hides_a_field_behind_a_lone_cr(stage: Stage, judge: Judging, head: bytes) -> None:
    """Under the signature, where the copy would carry it as it is."""
    must_be_refused(stage, judge, Bad(lambda s: s.town.post(s.anna, head + b"--zz\r\n\r\nx\r\n--zz--\r\n"), "not-mime", "decide"))


OPENED = ("a marker before the session key", "encrypted and then compressed", "armour with 101 header lines")


@pytest.mark.parametrize("name", OPENED)
def test_the_armour_is_what_gpg_opens(stage: Stage, name: str) -> None:
    """What the rule refuses is no fancy: the one to whom it is encrypted would read it."""
    inside: list[bytes] = []

    class Town:
        def post(self, who: object, content: bytes) -> bytes:
            inside.append(content)
            return b""

    made = ARMOUR[name].make(Stage(Town(), *list(vars(stage).values())[1:]))  # type: ignore[arg-type]
    assert made == b""
    assert b"between us" in stage.people.gpg("--decrypt", data=inside[0].partition(b"\r\n\r\n")[2])


def attached(kind: str, change: Callable[[bytes], bytes] = bytes, name: str = "evidence.gpg") -> Callable[[Stage], bytes]:
    """A text, and a file of this type which holds somebody's encrypted text."""
    fields = (BASE64, f"{ATTACHED}; filename={name}")
    return lambda s: beside(part(kind, base64.encodebytes(change(encrypted_text(s).encode())), *fields))


def beside(second: bytes) -> bytes:
    return multipart("mixed", entity(f"see the file {time.time_ns()}"), second)


def said(text: str, kind: str = "text/plain; charset=utf-8") -> Callable[[Stage], bytes]:
    return lambda s: part(kind, f"{text}\r\n{time.time_ns()}")


def no_encryption(octets: bytes) -> bytes:
    return b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80"


DECENT = {
    "a .gpg file as file managers name its type": attached("application/pgp-encrypted; name=evidence.gpg", dearmor),
    "an .asc file as file managers name its type": attached("application/pgp-encrypted; name=evidence.asc"),
    "an .asc file as text": attached("text/plain; name=evidence.asc", name="evidence.asc"),
    "a ransom note with a block": attached("text/plain; name=ransom.txt", lambda block: b"pay\n" + block, "ransom.txt"),
    "an attached page with a block": attached("text/html; name=page.html", name="page.html"),
    "an S/MIME file that is signed": attached("application/pkcs7-mime; name=phish.p7m", no_encryption, "phish.p7m"),
    "certificates of an authority": attached("application/pkcs7-mime; smime-type=certs-only; name=ca.p7c", no_encryption, "ca.p7c"),
    "the words in a sentence": said("the line -----BEGIN PGP MESSAGE----- comes first, then the data"),
    "the words quoted in a page": lambda s: part(
        "text/html", f"<p>{encrypted_text(s)}".replace("\n", "<br>\r\n&gt; ").replace("-----B", "&gt; -----B")
    ),
    "somebody's signed text, in a page": lambda s: part("text/html", b"<pre>" + s.people.sign(s.bert, "agreed") + b"</pre>"),
    "UTF-16 without a block": lambda s: part(
        "text/plain; charset=utf-16", base64.encodebytes(f"Z\u00fcrich {time.time_ns()}".encode("utf-16")), BASE64
    ),
    "a preamble": said("x", "multipart/mixed; boundary=b\r\n\r\nThis is a MIME mail.\r\n--b\r\n\r\nx\r\n--b--\r\nContent-Type: text/x"),
}


@pytest.mark.parametrize("make", DECENT.values(), ids=DECENT)
def test_a_member_attaches_or_mentions_what_is_encrypted(stage: Stage, judge: Judging, make: Callable[[Stage], bytes]) -> None:
    """Files, sentences about OpenPGP, and what somebody has signed."""
    heard = judge(stage.town.post(stage.anna, make(stage)))
    assert (heard.verdict, heard.poster) == ("accept", stage.anna.fingerprint), heard


BEGIN = b"-----BEGIN PGP MESSAGE-----"
LOADS = {
    "first lines": (b"text/plain", BEGIN * 900_000),
    "quoted first lines": (b"text/plain", (b"> " + BEGIN + b"\r\n") * 800_000),
    "hyphens": (b"text/plain", b"-" * 25 * 2**20),
    "openings of tags": (b"text/html", b"<" * 25 * 2**20),
    "openings of tags with values": (b"text/html", b"<a b=\"c' " * 2_500_000),
    "openings of comments": (b"text/html", b"<!--" * 6_000_000),
    "tags": (b"text/html", b"<b>x</b>" * 1_000_000),
    "openings of styles": (b"text/html", b'<style x="' * 209_000),
    "styles that do not end": (b"text/html", b"<style>a</style " * 131_000),
    "references": (b"text/html", b"<b>&lt;" * 299_000),
    "empty lines in uuencode": (b"text/plain\r\nContent-Transfer-Encoding: x-uuencode", b"\n" * 25 * 2**20),
    "Punycode by another name": (b"text/plain; charset=punycode-", b"a-" * 12 * 2**20),
    "numbers of characters": (b"text/html", b"&#" + b"0" * 10**7 + b"9" * 10**7),
    "empty lines": (b"text/plain", BEGIN + b"\n" * 25 * 2**20),
    "padding": (b"text/plain\r\nContent-Transfer-Encoding: base64", b"QQ==" * 6_000_000),
}


@pytest.mark.parametrize(("kind", "body"), LOADS.values(), ids=LOADS)
def test_what_is_looked_for_takes_no_time(kind: bytes, body: bytes) -> None:
    """The most that a mail may hold, of what pattern matching might be slow for: a post has a minute in all."""
    before = time.process_time()
    try:
        check_one_layer(read_entity(b"Content-Type: " + kind + b"\r\n\r\n" + body))
    except Refused as refused:
        assert refused.reason in ("nested-encryption", "page-too-large", "bad-encoding")
    assert time.process_time() - before < 10
