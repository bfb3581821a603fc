"""From mail to verdict: whatever is done to a mail, nothing but a refusal comes out, and nothing is taken that nobody allowed.

Good mails are changed at random at every layer. What is accepted then must be, to the octet, what a member signed for this list;
of changed statements the log takes what was signed and no more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sqlite3
import time
from collections.abc import Callable

import mail_mutations as mutations
import pytest
from attack_packets import outer, sealed
from attack_stage import Judging, Verdict, posts_and_entries
from bad_mails import Stage
from forge import protected
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from people import Somebody
from statement_mails import FORMS, PLAIN, REQUEST, Desk, keys, mail, multipart, part
from town import LIST, entity

from securelist.config import read_config, write_config
from securelist.installation import Installation
from securelist.mail.mime import crlf
from securelist.openpgp.armor import dearmor
from securelist.openpgp.sequoia import armor
from securelist.trust.fields import EXAMPLES
from securelist.trust.fields import FORMS as KINDS
from securelist.trust.proof import prove
from securelist.trust.statement import StatementType

SEED = 20261122
# A refusal says which rule was broken, not what was in the mail.
LONGEST_DETAIL = 700


def examples(number: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many examples, the same in every run."""
    how = settings(
        max_examples=number, deadline=None, database=None, phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck)
    )
    return lambda test: seed(SEED)(how(test))


@dataclasses.dataclass(frozen=True, repr=False)
class Original:
    """A mail that would be accepted: as it is sent, the signed message inside the encryption, and what was signed."""

    mail: bytes
    message: bytes
    content: bytes


@dataclasses.dataclass(repr=False)
class Range:
    """The list and its judge, the originals, and which of them were accepted so far, changed or not."""

    stage: Stage
    judge: Judging
    originals: list[Original]
    accepted: int = 0

    def take(self, mail: bytes) -> Verdict:
        """The verdict on a changed mail. Accepted must be what Anna signed for this list, and be what the list has seen."""
        said = self.judge(mail)
        assert said.detail and len(said.detail) <= LONGEST_DETAIL and said.detail.isprintable(), said
        if said.verdict == "accept":
            self.accepted += 1
            assert said.poster == self.stage.anna.fingerprint
        assert self.seen() <= {(self.stage.anna.fingerprint, digest(original.content)) for original in self.originals}, said
        return said

    def seen(self) -> set[tuple[str, str]]:
        """(signer, digest of what was signed) of every post that was ever accepted here."""
        with contextlib.closing(sqlite3.connect(self.stage.town.home / "securelist.db")) as database:
            return set(database.execute("SELECT signer, digest FROM seen"))


def digest(content: bytes) -> str:
    """By which the list knows a post again: line ends aside."""
    return hashlib.sha256(crlf(content)).hexdigest()


def combined(s: Stage, content: bytes) -> bytes:
    return s.people.gpg("-u", s.anna.fingerprint, "--compress-algo", "none", "--sign", data=content)


def detached(s: Stage, content: bytes) -> bytes:
    return s.people.gpg("--store", "--compress-algo", "none", data=s.people.multipart_signed(s.anna, content))


def with_settings(stage: Stage, **wanted: int) -> Stage:
    """The list with other settings, as far as there are such; before anything reads them."""
    config = read_config(stage.town.home)
    write_config(dataclasses.replace(config, **{name: value for name, value in wanted.items() if hasattr(config, name)}))
    return stage


@pytest.fixture(scope="module")
def stage(stage: Stage) -> Stage:
    """The list, that takes as many posts and contacts as are tried here."""
    return with_settings(stage, posts_per_hour=10_000, members_per_cctld=100)


@pytest.fixture(scope="module")
def shooting(stage: Stage, judge: Judging) -> Range:
    """Six posts of Anna's in three forms, none of them sent yet."""
    originals = []
    for number, (sign, inline) in enumerate([(combined, False), (detached, False), (combined, True)] * 2):
        fields = (f"To: {LIST}", f"From: Anna <{stage.anna.address}>", "Subject: Attack")
        content = f"inline {time.time_ns()} {number}\r\n".encode() if inline else entity(f"text {time.time_ns()} {number}", *fields)
        message = sign(stage, content)
        signed = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        originals.append(Original(in_a_mail(stage, message, inline=inline), message, signed))
    return Range(stage, judge, originals)


