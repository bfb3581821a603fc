"""Who holds a lease: host, process ID and that process's start time, so that a dead one is known at once.

The start time tells a process from a later one with the same ID (Linux, proc(5)).
"""

from __future__ import annotations

import os
import socket
from pathlib import Path


def own_name() -> str:
    """The name under which this process leases copies."""
    return f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())}"


def is_dead(name: str) -> bool:
    """Whether `name` is a process of this host that certainly runs no more; another host's never counts as dead."""
    host, _, rest = name.partition(" ")
    pid, _, start = rest.partition(" ")
    # Without /proc nothing is certain, our own start time neither.
    if host != socket.gethostname() or not pid.isdecimal() or not start or not _start_of(os.getpid()):
        return False
    return _start_of(int(pid)) != start


def _start_of(pid: int) -> str:
    """When the process began, in clock ticks since the boot and with the boot's ID; empty for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return ""
    state, start = fields[0], fields[19]
    return "" if state in "ZX" else f"{start} {boot}"  # a zombie was killed and only waits for its parent
