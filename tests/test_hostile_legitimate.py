"""What decent mail programs send is taken, whole: withstanding attacks must lock nobody out."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage, Message

import pytest
from attack_stage import Judging, Verdict
from bad_mails import Stage
from good_keys import KEYS, Key, admit, post_by
from good_mails import CLIENTS, Made, widened
from good_messages import ARMOUR, LAYOUTS, MESSAGES
from good_texts import FILES, HEADERS, TEXTS
from town import Town

GOOD = {**CLIENTS, **MESSAGES, **ARMOUR, **LAYOUTS, **TEXTS, **FILES, **HEADERS}


@dataclass(frozen=True)
class Read:
    """A copy as its member reads it with plain gpg: gpg's status lines, the octets inside, and what they say."""

    status: str
    content: bytes
    subject: str
    texts: tuple[str, ...]


# What mail programs read under these names.
MEANT = {
    "iso-8859-8-i": "iso-8859-8",
    "windows-874": "cp874",
    "gb2312": "gbk",
    "shift_jis": "cp932",
    "ks_c_5601-1987": "cp949",
    "unknown-8bit": "latin-1",
    "big5": "big5hkscs",
}


def read(town: Town, mail: EmailMessage) -> Read:
    content, status = town.opened(mail)
    inner = email.message_from_bytes(content, policy=email.policy.default)
    texts = (leaf for leaf in inner.walk() if leaf.get_content_maintype() == "text")
    return Read(status, content, str(inner["Subject"]), tuple(map(words, texts)))


def words(leaf: Message) -> str:
    """What a text part says."""
    charset = leaf.get_content_charset("us-ascii")
    octets = leaf.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode(MEANT.get(charset, charset), "replace")


@pytest.fixture(scope="module")
def stage(stage: Stage) -> Stage:
    """The list, with room."""
    return widened(stage)


Sent = dict[str, tuple[Made, Verdict]]


def posted(judge: Judging, mails: dict[str, Made]) -> Sent:
    return {name: (made, judge(made.mail, made.mail_from)) for name, made in mails.items()}


def copies_of(stage: Stage, address: str, poster: str = "") -> list[Read]:
    """The copies in somebody's Maildir, of what `poster` wrote; no letters."""
    return [read(stage.town, mail) for mail in stage.town.mails(address) if mail["Precedence"] == "list" and poster in mail["From"]]


def good(copies: list[Read], made: Made, key: str) -> Read:
    """The one copy of this post; it is whole, and the list's signature is good."""
    [copy] = [copy for copy in copies if made.body in copy.content]
    assert any(made.text in text for text in copy.texts), copy.texts
    assert copy.subject == made.subject
    assert "GOODSIG" in copy.status
    assert re.search(rf"VALIDSIG .*{key}$", copy.status, re.MULTILINE)
    return copy


@pytest.fixture(scope="module")
def sent(stage: Stage, judge: Judging) -> Sent:
    """Every mail, posted, and what the list said."""
    return posted(judge, {name: make(stage, f"canary-{number:03d}.") for number, (name, make) in enumerate(GOOD.items())})


@pytest.fixture(scope="module")
def copies(stage: Stage, sent: Sent) -> list[Read]:
    """Every copy that Bert got, read."""
    assert sent
    stage.town.deliver()
    return copies_of(stage, stage.bert.address)


@pytest.mark.parametrize("name", GOOD)
def test_a_decent_mail_is_taken_and_comes_out_as_it_went_in(stage: Stage, sent: Sent, copies: list[Read], name: str) -> None:
    """It is accepted as its signer's; the one copy holds the octets that were signed, the text, the subject, the list's signature."""
    made, verdict = sent[name]
    assert (verdict.verdict, verdict.poster) == ("accept", made.poster.fingerprint), verdict
    good(copies, made, stage.town.key)


# --- keys of all kinds -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def owners(stage: Stage, copies: list[Read]) -> Mapping[str, Key]:
    """They become members when all those mails are out: ten mebibytes for each of them would fill the disk."""
    assert copies
    return admit(stage)


@pytest.fixture(scope="module")
def sent_by_owners(stage: Stage, judge: Judging, owners: Mapping[str, Key]) -> Sent:
    """A post by each of them: by the first from their first address, by the next from their second, and so on."""
    mails = {name: post_by(key, bool(number % 2))(stage, f"canary {name}.") for number, (name, key) in enumerate(owners.items())}
    found = posted(judge, mails)
    stage.town.deliver()
    return found


@pytest.mark.parametrize("name", KEYS)
def test_the_owner_of_a_decent_key_posts_and_reads_from_either_address(
    stage: Stage, owners: Mapping[str, Key], sent_by_owners: Sent, name: str
) -> None:
    """With each kind of key that people have; whichever of their addresses they write from, they get a copy at both."""
    who, (made, verdict) = owners[name].who, sent_by_owners[name]
    assert (verdict.verdict, verdict.poster) == ("accept", who.fingerprint), verdict
    for address in (who.address, f"2{who.address}"):
        good(copies_of(stage, address, who.name), made, stage.town.key)


REFUSED = {
    "DSA": ("dsa2048", "weak-key"),
    "Brainpool": ("brainpoolP256r1", "bad-certificate"),
    "secp256k1": ("secp256k1", "bad-certificate"),
}


@pytest.mark.parametrize(("algorithm", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_key_that_only_one_engine_knows_is_refused_at_admission_and_not_later(stage: Stage, algorithm: str, reason: str) -> None:
    """Who has such a key hears it at once, and not when their first post is lost."""
    who = stage.people.make("Dora", f"{algorithm}-{stage.town.home.parent.name}@nl.example", algorithm, encryption="cv25519")
    said = stage.town.submit(stage.town.admin, stage.town.statement("attest-ssc", who), who.certificate, status=65)
    assert said["reason"] == reason
