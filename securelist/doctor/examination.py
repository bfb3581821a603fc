"""The checks, in their order, and the examination: each is made unless what it rests on is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from securelist.doctor import engines, machine, mail, place, trust
from securelist.doctor.finding import Finding, Patient, State
from securelist.errors import SecurelistError
from securelist.process import where


@dataclass(frozen=True)
class Check:
    """One check by its name, and the names of those without which it makes no sense."""

    name: str
    look: Callable[[Patient], Finding]
    after: tuple[str, ...] = ()


_OPEN = ("permissions", "configuration", "database")
CHECKS = (
    Check("permissions", place.permissions),
    Check("configuration", place.configuration),
    Check("letters", place.letters, ("permissions", "configuration")),
    Check("database", place.database, ("permissions", "configuration", "letters")),
    Check("list-key", trust.list_key, _OPEN),
    Check("roots", trust.roots, _OPEN),
    Check("log", trust.log, _OPEN),
    Check("certificates-gnupg", engines.gnupg_accepts, _OPEN),
    Check("certificates-sequoia", engines.sequoia_accepts, _OPEN),
    Check("members", trust.members, _OPEN),
    Check("programs", machine.programs),
    Check("next-hop", mail.next_hop, ("configuration",)),
    Check("queue", mail.queue, _OPEN),
    Check("user", machine.user),
    Check("swap", machine.swap),
    Check("descriptors", machine.descriptors),
    Check("disk", machine.disk),
    Check("clock", machine.clock, _OPEN),
)


def examine(patient: Patient) -> Iterator[Finding]:
    """One finding for each check, in their order, whatever happens."""
    problems: set[str] = set()
    for check in CHECKS:
        if broken := [name for name in check.after if name in problems]:
            finding = Finding(check.name, State.WARNING, "not looked at", f"mend first what is said of {broken[0]}, and run this again")
        else:
            finding = _looked(check, patient)
        if finding.state is State.PROBLEM or finding.found == "not looked at":
            problems.add(check.name)
        yield finding


def _looked(check: Check, patient: Patient) -> Finding:
    try:
        return replace(check.look(patient), check=check.name)
    except SecurelistError as error:
        found, _, advice = error.detail.partition("; ")
        return Finding(check.name, State.PROBLEM, found, advice or "the operator's guide says more")
    except OSError as error:
        return Finding(check.name, State.PROBLEM, f"{error.filename or 'a file'}: {error.strerror}", "mend that, and run this again")
    except Exception as fault:  # one check that fails must not hide what the others find
        advice = "please report it"
        return Finding(check.name, State.PROBLEM, f"this check ended in a fault of this program: {where(fault)}", advice)
