"""Checks of the machine: programs and their versions, the user, swap, descriptors, disk, clock."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import func, select

from securelist.doctor.finding import Finding, Patient, State, several
from securelist.errors import ConfigurationError
from securelist.mail.room import Limits, sessions_for
from securelist.openpgp import gnupg
from securelist.store.database import reading
from securelist.store.schema import LogEntry, Post

MIB = 1 << 20
# A post of 25 MiB takes twice that while it is committed, and the write-ahead log once more.
LEAST_FREE_MIB = 256
# A week of large posts, time enough to notice.
FREE_SOON_MIB = 2048
# Mail servers' clocks differ by seconds; what is in the database was dated by this very clock.
MAX_BACK_S = 5
# The versions that all of this was tried with, as far as a new one may change what it says: major and minor.
TRIED = {"GnuPG": "2.2", "python-gnupg": "0.5", "pysequoia": "0.1", "PGPy": "0.6"}

_SWAPS = Path("/proc/swaps")
UNIT = "securelist.service"
# There only while it runs.
_SERVICE = Path("/sys/fs/cgroup/system.slice", UNIT, "memory.swap.max")
# It answers within milliseconds; doctor does not wait for one that hangs.
_SYSTEMD_ANSWERS_S = 5.0
# Of adjtimex(2): its answer when nothing keeps the clock right, and more octets than its struct has.
_TIME_ERROR, _TIMEX_OCTETS = 5, 512


def programs(_patient: Patient) -> Finding:
    """Which OpenPGP programs do the work, and whether all was tried with these."""
    found = {"GnuPG": gnupg.version()} | {name: version(name) for name in ("python-gnupg", "pysequoia", "PGPy")}
    words = ", ".join(f"{name} {number}" for name, number in found.items())
    new = [f"{name} {TRIED[name]}" for name, number in found.items() if ".".join(number.split(".")[:2]) != TRIED[name]]
    if not new:
        return Finding("programs", State.OK, words)
    advice = "read the other findings with care, and try a post with `securelist post check` before members do"
    return Finding("programs", State.WARNING, f"{words}; this version was tried with {several(new)}", advice)


def user(_patient: Patient) -> Finding:
    """Whether a fault in this program would be root's."""
    if os.geteuid() != 0:
        return Finding("user", State.OK, "not run by root")
    advice = "give the list a user of its own, as the operator's guide says under Set up"
    return Finding("user", State.WARNING, "this is run by root: whoever found a fault in a program here would be root", advice)


def swap(_patient: Patient) -> Finding:
    """Whether memory, with posts in it, may be written to a disk in the clear."""
    in_clear = [device for device in _swap_devices() if not _is_safe(device)]
    if not in_clear:
        return Finding("swap", State.OK, "no swap in the clear")
    if is_zero(unit_property("MemorySwapMax")) or (_SERVICE.exists() and is_zero(_SERVICE.read_text())):
        return Finding("swap", State.OK, f"swap is on ({several(in_clear)}), and systemd keeps the service out of it")
    advice = "run the service by deploy/securelist.service (MemorySwapMax=0), or encrypt the swap, or run: swapoff -a"
    return Finding("swap", State.WARNING, f"swap is on ({several(in_clear)}): posts that pass through memory may get there", advice)


def unit_property(name: str) -> str:
    """What systemd says of the service's unit, running or not: `NAME=VALUE`; empty where systemd is not what runs services."""
    try:
        command = ["systemctl", "show", UNIT, f"--property={name}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SYSTEMD_ANSWERS_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def is_zero(limit: str) -> bool:
    """Whether a limit, of systemd or of the kernel, says that nothing may be used; `infinity` and `max` do not."""
    return limit.strip().rpartition("=")[2] == "0"


def _swap_devices() -> list[str]:
    lines = _SWAPS.read_text().splitlines()[1:] if _SWAPS.exists() else []
    return [line.split()[0] for line in lines if line.strip()]


def _is_safe(device: str) -> bool:
    """Whether what is swapped there stays in memory, or is encrypted."""
    name = Path(device).resolve().name
    kind = Path("/sys/block", name, "dm", "uuid")
    return name.startswith("zram") or (kind.exists() and kind.read_text().startswith("CRYPT-"))


def descriptors(_patient: Patient) -> Finding:
    """Whether enough files may be open at once for the sessions that mail servers want."""
    wanted = Limits.sessions
    try:
        sessions = sessions_for(wanted)  # what `serve` does, its limit raised as far as it may be
    except ConfigurationError as problem:
        return Finding("descriptors", State.PROBLEM, problem.detail, "raise it: LimitNOFILE= in the service's unit, or ulimit -n")
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if sessions == wanted:
        return Finding("descriptors", State.OK, f"{most if most >= 0 else 'any number of'} files may be open, enough for {wanted} sessions")
    advice = "raise it: LimitNOFILE= in the service's unit, or ulimit -n"
    return Finding("descriptors", State.WARNING, f"{most} files may be open: {sessions} sessions at once, not {wanted}", advice)


def disk(patient: Patient) -> Finding:
    """Whether there is room for what comes."""
    free = shutil.disk_usage(patient.home).free // MIB
    state = State.PROBLEM if free < LEAST_FREE_MIB else State.WARNING if free < FREE_SOON_MIB else State.OK
    advice = f"make room: below {LEAST_FREE_MIB} MiB posts are answered 451 sooner or later" if state is not State.OK else ""
    return Finding("disk", state, f"{free} MiB free on the disk of {patient.home}", advice)


def clock(patient: Patient) -> Finding:
    """Whether the clock went back, and whether something keeps it right."""
    with reading(patient.engine) as connection:
        newest = max(connection.execute(select(func.max(column))).scalar() or 0 for column in (LogEntry.time, Post.accepted))
    if patient.now < newest - MAX_BACK_S:
        advice = "set it right before anything else; nothing is entered until it has passed that moment"
        return Finding("clock", State.PROBLEM, f"the clock is {newest - patient.now} s behind what this list did last", advice)
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS)) == _TIME_ERROR:
        advice = "posts and statements are refused by their dates; let it be kept right: apt-get install systemd-timesyncd"
        return Finding("clock", State.WARNING, "nothing keeps this machine's clock right", advice)
    return Finding("clock", State.OK, "kept right, and not behind the log")
