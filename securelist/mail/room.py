"""How many sessions and octets the server holds at once, and who has to go when somebody new needs room.

Strangers open connections and leave them open, or send a mail at an octet a second. A limit alone would let them lock
everybody out; so the new one is let in, and who has kept us waiting longest goes. A session has an allowance of time: waiting
spends it, octets of a mail earn it anew, and a whole mail makes it full. It ends when that is spent; and when room is needed, the
session with the least of it left goes first, those included that have brought a whole mail and wait for a worker, which begins with
the newest (`turns.py`); but never one whose mail a worker has begun.

Addresses do not count: behind Postfix, as its proxy or by LMTP, everybody comes from Postfix's address.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from securelist.errors import ConfigurationError

MIB = 1 << 20

# What is open beside the sessions: the database, pipes to gpg for each worker, copies on their way out, listeners, 100 at most; and
# connections that were taken and not yet counted, or hung up on and not yet closed: a few turns of the event loop, 50 in each.
OTHER_DESCRIPTORS = 400
# With fewer sessions than this a handful of strangers is in everybody's way.
FEWEST_SESSIONS = 50


@dataclass(frozen=True)
class Limits:
    """What strangers can make the server hold: by the defaults some 500 MiB, if a thousand of them do their worst at once."""

    sessions: int = 1_000
    """An idle session takes 12 KB; one that does its worst 0.3 MiB of buffers, beside what `held_octets` counts."""

    held_octets: int = 200 * MIB
    """All mails together, from their first octet until they are judged: eight of the largest."""

    held_by_large: int = 150 * MIB
    """A mail beyond 1 MiB gets room only below this, so that large ones that wait for a worker leave room for the small."""

    large_octets: int = MIB
    """What a large mail is; large ones are judged one at a time."""

    allowance_s: float = 300.0
    """RFC 5321, 4.5.3.2.7: a server waits 5 minutes for the next command. Here that is the time for a whole mail, but for what
    its octets earn: mail servers take seconds for the commands."""

    octets_per_s: float = 1_000.0
    """So many octets of a mail earn a second. Slower than any line that people have; an octet a second keeps nothing open."""


class Guest(Protocol):
    """A session, as the room sees it."""

    ends_at: float
    held: int
    waits: bool
    """Whether it has brought a whole mail and was not answered."""
    judged: bool
    """Whether a worker has begun with that mail."""

    def hang_up(self, reply: str) -> None:
        """Says this, if the peer reads, and closes the connection; `ends_at` counts no more."""


class Room:
    """Who is in, and how many octets of their mails are held, those included whose peer has hung up since."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits, self._clock = limits, clock
        self.guests: set[Guest] = set()
        self.held = 0

    def enter(self, guest: Guest, reply: str) -> bool:
        """Lets a session in, if need be instead of another, which hears `reply`; False if all their mails are being judged."""
        guest.ends_at = self._clock() + self.limits.allowance_s
        if len(self.guests) >= self.limits.sessions and not self._turn_out(self.guests, reply):
            return False
        self.guests.add(guest)
        return True

    def leave(self, guest: Guest) -> None:
        """Its connection is closed; its octets are given back by whoever has them."""
        self.guests.discard(guest)

    def take(self, guest: Guest, octets: int, reply: str) -> bool:
        """Room for `octets` more of a session's mail, if need be instead of another's; False if there is none."""
        large = guest.held + octets > self.limits.large_octets
        limit = self.limits.held_by_large if large else self.limits.held_octets
        while self.held + octets > limit:
            if not self._turn_out((other for other in self.guests if other.held and other is not guest), reply):
                return False
        guest.held += octets
        self.held += octets
        return True

    def begin(self, guest: Guest) -> int:
        """A worker begins with its mail, which is given up for nobody any more; how many octets are no more the session's to give back."""
        guest.judged = True
        held, guest.held = guest.held, 0
        return held

    def give_back(self, guest: Guest) -> None:
        """What a session held of a mail is no more needed."""
        self.held -= guest.held
        guest.held = 0

    def earn(self, guest: Guest, octets: int) -> None:
        """So many octets of a mail have come."""
        full = self._clock() + self.limits.allowance_s
        guest.ends_at = min(guest.ends_at + octets / self.limits.octets_per_s, full)

    def renew(self, guest: Guest) -> None:
        """A whole mail has come."""
        guest.ends_at = self._clock() + self.limits.allowance_s

    def _turn_out(self, among: Iterable[Guest], reply: str) -> bool:
        """Hangs up on the one with the least time left; False if the mails of all are being judged."""
        others = [guest for guest in among if not guest.judged]
        if not others:
            return False
        least = min(others, key=lambda guest: guest.ends_at)
        self.give_back(least)
        self.leave(least)
        least.hang_up(reply)
        return True


def sessions_for(wanted: int) -> int:
    """How many of the `wanted` sessions this process has descriptors for; raises its own limit on them, if it may.

    Without this the thousandth connection fails with EMFILE, and so does the next gpg. Not raised to the hard limit, which is
    inherited by every program that we start: some close all descriptors that they could have. Raises ConfigurationError.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_DESCRIPTORS
    # A limit that is not there is -1.
    if 0 <= soft < needed:
        soft = needed if hard < 0 else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    sessions = wanted if soft < 0 else min(wanted, soft - OTHER_DESCRIPTORS)
    if sessions < FEWEST_SESSIONS:
        raise ConfigurationError(
            "too-few-files", f"this process may open {soft} files and needs {OTHER_DESCRIPTORS + FEWEST_SESSIONS}; raise LimitNOFILE"
        )
    return sessions
