"""Statements for people who do not know the grammar: asked for, checked, signed, handed in, waited for, with a receipt."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from people import People, Somebody
from statement_mails import PLAIN, REQUEST, mail, part
from town import LIST, SECURELIST, Town

MONTH = 30 * 86400


@dataclass
class Council:
    """A list with three trust roots, two of whom have to agree."""

    town: Town
    roots: tuple[Somebody, ...]
    base: Path

    def submit(self, signer: Somebody, text: str, *more: str, status: int = 0) -> dict[str, object]:
        """The answer of `statement submit --json` to a text clearsigned by somebody."""
        signed = self.town.people.clearsign(signer, text)
        answer: dict[str, object] = json.loads(self.town.run("statement", "submit", "--json", "-", *more, data=signed, status=status))
        assert list(answer) == ["accepted", "reason", "detail"]
        return answer

    def pending(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.town.run("statement", "pending", "--json"))["statements"]
        wanted = ["entry", "type", "cctld", "about", "signed", "missing", "awaited", "since", "lapses"]
        assert all(list(one) == wanted for one in found)
        return found

    def own(self, *args: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A command on a person's own machine: their gpg, and no list."""
        command = [SECURELIST, "--home", str(self.base / "nowhere"), *args]
        environment = os.environ | {"GNUPGHOME": str(self.town.people.home)}
        done = subprocess.run(command, input=data, capture_output=True, env=environment, check=False)
        assert b"Traceback" not in done.stderr, done.stderr
        return done


@pytest.fixture(scope="module")
def council(people: People, base: Path) -> Iterator[Council]:
    roots = tuple(people.make(f"Root {n}", f"{n}-{base.name}@ccnso.example") for n in (1, 2, 3))
    admin = people.make("Admin NL", f"{base.name}@nl.example")
    for root in roots:
        (base / f"{root.name}.asc").write_bytes(root.certificate)
    (base / "admin.asc").write_bytes(admin.certificate)
    made = Town(people, base / "home", base / "inbox", roots[0], admin)
    given = [word for root in roots for word in ("--root", str(base / f"{root.name}.asc"))]
    made.run("init", LIST, *given, "--next-hop", f"maildir:{made.inbox}", "--smtp", "127.0.0.1:0", "--lmtp", "127.0.0.1:0")
    made.key = json.loads(made.run("key", "list", "--json"))[0]["fingerprint"]
    people.gpg("--import", data=made.run("key", "show", "--armor"))
    yield Council(made, roots, base)
    made.close()


def appointment(council: Council, tld: str, words: str = "") -> str:
    return council.town.statement("appoint-admin-contact", council.town.admin, tld) + words


# --- what waits ---------------------------------------------------------------------------------------------------------


def test_a_founding_that_two_have_to_sign(council: Council) -> None:
    """The first signature waits; the second is made over the text that `pending --text` prints; then the list is founded."""
    first, second, third = council.roots
    roots = "".join(f"Root: {root.fingerprint}\n" for root in council.roots)
    text = f"Dear colleagues,\n\nSecurelist-Statement: found-list\nList: {LIST}\nKey: {council.town.key}\n{roots}Threshold: 2\n"
    assert council.submit(first, text)["reason"] == "pending"
    council.town.run("key", "new", status=65)
    (waiting,) = council.pending()
    assert (waiting["type"], waiting["signed"], waiting["missing"]) == ("found-list", [first.fingerprint], 1)
    assert waiting["awaited"] == [second.fingerprint, third.fingerprint]
    printed = council.town.run("statement", "pending", "--text", str(waiting["entry"]))
    assert printed.decode() == text
    signed = council.own("statement", "sign", "--key", second.fingerprint, data=printed).stdout
    answer = json.loads(council.town.run("statement", "submit", "--json", "-", data=signed))
    assert (answer["accepted"], answer["reason"], council.pending()) == (True, "accepted", [])


