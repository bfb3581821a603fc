"""Copies of posts against an exported log: honest ones agree, and a server that shows two logs, or half of one, is found out."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from copies_world import Story, new_copy, openpgp_data, own_gpg, story  # noqa: F401
from forge import anonymous
from people import People, Somebody
from town import LIST, entity, mail_of, member
from trust_world import DAY, NOW, certificate_of

from securelist.errors import Refused
from securelist.openpgp.armor import dearmor
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.own_gpg import unwrap
from securelist.openpgp.packets import Tag, decompress, read_packets, write_packet
from securelist.openpgp.sequoia import armor
from securelist.trust.copies import MAX_KEY_PACKETS, Witness, compare, hear, read_witness
from securelist.trust.entry import NO_HASH, Entry, Head
from securelist.trust.export import read_export

HASH = "ab" * 32
HEAD_LINE = f"Securelist-Log-Head: entry=1; hash={HASH}"


# --- what agrees -------------------------------------------------------------------------------------------------------


def unix(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n")


AGREE: dict[str, Callable[[Story], tuple[bytes, str]]] = {
    "a copy against the export of its day": lambda s: (s.early_copy, "early"),
    "an old copy against a later export": lambda s: (s.early_copy, "late"),
    "an old copy against what grew otherwise afterwards": lambda s: (s.early_copy, "forked"),
    "the newest copy": lambda s: (s.late_copy, "late"),
    "a copy with the line ends of Unix": lambda s: (unix(s.late_copy), "late"),
    "a copy with the line ends of the network": lambda s: (unix(s.late_copy).replace(b"\n", b"\r\n"), "late"),
    "what was encrypted, saved alone": lambda s: (openpgp_data(s.late_copy), "late"),
    "the same, binary": lambda s: (dearmor(openpgp_data(s.late_copy)), "late"),
    "the signed message, opened before": lambda s: (s.opened(s.late_copy), "late"),
    "the same, armoured": lambda s: (armor(s.opened(s.late_copy), "MESSAGE"), "late"),
}  # fmt: skip


@pytest.mark.usefixtures("own_gpg")
@pytest.mark.parametrize("make", AGREE.values(), ids=AGREE)
def test_an_honest_copy_agrees(story: Story, make: Callable[[Story], tuple[bytes, str]]) -> None:
    """Whatever form a member has the copy in, it names an entry that the export has, too."""
    hearing = story.heard(*make(story))
    assert (hearing.problem, hearing.as_json()["agrees"]) == ("", True)
    assert hearing.witness is not None and hearing.witness.head.number > 0


@pytest.mark.usefixtures("own_gpg")
def test_a_poster_cannot_put_words_into_the_lists_mouth(story: Story) -> None:
    """A post that has such fields of its own, in its signed header, in its text and in a part, does not speak for the list."""
    lie = f"Securelist-Log-Head: entry=9999; hash={HASH}"
    parts = "".join(f"--b1\r\n{lie}\r\nMessage-ID: <lie@client.example>\r\n\r\n{lie}\r\n" for _ in range(2)) + "--b1--\r\n"
    content = f'{lie}\r\nContent-Type: multipart/mixed; boundary=b1; x="\r\n {lie}"\r\n\r\n{lie}\r\n\r\n{parts}'.encode()
    honest = story.heard(story.late_copy).witness
    for post in (content, entity(lie, lie)):
        hearing = story.heard(new_copy(story.town, post, story.bert))
        assert hearing.problem == "" and hearing.witness is not None and honest is not None
        assert hearing.witness.head == honest.head


# --- what is found out -------------------------------------------------------------------------------------------------


FOUND_OUT: dict[str, tuple[Callable[[Story], tuple[bytes, str]], str]] = {
    "a copy from a log that went another way": (lambda s: (s.forked_copy, "late"), "has another: the server shows different people"),
    "an export of a log that went another way": (lambda s: (s.late_copy, "forked"), "has another: the server shows different people"),
    "an export cut short": (lambda s: (s.late_copy, "short"), "it was cut short, or the server shows"),
    "an export from before the copy": (lambda s: (s.late_copy, "early"), "ask for one made after the copy"),
}  # fmt: skip


@pytest.mark.usefixtures("own_gpg")
@pytest.mark.parametrize(("make", "words"), FOUND_OUT.values(), ids=FOUND_OUT)
def test_a_server_that_tells_two_stories(story: Story, make: Callable[[Story], tuple[bytes, str]], words: str) -> None:
    """Each export proves itself, the signatures are the list's own; only together do they show it."""
    hearing = story.heard(*make(story))
    assert words in hearing.problem and hearing.witness is not None
    assert hearing.problem.startswith(f"post.eml: the copy {hearing.witness.message_id} was sent when the log had entry ")


# --- what is no witness ------------------------------------------------------------------------------------------------