def in_a_mail(s: Stage, message: bytes, *, inline: bool = False) -> bytes:
    """A signed message, or what was made of one, encrypted to the list as it should be."""
    if not inline:
        return sealed(s, message)
    keys, key = outer(s.town)
    block = armor(keys + protected(key, message), "MESSAGE").replace(b"\n", b"\r\n")
    head = s.mail(b"", Content_Type="text/plain; charset=utf-8").partition(b"\r\n\r\n")[0]
    return head + b"\r\n\r\n" + block


# --- posts -----------------------------------------------------------------------------------------------------------------

which = st.tuples(st.integers(0, 5), st.integers(0, 5))


@examples(120)
@given(pair=which, changes=mutations.edits)
def test_octets_of_a_post_are_changed_on_the_way(shooting, pair, changes):
    """Whatever happens to the octets of a mail, what is accepted is what was signed."""
    one, other = (shooting.originals[number] for number in pair)
    shooting.take(mutations.edited(one.mail, other.mail, changes))


@examples(120)
@given(pair=which, changes=mutations.packet_changes)
def test_packets_of_an_encrypted_post_are_moved_about(shooting, pair, changes):
    """Who sees the encrypted mail drops, doubles, alters and exchanges its packets."""
    one, other = (shooting.originals[number] for number in pair)
    theirs = dearmor(other.mail[other.mail.index(b"-----BEGIN") :].partition(b"\r\n--b0")[0])
    shooting.take(mutations.with_message(one.mail, lambda message: mutations.repacked(message, theirs, changes)))


@examples(120)
@given(pair=which, changes=mutations.packet_changes, inline=st.booleans())
def test_what_was_signed_is_taken_apart_and_encrypted_anew(shooting, pair, changes, inline):
    """Who can read a post puts its signature and text together with those of another, and encrypts that to the list."""
    one, other = (shooting.originals[number] for number in pair)
    shooting.take(in_a_mail(shooting.stage, mutations.repacked(one.message, other.message, changes), inline=inline))


@examples(120)
@given(pair=which, changes=mutations.edits, inline=st.booleans())
def test_octets_inside_the_encryption_are_changed(shooting, pair, changes, inline):
    """Who can read a post changes octets of the signed message, and encrypts it to the list."""
    one, other = (shooting.originals[number] for number in pair)
    shooting.take(in_a_mail(shooting.stage, mutations.edited(one.message, other.message, changes), inline=inline))


@examples(100)
@given(number=st.integers(0, 5), fields=mutations.field_changes, parts=mutations.part_changes, both=st.integers(0, 2))
def test_fields_and_parts_around_a_post_are_changed(shooting, number, fields, parts, both):
    """Header fields and MIME parts come and go on the way."""
    changed = shooting.originals[number].mail
    changed = mutations.with_fields(changed, fields) if both != 1 else changed
    shooting.take(mutations.with_parts(changed, parts) if both else changed)


@examples(60)
@given(number=st.integers(0, 5), signer=st.sampled_from(("bert", "vera", "willem", "mallory")), change=st.booleans())
def test_somebody_else_signs_what_anna_wrote(shooting, number, signer, change):
    """Anna's post under another's signature is never Anna's, and never anybody's who is no member."""
    stage, original = shooting.stage, shooting.originals[number]
    who: Somebody = getattr(stage, signer)
    message = stage.people.gpg("-u", who.fingerprint, "--compress-algo", "none", "--sign", data=original.content)
    said = shooting.judge(in_a_mail(stage, message if not change else message[:-1] + bytes((message[-1] ^ 1,))))
    assert (said.verdict, said.poster) != ("accept", stage.anna.fingerprint)
    assert said.verdict == "refuse", said  # From, inside and out, is Anna's


def test_the_originals_are_accepted_once_each(shooting):
    """What all of this was done to is acceptable, now that nothing is done to it; some mails were accepted changed before."""
    reasons = [shooting.take(original.mail).reason for original in shooting.originals]
    assert set(reasons) <= {"accepted", "duplicate"}, reasons
    assert shooting.accepted == len(shooting.originals) == len(shooting.seen())


# --- statements ----------------------------------------------------------------------------------------------------------

# Of the ways in which a statement can be mailed, those that differ most.
_FORMS = ("clearsigned, quoted-printable", "PGP/MIME", "encrypted: PGP/MIME, signed inside the encryption", "forwarded by a colleague")


