"""Tokens of invitations, and when somebody is reminded: nothing that can be guessed, carried over, or come too often."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securelist.procedures.schedule import LAPSES_AFTER_S, REMINDERS_AFTER_S, has_lapsed, is_due
from securelist.procedures.token import MAX_TOKENS_IN_A_MAIL, make_token, number_of, numbers_in
from securelist.store.retention import DAY_S
from securelist.trust.grammar import parse

SECRET = bytes(range(32))
TOKEN = make_token(SECRET, 7, "nl")


@given(number=st.integers(1, 2**24 - 1), cctld=st.sampled_from(["nl", "br", "xn--p1ai", "xn--mgba3a4f16a"]))
def test_a_token_leads_back_to_its_invitation(number, cctld):
    """Whatever the number and the ccTLD, in whatever case; and the grammar of statements takes it."""
    token = make_token(SECRET, number, cctld)
    assert number_of(SECRET, token) == number_of(SECRET, token.upper()) == number
    text = f"Securelist-Statement: accept-invitation\nList: a@b.example\nTLD: {cctld}\nToken: {token}\nName: A\nEmail: a@b.example\n"
    assert parse(text)[0].token == token


@given(place=st.integers(0, len(TOKEN) - 1), letter=st.characters(codec="ascii"))
def test_one_other_letter_makes_it_nobodys(place, letter):
    """A token that was mistyped, or tried."""
    other = TOKEN[:place] + letter + TOKEN[place + 1 :]
    assert number_of(SECRET, other) == (7 if other.lower() == TOKEN else None)


@pytest.mark.parametrize(
    "token",
    ["", "nl", "nl-", TOKEN[3:], TOKEN + "-aaaa", TOKEN.replace("nl", "br", 1), f" {TOKEN}", "nl-" + "a" * 24, "é" + TOKEN, "nl-aaaa" * 9],
)
def test_what_is_no_token(token):
    """Pieces of one, another ccTLD's, and whatever else comes in mails."""
    assert number_of(SECRET, token) is None


def test_another_installation_makes_other_tokens():
    """What one list's secret made means nothing to another."""
    assert number_of(bytes(32), TOKEN) is None


@pytest.mark.parametrize("around", ["Token: {}", "> Token: {}\r\n", "({})", "see {}, please", "\u00a0{}\u00a0", "{}\n{}"])
def test_a_token_is_found_in_what_people_write(around):
    """In the text to sign, quoted, in brackets, twice."""
    assert set(numbers_in(SECRET, around.replace("{}", TOKEN.upper()))) == {7}


def test_a_mail_full_of_hyphens_costs_nothing():
    """Twenty-five megabytes of what looks like the beginning of a token, and a thousand that are none."""
    begun = time.process_time()
    assert not list(numbers_in(SECRET, "a-" * 1_000_000 + "nl-aaaa-" * 100_000 + "-" * 1_000_000))
    assert time.process_time() - begun < 20
    wrong = "nl-aaaa-aaaa-aaaa-aaaa-aaaa "
    assert not list(numbers_in(SECRET, wrong * 1000))
    assert list(numbers_in(SECRET, wrong * (MAX_TOKENS_IN_A_MAIL - 1) + TOKEN)) == [7]


def test_two_reminders_and_then_no_more():
    """Letters in the hours of 40 days, of somebody who never answers: at once, after 7 and after 21 days; after 30 it is over."""
    letters: list[float] = []
    for at in range(0, 40 * DAY_S, 3600):
        if not has_lapsed(0, at) and is_due(0, len(letters), at):
            letters.append(at / DAY_S)
    assert letters == [0, 7, 21]
    assert not has_lapsed(0, LAPSES_AFTER_S - 1)
    assert max(REMINDERS_AFTER_S) < LAPSES_AFTER_S


def test_a_server_that_was_off_reminds_once():
    """After a month's pause the next reminder comes at once, and the one after it in the next round, not before its day."""
    assert is_due(0, 1, 22 * DAY_S)
    assert not is_due(0, 3, 22 * DAY_S)
