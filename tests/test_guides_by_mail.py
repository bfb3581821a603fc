"""Admission by mail as the guides and the letters tell it: whoever types what stands there gets where it says."""

from __future__ import annotations

import ast
import email
import email.policy
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from guide_reader import GUIDES, ROOT, Reader, blocks_of
from people import People, Somebody
from rdap_world import octets, record
from statement_mails import PLAIN, REQUEST, mail, multipart, part
from town import Town, sealed_part

from securelist.commands import commands_for
from securelist.letters.kinds import KINDS
from securelist.letters.templates import english
from securelist.procedures.schedule import LAPSES_AFTER_S, REMINDERS_AFTER_S, REQUESTS_KEPT_S
from securelist.procedures.welcome import UNCONFIRMED_AFTER_S
from securelist.store.retention import DAY_S

OF_RECORD = "admin@registry-de.example"
JAN, ANNA, ERIK = "jan@registry.example", "anna@registry.example", "erik@registry.example"
STRANGER = Somebody("Somebody", "somebody@elsewhere.example", "", b"")


# --- what people do ---------------------------------------------------------------------------------------------------------


def text_of(letter: EmailMessage) -> str:
    """The text that its reader sees."""
    return str(next(p for p in letter.walk() if p.get_content_type() == "text/plain").get_content()).replace("\r\n", "\n")


def letter_to(town: Town, address: str, subject: str, home: Path) -> str:
    """The text of the newest letter with this in its subject, encrypted to somebody whose gpg home that is."""
    for letter in reversed(town.mails(address)):
        opened = subprocess.run(["gpg", "--homedir", str(home), "--batch", "--decrypt"], input=sealed_part(letter), capture_output=True)
        inner = email.message_from_bytes(opened.stdout, policy=email.policy.default)
        if subject in str(inner["Subject"]):
            return text_of(inner)  # type: ignore[arg-type]
    raise AssertionError(f"{address} has no letter {subject!r}")


def statements_in(letter: str) -> str:
    """The text to sign, which ends a letter."""
    return letter[letter.index("Securelist-Statement:") :]


def shown(guide: str, kind: str, **fields: str) -> str:
    """The statements in a guide that begin with this type, with the reader's own values."""
    text = next(block for block in blocks_of((GUIDES / guide).read_text()) if block.startswith(f"Securelist-Statement: {kind}\n"))
    for name, value in {"TLD": "de", **fields}.items():
        text = re.sub(rf"^{name}: .*$", f"{name}: {value}", text, flags=re.MULTILINE)
    return text


def send(town: Town, *entities: bytes) -> None:
    """A mail to LIST-request that nobody signed, from an address that nobody knows; and the letters that follow it."""
    verdict = town.judge(mail(STRANGER, multipart(part(PLAIN, "see below\n"), *entities)), "submit", "--rcpt", REQUEST)
    assert verdict["verdict"] == "accept", verdict
    town.deliver()


def attached(reader: Reader, *names: str) -> tuple[bytes, ...]:
    """Files of somebody's as their mail program attaches them."""
    return tuple(part("application/octet-stream", (reader.folder / name).read_bytes(), "base64", name) for name in names)


def state(town: Town, address: str) -> str:
    """A member's."""
    return str(json.loads(town.run("member", "show", "--json", address))["state"])


@pytest.fixture(scope="module")
def secretariat(town: Town, people: People) -> Iterator[Reader]:
    """The trust root, at a machine with their own key and the list's certificate."""
    reader = Reader("secretariat.md", town.home.parent / "s")
    reader.keep(people, town.root)
    reader.write("list.asc", town.run("key", "show", "--armor"))
    subprocess.run(["gpg", "--homedir", str(reader.folder / "gpg"), "--batch", "--import", "list.asc"], cwd=reader.folder, check=True)
    yield reader
    reader.close()


def command(town: Town, reader: Reader, line: str) -> None:
    """A command, encrypted and signed and sent as the Secretariat's guide says."""
    reader.write("command.txt", f"{line}\n")
    reader.follow("gpg --armor --sign --encrypt", "--trust-model", "always")
    send(town, part(PLAIN, (reader.folder / "command.txt.asc").read_bytes()))