def altered(story: Story) -> bytes:
    """The newest copy opened, and its head made another one; all around it stays."""
    packets = read_packets(decompress(read_packets(story.opened(story.late_copy))[0]))
    literal = next(packet.body for packet in packets if packet.tag == Tag.LITERAL)
    at = literal.index(b"; hash=") + len(b"; hash=")
    other = literal[:at] + HASH.encode() + literal[at + 64 :]
    return b"".join(write_packet(Tag.LITERAL, other) if p.tag == Tag.LITERAL else p.octets for p in packets)


def fields(*lines: str) -> bytes:
    return entity("A text.", "Message-ID: <1@lists.example.org>", *lines)


def sealed_for(story: Story, *options: str) -> bytes:
    """Something encrypted, to whom the options say, by a member and not by the list."""
    anna = member(story.town, "Anna").fingerprint
    return story.town.people.gpg("-u", anna, "--sign", *options, data=fields(HEAD_LINE))


def signed_by_anna(story: Story) -> bytes:
    return story.town.people.sign(member(story.town, "Anna"), fields(HEAD_LINE), armor=False)


def head_outside(story: Story) -> bytes:
    """What anybody can send to Bert: nobody signed it, and the head stands in the outer header."""
    message = story.town.people.gpg("--armor", "-r", story.bert.fingerprint, "--encrypt", data=fields())
    return mail_of(message, "tld-ops@lists.example.org", Securelist_Log_Head=f"entry=1; hash={HASH}")


