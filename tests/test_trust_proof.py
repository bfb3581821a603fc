"""The exported log, and everything that somebody may do to it: random damage, and lies by a server that has the list's key."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from log_forge import Log, chained, with_entry, with_evidence, without
from people import Somebody
from trust_world import BASE, BORN, DAY, LIST, NOW, Cast, World, attestation, statement, withdrawal

from securelist.openpgp.armor import dearmor
from securelist.openpgp.list_key import ListKey
from securelist.trust.certificates import own_packets
from securelist.trust.entry import NO_HASH, Entry, Head, digest
from securelist.trust.export import octets_of, read_export, write_export
from securelist.trust.proof import Proof, prove, read_roots

AT = BASE + 3 * DAY
# The list's key is made when the tests run, so heads are dated NOW: Dora is then the only one whose attestation lasts.
DORA_ENDS = datetime.fromtimestamp(NOW + 30 * DAY, UTC).strftime("%Y-%m-%d")


def roots_of(cast: Cast) -> list[bytes]:
    return [cast.root.certificate, cast.root2.certificate]


def export(world: World, log: Log | None = None, at: int = NOW) -> bytes:
    return write_export(LIST, world.cast.list_key, [world.cast.list_key.certificate()], list(world.log) if log is None else log, at)


def proof_of(world: World, octets: bytes, at: int = NOW) -> Proof:
    return prove(octets, roots_of(world.cast), at)


@pytest.fixture(scope="session")
def _lived_in(_peopled: World) -> World:
    """Members came and went, Joris renewed his certificate, two statements came in one text."""
    world = World(_peopled.cast, _peopled.membership, list(_peopled.log))
    cast = world.cast
    world.submit(world.signed(cast.carla, withdrawal(cast.carla), AT), at=AT)
    joris = cast.people.make("Joris", "joris@br.example", at=BORN)
    world.attest(cast.admin_br, joris, AT)
    cast.people.gpg("--quick-add-key", joris.fingerprint, "ed25519", "sign", "0", at=BASE)
    world.submit([], cast.people.export(joris.fingerprint), at=AT)
    both = f"{withdrawal(cast.anna)}\n{attestation(cast.dora, Expires=DORA_ENDS)}"
    world.submit(world.signed(cast.admin, both, AT), cast.dora.certificate, at=AT + 60)
    world.submit(world.signed(cast.root, statement("dismiss-admin-contact", TLD="br"), AT + 60), at=AT + 60)
    return world


@pytest.fixture
def lived_in(_lived_in: World) -> World:
    return World(_lived_in.cast, _lived_in.membership, list(_lived_in.log))


# --- what holds -------------------------------------------------------------------------------------------------------


def test_an_export_proves_the_membership_from_the_roots_alone(lived_in: World) -> None:
    """Who is a member, with the head that the server has, comes out of the file and the roots' certificates."""
    proof = proof_of(lived_in, export(lived_in))
    assert proof.valid and not proof.problems
    assert (proof.list, proof.entries, proof.head, proof.time) == (LIST, len(lived_in.log), lived_in.membership.head, NOW)
    assert [m.emails[0] for m in proof.members] == [lived_in.cast.dora.address]
    assert proof.as_json()["members"] == [m.as_json() for m in lived_in.membership.members(NOW)]


def test_members_are_judged_at_the_time_asked_for(lived_in: World) -> None:
    """Attestations end by themselves, in a proof as on the server."""
    octets = export(lived_in)
    assert len(proof_of(lived_in, octets, NOW + 29 * DAY).members) == 1
    later = proof_of(lived_in, octets, NOW + 31 * DAY)
    assert later.valid and later.members == ()


def test_the_roots_may_come_in_one_file_or_binary(lived_in: World) -> None:
    """`--root` takes what gpg exports, however it exports it."""
    cast = lived_in.cast
    for files in ([cast.root.certificate + cast.root2.certificate], [dearmor(cast.root.certificate) + dearmor(cast.root2.certificate)]):
        assert prove(export(lived_in), files, NOW).valid
    twice = read_roots([cast.root.certificate, cast.root.certificate])
    assert [root.fingerprint for root in twice] == [cast.root.fingerprint]


def test_reading_and_writing_are_inverse(lived_in: World) -> None:
    """What was written is read back as it was, entry by entry."""
    read = read_export(export(lived_in))
    assert [(link.entry, link.evidence) for link in read.links] == lived_in.log
    assert [link.hash for link in read.links] == [entry.hash for entry, _ in lived_in.log]


