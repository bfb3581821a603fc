"""Bundles that must not be taken: each is refused with row and rule, changes nothing, and nothing of it is told or left anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bundle_world import EMMA, Regional, attest, everything, founded, iso, regional
from people import People
from town import SECURELIST, Town

from securelist.contacts.bundle import MAX_BUNDLE_OCTETS, one_certificate
from securelist.contacts.bundle_reader import MAX_CONTACTS
from securelist.contacts.importing import Sender, import_bundle, read_file
from securelist.contacts.repository import repository
from securelist.errors import Refused, UsageError
from securelist.installation import Installation

__all__ = ["regional"]
CANARY = "canary"


@pytest.fixture(scope="module")
def there(people: People, regional: Regional) -> Iterator[Town]:
    """A list with one member."""
    for town in founded(people, regional):
        attest(town, people.make("Dora", f"dora-{town.home.parent.name}@nl.example"))
        yield town


@pytest.fixture(scope="module")
def house(there: Town) -> Installation:
    return Installation(there.home)


def taken(house: Installation, regional: Regional, octets: bytes, certificate: bytes = b"") -> int:
    """How many contacts were imported; raises Refused."""
    sender = Sender(one_certificate(certificate or regional.certificate), "CENTR")
    return import_bundle(house, octets, sender, int(time.time())).contacts


def refused(house: Installation, regional: Regional, octets: bytes, certificate: bytes = b"") -> Refused:
    """Why it was refused. Nothing has been imported, and nothing of it stands in the reason."""
    with pytest.raises(Refused) as caught:
        taken(house, regional, octets, certificate)
    assert not repository(house, int(time.time())).imported
    assert CANARY not in caught.value.detail.lower()
    assert len(caught.value.detail) < 700
    return caught.value


# --- the file ----------------------------------------------------------------------------------------------------------


def test_a_file_of_fifty_megabytes_is_not_read(tmp_path: Path) -> None:
    """It is refused for its size, after as much of it as a bundle may have."""
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(50 * 10**6)
    with pytest.raises(Refused) as caught:
        read_file(file)
    assert caught.value.reason == "too-large"
    with file.open("wb") as opened:
        opened.truncate(MAX_BUNDLE_OCTETS)
    assert len(read_file(file)) == MAX_BUNDLE_OCTETS


def test_only_what_is_signed_by_them_and_encrypted_to_us_is_opened(house: Installation, there: Town, regional: Regional) -> None:
    """Clear, unsigned, only signed, by a passphrase, to somebody else, by somebody else, twice, cut short, or changed: none is taken."""
    mallory = Regional("Mallory")
    try:
        mallory.knows(there)
        good, document = regional.document(there.key, EMMA | {"name": CANARY}), json.dumps(regional.document(there.key, EMMA)).encode()
        sealed = regional.sealed(good, there.key)
        binary = regional.sealed(good, there.key, "--no-armor")
        passphrase = ["--passphrase", "x", "--pinentry-mode", "loopback", "--symmetric"]
        cases = {
            "clear": (document, "not-openpgp"),
            "empty": (b"", "not-openpgp"),
            "unsigned": (regional.sealed(good, there.key, signed=False), "not-signed"),
            "only signed": (regional.gpg("--armor", "--sign", data=document).stdout, "not-one-message"),
            "clearsigned": (regional.gpg("--clearsign", data=document).stdout, ""),
            "a certificate": (regional.certificate, "not-encrypted"),
            "by passphrase": (regional.gpg("--armor", *passphrase, "--sign", data=document).stdout, "not-one-message"),
            "to somebody else": (regional.sealed(good, regional.fingerprint), "not-for-the-list"),
            "by somebody else": (mallory.sealed(good, there.key), "other-signer"),
            "cut short": (binary[:-40], ""),
            "changed": (binary[:-30] + bytes([binary[-30] ^ 1]) + binary[-29:], "not-whole"),
            "text around it": (b"Dear operator\n" + sealed, "text-outside-block"),
            "twice": (binary + binary, "not-one-message"),
        }
        found = {name: refused(house, regional, octets).reason for name, (octets, _) in cases.items()}
        assert found == {name: reason or found[name] for name, (_, reason) in cases.items()}
        assert refused(house, mallory, sealed).reason == "other-signer"
        assert refused(house, mallory, mallory.sealed(good, there.key)).reason == "other-source"
        passed_on = regional.document(mallory.fingerprint, EMMA)
        assert refused(house, regional, regional.sealed(passed_on, there.key)).reason == "other-recipient"
    finally:
        mallory.close()


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_a_key_that_is_not_good_any_more_signs_nothing(house: Installation, there: Town, end: str) -> None:
    """What a Regional Organisation signed is not taken once its certificate has expired or is revoked."""
    theirs = Regional("Theirs")
    try:
        theirs.knows(there)
        octets = theirs.sealed(theirs.document(there.key, EMMA), there.key)
        if end == "expired":
            theirs.gpg("--quick-set-expire", theirs.fingerprint, "seconds=1")
            time.sleep(2)
        else:
            made = (theirs.home / "openpgp-revocs.d" / f"{theirs.fingerprint}.rev").read_bytes()
            theirs.gpg("--import", data=made.replace(b":-----BEGIN", b"-----BEGIN"))
        over = theirs.gpg("--armor", "--export", theirs.fingerprint).stdout
        assert end in refused(house, theirs, octets, over).detail
        assert taken(house, theirs, octets) == 1
        there.run("contacts", "forget", "CENTR")
    finally:
        theirs.close()


# --- the document ------------------------------------------------------------------------------------------------------


def test_a_document_that_is_not_one_bundle_is_refused(house: Installation, there: Town, regional: Regional) -> None:
    """Not JSON, JSON that programs read in two ways, another version, keys too many or missing, wrong types, wrong dates."""
    good = regional.document(there.key, EMMA)
    text, now = json.dumps(good), int(time.time())
    cases: list[tuple[object, str]] = [
        (b"", "not-json"),
        (b'{"canary', "not-json"),
        (b"\xff\xfe{}", "not-json"),
        (text[:-1].encode() + b', "made": "canary"}', "not-json"),
        (text.replace('"contacts": [', '"contacts": [NaN, ').encode(), "not-json"),
        (text.replace('"contacts": [', '"contacts": [-Infinity, ').encode(), "not-json"),
        (text.replace('"contacts": [', f'"contacts": [{"9" * 100_000}, ').encode(), "not-json"),
        (b"[" * 1_000_000, "not-json"),
        (text.replace('"contacts": [', f'"contacts": [{"[" * 200_000}{"]" * 200_000}, ').encode(), "not-json"),
        (b"[]", "not-a-bundle"),
        (b'"canary"', "not-a-bundle"),
        ({"canary": 1}, "not-a-bundle"),
        *((good | {"securelist-bundle": version}, "unknown-version") for version in (2, 0, "1", True, 1.0, None, [1])),
        (good | {CANARY: 1}, "wrong-keys"),
        ({key: value for key, value in good.items() if key != "made"}, "wrong-keys"),
        *((good | {"source": source}, "wrong-type") for source in ("canary", {}, {**good["source"], CANARY: 1})),
        *((good | {"source": good["source"] | {"fingerprint": wrong}}, "wrong-type") for wrong in (1, "canary", "0" * 39)),
        *((good | {"source": good["source"] | {"address": wrong}}, "wrong-type") for wrong in (1, "canary", "<b>@canary.example")),
        (good | {"source": good["source"] | {"fingerprint": there.key}}, "other-source"),
        *((good | {"made": wrong}, "wrong-type") for wrong in (now, "canary", "2026-11-22", "2026-02-30T00:00:00Z", iso(now)[:-1])),
        (good | {"made": iso(now + 3600)}, "from-the-future"),
        (good | {"made": "0001-01-01T00:00:00Z"}, "too-old"),
        *((good | {"recipient": wrong}, "wrong-type") for wrong in (1, None, "canary")),
        (good | {"recipient": regional.fingerprint}, "other-recipient"),
        *((good | {"contacts": wrong}, "wrong-type") for wrong in ({}, None, "canary", 7)),
    ]
    found = [(document, refused(house, regional, regional.sealed(document, there.key)).reason) for document, _ in cases]
    assert not [(str(document)[:120], reason) for (document, reason), (_, wanted) in zip(found, cases, strict=True) if reason != wanted]


def test_a_bundle_that_costs_too_much_is_refused(house: Installation, there: Town, regional: Regional) -> None:
    """What unpacks to fifty megabytes, whatever kind of compression, and a hundred thousand contacts."""
    bomb = regional.document(there.key, EMMA | {"name": "A" * 50 * 10**6})
    for kind in ("zip", "zlib", "bzip2"):
        octets = regional.sealed(bomb, there.key, "--compress-algo", kind)
        assert len(octets) < 10**6
        assert refused(house, regional, octets).reason == "too-large"
    many = regional.document(there.key, *[{"cctld": "be", "name": CANARY, "emails": [f"{n}@x.example"]} for n in range(100_000)])
    problem = refused(house, regional, regional.sealed(many, there.key))
    assert (problem.reason, "100,000" in problem.detail) == ("too-many-contacts", True)
    bad = regional.document(there.key, *[EMMA | {"name": f"<{CANARY}>"} for _ in range(MAX_CONTACTS)])
    problem = refused(house, regional, regional.sealed(bad, there.key))
    assert (problem.reason, problem.detail.count("row ")) == ("bad-row", 3)


# --- its rows ----------------------------------------------------------------------------------------------------------

# What is wrong in a row, and what the refusal says of it.
ROWS: list[tuple[dict[str, Any], str]] = [
    ({"phones": ["06 canary"]}, "(.be): Phone: a phone number is international"),
    ({"phones": ["112"]}, "(.be): Phone: a phone number is international"),
    ({"phones": ["+32 2 555 0101\n"]}, "(.be): Phone: the invisible or control character U+000A"),
    ({"phones": ["+32 2 555 0101"] * 2}, "(.be): Phone: this Phone was given already"),
    ({"phones": "+32 2 555 0101"}, "(.be): phones: an array of at most 5 texts"),
    ({"phones": [f"+32 2 555 010{n}" for n in range(6)]}, "(.be): phones: an array of at most 5 texts"),
    ({"phones": [32]}, "(.be): phones: an array"),
    ({"phones": [None]}, "(.be): phones: an array"),
    ({"emails": []}, "(.be): name and emails: there must be"),
    ({"emails": [""]}, "(.be): Email"),
    ({"emails": ["canary"]}, "(.be): Email: an address has the form name@domain.example"),
    ({"emails": ["canary@\ue000.example"]}, "(.be): Email: an address has the form name@domain.example"),
    ({"emails": ["Canary <canary@be.example>"]}, "(.be): Email: an address has the form name@domain.example"),
    ({"emails": [f"{'canary' * 50}@be.example"]}, "(.be): Email: an address has the form name@domain.example and at most 254"),
    ({"emails": ["canary@be.example", "CANARY@be.example"]}, "(.be): Email: this Email was given already"),
    ({"emails": "canary@be.example"}, "(.be): emails: an array of at most 5 texts"),
    ({"cctld": "canary"}, "row 2: cctld: the ASCII label of a ccTLD"),
    ({"cctld": "BE"}, "row 2: cctld: the ASCII label of a ccTLD"),
    ({"cctld": ["be"]}, "row 2: cctld: the ASCII label of a ccTLD"),
    ({"name": ""}, "(.be): name and emails"),
    ({"name": 7}, "(.be): name: a text"),
    ({"name": "  "}, "(.be): name and emails"),
    ({"name": "canary" * 20}, "(.be): Name has at most 100 characters, this has 120"),
    ({"name": "<b onclick='canary'>Emma</b>"}, "(.be): Name: it must not contain <"),
    ({"name": 'Emma "canary"'}, '(.be): Name: it must not contain "'),
    ({"name": "Emma\u202eyranac"}, "(.be): Name: the invisible or control character U+202E is not allowed"),
    ({"name": "can\u200bary"}, "(.be): Name: the invisible or control character U+200B is not allowed"),
    ({"name": "can\x1b[2Jary"}, "(.be): Name: the invisible or control character U+001B is not allowed"),
    ({"name": "can\ud800ary"}, "(.be): Name: the invisible or control character U+D800 is not allowed"),
    ({"name": "canary\r\nBcc: x@y.example"}, "(.be): Name: the invisible or control character U+000D is not allowed"),
    ({"name": "e" + "\u0301" * 40}, "(.be): Name must not contain characters that look like blanks"),
    ({"name": "0123 4567 89AB CDEF 0123"}, "(.be): Name must not contain what looks like a fingerprint"),
    ({"organisation": "canary Key: 1"}, "(.be): Organisation must not contain Key:"),
    ({"organisation": "canary\u2066"}, "(.be): Organisation: the invisible or control character U+2066"),
    ({"organisation": ["canary"]}, "(.be): organisation: a text"),
    ({"timezone": "can ary"}, "(.be): Timezone: a time zone is a name"),
    ({"fingerprint": "canary"}, "(.be): fingerprint: given in full"),
    ({"fingerprint": 1}, "(.be): fingerprint and certificate: texts"),
    ({"certificate": "canary"}, "(.be): certificate: its fingerprint must be there, too"),
    ({"certificate": "canary", "fingerprint": "0" * 40}, "(.be): certificate: GnuPG and Sequoia must both read it"),
    ({"certificate": "canary\u00e9", "fingerprint": "0" * 40}, "(.be): certificate: ASCII armour"),
    ({"certificate": "A" * 600_000, "fingerprint": "0" * 40}, "(.be): certificate: ASCII armour, of at most 512 KiB"),
    ({"confirmed": "canary"}, "(.be): a time in UTC is written as"),
    ({"until": 1}, "(.be): a time in UTC is written as"),
    ({"confirmed": "2999-01-01T00:00:00Z"}, "(.be): confirmed: nobody can have confirmed it after"),
    ({"canary": 1}, "(.be): there is a key in it that is none of cctld"),
    ({"share": "regional"}, "(.be): there is a key in it that is none of cctld"),
    ({"emails": ["first@be.example"]}, "(.be): the same ccTLD and first address stand in row 1"),
]
FIRST = {"cctld": "be", "name": "First", "emails": ["first@be.example"]}


def test_a_bad_row_is_named_and_nothing_is_imported(house: Installation, there: Town, regional: Regional) -> None:
    """Each rule that a row can break is said with the row's number, and not what stood there; the good row before is not taken either."""
    wrong = []
    for change, rule in ROWS:
        document = regional.document(there.key, FIRST, EMMA | change)
        problem = refused(house, regional, regional.sealed(document, there.key))
        if problem.reason != "bad-row" or "row 2" not in problem.detail or rule not in problem.detail:
            wrong.append((change, problem.detail))
    assert not wrong
    for row in (None, 7, CANARY, [], {}, {"cctld": "be"}):
        problem = refused(house, regional, regional.sealed(regional.document(there.key, FIRST, row), there.key))
        assert (problem.reason, "row 2" in problem.detail) == ("bad-row", True), row