def test_one_root_is_not_enough(council: Council) -> None:
    """Accepted as pending; the same root again is refused; another root's signature completes it, from a signed mail as well."""
    first, second, third = council.roots
    text, admin = appointment(council, "nl"), council.town.admin
    before = int(time.time())
    answer = council.submit(first, text, str(council.base / "admin.asc"))
    assert (answer["accepted"], answer["reason"]) == (True, "pending")
    assert "it waits for the signature of 1 more trust root on the same text" in str(answer["detail"])
    (waiting,) = council.pending()
    assert (waiting["cctld"], waiting["about"], waiting["missing"]) == ("nl", admin.fingerprint, 1)
    assert (waiting["signed"], waiting["awaited"]) == ([first.fingerprint], [second.fingerprint, third.fingerprint])
    assert before <= int(str(waiting["since"])) <= time.time()
    assert before - 5 <= int(str(waiting["lapses"])) - MONTH <= time.time()
    shown = " ".join(council.town.run("statement", "pending").decode().split())
    assert "appoint-admin-contact .nl" in shown
    assert "Root" not in shown
    assert council.submit(first, text, status=65)["reason"] == "duplicate"
    printed = council.town.run("statement", "pending", "--text", str(waiting["entry"])).decode()
    octets = mail(second, part(PLAIN, council.town.people.clearsign(second, printed)))
    assert council.town.judge(octets, "submit", "--rcpt", REQUEST)["reason"] == "accepted"
    assert council.pending() == []


def test_what_can_no_longer_take_effect_does_not_wait(council: Council) -> None:
    """A text that a newer one overtook, and one whose signer is no trust root any more, are not shown; nor is there one elsewhere."""
    first, second, third = council.roots
    council.submit(third, appointment(council, "de"))
    council.submit(third, appointment(council, "fr"))
    assert [one["cctld"] for one in council.pending()] == ["de", "fr"]
    time.sleep(1.1)  # signed in another second, so that it is newer
    for root in (first, second):
        council.submit(root, appointment(council, "de", "\nby two\n"))
    assert [one["cctld"] for one in council.pending()] == ["fr"]
    fewer = f"Securelist-Statement: replace-roots\nList: {LIST}\nRoot: {first.fingerprint}\nRoot: {second.fingerprint}\nThreshold: 2\n"
    for root in (first, third):
        council.submit(root, fewer)
    assert council.pending() == []
    assert b"No statement waits" in council.town.run("statement", "pending")
    council.town.run("statement", "pending", "--text", "1", status=65)


def test_by_mail_the_receipt_says_what_is_missing(council: Council) -> None:
    """A trust root that mails a statement reads, under the list's signature, that it waits, for how many, and what was said."""
    first = council.roots[0]
    text = appointment(council, "se")
    octets = mail(first, part(PLAIN, council.town.people.clearsign(first, text)))
    assert council.town.judge(octets, "submit", "--rcpt", REQUEST)["reason"] == "pending"
    council.town.deliver()
    content, status = council.town.opened(council.town.mails(first.address)[-1])
    assert f"VALIDSIG {council.town.key}" in status
    (waiting,) = council.pending()
    letter = content.decode().replace("\r\n", "\n")
    assert "it waits for the signature of 1 more trust root on the same text" in " ".join(letter.split())
    assert f"Entry {waiting['entry']}: appoint-admin-contact .se\n" in letter
    assert "\n  pending\n" in letter


# --- receipts -------------------------------------------------------------------------------------------------------------


def test_a_receipt_that_the_list_signed(council: Council) -> None:
    """List, entries, head, date and what was said, as a clearsigned text that gpg verifies."""
    second, file = council.roots[1], council.base / "receipt.asc"
    answer = council.submit(second, appointment(council, "se"), "--receipt", str(file))
    assert answer["reason"] == "accepted"
    said = council.town.people.gpg("--status-fd", "1", "--verify", str(file)).decode()
    assert f"VALIDSIG {council.town.key}" in said
    text = council.town.people.gpg("--decrypt", str(file)).decode()
    last = json.loads(council.town.run("log", "show", "--json"))[-1]
    lines = text.splitlines()
    assert lines[0] == f"Receipt: {LIST}"
    assert lines[1].startswith("Date: 20")
    assert f"Entries: {last['number']}" in lines
    assert f"Head: entry {last['number']}, {last['hash']}" in " ".join(text.split())
    assert f"Entry {last['number']}: appoint-admin-contact .se" in lines
    assert f"  Admin NL, {council.town.admin.address}" in lines
    assert lines.count("  in effect") == 1


