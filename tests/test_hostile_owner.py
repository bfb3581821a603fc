"""Strangers who write to the Secretariat by the list's address: what the list keeps of it is small."""

from __future__ import annotations

import os

from attack_stage import Judging
from bad_mails import Stage
from test_hostile_robots import letters_written
from town import LIST

from securelist.mail.addresses import Role, address_for
from securelist.reception import MAX_FORWARDED_OCTETS

OWNER = address_for(Role.OWNER, LIST)


def mail_of(size: int) -> bytes:
    """A mail of so many octets that nothing makes smaller."""
    head = b"From: x@evil.example\r\nSubject: a question\r\n\r\n"
    lines = (size - len(head)) // 100
    text = b"".join(os.urandom(49).hex().encode() + b"\r\n" for _ in range(lines))
    return head + text + b"x" * (size - len(head) - len(text) - 2) + b"\r\n"


def test_a_large_mail_to_the_owner_is_not_kept(stage: Stage, judge: Judging) -> None:
    """An octet beyond 1 MiB is refused, before anything is written; 1 MiB is forwarded."""
    before = letters_written(stage)
    for size in (MAX_FORWARDED_OCTETS + 1, 24 * MAX_FORWARDED_OCTETS):
        said = judge(mail_of(size), "x@evil.example", OWNER)
        assert (said.verdict, said.reason, said.step) == ("refuse", "too-large", "receive")
    assert letters_written(stage) == before
    assert judge(mail_of(MAX_FORWARDED_OCTETS), "x@evil.example", OWNER).verdict == "accept"
    assert letters_written(stage) > before