BY_PASSPHRASE = ("--passphrase", "secret", "--pinentry-mode", "loopback", "--symmetric")
NO_WITNESS: dict[str, tuple[Callable[[Story], bytes], str]] = {
    "a head that was altered": (altered, "GnuPG does not accept the signature: the signed text was altered"),
    "a head outside only": (head_outside, "the message is not signed"),
    "a head in a mail in the clear": (lambda s: fields(HEAD_LINE), "it is no copy of a post"),
    "a head signed by a member": (signed_by_anna, "not signed with the list's key"),
    "the same, encrypted": (lambda s: sealed_for(s, "-r", s.bert.fingerprint, "--encrypt"), "not signed with the list's key"),
    "something of the list without a head": (lambda s: s.list_signs(fields()), "does not say once"),
    "two heads": (lambda s: s.list_signs(fields(HEAD_LINE, HEAD_LINE)), "does not say once"),
    "a head in other words": (lambda s: s.list_signs(fields(HEAD_LINE.replace("entry=1", "entry=+1"))), "does not say once"),
    "a Message-ID for the terminal": (lambda s: s.list_signs(entity("x", "Message-ID: <\x1b[2J@x>", HEAD_LINE)), "does not say once"),
    "no Message-ID": (lambda s: s.list_signs(entity("x", HEAD_LINE)), "does not say once"),
    "something of the list that is no mail": (lambda s: s.list_signs(b"no mail at all"), "not a mail"),
    "the signed head of an export": (lambda s: read_export(s.logs["late"].read_bytes()).signature, "does not say once"),
    "encrypted with a passphrase": (lambda s: sealed_for(s, *BY_PASSPHRASE), "not one message encrypted to somebody's certificate"),
    "encrypted to a crowd": (lambda s: anonymous(MAX_KEY_PACKETS + 1) + dearmor(openpgp_data(s.late_copy)), "session-key packets"),
    "only session keys": (lambda s: anonymous(1), "not one message encrypted to somebody's certificate"),
    "damaged on the way": (lambda s: dearmor(openpgp_data(s.late_copy))[:-30] + bytes(30), "did not open it"),
    "half of a mail": (lambda s: s.late_copy[: len(s.late_copy) // 2], "closing boundary"),
    "nothing at all": (lambda s: b"", "it is no copy of a post"),
    "bytes": (lambda s: bytes(range(256)) * 10, "not a mail"),
    "packets that are none": (lambda s: b"\xff" * 100, "damaged"),
    "a certificate": (lambda s: s.bert.certificate, "more than one signature"),
    "the export itself": (lambda s: s.logs["late"].read_bytes(), "it is no copy of a post"),
}  # fmt: skip


@pytest.mark.usefixtures("own_gpg")
@pytest.mark.parametrize(("make", "words"), NO_WITNESS.values(), ids=NO_WITNESS)
def test_what_is_no_witness(story: Story, make: Callable[[Story], bytes], words: str) -> None:
    """Only what the list signed counts, once and as it was signed; anything else is said to be a problem, and of which file."""
    hearing = story.heard(make(story))
    assert hearing.as_json() == {"file": "post.eml", "message_id": None, "entry": None, "agrees": False}
    assert hearing.problem.startswith("post.eml: ") and words in hearing.problem, hearing.problem


def test_a_copy_for_somebody_else(story: Story, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gpg without the member's key cannot open it, and says so."""
    empty = base / "nobody"
    empty.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(empty))
    try:
        assert "your gpg did not open it: it is encrypted to somebody else" in story.heard(story.late_copy).problem
    finally:
        subprocess.run(["gpgconf", "--homedir", str(empty), "--kill", "all"], capture_output=True, check=False)


# --- the list's key as time goes by --------------------------------------------------------------------------------------


def revoked(people: People, who: Somebody, reason: int) -> bytes:
    """Somebody's certificate, revoked now; 1: compromised, 2: superseded, 3: no longer used."""
    people.gpg("--command-fd", "0", "--edit-key", who.fingerprint, data=f"revkey\ny\n{reason}\n\ny\nsave\n".encode())
    return people.export(who.fingerprint)


# How long the key holds, when the copy is signed, what the key is revoked for; the reason code of the refusal, if any.
KEYS: dict[str, tuple[str, int, int, str]] = {
    "signed just now": ("0", int(time.time()), 0, ""),
    "expired since": ("seconds=864000", NOW - 95 * DAY, 0, ""),
    "superseded since": ("0", NOW - 95 * DAY, 2, ""),
    "no longer used since": ("0", NOW - 95 * DAY, 3, ""),
    "compromised since": ("0", NOW - 95 * DAY, 1, "bad-signature"),
    "signed after the key expired": ("seconds=864000", NOW - 80 * DAY, 0, "bad-signature"),
    "signed in the future": ("0", NOW + DAY, 0, "misdated"),
}


@pytest.mark.parametrize(("expires", "signed", "reason", "refused"), KEYS.values(), ids=KEYS)
def test_the_lists_key_as_of_the_copy(people: People, expires: str, signed: int, reason: int, refused: str) -> None:
    """A key that ended decently since still speaks for its time; one that was stolen could accuse the server of anything."""
    key = people.make("The List", "list@keys.example", at=NOW - 100 * DAY)
    message = people.gpg("-u", key.fingerprint, "--sign", data=fields(HEAD_LINE), at=signed)
    if expires != "0":
        people.gpg("--quick-set-expire", key.fingerprint, expires, at=NOW - 100 * DAY + 60)
    certificate = certificate_of(revoked(people, key, reason) if reason else people.export(key.fingerprint))
    if refused:
        with pytest.raises(Refused) as raised:
            read_witness(message, [certificate], NOW)
        assert raised.value.reason == refused
    else:
        witness = read_witness(message, [certificate], NOW)
        assert (witness.message_id, witness.head, witness.made) == ("<1@lists.example.org>", Head(1, HASH), signed)


def test_either_of_the_lists_keys_will_do(people: People) -> None:
    """A list that replaced its key has two certificates; each copy is judged by the one that signed it."""
    old, new = (people.make("The List", f"{name}@keys.example") for name in ("old", "new"))
    for key in (old, new):
        message = people.sign(key, fields(HEAD_LINE), armor=False)
        both = [certificate_of(old.certificate), certificate_of(new.certificate)]
        assert read_witness(message, both, int(time.time())).head == Head(1, HASH)


@pytest.mark.usefixtures("own_gpg")
def test_copies_from_before_and_after_the_list_replaced_its_key(story: Story, base: Path) -> None:
    """The trust roots vouch for both keys, and the export has both certificates."""
    town, log = story.town.copy(base / "rekeyed"), base / "rekeyed.log"
    key = ListKey(town.home / "gnupg", town.key).another("tld-ops", LIST)
    town.submit(town.root, f"Securelist-Statement: replace-list-key\nList: {LIST}\nKey: {key.fingerprint}\n")
    copies = [("old", story.late_copy), ("new", new_copy(town, "with the new key", story.bert))]
    town.run("log", "export", str(log))
    old, new = hear(copies, read_export(log.read_bytes()), unwrap, int(time.time()))
    town.close()
    assert (old.problem, new.problem) == ("", "")
    assert old.witness is not None and new.witness is not None and old.witness.head.number < new.witness.head.number


def test_a_certificate_that_the_server_slipped_in(story: Story) -> None:
    """Among the list's certificates in an export only those count that a trust root's statement names."""
    anna, export = member(story.town, "Anna"), read_export(story.logs["late"].read_bytes())
    slipped_in = replace(export, certificates=(dearmor(anna.certificate), *export.certificates))
    hearing = hear([("post.eml", signed_by_anna(story))], slipped_in, unwrap, int(time.time()))[0]
    assert "not signed with the list's key" in hearing.problem


def witness_of(head: Head) -> Witness:
    return Witness("<1@lists.example.org>", head, 10)


def test_the_comparison_alone() -> None:
    """Number and hash must both fit; an empty log's head is entry 0; who asks too early is not told that somebody lies."""
    entry = Entry(1, 5, "found-list", "", "", "", "", 1, NO_HASH)
    witness = witness_of(entry.head)
    assert compare(witness, [entry], entry.head, 20) == compare(witness_of(Head()), [entry], entry.head, 20) == ""
    assert "has another" in compare(witness_of(Head(1, HASH)), [entry], entry.head, 20)
    assert "has another" in compare(witness_of(Head(0, HASH)), [entry], entry.head, 20)
    assert "ends at 1: it was cut short" in compare(witness_of(Head(2, HASH)), [entry], entry.head, 20)
    assert "of 1970-01-01 00:00 UTC: ask" in compare(witness_of(Head(2, HASH)), [entry], entry.head, 10)