def test_the_encoding_of_an_entry_is_the_documented_one() -> None:
    """The hash can be computed with a text editor and sha256sum; whoever changes the encoding breaks every log."""
    entry = Entry(1, 1763813467, "found-list", "", "AB" * 20, "CD" * 20, "ef" * 32, 1, NO_HASH)
    lines = [
        "securelist-log-entry: 1", "number: 1", "time: 1763813467", "type: found-list", "cctld: ", "subject: " + "AB" * 20,
        "signer: " + "CD" * 20, "evidence: " + "ef" * 32, "part: 1", "previous: " + "0" * 64,
    ]  # fmt: skip
    assert entry.encoding == "".join(f"{line}\n" for line in lines).encode()
    assert entry.hash == digest(entry.encoding) and entry.head == Head(1, entry.hash)


# --- damage -----------------------------------------------------------------------------------------------------------


def lines_of(octets: bytes) -> list[bytes]:
    return octets.splitlines(keepends=True)


def pieces_moved(octets: bytes) -> dict[str, bytes]:
    """Every line left out, doubled, or exchanged with the next."""
    lines = lines_of(octets)
    found = {}
    for i in range(len(lines)):
        found[f"line {i + 1} left out"] = b"".join(lines[:i] + lines[i + 1 :])
        found[f"line {i + 1} twice"] = b"".join([*lines[: i + 1], *lines[i:]])
        if i + 1 < len(lines):
            found[f"lines {i + 1} and {i + 2} exchanged"] = b"".join([*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]])
        found[f"cut after line {i}"] = b"".join(lines[:i])
    return found