@dataclasses.dataclass(repr=False)
class Office:
    """The list, its judge, four mails of its Admin Contact that attest somebody each, and whom they are about."""

    stage: Stage
    judge: Judging
    mails: list[bytes]
    attested: set[tuple[str, str, str]]

    def take(self, octets: bytes) -> Verdict:
        """The verdict; whatever it is, nobody is a member whom the Admin Contact did not attest in those words."""
        said = self.judge(octets, mail_from=self.stage.mallory.address, to=REQUEST)
        assert said.detail and len(said.detail) <= LONGEST_DETAIL, said
        assert self.members() <= self.attested, said
        return said

    def members(self) -> set[tuple[str, str, str]]:
        """(ccTLD, address, fingerprint) of the members."""
        members = Installation(self.stage.town.home).membership().members(int(time.time()))
        return {(member.cctld, member.emails[0], member.fingerprint) for member in members}


@pytest.fixture(scope="module")
def office(stage: Stage, judge: Judging) -> Office:
    """Nothing of it is sent yet."""
    town, mails = stage.town, list[bytes]()
    attested = Office(stage, judge, [], set()).members()
    for number, form in enumerate(_FORMS):
        who = stage.people.make(f"Dora {number}", f"dora-{number}-{town.home.parent.name}@be.example")
        mails.append(FORMS[form](Desk(town, stage.people), who, town.statement("attest-ssc", who, tld="be")))
        attested.add(("be", who.address, who.fingerprint))
    return Office(stage, judge, mails, attested)


@examples(60)
@given(number=st.integers(0, 3), other=st.integers(0, 3), changes=mutations.edits)
def test_octets_of_a_statement_are_changed_on_the_way(office, number, other, changes):
    """Whatever happens to the octets of an attestation, who becomes a member is who was attested."""
    office.take(mutations.edited(office.mails[number], office.mails[other], changes))


_values = {name: st.sampled_from([example, "", f"{example} x"]) for name, example in EXAMPLES.items()}
_said = st.tuples(st.sampled_from(list(StatementType)), st.fixed_dictionaries(_values), st.sampled_from(("nl", "be", "br")), st.booleans())


def worded(office: Office, said: tuple[StatementType, dict[str, str], str, bool], about: Somebody) -> str:
    """The text of a statement with some of its fields as they should be, and some not."""
    kind, given_values, tld, right = said
    own = {"List": LIST, "TLD": tld, "Name": about.name, "Email": about.address, "Key": about.fingerprint, "Root": about.fingerprint}
    values = {**given_values, **(own if right else {"List": LIST, "TLD": tld})}
    names = KINDS[kind].fields
    return f"Securelist-Statement: {kind}\n" + "".join(f"{name}: {values[name]}\n" for name in names if values[name])


@examples(60)
@given(
    said=_said,
    signer=st.sampled_from(("mallory", "willem")),
    about=st.sampled_from(("mallory", "anna", "bert", "vera")),
    mime=st.booleans(),
)
def test_a_stranger_says_whatever_there_is_to_say(office, said, signer, about, mime):
    """No statement of somebody who is nobody here enters the log, well-formed or not, about whomever."""
    stage, who = office.stage, getattr(office.stage, signer)
    text = worded(office, said, getattr(stage, about))
    before = posts_and_entries(stage)
    if mime:
        octets = mail(who, stage.people.multipart_signed(who, multipart(part(PLAIN, text), keys(who))))
    else:
        octets = mail(who, multipart(part(PLAIN, stage.people.clearsign(who, text)), keys(who)))
    office.take(octets)
    assert posts_and_entries(stage) == before


def test_the_attestations_are_taken(office):
    """What all of this was done to is good, now that nothing is done to it."""
    for octets in office.mails:
        said = office.take(octets)
        assert said.verdict == "accept" or said.reason in ("repeated", "duplicate"), said
    assert office.members() == office.attested


# --- exported logs -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(stage: Stage) -> bytes:
    """The log of this list, as anybody can have it."""
    file = stage.town.home.parent / "log"
    stage.town.run("log", "export", str(file))
    return file.read_bytes()


@examples(60)
@given(changes=mutations.edits, sums=st.booleans())
def test_an_exported_log_is_changed(stage, exported, changes, sums):
    """A changed log, its checksum put right or not, gives a proof with problems, and no exception."""
    changed = mutations.edited(exported, exported[::-1], changes)
    if sums:
        above = changed[: changed.rstrip(b"\n").rfind(b"\n") + 1]
        changed = above + b'{"sha256":"%s"}\n' % hashlib.sha256(above).hexdigest().encode()
    proof = prove(changed, [stage.town.root.certificate], int(time.time()))
    assert proof.valid == (changed == exported)
    assert all(problem.isprintable() for problem in proof.problems)
