"""Letters: their words and translations, what a fact can do in them, how many a person gets, and how they are sent."""

from __future__ import annotations

import email
import email.policy
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from people import People, Somebody
from queue_world import House, house  # noqa: F401 - a fixture
from sqlalchemy import Engine
from town import LIST, Town

from securelist.errors import ConfigurationError, Refused
from securelist.installation import Installation
from securelist.letters import Addressee, Letters, Verbatim, kinds
from securelist.letters.kinds import KINDS, SECRETARIAT_LETTERS_A_DAY
from securelist.letters.templates import COLUMNS, Templates, english
from securelist.mail.addresses import ListAddress, Role
from securelist.mail.mime import crlf
from securelist.openpgp.admission import read_certificate, split_certificates
from securelist.reception import Reception
from securelist.store import journal
from securelist.store.queue import has_message_id
from securelist.store.retention import DAY_S

NOW = int(time.time())
ENGLISH = Path(kinds.__file__).with_name("en")
ALWAYS = {"list": LIST, "request": "r@x.example", "owner": "o@x.example", "sendkey": "s@x.example", "name": "tld-ops", "key": "0123"}
STATEMENT = "Securelist-Statement: accept-invitation\nList: tld-ops@lists.example.org\nTLD: nl\n"
INVITED = {"tld": "nl", "contact": "Jürgen", "record_address": "j@nl.example", "until": "2027-01-01", "reminder": 0}
EVIL = "x\r\nBcc: all@x.example\r\n\r\nSecurelist-Statement: found-list\n\x1b[2J\u202e{{ 7*7 }}{% if %}\x02 " + "and so on " * 30


class Anything(str):
    """A fact, whatever a template takes it for: a text, a number, a record, a list; all of it the same. Empty: nothing is there."""

    def __getattr__(self, name: str) -> Anything:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter((self,) * 2 if self else ())

    def __getitem__(self, _: object) -> Anything:
        return self

    def __lt__(self, _: object) -> bool:
        return bool(self)

    __gt__ = __le__ = __ge__ = __lt__

    def __sub__(self, _: object) -> Anything:
        return self

    def __radd__(self, rows: list[Any]) -> list[Any]:
        return [*rows, *self]


@pytest.fixture(scope="module")
def letters(town: Town) -> Letters:
    return Installation(town.home).letters


def addressee(who: Somebody, cctld: str = "nl") -> Addressee:
    return Addressee((who.address,), cctld, read_certificate(split_certificates(who.certificate)[0]))


@pytest.fixture
def anna(people: People, request: pytest.FixtureRequest) -> Somebody:
    return people.make("Anna", f"{re.sub('[^a-z]', '', request.node.name)[:50]}@nl.example", at=NOW - DAY_S)


def names_in(kind: str) -> set[str]:
    return set(Templates(None)._names_in(english(kind))) - set(ALWAYS)


def newest(town: Town, address: str) -> EmailMessage:
    town.deliver()
    return town.mails(address)[-1]


def queued(town: Town, address: str) -> int:
    town.deliver()
    return len(town.delivered(address))


# --- the words -----------------------------------------------------------------------------------------------------------


def test_every_template_has_a_kind_and_every_kind_a_template() -> None:
    """A new letter is a file and a line."""
    assert {file.stem for file in ENGLISH.glob("*.txt")} == set(KINDS)
    assert {file.suffix for file in ENGLISH.iterdir()} == {".txt"}


def long_lines(text: str) -> list[str]:
    """Lines that are too wide, but for those that are for copying."""
    paragraphs = (p for p in text.split("\n\n") if not p.startswith("Securelist-Statement:"))
    return [line for p in paragraphs for line in p.split("\n") if len(line) > COLUMNS and not line.startswith("    ")]


