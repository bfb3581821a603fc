"""What a stranger can make the server spend: of processor time and memory, and of others' patience. (`-s` shows the figures.)"""

from __future__ import annotations

import re
import resource
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from attack_stage import Judging, must_be_refused, posts_and_entries
from attacks_costly import ATTACKS_COSTLY, ATTACKS_COSTLY_REQUESTS, REQUEST
from bad_mails import Bad, Stage
from town import LIST, Running, entity

# What is asked of the server: so much for one refused mail, in seconds of processor time and in octets.
MAX_CPU_S = 2.0
MAX_MEMORY = 200 * 10**6
TICKS_S = 100  # clock ticks in a second, for /proc (getconf CLK_TCK)
REFUSED = (550, b"5.7.1 Not accepted for this list")


def cpu_so_far() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measured(judge: Judging, spent: list[float]) -> Judging:
    """The same judge; what each mail cost goes into `spent`."""

    def judging(*args: object, **kwargs: object) -> object:
        before = cpu_so_far()
        said = judge(*args, **kwargs)
        spent.append(cpu_so_far() - before)
        return said

    return judging  # type: ignore[return-value]


@pytest.mark.parametrize("bad", ATTACKS_COSTLY.values(), ids=ATTACKS_COSTLY)
def test_a_costly_post_is_refused_at_little_cost(stage: Stage, judge: Judging, bad: Bad) -> None:
    """However large, deep, wide or dense: two seconds of the processor, GnuPG's included, and nothing has changed."""
    spent: list[float] = []
    must_be_refused(stage, measured(judge, spent), bad)
    print(f"{spent[0]:.2f} s", end=" ")
    assert spent[0] < MAX_CPU_S


@pytest.mark.parametrize("bad", ATTACKS_COSTLY_REQUESTS.values(), ids=ATTACKS_COSTLY_REQUESTS)
def test_a_costly_request_is_refused_at_little_cost(stage: Stage, judge: Judging, bad: Bad) -> None:
    """The same by mail to LIST-request, where statements, certificates and encrypted texts travel together."""
    spent, before = list[float](), posts_and_entries(stage)
    said = measured(judge, spent)(bad.make(stage), to=REQUEST)
    print(f"{spent[0]:.2f} s", end=" ")
    assert (said.verdict, said.reason, said.step) == ("refuse", bad.reason, bad.step), said
    assert posts_and_entries(stage) == before and 15 <= len(said.detail) <= 250 and said.detail.isprintable()
    assert spent[0] < MAX_CPU_S


# --- with a real server, and another member's post at the same time --------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """A server, and how long a post takes when nothing else happens."""

    running: Running
    alone: float

    @property
    def pid(self) -> int:
        return self.running.process.pid

    def cpu(self) -> float:
        """Seconds that the server and the gpg processes it has waited for have used (proc(5))."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS_S

    def forget_peak(self) -> None:
        """From now on, the peak is what comes (proc(5), clear_refs). Only root may: else the peak of all counts."""
        with suppress(PermissionError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """The most memory that the server had, in octets."""
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        assert found
        return int(found[1]) * 1024


def seconds_of(running: Running, mail: bytes) -> float:
    """How long a post takes, from the first octet to its 250."""
    begun = time.monotonic()
    assert running.send(mail)[0] == 250
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def served(stage: Stage) -> Iterator[Served]:
    with stage.town.serve() as running:
        yield Served(running, sorted(seconds_of(running, good(stage)) for _ in range(3))[1])


def good(stage: Stage) -> bytes:
    """A post by Bert, each time another one."""
    return stage.town.post(stage.bert, entity(f"a post beside an attack {time.time_ns()}"))


def send_all_but_the_answer(running: Running, mail: bytes, to: str) -> smtplib.SMTP:
    """A session whose mail has just been sent to its end."""
    smtp = smtplib.SMTP("127.0.0.1", running.smtp, timeout=60)
    smtp.ehlo()
    smtp.mail("anna@nl.example")
    assert smtp.rcpt(to)[0] == 250
    assert smtp.docmd("DATA")[0] == 354
    smtp.send(re.sub(rb"(?m)^\.", b"..", mail) + b"\r\n")
    smtp.putcmd(".")
    return smtp


BESIDE: dict[str, tuple[Callable[[Stage], bytes], str]] = {
    name: (bad.make, LIST)
    for name, bad in ATTACKS_COSTLY.items()
    if re.match(r"a bomb|just below|four million|3,000 session|1,900|a thousand|a hundred thousand|21 levels|ten thousand|30,000", name)
}
BESIDE |= {f"{name}, requested": (bad.make, REQUEST) for name, bad in ATTACKS_COSTLY_REQUESTS.items() if "bomb" in name or "flowed" in name}


@pytest.mark.parametrize(("make", "to"), BESIDE.values(), ids=BESIDE)
def test_a_post_goes_through_while_an_attack_is_refused(stage: Stage, served: Served, make: Callable[[Stage], bytes], to: str) -> None:
    """Both together cost the server 2 s of the processor and 200 MB at most, and the post takes as long as without the attack."""
    attack, post = make(stage), good(stage)
    served.forget_peak()
    before = served.cpu()
    with send_all_but_the_answer(served.running, attack, to) as smtp:
        took = seconds_of(served.running, post)
        assert smtp.getreply() == REFUSED
    spent, peak = served.cpu() - before, served.peak()
    print(f"{spent:.2f} s, {peak / 1e6:.0f} MB, post {took:.2f} s, alone {served.alone:.2f} s", end=" ")
    assert spent < MAX_CPU_S
    assert peak < MAX_MEMORY
    assert took < 5 * served.alone + 1
