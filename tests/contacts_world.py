"""A crowd of contacts in memory, plausible and awkward, always the same for the same numbers; and certificates for them by the hundred."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from people import People

from securelist.cctld.cctlds import CcTld, cctlds
from securelist.contacts.contact import Contact, Imported, place
from securelist.contacts.freshness import overdue_from
from securelist.contacts.repository import Repository
from securelist.openpgp.sequoia import fingerprint_of, split_certificates
from securelist.trust.entry import Head
from securelist.trust.statement import Person

AT = 1_795_305_600  # 2026-11-22 00:00 UTC
DAY_S = 86_400
LIST = "tld-ops@lists.example.org"
NAME = "tld-ops"
LIST_KEY = "5EC0" * 10
CONFIRM_DAYS = 120

# Whom a test may look for by name: always the first contact of .tz.
TZ_NAME = "Amina Mwinyi"
TZ_PHONE = "+255 22 277 2659"
TZ_MOBILE = "+255 754 331 207"

# These are there however few ccTLDs are asked for, in this order.
FIRST = ("tz", "nl", "br", "xn--p1ai", "us", "xn--mgbaam7a8h", "ky", "xn--fiqs8s", "za", "ws")

# More than a statement lets through: what is imported, and what was certified, comes from elsewhere.
AWKWARD = (
    "O'Neill, Jr., Séamus", 'Bert "Bob" Bakker', "Semi;colon: and, comma", "Ngô Đình Nguyễn Thị Hồng-Ánh", "عائشة بنت محمد", "王秀英",
    "שרה לוי", '=HYPERLINK("http://evil.example/";"Call me")', "+43 Wien Leitstelle", "@SUM(1+1)*cmd|' /C calc'!A0", "\tTab Tabor",
    "-2+3 Minus", "\uff1dSUM(A1:A9)", "Zoe\u0308 Mu\u0308ller", "A\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308 Zalgo",
    "Invoice\u202egpj.exe", "zero\u200bwidth\ufeff Joiner", "<b onmouseover=alert(1)>Bold</b>", "<script>fetch('//evil.example')</script>",
    "back\\slash \\n \\, \\;", "{{ 7*7 }} {% raw %}", "line\u2028separator\u0085next", "\rCarriage Return", "😀 Emoji 👩‍💻", "Nameless",
    "Wolfeschlegelsteinhausenbergerdorff-Longname von und zu der Mühle am Bach im Tal",
    "กรุงเทพมหานคร สมชาย", "Σίσυφος Παπαδόπουλος", "Владимир Ильич", "দেবী রায়", "&amp; Söhne & Co", "'Apostrophe first", "N;A;M;E\\",
)  # fmt: skip
ORGANISATIONS = (
    "", "Registry of {}", "NIC.{}, Ltd.", 'The "{}" Network; Information & Numbers', "Registre\u2028de .{}", "=1+1 {}", "هيئة {}",
    "{} 互联网",
    "A very long organisation's name that goes on for longer than a line of seventy-six columns, for .{}",
)  # fmt: skip
TIMEZONES = ("", "Europe/Amsterdam", "America/Sao_Paulo", "UTC+05:45", "Africa/Dar_es_Salaam", "America/Argentina/Buenos_Aires")
GIVEN = ("Anna", "Bert", "Carla", "Dieter", "Esra", "Femke", "Grace", "Hugo", "Inés", "Jürgen", "Kwame", "Łucja", "Māra", "Nuño", "Olu")
FAMILY = ("de Vries", "Nakamura", "Okafor", "Silva", "Østergård", "Müller", "Ivanova", "Garcia Marquez", "Smith", "Tamm", "Þórsdóttir")
WHYS = (
    "the certificate expired on 2026-10-01", "no address works: member@registry.example: 550 5.1.1 No such user; =cmd()",
    "the certificate has no subkey that can be encrypted to, and this takes more words to say than fit on one line of a terminal",
)  # fmt: skip
SOURCES = (("AFTLD", 12), ("LACTLD, Montevideo", 40), ("=CENTR", 300))


def alone(one: Contact | Imported, world: Repository) -> Repository:
    """A repository like another, with this one contact in it."""
    attested = isinstance(one, Contact)
    return replace(world, contacts=(one,) if attested else (), imported=() if attested else (one,))


def crowd(
    cctlds: int = 300,
    members: int = 900,
    certificates: Sequence[tuple[str, bytes]] | None = None,
    at: int = AT,
    imported: int = 40,
    *,
    suspended: bool = True,
) -> Repository:
    """A repository of so many ccTLDs (with .tz always) and members, three to a ccTLD or fewer, and so many imported contacts.

    `certificates` are (fingerprint, binary certificate), for the members in turn; without any they are made up, as large as real ones.
    Some are suspended, unless `suspended` says that none is.
    """
    here, absent = _chosen(cctlds)
    dice = random.Random(f"{cctlds} {members}")
    owned = certificates or [_made_up(number) for number in range(members)]
    contacts = [_contact(dice, number, here[number % len(here)], owned[number % len(owned)], at) for number in range(members)]
    others = [_imported(dice, number, (absent + here)[number % (len(here) + len(absent))], at) for number in range(imported)]
    if not suspended:
        contacts = [replace(one, state="active", why="") if one.state == "suspended" else one for one in contacts]
    contacts.sort(key=lambda one: (place(one.cctld), one.person.name, one.person.emails))
    others.sort(key=lambda one: (place(one.cctld), one.person.name, one.source))
    return Repository(
        LIST, NAME, LIST_KEY, at, Head(members * 3 + 2, hashlib.sha256(b"head").hexdigest()), tuple(contacts), tuple(others),
        tuple(sorted(absent, key=place)),
    )  # fmt: skip


def many_certificates(number: int) -> list[tuple[str, bytes]]:
    """So many new Ed25519 certificates with a subkey for encryption, (fingerprint, binary), by one call of gpg: some 20 ms each."""
    people = People(Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp")))
    try:
        people.gpg("--gen-key", data="".join(map(_parameters, range(number))).encode())
        return [(fingerprint_of(one), one) for one in split_certificates(people.gpg("--export"))]
    finally:
        people.close()


def _parameters(number: int) -> str:
    """What gpg's unattended key generation reads (doc/DETAILS of GnuPG)."""
    return (
        "%no-protection\nKey-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: cert,sign\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\n"
        f"Subkey-Usage: encrypt\nName-Real: Member {number:04}\nName-Email: member{number}@registry.example\nExpire-Date: 2y\n%commit\n"
    )