def test_a_persons_certificate_is_theirs_and_public(house: Installation, there: Town, regional: Regional, people: People) -> None:
    """One that is another's, two at once, a secret key, or one that an engine refuses makes its row a bad one."""
    emma, other = (people.make(name, f"{name}-{there.home.parent.name}@be.example") for name in ("Emma", "Other"))
    secret = people.gpg("--armor", "--export-secret-keys", emma.fingerprint).decode()
    weak = people.make("Weak", f"weak-{there.home.parent.name}@be.example", "rsa1024")
    cases = [
        (other.certificate.decode(), emma.fingerprint, "it is another one than that of the fingerprint"),
        (people.gpg("--armor", "--export", emma.fingerprint, other.fingerprint).decode(), emma.fingerprint, "exactly one"),
        (secret, emma.fingerprint, "(secret-key)"),
        (weak.certificate.decode(), weak.fingerprint, "(weak-key)"),
        (emma.certificate.decode()[:-300], emma.fingerprint, "GnuPG and Sequoia must both read it"),
    ]
    for armored, fingerprint, rule in cases:
        row = EMMA | {"certificate": armored, "fingerprint": fingerprint}
        problem = refused(house, regional, regional.sealed(regional.document(there.key, row), there.key))
        assert (problem.reason, rule in problem.detail) == ("bad-row", True), problem.detail
    for where in there.home.rglob("*"):
        assert secret.encode()[200:260] not in (where.read_bytes() if where.is_file() else b""), where