@pytest.fixture(scope="module")
def jan(town: Town, people: People, secretariat: Reader) -> Iterator[Reader]:
    """Jan is invited for .de, answers as the Admin Contact's guide says, and is appointed by what the Secretariat's letter holds."""
    (town.home.parent / "de.json").write_bytes(octets(record("de")))
    town.run("cctld", "import", str(town.home.parent / "de.json"))
    command(town, secretariat, "invite de")
    token = re.search(r"^Token: (\S+)$", text_of(town.mails(OF_RECORD)[-1]), re.MULTILINE)
    assert token
    reader, anna = Reader("admin-contact.md", town.home.parent / "j"), people.make("Anna de Vries", ANNA)
    reader.write("anna.asc", anna.certificate)
    assert ANNA in reader.follow("gpg --show-keys anna.asc")
    reader.follow("gpg --quick-generate-key")
    reader.write("answer.txt", shown("admin-contact.md", "accept-invitation", Token=token[1], Key=anna.fingerprint))
    reader.follow("gpg --clearsign answer.txt")
    reader.follow(f"gpg --armor --export {JAN}", output="me.asc")
    send(town, *attached(reader, "answer.txt.asc", "me.asc", "anna.asc"))
    letter = letter_to(town, town.root.address, "Appoint the Admin Contact of .de?", secretariat.folder / "gpg")
    send(town, part(PLAIN, people.clearsign(town.root, statements_in(letter))))
    yield reader
    reader.close()


# --- the guides -------------------------------------------------------------------------------------------------------------


def test_who_answers_an_invitation_as_the_guide_says_brings_a_member(town: Town, jan: Reader) -> None:
    """One mail, from any address; the Secretariat signs what it was sent, and attaches nothing."""
    assert state(town, ANNA) == "active"
    assert "You have nothing more to do" in (GUIDES / "admin-contact.md").read_text()
    assert ANNA in letter_to(town, JAN, "You speak for .de", jan.folder / "gpg")


def test_who_asks_to_join_as_the_guides_say_becomes_a_member(town: Town, jan: Reader, secretariat: Reader) -> None:
    """A request, its release by mail, and the attestation that the Admin Contact's letter holds."""
    erik = Reader("member.md", town.home.parent / "e", **{ANNA: ERIK, "Anna de Vries": "Erik Smit"})
    erik.follow("gpg --quick-gen-key")
    erik.write("anna.asc", erik.follow("gpg --armor --export"))
    key = re.search(r"[0-9A-F]{40}", erik.follow("gpg --fingerprint").replace(" ", ""))
    assert key
    own = {"Name": "Erik Smit", "Email": ERIK, "Key": key[0]}
    erik.write("request.txt", shown("member.md", "request-membership", **own).replace(f"Email: {ERIK}\n", "", 1))
    erik.follow("gpg --clearsign request.txt")
    send(town, *attached(erik, "request.txt.asc", "anna.asc"))
    assert not town.mails(ERIK)
    home = secretariat.folder / "gpg"
    command(town, secretariat, "pending")
    number = re.search(rf"^  ([0-9]+)\. Erik Smit <{ERIK}>", letter_to(town, town.root.address, "What waits for whom", home), re.MULTILINE)
    assert number
    command(town, secretariat, f"release {number[1]}")
    letter_to(town, ERIK, "Your request to join for .de is with the Admin Contact", erik.folder / "gpg")
    jan.write("attest.txt", statements_in(letter_to(town, JAN, "Erik Smit asks to join for .de", jan.folder / "gpg")))
    jan.follow("gpg --clearsign attest.txt")
    send(town, part(PLAIN, (jan.folder / "attest.txt.asc").read_bytes()))
    assert state(town, ERIK) == "active"
    letter_to(town, ERIK, "Welcome", erik.folder / "gpg")
    erik.close()


def test_the_secretariats_guide_knows_every_command() -> None:
    """Its table has each command, as the list's help writes it or with an example's values, and no other."""
    guide = (GUIDES / "secretariat.md").read_text()
    table = re.findall(r"^\| `([^`]+)` \|", guide, re.MULTILINE)
    assert {line.replace(ANNA, "ADDRESS") for line in table} == {usage for usage, _ in commands_for(True)}