def test_no_receipt(council: Council) -> None:
    """None for what was refused; and if it cannot be written, that is said, and what was entered stays."""
    first, second, file = *council.roots[:2], council.base / "none.asc"
    council.submit(second, appointment(council, "se"), "--receipt", str(file), status=65)
    assert not file.exists()
    answer = council.submit(first, appointment(council, "dk"), "--receipt", str(council.base / "no" / "folder"), status=69)
    assert (answer["accepted"], answer["reason"]) == (True, "pending")
    assert [one["cctld"] for one in council.pending()] == ["dk"]


# --- making ---------------------------------------------------------------------------------------------------------------


def at_a_terminal(council: Council, typed: list[str], *args: str) -> tuple[int, str, str]:
    """(status, output, what the terminal showed) of a command with a person at a terminal; the output goes to a file."""
    ours, theirs = pty.openpty()
    command = [SECURELIST, "--home", str(council.base / "nowhere"), *args]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, "".join(f"{line}\n" for line in typed).encode())
    try:
        output, shown = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(ours)
    return process.returncode, output.decode(), shown.decode()


def test_a_person_is_asked_for_every_field(council: Council) -> None:
    """One after the other, with an example; what is wrong is said at once and asked again; the statement alone is on standard output."""
    key = "0123456789ABCDEF0123456789ABCDEF01234567"
    typed = [LIST, ".nl", "nl", "", "Anna de Vries", "anna@registry.example", "Anna@registry.example", "anna@elsewhere.example", ""]
    typed += ["0031 6 1234 5678", "+31 6 1234 5678", "", "", "", "", key[:16], key, "2027/11/22", ""]
    status, output, shown = at_a_terminal(council, typed, "statement", "new", "attest-ssc")
    assert status == 0, shown
    assert output == (
        f"Securelist-Statement: attest-ssc\nList: {LIST}\nTLD: nl\nName: Anna de Vries\nEmail: anna@registry.example\n"
        "Email: anna@elsewhere.example\nPhone: +31 6 1234 5678\nKey: 0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567\n"
    )
    assert "Phone (telephone number, international; such as +31 6 1234 5678; empty to leave it out): " in shown
    for told in (
        "write: TLD: nl",
        "Name has no value",
        "was given already",
        "write: Phone: +31 6",
        "40 hex digits",
        "write: Expires: 2027-11-22",
    ):
        assert told in shown, told


def test_a_person_is_asked_for_what_is_missing_alone(council: Council) -> None:
    """With some fields on the command line the others that must be there are asked for; the end of input ends it."""
    given = ("--field", f"List={LIST}", "--field", "TLD=nl")
    status, output, shown = at_a_terminal(council, ["anna@registry.example", ""], "statement", "new", "withdraw-ssc", *given)
    assert (status, output.splitlines()[-1], shown.count("such as")) == (0, "Email: anna@registry.example", 1)
    status, output, _ = at_a_terminal(council, ["\x04"], "statement", "new", "withdraw-ssc", *given)
    assert (status, output) == (130, "")


def test_without_a_terminal_nobody_is_asked(council: Council) -> None:
    """The missing fields are named, each with an example that can be pasted; on the list's own machine List is known."""
    done = council.own("statement", "new", "attest-ssc", "--field", "TLD=nl")
    assert (done.returncode, done.stdout) == (65, b"")
    said = done.stderr.decode()
    assert "attest-ssc needs List and Name and Email and Key; add, for example: --field List=tld-ops@lists.example.org" in said
    assert "--field 'Name=Anna de Vries'" in said
    fields = ("--field", "TLD=nl", "--field", "Email=anna@registry.example")
    assert f"List: {LIST}\n".encode() in council.town.run("statement", "new", "withdraw-ssc", *fields)


