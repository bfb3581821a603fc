"""What the fuzzer found worth keeping, given to every parser once more: seeds, the corpus, and what was a finding once.

Needs no fuzzer. `tests/fuzz/run` makes the corpus; `tests/fuzz/targets*.py` say what must be true of whatever comes out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from fuzz import kept, targets_smtp
from fuzz.judging import feed
from fuzz.targets import TARGETS

from securelist.errors import Refused
from securelist.openpgp.armor import blocks
from securelist.openpgp.packets import Tag, read_packets

# For each target; each seed is something that decent people or programs send.
FEWEST_SEEDS = {"export": 1, "drafted": 2, "incoming": 2, "config": 3, "composed": 4, "session": 4}
SEEDS_OF_OTHERS = 5
FEWEST_SEEDS_IN_ALL = 250
# All of it is read in a review, and replayed in every run of the tests.
MOST_INPUTS, MOST_OCTETS = 4_000, 2 * 2**20
# One input of some kilobytes, on a machine with other things to do.
LONGEST_S = 5.0


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    """The server that the sessions talk to is ended afterwards."""
    yield
    targets_smtp.house().close()
    targets_smtp.house.cache_clear()


@pytest.mark.parametrize("name", TARGETS)
def test_a_stranger_sends_what_the_fuzzer_made_up(name):
    """Every kept input ends in an answer or a refusal that can be shown, soon, and breaks nothing that must be true."""
    inputs = [*kept.read(kept.SEEDS, name), *kept.read(kept.CORPUS, name)]
    assert inputs
    for octets in inputs:
        began = time.process_time()
        feed(TARGETS[name], octets)
        assert time.process_time() - began < LONGEST_S, octets[:200]


@pytest.mark.parametrize("name", TARGETS)
def test_the_fuzzer_begins_with_what_decent_people_send(name):
    """Each parser has seeds, and takes most of them: what it refuses at once teaches the fuzzer little."""
    seeds = kept.read(kept.SEEDS, name)
    assert len(seeds) >= FEWEST_SEEDS.get(name, SEEDS_OF_OTHERS)
    assert sum(not feed(TARGETS[name], octets) for octets in seeds) > len(seeds) * 0.4


def test_seeds_and_corpus_are_counted():
    """There are enough seeds, each target has a corpus, and all of it together can be reviewed."""
    seeds, corpus = ({name: kept.read(folder, name) for name in TARGETS} for folder in (kept.SEEDS, kept.CORPUS))
    assert sum(map(len, seeds.values())) >= FEWEST_SEEDS_IN_ALL
    assert not [name for name, inputs in corpus.items() if not inputs]
    assert sum(map(len, corpus.values())) <= MOST_INPUTS
    files = [*kept.SEEDS.iterdir(), *kept.CORPUS.iterdir()]
    assert {file.stem for file in files} == set(TARGETS)
    assert sum(file.stat().st_size for file in files) <= MOST_OCTETS


def test_kept_inputs_are_read_as_they_were_written():
    """Every octet comes back, and each input is one line."""
    every = bytes(range(256)) + b"\\x41\r\n"
    assert kept.octets_of(kept.line_of(every)) == every
    assert len(kept.line_of(every).splitlines()) == 1


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_holds_a_secret_key(name):
    """The seeds were made with real keys, whose secrets are gone."""
    for octets in kept.read(kept.SEEDS, name):
        assert not {Tag.SECRET_KEY, Tag.SECRET_SUBKEY} & {tag for message in (octets, *armored(octets)) for tag in tags_of(message)}
        assert b"PRIVATE KEY" not in octets


def armored(octets: bytes) -> list[bytes]:
    """What is armoured in this; nothing if the armour is encoded once more."""
    with contextlib.suppress(Refused):
        return [block for _, block in blocks(octets.replace(b"\r\n", b"\n"))]
    return []


def tags_of(octets: bytes) -> set[int]:
    """The types of the packets in this; none if it does not consist of packets."""
    with contextlib.suppress(Refused):
        return {packet.tag for packet in read_packets(octets)}
    return set()
