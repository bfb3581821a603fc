"""How many attacks and how many decent mails there are: each table by its name, so that none is lost unseen."""

from __future__ import annotations

import attacks_certificates
import attacks_checker
import attacks_engines
import attacks_keys
import attacks_layers
import attacks_mime
import attacks_names
import attacks_owners
import attacks_replay
import attacks_robots
import attacks_signed
import attacks_theirs
import attacks_types
import attacks_whole
import bad_mails
import good_keys
import good_messages
import good_texts
from bad_mails import Bad
from good_mails import CLIENTS

# Every mail in these is judged by a test, which names its reason and its step.
ATTACKS = {
    "bad_mails": bad_mails.MAILS,
    "whole": attacks_whole.ATTACKS_WHOLE,
    "signed": attacks_signed.ATTACKS_SIGNED,
    "mime": {**attacks_mime.ATTACKS_MIME, **attacks_mime.ATTACKS_PARTLY},
    "layers": attacks_layers.ATTACKS_LAYERS,
    "types": attacks_types.ATTACKS,
    "engines": attacks_engines.ATTACKS_ENGINES,
    "theirs": attacks_theirs.THEIRS,
    "names": attacks_names.NAMES,
    "keys": attacks_keys.KEYS,
    "owners": attacks_owners.OWNERS,
    "replay": attacks_replay.FOR_REQUEST,
    "robots": attacks_robots.ATTACKS,
    "checker": attacks_checker.ATTACKS,
}
DECENT = {
    "clients": CLIENTS,
    "messages": {**good_messages.MESSAGES, **good_messages.ARMOUR, **good_messages.LAYOUTS},
    "texts": {**good_texts.TEXTS, **good_texts.FILES, **good_texts.HEADERS},
    "keys": good_keys.KEYS,
}
# What was counted when this was written, rounded down; to lose some is noticed.
FEWEST_ATTACKS, FEWEST_DECENT, FEWEST_REPLAYS, FEWEST_CERTIFICATES = 630, 165, 33, 48


def test_the_attacks_are_many() -> None:
    """Each is a mail of its own, made by code, with the reason and the step of its refusal."""
    for name, table in ATTACKS.items():
        assert all(isinstance(bad, Bad) and bad.reason and bad.step for bad in table.values()), name
    counted = {name: len(table) for name, table in ATTACKS.items()}
    print(f"\n{sum(counted.values())} attack mails: {counted}")
    names = {name for table in ATTACKS.values() for name in table}  # some attacks are tried at two places; they count once
    assert len(names) >= FEWEST_ATTACKS
    assert len(attacks_replay.AGAIN) >= FEWEST_REPLAYS
    assert len(attacks_certificates.REFUSED) >= FEWEST_CERTIFICATES


def test_the_decent_mails_are_many() -> None:
    """What the list must take, by mail program, OpenPGP form, text and key."""
    counted = {name: len(table) for name, table in DECENT.items()}
    print(f"\n{sum(counted.values())} decent mails: {counted}")
    assert sum(counted.values()) >= FEWEST_DECENT