# --- what may be there, and must stay harmless -------------------------------------------------------------------------


def test_formulas_and_markup_stay_text_in_every_form(there: Town, regional: Regional, house: Installation, tmp_path: Path) -> None:
    """A formula and an entity in a name, which the rules allow, calculate nothing and become no markup anywhere."""
    rows = [
        EMMA | {"name": "=1+cmd|'/C calc'!A0", "organisation": "+SUM(A1:A9)", "phones": ["+32 2 555 0101"]},
        EMMA | {"cctld": "lu", "name": "&lt;script&gt;alert(1)&lt;/script&gt;", "organisation": "{{ 7*7 }}", "emails": ["=1+1@lu.example"]},
        EMMA | {"cctld": "fr", "name": "  Zoé \u00a0  Müller ", "organisation": ";;N:x"},
    ]
    assert taken(house, regional, regional.sealed(regional.document(there.key, *rows), there.key)) == 3
    shown = [one.person.name for one in repository(house, int(time.time())).imported]
    assert "Zoé Müller" in shown
    forms = everything(there, tmp_path / "forms")
    cells = [cell for line in forms["contacts.csv"].splitlines()[1:] for cell in line.split(",")]
    assert not [cell for cell in cells if cell.strip('"')[:1] in ("=", "@", "+", "-")]
    assert "<script>alert" not in forms["contacts.html"]
    assert "49" not in forms["contacts.txt"][forms["contacts.txt"].index("{{ 7*7 }}") :][:40]
    assert "\nN:x" not in (forms["contacts.vcf"] + forms["contacts-phone.vcf"]).replace("\r", "")
    there.run("contacts", "forget", "CENTR")