def rewritten(octets: bytes, **dumps: object) -> bytes:
    """The same JSON, formed otherwise, with the checksum made right."""
    lines = [json.dumps(json.loads(line), **dumps).encode() + b"\n" for line in lines_of(octets)[:-1]]  # type: ignore[arg-type]
    above = b"".join(lines)
    return above + b'{"sha256":"' + digest(above).encode() + b'"}\n'


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda o: b"",
    "one line end": lambda o: b"\n",
    "binary": lambda o: bytes(range(256)) * 50,
    "a certificate instead": lambda o: b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n\n\n\n",
    "no last line end": lambda o: o[:-1],
    "one line end more": lambda o: o + b"\n",
    "a blank at the end": lambda o: o + b" ",
    "line ends of Windows": lambda o: o.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda o: b"\xef\xbb\xbf" + o,
    "half of it": lambda o: o[: len(o) // 2],
    "blanks in the JSON": lambda o: rewritten(o),
    "names in another order": lambda o: rewritten(o, separators=(",", ":"), sort_keys=True),
    "a name twice": lambda o: o.replace(b'{"sha256":', b'{"sha256":"","sha256":'),
    "a name too many": lambda o: o.replace(b'{"head":', b'{"note":1,"head":'),
    "a number as text": lambda o: o.replace(b'"part":1', b'"part":"1"'),
    "a number as truth": lambda o: o.replace(b'"part":1', b'"part":true'),
    "a number with a point": lambda o: o.replace(b'"part":1', b'"part":1.0'),
    "a number of 5,000 digits": lambda o: o.replace(b'"part":1', b'"part":' + b"1" * 5000),
    "JSON a million deep": lambda o: b"[" * 1_000_000 + b"\n\n\n\n",
    "null for the log": lambda o: b"null\nnull\nnull\nnull\n",
    "no base64": lambda o: o.replace(b'"octets":"', b'"octets":"!'),
    "another format": lambda o: o.replace(b'{"securelist-log":1', b'{"securelist-log":2'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_export_is_a_problem_and_no_traceback(lived_in: World, damage: Callable[[bytes], bytes]) -> None:
    """Whatever the file holds, the answer is a verdict with a problem, and no members."""
    octets = export(lived_in)
    changed = damage(octets)
    assert changed != octets
    proof = proof_of(lived_in, changed)
    assert not proof.valid and proof.problems and proof.members == ()


def test_a_line_left_out_doubled_or_exchanged_shows(lived_in: World) -> None:
    """There is no line that is not covered."""
    octets = export(lived_in)
    for what, changed in pieces_moved(octets).items():
        assert not proof_of(lived_in, changed).valid, what


# --- other roots, other lists -------------------------------------------------------------------------------------------


ROOTS: dict[str, Callable[[Cast], list[bytes]]] = {
    "a stranger's": lambda c: [c.mallory.certificate],
    "one of two": lambda c: [c.root.certificate],
    "the other of two": lambda c: [c.root2.certificate],
    "an Admin Contact's": lambda c: [c.admin.certificate],
    "none": lambda c: [],
    "no certificate": lambda c: [b"hello"],
    "a secret key": lambda c: [c.people.gpg("--armor", "--export-secret-keys", c.dora.fingerprint)],
}


@pytest.mark.parametrize("roots", ROOTS.values(), ids=ROOTS)
def test_wrong_roots_prove_nothing(lived_in: World, roots: Callable[[Cast], list[bytes]]) -> None:
    """The roots that found-list names, and no others, must be in the verifier's hand."""
    proof = prove(export(lived_in), roots(lived_in.cast), NOW)
    assert not proof.valid and proof.members == ()


# --- a server that lies and has the list's key ------------------------------------------------------------------------


def place(log: Log, kind: str, part: int = 1) -> int:
    return max(i for i, (entry, _) in enumerate(log) if entry.type == kind and entry.part == part)


def older_certificate(log: Log) -> tuple[Entry, bytes | None]:
    """The first certificate entry of the one whose certificate was entered twice."""
    rings = [(entry, evidence) for entry, evidence in log if entry.type == "certificate"]
    subjects = [entry.subject for entry, _ in rings]
    return next((replace(entry, time=log[-1][0].time), evidence) for entry, evidence in rings if subjects.count(entry.subject) == 2)


def added(world: World, who: Somebody, text: str, **fields: object) -> Log:
    """One more entry at the end, signed by somebody who has no right to it, or at the wrong time."""
    evidence = world.signed(who, text, AT + 120).rstrip()
    values = {
        "type": "attest-ssc",
        "cctld": "nl",
        "subject": world.cast.dora.fingerprint,
        "signer": who.fingerprint,
        "time": AT + 120,
    } | fields
    entry = replace(world.log[-1][0], part=1, **values)  # type: ignore[arg-type]
    return chained([*world.log, (entry, evidence)])


LIES: dict[str, tuple[Callable[[World], Log], str]] = {
    "another ccTLD": (lambda w: with_entry(w.log, place(w.log, "attest-ssc", 2), cctld="de"), "cctld"),
    "another subject": (lambda w: with_entry(w.log, place(w.log, "attest-ssc", 2), subject=w.cast.mallory.fingerprint), "subject"),
    "another signer": (lambda w: with_entry(w.log, place(w.log, "attest-ssc", 2), signer=w.cast.root.fingerprint), "signer"),
    "another type": (lambda w: with_entry(w.log, place(w.log, "withdraw-ssc"), type="attest-ssc"), "type"),
    "a type that does not exist": (lambda w: with_entry(w.log, place(w.log, "withdraw-ssc"), type="crown-king"), "type"),
    "another part": (lambda w: with_entry(w.log, place(w.log, "withdraw-ssc"), part=2), "part"),
    "a time before the last one's": (lambda w: with_entry(w.log, len(w.log) - 1, time=BASE), "older than the one before"),
    "a time when the statement was too old": (lambda w: with_entry(w.log, len(w.log) - 1, time=AT + 40 * DAY), "30 days"),
    "a time in the future": (lambda w: with_entry(w.log, len(w.log) - 1, time=NOW + DAY), "future"),
    "a time beyond all time": (lambda w: with_entry(w.log, 0, time=10**18), "future"),
    "a time before all time": (lambda w: with_entry(w.log, 0, time=-1), "future"),
    "the founding left out": (lambda w: without(w.log, 0), "not founded"),
    "an appointment left out": (lambda w: without(w.log, place(w.log[:5], "appoint-admin-contact")), "counts only if signed by"),
    "a certificate left out": (lambda w: without(w.log, place(w.log, "certificate", 0)), "is not known"),
    "one of two statements of a text left out": (lambda w: without(w.log, place(w.log, "withdraw-ssc")), "part"),
    "the other of the two left out": (lambda w: without(w.log, place(w.log, "attest-ssc", 2)), "not entered whole"),
    "the two at different times": (lambda w: with_entry(w.log, place(w.log, "attest-ssc", 2), time=AT + 61), "not entered whole"),
    "a text cut off at the end": (lambda w: chained(w.log[: place(w.log, "withdraw-ssc") + 1]), "not entered whole"),
    "a statement a second time": (lambda w: chained([*w.log, w.log[place(w.log, "attest-ssc")]]), "entry"),
    "an older certificate put in": (
        lambda w: chained([*w.log, older_certificate(w.log)]), "lacks what an earlier entry's had"),
    "another certificate for a member": (
        lambda w: with_evidence(w.log, place(w.log, "certificate", 0), own_packets(dearmor(w.cast.mallory.certificate))), "subject"),
    "evidence that nobody signed": (
        lambda w: with_evidence(w.log, len(w.log) - 1, statement("dismiss-admin-contact", TLD="br").encode()), "no whole"),
    "evidence that says something else": (lambda w: with_evidence(w.log, len(w.log) - 1, w.log[3][1]), ""),
    "evidence with words around it": (lambda w: with_evidence(w.log, len(w.log) - 1, b"hello\n" + w.log[-1][1]), "more in the evidence"),
    "evidence changed": (lambda w: with_evidence(w.log, len(w.log) - 1, w.log[-1][1].replace(b"TLD: br", b"TLD: nl")), "altered"),
    "a member attested by a stranger": (lambda w: added(w, w.cast.mallory, attestation(w.cast.dora)), "nobody's that the list knows"),
    "a member attested by another Admin Contact": (lambda w: added(w, w.cast.admin_br, attestation(w.cast.dora)), "counts only if"),
    "a member attested by another member": (lambda w: added(w, w.cast.bert, attestation(w.cast.dora)), "counts only if"),
    "nothing at all": (lambda w: [], "no found-list"),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "words"), LIES.values(), ids=LIES)
def test_a_server_with_the_lists_key_cannot_lie(lived_in: World, lie: Callable[[World], Log], words: str) -> None:
    """The log chained anew, the head signed by the list's own key: still every entry must follow from its evidence."""
    log = lie(lived_in)
    proof = proof_of(lived_in, export(lived_in, log))
    assert not proof.valid and proof.members == ()
    assert any(words in problem for problem in proof.problems), proof.problems
    assert all(problem.startswith(("entry ", "the end of the log")) for problem in proof.problems), proof.problems


def test_a_server_without_the_lists_key_cannot_cut_the_log_short(lived_in: World) -> None:
    """An export whose last entries were taken off does not end with the head that the list signed."""
    whole, short = read_export(export(lived_in)), lived_in.log[:-1]
    for signature in (whole.signature, whole.signature[:-1] + bytes([whole.signature[-1] ^ 1])):
        for head in (whole.head, short[-1][0].head):
            forged = dataclasses.replace(whole, links=whole.links[:-1], head=head, signature=signature)
            assert not proof_of(lived_in, octets_of(forged)).valid


def test_another_key_in_the_place_of_the_lists(lived_in: World) -> None:
    """found-list vouches for one key: a head signed by another, under the list's own address, proves nothing."""
    home = lived_in.cast.people.home / "other"
    other = ListKey.create(home, "tld-ops", LIST)
    try:
        proof = prove(write_export(LIST, other, [other.certificate()], lived_in.log, NOW), roots_of(lived_in.cast), NOW)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)
    assert proof.problems == (f"entry 1: line 3: the list has no such key; it has {other.fingerprint}",)


HEADS: dict[str, tuple[int, int]] = {
    "dated before the last entry": (AT, NOW),
    "dated in the verifier's future": (NOW, NOW - DAY),
}


@pytest.mark.parametrize(("dated", "now"), HEADS.values(), ids=HEADS)
def test_a_misdated_head(lived_in: World, dated: int, now: int) -> None:
    """The head's date says how fresh the proof is, so it cannot be just any."""
    proof = proof_of(lived_in, export(lived_in, at=dated), now)
    assert proof.problems == ("the end of the log: the head is dated before the last entry, or in the future",)


def test_an_export_of_another_list_says_so(lived_in: World) -> None:
    """The same log under another address is not that other list's."""
    octets = write_export("other@lists.example.org", lived_in.cast.list_key, [lived_in.cast.list_key.certificate()], lived_in.log, NOW)
    proof = proof_of(lived_in, octets)
    assert not proof.valid and "for another one" in proof.problems[0]