def test_the_guides_know_the_days() -> None:
    """When people are reminded, and when the list stops waiting, are the same in the program and in the guides."""
    first, second, lapses = (seconds // DAY_S for seconds in (*REMINDERS_AFTER_S, LAPSES_AFTER_S))
    for guide in ("admin-contact.md", "secretariat.md", "operator.md"):
        assert f"after {first} and {second} days" in (GUIDES / guide).read_text()
    assert f"After {lapses} days the invitation lapses" in (GUIDES / "admin-contact.md").read_text()
    assert f"after {REQUESTS_KEPT_S // DAY_S} days" in (GUIDES / "secretariat.md").read_text()
    for guide in ("admin-contact.md", "member.md", "operator.md"):
        assert f"after {UNCONFIRMED_AFTER_S // DAY_S} days" in (GUIDES / guide).read_text()


def test_what_the_guides_call_letters_are_their_subjects() -> None:
    """A reader finds the letter that the guide speaks of."""
    subjects = " ".join(re.sub(r"{{ ([\w.]+).*?}}", r"\1", english(kind).partition("\n")[0]) for kind in KINDS)
    subjects = subjects.replace("person.name", "Anna de Vries").replace("tld", "nl")
    named = {
        "admin-contact.md": ("You speak for .nl", "Anna de Vries asks to join for .nl", "No answer yet for .nl: please call"),
        "member.md": ("Your request to join for .nl is with the Admin Contact", "Welcome"),
        "secretariat.md": ("Appoint the Admin Contact of .nl?",),
    }
    for guide, letters in named.items():
        text = " ".join((GUIDES / guide).read_text().split())
        for letter in letters:
            assert f"*{letter}*" in text
            assert letter in subjects


# --- the letters ------------------------------------------------------------------------------------------------------------


def gpg_lines() -> list[tuple[str, str]]:
    """(kind of letter, command line) of every gpg command that a letter shows; facts in capitals stand for themselves."""
    found = []
    for kind in KINDS:
        text = re.sub(r"{{ (\w+).*?}}", lambda fact: fact[1].upper(), english(kind)).replace("\\\n", " ")
        found += [(kind, " ".join(line.split())) for line in re.findall(r"\bgpg (--[^;()\n]+)", text)]
    return found


def test_there_are_gpg_lines_in_the_letters() -> None:
    """The table below is not empty."""
    assert {"invitation", "appoint", "attest", "welcome", "sign-too", "ready-to-sign"} <= {kind for kind, _ in gpg_lines()}


@pytest.fixture(scope="module")
def own(town: Town, people: People) -> Iterator[Reader]:
    """Somebody with a key of their own, who got a letter and saved what it says."""
    reader = Reader("member.md", town.home.parent / "o")
    reader.follow("gpg --quick-gen-key")
    reader.write("list.asc", town.run("key", "show", "--armor"))
    subprocess.run(["gpg", "--homedir", str(reader.folder / "gpg"), "--batch", "--import", "list.asc"], cwd=reader.folder, check=True)
    yield reader
    reader.close()


@pytest.mark.parametrize(("kind", "line"), gpg_lines())
def test_what_a_letter_says_to_type_works(town: Town, own: Reader, kind: str, line: str) -> None:
    """On a made-up text, with a key like the reader's; what the letter says comes out of it is there."""
    values = {"YOUR-ADDRESS": ANNA, "FINGERPRINT": ANNA, "KEY": town.key, "LIST": "tld-ops@lists.example.org"}
    for word, value in values.items():
        line = re.sub(rf"\b{word}\b", value, line)
    line = line.replace("FILE", "statement-7.txt").replace("WORD", "suspend-member").rstrip(". ")
    words, _, output = line.partition(" > ")
    for name in re.findall(r"\S+\.txt\b", words):
        own.write(name, "Securelist-Statement: made up\n")
    own.write("members.asc", town.run("contacts", "export", "--format", "openpgp").decode())
    gpg = ["gpg", "--homedir", str(own.folder / "gpg"), "--batch", "--yes", "--passphrase", "", "--trust-model", "always"]
    done = subprocess.run([*gpg, *shlex.split(words)], cwd=own.folder, input=b"one word\n", capture_output=True, check=False)
    assert done.returncode == 0, (line, done.stderr)
    made = [own.folder / f"{name}.asc" for name in re.findall(r"\S+\.txt\b", words)]
    assert all(file.read_bytes().startswith(b"-----BEGIN PGP") for file in made)
    assert not output or done.stdout.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    if "--clearsign" in words:
        assert re.search(r"\.asc\b", english(kind)), "the letter says what to send"


# --- the page on security -----------------------------------------------------------------------------------------------------


def all_tests() -> set[str]:
    """Every test as `file::function`."""
    found = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
        found |= {f"{path.stem}::{node.name}" for node in functions if node.name.startswith("test_")}
    return found


def test_what_is_claimed_is_tested() -> None:
    """Each test that SECURITY.md names is there."""
    named = set(re.findall(r"`(test_\w+::test_\w+)`", (ROOT / "SECURITY.md").read_text()))
    assert named
    assert not named - all_tests()