def test_without_the_list_an_erase_needs_its_entries(council: Council) -> None:
    """On a person's own machine nobody knows them; the answer shows what one looks like, and --field takes them."""
    given = ("--field", f"List={LIST}", "--field", "TLD=nl", "--field", f"Key={council.roots[0].fingerprint}")
    entry = f"7 {'3fa9' * 16}"
    done = council.own("statement", "new", "erase", *given)
    assert (done.returncode, done.stdout) == (65, b"")
    assert f"erase needs Entry; add, for example: --field 'Entry={entry}'" in done.stderr.decode()
    done = council.own("statement", "new", "erase", *given, "--field", f"Entry={entry}")
    assert done.returncode == 0 and done.stdout.decode().endswith(f"\nEntry: {entry}\n")


# --- signing --------------------------------------------------------------------------------------------------------------

GOOD = f"Securelist-Statement: withdraw-ssc\nList: {LIST}\nTLD: nl\nEmail: anna@registry.example\n"

# What is to be signed, the exit status, and what is said.
UNSIGNED: dict[str, tuple[bytes, int, str]] = {
    "a misspelt field": (GOOD.replace("Email:", "Mail:").encode(), 65, "line 4: there is no field Mail"),
    "the same, corrected": (GOOD.replace("Email:", "Mail:").encode(), 65, "write: Email: anna@registry.example"),
    "a misspelt type": (GOOD.replace("withdraw", "withdarw").encode(), 65, "write: Securelist-Statement: withdraw-ssc"),
    "a field missing": (GOOD.replace("TLD: nl\n", "").encode(), 65, "line 1: withdraw-ssc needs TLD; write: TLD: nl"),
    "no statement": (b"Hello\n", 65, "the signed text holds no statement"),
    "quoted": (b"> " + GOOD.encode(), 65, "line 1: a statement's first line begins with"),
    "signed already": (b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + GOOD.encode(), 65, "signed-already"),
    "not UTF-8": (GOOD.replace("Email", "Name: Ren\xe9\nEmail").encode("latin-1"), 65, "sign it as UTF-8"),
    "empty": (b"", 65, "no-statement"),
}


@pytest.mark.parametrize(("text", "status", "said"), UNSIGNED.values(), ids=UNSIGNED)
def test_a_mistake_is_told_before_it_is_signed(council: Council, text: bytes, status: int, said: str) -> None:
    """Line, rule and the corrected line, and nothing on standard output."""
    done = council.own("statement", "sign", "--key", council.roots[0].fingerprint, data=text)
    assert (done.returncode, done.stdout) == (status, b"")
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_it_says_with_which_key_it_signed(council: Council, people: People) -> None:
    """By the fingerprint of the primary key and its user ID, even where a subkey signs; by gpg's own words where nobody can."""
    who = people.make("Béla, a man: of two keys", f"bela-{council.base.name}@nl.example")
    people.gpg("--quick-add-key", who.fingerprint, "ed25519", "sign", "0")
    done = council.own("statement", "sign", "--key", who.fingerprint, data=GOOD.encode())
    assert done.returncode == 0, done.stderr
    fingerprint = " ".join(who.fingerprint[i : i + 4] for i in range(0, 20, 4))
    said = done.stderr.decode().splitlines()[-1]
    assert said.startswith(f"signed with the key {fingerprint}  ")
    assert said.endswith(f" of Béla, a man: of two keys <{who.address}>")
    assert people.gpg("--decrypt", data=done.stdout).decode() == GOOD
    nobody = council.own("statement", "sign", "--key", "nobody@nowhere.example", data=GOOD.encode())
    assert (nobody.returncode, nobody.stdout) == (69, b"")
    assert b"cannot-sign" in nobody.stderr