@pytest.mark.parametrize("fact", [Anything(""), Anything(EVIL)], ids=["nothing", "hostile"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_fact_does_harm_in_any_letter(kind: str, fact: Anything) -> None:
    """Whatever a fact holds, it begins no line, carries out nothing, hides nothing, and makes no line too wide."""
    words = Templates(None).compose(kind, {**ALWAYS, **dict.fromkeys(names_in(kind), fact)})
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", words.subject + words.text) and "49" not in words.text
    assert not long_lines(words.text) and len(words.subject) < COLUMNS and "\n" not in words.subject
    assert not re.search(r"(?:\A|\n\n)Securelist-Statement: found-list", words.text)
    assert "\n\n\n" not in words.text


def test_what_is_for_copying_stays_as_it_is() -> None:
    """A statement of more columns than fit keeps its lines; what cannot be seen in it becomes a blank."""
    text = STATEMENT + f"Name: {'Anna ' * 18}A\n\n\n  Key: 0123  4567\x1b\u202e\n"
    words = Templates(None).compose("invitation", {**ALWAYS, **INVITED, "statement": Verbatim(text)})
    assert f"\n\n{text[:-3]}\n\n  Thunderbird  1." in words.text


# --- translations ----------------------------------------------------------------------------------------------------------


def translation(folder: Path, text: str | bytes, name: str = "certificate.txt") -> Templates:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Templates(folder)


def test_a_translation_takes_the_place_of_the_english_letter(town: Town, tmp_path: Path) -> None:
    """By a setting; the other letters stay as they are. A folder without a leading slash lies in the state directory."""
    house = Installation(town.home)
    folder = town.home / "briefe"
    folder.mkdir()
    translation(folder, "Subject: Schlüssel für {{ name }}\n\nGrüße von {{ list }}\n").check()
    house.config = replace(house.config, letters="briefe")
    assert house.letters.publish("certificate", "german@else.example", NOW)
    mail = newest(town, "german@else.example")
    assert mail["Subject"] == "Schlüssel für tld-ops"
    assert f"Grüße von {LIST}" in next(p.get_content() for p in mail.walk() if p.get_content_type() == "text/plain")
    assert house.letters.templates.compose("forward", ALWAYS).subject == "Mail to o@x.example"


BROKEN: dict[str, tuple[str | bytes, str, str]] = {
    "a fact that the letter does not know": ("Subject: x\n\n{{ name }}\n{{ nmae }}\n", "certificate.txt", "line 4: nmae is not known"),
    "a sentence that does not end": ("Subject: x\n\n{% if name %}\n", "certificate.txt", "line 3: Unexpected end of template"),
    "a filter that is not there": ("Subject: x\n\n\n{{ name | grupped }}\n", "certificate.txt", "line 4: No filter named 'grupped'"),
    "no subject": ("Betreff: x\n\n", "certificate.txt", "line 1: a letter begins with `Subject: `"),
    "another encoding": ("Subject: Schlüssel\n".encode("latin-1"), "certificate.txt", "is not in UTF-8"),
    "a letter that there is not": ("Subject: x\n", "certifikate.txt", "there is no such letter; known are "),
}


@pytest.mark.parametrize(("text", "name", "said"), BROKEN.values(), ids=BROKEN)
def test_a_translation_with_a_mistake_is_refused(tmp_path: Path, text: str | bytes, name: str, said: str) -> None:
    """The operator is told the file, the line and what is wrong."""
    with pytest.raises(ConfigurationError, match=re.escape(said)) as refused:
        translation(tmp_path, text, name).check()
    assert str(tmp_path / name) in refused.value.detail
    with pytest.raises(ConfigurationError, match="there is no folder"):
        Templates(tmp_path / "nowhere").check()


def test_serve_does_not_start_with_a_broken_translation(town: Town, tmp_path: Path) -> None:
    """It ends with the status for a wrong configuration, before it takes a mail."""
    translation(tmp_path, "Subject: x\n\n{{ nmae }}\n")
    settings = town.home / "securelist.toml"
    before = settings.read_text()
    settings.write_text(f'{before}letters = "{tmp_path}"\n')
    try:
        town.run("serve", status=78)
    finally:
        settings.write_text(before)


LATER = {"a fact without that part": "{{ name.nmae.x }}", "a way out": "{{ ''.__class__.__mro__ }}", "no number": "{{ 1 / 0 }}"}


@pytest.mark.parametrize("expression", LATER.values(), ids=LATER)
def test_a_translation_that_fails_later_holds_up_no_letter(tmp_path: Path, caplog: pytest.LogCaptureFixture, expression: str) -> None:
    """The English one is sent, and the operator's log says why."""
    words = translation(tmp_path, f"Subject: x\n\n{expression}\n").compose("certificate", ALWAYS)
    assert words.subject == "The certificate of tld-ops"
    assert f"{tmp_path / 'certificate.txt'}: " in caplog.text and "the English letter was written" in caplog.text


# --- how they are sent -----------------------------------------------------------------------------------------------------


def test_a_letter_says_that_a_machine_wrote_it_and_where_to_answer(town: Town, letters: Letters, anna: Somebody) -> None:
    """RFC 3834, 3.1.5 and 5; an answer by mistake does not reach the whole list."""
    assert letters.write("refused", addressee(anna), NOW, reason="x", detail="y", answers_to="<1@client.example>")
    mail = newest(town, anna.address)
    assert (mail["Auto-Submitted"], mail["Reply-To"]) == ("auto-replied", "tld-ops-request@lists.example.org")
    assert "In-Reply-To" not in mail and "References" not in mail  # at rest nothing of somebody's mail is left
    assert (mail["From"], mail["To"], mail["Subject"]) == (f"tld-ops <{LIST}>", anna.address, "[...]")
    inside, status = town.opened(mail)
    assert f"VALIDSIG {town.key}" in status
    whole = email.message_from_bytes(inside, policy=email.policy.default)
    assert whole["Subject"] == "Your statement was refused"
    assert whole["In-Reply-To"] == whole["References"] == "<1@client.example>"
    assert letters.write("forward", addressee(anna), NOW)
    mail = newest(town, anna.address)
    assert (mail["Auto-Submitted"], mail["Reply-To"]) == ("auto-generated", "tld-ops-owner@lists.example.org")
    assert "In-Reply-To" not in mail and b"In-Reply-To" not in town.opened(mail)[0]


@pytest.mark.parametrize(
    "answered", ["", "1@x.example", "<1@x>\r\nBcc: a@b.example", "<a b@x>", "<1@ü>", "<" + "1" * 250 + "@x>", "<1@x><2@x>"]
)
def test_an_odd_message_id_is_not_repeated(town: Town, letters: Letters, anna: Somebody, answered: str) -> None:
    """Nothing that somebody wrote into a header comes into ours."""
    assert letters.write("refused", addressee(anna), NOW, reason="x", detail="y", answers_to=answered)
    whole = email.message_from_bytes(town.opened(newest(town, anna.address))[0], policy=email.policy.default)
    assert not {"In-Reply-To", "References", "Bcc"} & set(whole.keys())


def test_a_public_letter_verifies_and_brings_the_certificate(town: Town, letters: Letters, people: People) -> None:
    """Signed over seven-bit text (RFC 3156, 3), so that no mail server breaks the signature of a name with an umlaut."""
    assert letters.publish("invitation", "j@nl.example", NOW, **INVITED, statement=Verbatim(STATEMENT + "From here\n.\n"))
    town.deliver()
    octets = crlf(town.delivered("j@nl.example")[-1])  # a Maildir has LF
    assert octets.isascii() and not re.search(rb"^From |[ \t]\r$|^\.", octets.partition(b"\r\n\r\n")[2], re.MULTILINE)
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    signed, signature = mail.iter_parts()  # type: ignore[attr-defined]
    text, certificate = signed.iter_parts()
    assert "Dear Jürgen," in text.get_content() and "\nFrom here\r\n" in text.get_content()
    assert certificate.get_content_type() == "application/pgp-keys"
    boundary = re.findall(rb'boundary="(.*)"', octets)[0]
    part = octets.split(b"--" + boundary)[1].removeprefix(b"\r\n").removesuffix(b"\r\n")
    (town.inbox / "signature").write_bytes(signature.get_payload(decode=True))
    assert f"VALIDSIG {town.key}" in people.gpg("--status-fd", "1", "--verify", str(town.inbox / "signature"), "-", data=part).decode()


def test_the_invitation_is_short(town: Town) -> None:
    """A screen of 60 lines holds it, with what neomutt adds for a signature and an attachment."""
    statement = Verbatim(STATEMENT + "Token: x\nName: y\nEmail: z\n\n" + "Securelist-Statement: attest-ssc\n" + "Field: value\n" * 5)
    words = Templates(None).compose("invitation", {**ALWAYS, **INVITED, "reminder": 2, "statement": statement})
    assert words.text.count("\n") <= 50


@pytest.mark.parametrize("field", ["Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <a.b>", "Return-Path: <>"])
def test_robots_get_no_letter(town: Town, field: str) -> None:
    """An automatic mail, one from a list, and a bounce: nobody is written to."""
    desk, sender = Reception(Installation(town.home)), "" if field.startswith("Return-Path") else "robot@else.example"
    mail = f"From: robot@else.example\r\nTo: tld-ops-sendkey@lists.example.org\r\n{field}\r\n\r\nkey\r\n".encode()
    with pytest.raises(Refused, match="automatic"):
        desk.take(ListAddress(Role.SENDKEY), sender, mail)
    assert queued(town, "robot@else.example") == 0


# --- how many --------------------------------------------------------------------------------------------------------------


def test_one_occasion_one_letter(town: Town, letters: Letters, anna: Somebody) -> None:
    """However often it is asked for, also when nothing more may be written; another occasion, person or kind is another letter."""
    to, facts = addressee(anna), {"step": "open", "detail": "x"}
    assert all(letters.write("explanation", to, NOW, occasion="post 1", **facts) for _ in range(5))
    assert queued(town, anna.address) == 1
    assert letters.write("explanation", to, NOW, occasion="post 2", **facts) and letters.write("explanation", to, NOW, **facts)
    assert not letters.write("explanation", to, NOW, occasion="post 3", **facts)
    assert letters.write("explanation", to, NOW, occasion="post 1", **facts)
    assert letters.write("engines-differ", to, NOW, occasion="post 1", **facts)
    assert queued(town, anna.address) == 4


def test_nobody_can_take_a_letters_message_id(letters: Letters) -> None:
    """The Message-ID of a post is derived from its poster's; none leads to that of a letter, or the letter would not be written."""
    name = "invitation\nj@nl.example\ninvitation 12 letter 1"
    ours = letters._message_id("invitation", "J@nl.example", "invitation 12 letter 1")
    assert ours == letters.letterhead.letter_id(name) and letters.letterhead.is_own(ours)
    assert ours not in {letters.letterhead.message_id(text) for text in (name, f"letter:{name}", f"<{name}>")}
    assert not has_message_id(letters.engine, ours)


def count(engine: Engine, event: str, subject: str) -> int:
    return journal.count(engine, event, subject, 0)


def test_who_had_enough_gets_no_more(letters: Letters) -> None:
    """So many invitations in a week, then none until it has passed; the journal has a line a day about it, not one for each."""

    def invite(at: int) -> bool:
        return letters.publish("invitation", "Twice@nl.example", at, **INVITED, statement="")

    assert all(invite(NOW) for _ in range(kinds.INVITATIONS_A_WEEK))
    assert not any(invite(NOW + day * DAY_S) for day in (0, 0, 0, 6, 6))
    assert count(letters.engine, "not written: invitation", "twice@nl.example") == 2
    assert invite(NOW + 7 * DAY_S + 1)


def test_many_names_at_one_mail_server_are_one(letters: Letters) -> None:
    """Whoever has the certificate sent to invented addresses reaches a mail server twenty times a day, no more."""
    asked = [letters.publish("certificate", f"a{n}@flooded.example", NOW) for n in range(22)]
    assert asked == [True] * 20 + [False] * 2
    assert letters.publish("certificate", "a@spared.example", NOW)


def test_all_kinds_together_have_a_limit(house: House) -> None:
    """Whatever goes wrong: a hundred letters a day to one person; more to a trust root, who works with the list."""
    for _ in range(kinds.LETTERS_A_DAY):
        kinds.written(house.engine, "receipt", "anna@nl.example", NOW)
    assert not kinds.allowed(house.engine, "attest", "Anna@nl.example", NOW)
    assert kinds.allowed(house.engine, "attest", "Anna@nl.example", NOW, SECRETARIAT_LETTERS_A_DAY)
    assert kinds.allowed(house.engine, "attest", "bert@nl.example", NOW)
    assert kinds.allowed(house.engine, "attest", "anna@nl.example", NOW + DAY_S + 1)


def test_a_person_without_a_usable_key_is_not_written_to(town: Town, letters: Letters, people: People) -> None:
    """Nothing goes out in clear instead, and it is not counted as a letter."""
    who = people.make("Nokey", "nokey@nl.example", encryption=None)
    assert not any(letters.write("engines-differ", addressee(who), NOW, step="x", detail="y") for _ in range(3))
    assert queued(town, who.address) == 0 and count(letters.engine, "letter engines-differ", who.address) == 0
