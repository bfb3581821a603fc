"""Two engines verify, and both must agree: attacks that fool either one alone, and the owner who hears of it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from attack_packets import content, created, issuer_of, one_pass, signature
from attack_stage import Judging, must_be_refused
from attacks_engines import FOOLING, Fooling, Pieces, behind_a_long_line, combined, ending
from bad_mails import DAY, Bad, Stage
from people import Somebody
from trust_world import certificate_of

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.admission import admit
from securelist.openpgp.armor import dearmor
from securelist.openpgp.signed import read_combined, read_signed, verify

OTHER = {"gnupg": "sequoia", "sequoia": "gnupg"}


def silent(*_: object) -> None:
    """Told how far a post came."""


@pytest.mark.parametrize("fooling", FOOLING.values(), ids=FOOLING)
def test_what_fools_one_engine_is_refused(stage: Stage, judge: Judging, fooling: Fooling) -> None:
    """One engine alone calls the signature good under Anna's certificate; the other does not, and so the list does not."""
    pieces = fooling.make(stage)
    assert pieces.accepted_by(fooling.fooled, stage.anna.certificate)
    assert not pieces.accepted_by(OTHER[fooling.fooled], stage.anna.certificate)
    must_be_refused(stage, judge, Bad(lambda s: pieces.mail(s), fooling.reason, fooling.step))


def test_what_fools_neither_is_accepted(stage: Stage, judge: Judging) -> None:
    """The same pieces put together as they should be: both engines call it good, and Anna has posted."""
    data = content()
    pieces = combined(stage, data, signature(stage, data))
    assert all(pieces.accepted_by(engine, stage.anna.certificate) for engine in OTHER)
    said = judge(pieces.mail(stage))
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said


def later(stage: Stage, pieces: Pieces, sender: Somebody, at: int) -> Refused:
    """Why the post is refused when it is judged at that time."""
    mail = pieces.mail(stage).replace(stage.anna.address.encode(), sender.address.encode())
    with pytest.raises(Refused) as refused:
        Installation(stage.town.home).way.check(mail, sender.address, at, silent)
    return refused.value


def test_sequoia_accepts_what_has_ended_since(stage: Stage) -> None:
    """It judges as of today, or as of the signature; GnuPG judges as of when the post came."""
    pieces, at = ending(stage), int(time.time()) + 3 * DAY
    assert pieces.accepted_by("sequoia", stage.anna.certificate)
    assert pieces.accepted_by("gnupg", stage.anna.certificate)
    assert not pieces.accepted_by("gnupg", stage.anna.certificate, at)
    refused = later(stage, pieces, stage.anna, at)
    assert (refused.reason, str(refused.step)) == ("bad-signature", "verify")
    assert "expired" in refused.detail


def test_sequoia_accepts_a_key_that_has_expired_since(stage: Stage) -> None:
    """A member whose key expired between signing and sending, or whoever found that key."""
    brief = stage.people.make("Brief", f"brief-{time.time_ns()}@be.example", expires="2d")
    stage.town.submit(stage.town.admin, stage.town.statement("attest-ssc", brief, tld="be"), brief.certificate)
    data, at = content(), int(time.time()) + 3 * DAY
    pieces = combined(stage, data, signature(stage, data, who=brief), who=brief)
    assert pieces.accepted_by("sequoia", brief.certificate)
    assert not pieces.accepted_by("gnupg", brief.certificate, at)
    refused = later(stage, pieces, brief, at)
    assert (refused.reason, str(refused.step)) == ("bad-signature", "verify")
    assert "key has expired" in refused.detail


def test_sequoia_accepts_a_subkey_that_has_retired_since(stage: Stage) -> None:
    """Who finds a subkey that is no longer used can date a signature back: Sequoia believes the date, GnuPG nothing of that subkey."""
    people, now = stage.people, int(time.time())
    who = people.make("Retired", f"retired-{time.time_ns()}@be.example", at=now - 20 * DAY)
    people.gpg("--quick-add-key", who.fingerprint, "ed25519", "sign", "0", at=now - 19 * DAY)
    [subkey] = [key for key in certificate_of(people.export(who.fingerprint)).keys[1:] if "s" in key.capabilities]
    made = people.gpg("-u", f"{subkey.fingerprint}!", "--compress-algo", "none", "--sign", data=content(), at=now - DAY)
    answers = f"key {subkey.fingerprint}\nrevkey\ny\n3\n\ny\nsave\n"
    people.gpg("--command-fd", "0", "--edit-key", who.fingerprint, data=answers.encode())
    after = certificate_of(people.export(who.fingerprint))
    assert [key.revoked for key in after.keys if key.fingerprint == subkey.fingerprint] == [True]
    message = read_combined(made)
    assert sequoia.verify(message.content, after.octets, message.signature)[0] == who.fingerprint
    with pytest.raises(Refused, match="revoked"):
        gnupg.verify(message.octets, after.octets, now)
    with pytest.raises(Refused, match="bad-signature"):
        verify(message, [after], now)