def test_nothing_of_a_refused_bundle_is_left_or_told(there: Town, regional: Regional, tmp_path: Path) -> None:
    """Neither the answer nor any file, temporary or of the list, has a word of it; the journal and the tables are as they were."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    row = EMMA | {"name": f"{CANARY} Peeters", "organisation": f"{CANARY}\u202e", "emails": [f"{CANARY}@be.example"], "phones": ["canary"]}
    file = tmp_path / "bundle.asc"
    file.write_bytes(regional.sealed(regional.document(there.key, row), there.key))
    command = [SECURELIST, "--home", str(there.home), "contacts", "import", str(file), "--from", regional.file, "--name", "CENTR"]
    for more, where in (([], "stderr"), (["--json"], "stdout")):
        done = subprocess.run([*command, *more], capture_output=True, env=os.environ | {"TMPDIR": str(temporary)}, check=False)
        assert done.returncode == 65
        assert CANARY.encode() not in done.stdout + done.stderr
        assert b"row 1 (.be): " in getattr(done, where)
    assert not list(temporary.iterdir())
    assert file.exists()
    assert not [path for path in there.home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize("name", ["", " ", "<b>", "CEN\u200bTR", "CENTR\n", "x" * 101, "CENTR Key: 1"])
def test_a_sources_name_is_one_that_can_be_shown(regional: Regional, name: str) -> None:
    """It stands beside each of their contacts: one clear line of at most a hundred characters."""
    with pytest.raises(UsageError) as caught:
        Sender(one_certificate(regional.certificate), name)
    assert caught.value.reason == "bad-name"
