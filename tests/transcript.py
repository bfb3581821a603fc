"""A correspondence as a person can read it: who wrote what to whom and how, what arrived, and how many mails each role sent."""

from __future__ import annotations

import re
import textwrap
from collections import Counter

from mail_client import Shown

COLUMNS = 76
# What is there to be copied stays as it is, however long: a statement's lines.
_FIELD = re.compile(r"[A-Z][A-Za-z-]*: ")


class Transcript:
    """The correspondence of one chapter."""

    def __init__(self) -> None:
        self._events = [""]
        self._sent: Counter[str] = Counter()

    def __str__(self) -> str:
        return "\n".join(self._events) + "\n"

    def begin(self, title: str) -> None:
        """A new chapter: mails are counted and told anew."""
        self._sent.clear()
        self._events = [f"######## {title} ########\n"]

    def day(self, number: int) -> None:
        """The clock was moved."""
        self._events.append(f"\n======== day {number} ========\n")

    def sent_by(self, role: str) -> int:
        """How many mails the people of a role sent in this chapter."""
        return self._sent[role]

    def sent(self, name: str, role: str, head: dict[str, str], how: str, text: str) -> None:
        """Somebody sent a mail."""
        self._sent[role] += 1
        line = f"--> {name} ({role}, mail {self._sent[role]}) writes to {head['To']}\n"
        self._events.append(f"{line}    From: {head['From']}\n    Subject: {head['Subject']}\n    [{how}]\n{_quoted(text)}")

    def answered(self, answer: tuple[int, bytes]) -> None:
        """What the server said to it; that it was taken goes without saying."""
        self._events[-1] += "" if answer[0] == 250 else f"    answered: {answer[0]} {answer[1].decode()}\n"

    def received(self, name: str, role: str, shown: Shown) -> None:
        """Somebody opened a mail; of a letter (a post is somebody else's words), no line is too long."""
        if "Signature verified:" not in shown.text:
            assert all(len(line) <= COLUMNS or _FIELD.match(line) for line in shown.text.splitlines()), shown.text
        how = f"{'encrypted' if shown.encrypted else 'in clear'}, signature: {shown.signature}"
        attached = f", attached: {', '.join(shown.attachments)}" if shown.attachments else ""
        line = f"<-- {name} ({role}) reads at {shown.mailbox}\n"
        self._events.append(f"{line}    Subject: {shown.subject}\n    [{how}{attached}]\n{_quoted(shown.text)}")


def _quoted(text: str) -> str:
    text = re.sub(r"(?m)(^>.*\n)(?:^>.*\n?)+", r"\1> (and so on)\n", text)
    return textwrap.indent(text.strip("\n"), "    | ", lambda _: True) + "\n"