def _chosen(number: int) -> tuple[list[CcTld], list[CcTld]]:
    """So many of the ccTLDs, and the others."""
    others = [name for name in cctlds() if name not in FIRST]
    random.Random(number).shuffle(others)
    names = [*FIRST, *others]
    return [cctlds()[name] for name in names[:number]], [cctlds()[name] for name in names[number:]]


def _made_up(number: int) -> tuple[str, bytes]:
    return hashlib.sha1(b"%d" % number).hexdigest().upper(), b"\x98" + random.Random(number).randbytes(511)


def _contact(dice: random.Random, number: int, cctld: CcTld, owned: tuple[str, bytes], at: int) -> Contact:
    confirmed = at - dice.randrange(200) * DAY_S
    person = _person(dice, number, cctld)
    state = "unreachable" if number % 23 == 7 else "suspended" if number % 61 == 11 else "active"
    suspended = f"suspended by a trust root, entry {number * 3 + 4}" if state == "suspended" else ""
    why = dice.choice(WHYS) if state == "unreachable" else suspended
    overdue = state != "suspended" and at >= overdue_from(confirmed + CONFIRM_DAYS * DAY_S)
    since = at - dice.randrange(1, 90) * DAY_S if state == "unreachable" and number % 2 else 0
    not_working, expires = person.emails[:1] if number % 17 == 5 else (), at + dice.randrange(20, 360) * DAY_S
    return Contact(
        cctld, person, *owned, "" if number % 41 == 9 else f"{dice.choice(GIVEN)} {dice.choice(FAMILY)}", confirmed - 30 * DAY_S,
        number * 3 + 2, expires, state, why, since, confirmed, overdue, not_working,
    )  # fmt: skip


def _person(dice: random.Random, number: int, cctld: CcTld) -> Person:
    if number == 0:
        return Person(
            TZ_NAME, ("amina@tznic.example", "amina.mwinyi@elsewhere.example"), (TZ_PHONE, TZ_MOBILE),
            "Tanzania Network Information Centre", "Africa/Dar_es_Salaam", True,
        )  # fmt: skip
    name = AWKWARD[number // 5 % len(AWKWARD)] if number % 5 == 2 else f"{dice.choice(GIVEN)} {dice.choice(FAMILY)}"
    emails = tuple(
        f"member{number}{extra}" for extra in ("@registry.example", "@elsewhere.example", "+sms@long.a-label.xn--p1ai")[: 1 + number % 3]
    )
    phones = tuple(_phone(dice, number + more) for more in range((1, 1, 2, 1, 5, 0)[number % 6]))
    organisation = dice.choice(ORGANISATIONS).format(cctld.name.upper())
    return Person(name, emails, phones, organisation, dice.choice(TIMEZONES), number % 3 == 0)


def _phone(dice: random.Random, number: int) -> str:
    digits = f"{dice.randrange(10**8):08}"
    forms = ("+{0} {1} {2}", "+{0} ({1}) {2}", "+{0}-{1}-{2}", "+{0}.{1}.{2}", "+{0} {1} {2} ext. 4711", "+{0}{1}{2}", "+{0} {1} {2} x12")
    return forms[number % len(forms)].format(dice.randrange(20, 999), digits[:3], digits[3:])


def _imported(dice: random.Random, number: int, cctld: CcTld, at: int) -> Imported:
    source, days = SOURCES[number % len(SOURCES)]
    octets = b"" if number % 4 == 0 else random.Random(-number).randbytes(512)
    fingerprint = hashlib.sha1(octets).hexdigest().upper() if octets else ""
    person = _person(dice, 10_000 + number, cctld)
    return Imported(cctld, person, fingerprint, octets, source, at - days * DAY_S, at - dice.randrange(days) * DAY_S)