def test_gnupg_accepts_a_certificate_held_together_by_sha1(stage: Stage) -> None:
    """Whoever makes two certificates with one hash lends one's signatures to the other; no such one is admitted, nor believed."""
    user_id = f"Weak <weak-{time.time_ns()}@be.example>"
    how = ("--status-fd", "1", "--cert-digest-algo", "SHA1", "--quick-gen-key", user_id, "ed25519", "cert,sign", "0")
    fingerprint = stage.people.gpg(*how).decode().split("KEY_CREATED P ")[1].split()[0]
    weak = Somebody("Weak", user_id, fingerprint, stage.people.export(fingerprint))
    data, octets = content(), dearmor(weak.certificate)
    pieces = combined(stage, data, signature(stage, data, who=weak), who=weak)
    assert gnupg.verify(pieces.whole, octets, int(time.time())).signer == fingerprint
    listed = gnupg.list_certificate(octets)
    with pytest.raises(Refused, match="bad-signature"):
        sequoia.verify(pieces.content, octets, pieces.signature)
    with pytest.raises(Refused, match="engines-differ"):
        verify(read_combined(pieces.whole), [listed], int(time.time()))
    with pytest.raises(Refused, match="bad-certificate"):
        admit(octets, int(time.time()))


def test_gnupg_accepts_clearsigned_text_that_it_did_not_hash(stage: Stage) -> None:
    """20,000 blanks, then anything: gpg says GOODSIG, and does not put that text out; Sequoia denies it."""
    signed = stage.people.clearsign(stage.anna, "Transfer 5\nbye\n")
    grown = signed.replace(b"Transfer 5", b"Transfer 5" + b" " * 20_000 + b"000 to Mallory")
    assert b"GOODSIG" in stage.people.gpg("--status-fd", "1", "--verify", data=grown)
    certificate = certificate_of(stage.anna.certificate)
    assert b"Mallory" not in gnupg.verify(grown, certificate.octets, int(time.time())).content
    with pytest.raises(Refused, match="bad-signature"):
        sequoia.verify(grown, certificate.octets)
    with pytest.raises(Refused, match="engines-differ"):
        verify(read_signed(grown), [certificate], int(time.time()))


def test_gnupg_says_goodsig_of_a_line_that_it_did_not_read_to_its_end(stage: Stage, judge: Judging, tmp_path: Path) -> None:
    """Text apart from its signature, with more at the end of a long line: only gpg's exit status tells, and Sequoia denies it."""
    pieces = behind_a_long_line(stage)
    (tmp_path / "signature").write_bytes(pieces.signature)
    command = ["gpg", "--homedir", str(stage.people.home), "--batch", "--status-fd", "1", "--verify", str(tmp_path / "signature"), "-"]
    said = subprocess.run(command, input=pieces.content, capture_output=True, check=False)
    assert b"[GNUPG:] GOODSIG" in said.stdout
    assert f"[GNUPG:] VALIDSIG {stage.anna.fingerprint}".encode() in said.stdout
    assert said.returncode == 2
    assert not any(pieces.accepted_by(engine, stage.anna.certificate) for engine in OTHER)
    must_be_refused(stage, judge, Bad(lambda s: pieces.mail(s), "bad-signature", "verify"))


def test_the_owner_hears_that_the_engines_differ(stage: Stage, judge: Judging) -> None:
    """One of them may have a fault, or somebody looks for one: the Secretariat gets a letter, and nothing of the post."""
    pieces = FOOLING["a signature made into another one"].make(stage)
    assert judge(pieces.mail(stage)).reason == "engines-differ"
    stage.town.deliver()
    letters = [stage.town.opened(mail)[0] for mail in stage.town.mails(stage.town.root.address)]
    told = [letter for letter in letters if b"GnuPG and Sequoia disagreed" in letter]
    assert told
    assert all(b"canary-of-a-bad-mail" not in letter for letter in told)


def test_a_post_dated_back_is_as_old_as_it_says(stage: Stage, judge: Judging) -> None:
    """Neither engine minds an old signature; the list counts from the time that both read in it."""
    data, when = content(), int(time.time()) - 8 * DAY
    made = signature(stage, data, hashed=created(when) + issuer_of(stage.vera), who=stage.vera)
    pieces = combined(stage, data, made, who=stage.vera)
    assert pieces.whole.startswith(one_pass(stage.vera))
    assert all(pieces.accepted_by(engine, stage.vera.certificate) for engine in OTHER)
    assert judge(pieces.mail(stage)).reason == "too-old"
