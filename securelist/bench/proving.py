"""One proof of a log in a process of its own, pinned to one core, with a stopwatch at the engines and the rules.

`python -m securelist.bench.proving FOLDER STATEMENTS` takes what `bench.log` put into the folder and prints JSON. The product
is not instrumented: the functions of its modules are replaced here, in this process.

What is taken is CPU time, of this process and of its children: what the proof would take on a core that has nothing else to
do. The time by the clock stands beside it.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from types import FunctionType, ModuleType
from typing import Any

import securelist.cli.main  # noqa: F401 - what the command reads before it begins
from securelist.bench.log import EXPORT, ROOT_FILE, Measured, Row, ring_of, text_of
from securelist.openpgp import gnupg, pgpy_, sequoia
from securelist.trust import export, proof, rules, verified

# Parts of the time, and the modules whose public functions they are. What a function calls in another part counts there.
_GNUPG, _SEQUOIA, _PGPY, _RULES, _EXPORT = "GnuPG", "Sequoia", "PGPy", "the rules, and the grammar", "reading the export"
_PARTS = ((_GNUPG, gnupg), (_SEQUOIA, sequoia), (_PGPY, pgpy_), (_RULES, rules), (_RULES, verified), (_EXPORT, export))


def _used(whose: int) -> float:
    used = getrusage(whose)
    return used.ru_utime + used.ru_stime


def cpu() -> float:
    """CPU seconds of this process and of the children that have ended, so far."""
    return _used(RUSAGE_SELF) + _used(RUSAGE_CHILDREN)


class Stopwatch:
    """CPU seconds and calls of each part; a function that calls one of another part stands still meanwhile."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inner = [0.0]

    def timed(self, part: str, function: Callable[..., Any], counted: bool = True) -> Callable[..., Any]:
        """`function`, its time taken for `part`."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
            self._inner.append(0.0)
            started = cpu()
            try:
                return function(*args, **kwargs)
            finally:
                taken = cpu() - started
                self.seconds[part] += taken - self._inner.pop()
                self._inner[-1] += taken
                self.calls[part] += counted

        return call

    def watch(self) -> None:
        """Puts itself around every part, wherever in the product its functions are known by name."""
        for part, module in _PARTS:
            for function in _public(module):
                _replace(function, self.timed(part, function, counted=part != _GNUPG))
        gnupg.Gpg.run = self.timed(_GNUPG, gnupg.Gpg.run)  # type: ignore[method-assign]


def _public(module: ModuleType) -> list[FunctionType]:
    own = (value for name, value in vars(module).items() if not name.startswith("_"))
    return [value for value in own if isinstance(value, FunctionType) and value.__module__ == module.__name__]


def _replace(old: object, new: object) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("securelist."):
            for known in [known for known, value in vars(module).items() if value is old]:
                setattr(module, known, new)


def measured(folder: Path, statements: int) -> Measured:
    """Proves the export in `folder`, and then runs gpg alone on the same texts; raises SystemExit if something does not verify."""
    octets, roots = (folder / EXPORT).read_bytes(), [(folder / ROOT_FILE).read_bytes()]
    watch = Stopwatch()
    watch.watch()
    start, begun = cpu(), time.perf_counter()
    proved = proof.prove(octets, roots, int(time.time()))
    taken, whole = time.perf_counter() - begun, cpu()
    if not proved.valid:
        raise SystemExit(f"not proved: {'; '.join(proved.problems)}")
    rows = tuple(_rows(watch, start, whole))
    return Measured(statements, proved.entries, len(proved.members), start + taken, whole, rows, _bare_gpg(folder, statements))


def _rows(watch: Stopwatch, start: float, whole: float) -> Iterator[Row]:
    processes = _used(RUSAGE_CHILDREN)
    yield Row("Python starts and reads its modules", 1, start)
    yield Row("GnuPG's processes", watch.calls[_GNUPG], processes)
    yield Row("starting them, reading what they say", 0, watch.seconds[_GNUPG] - processes)
    for part in dict.fromkeys(part for part, _ in _PARTS if part != _GNUPG):
        yield Row(part, watch.calls[part], watch.seconds[part])
    yield Row("the rest", 0, whole - start - sum(watch.seconds.values()))


def _bare_gpg(folder: Path, statements: int) -> float:
    """CPU seconds of one `gpg --verify` for each text, with a keyring of one certificate and nothing around it."""
    home = folder / "bare"
    home.mkdir(mode=0o700)
    options = ["--homedir", str(home), "--no-options", "--batch", "--trust-model", "always", "--no-auto-check-trustdb", "--lock-never"]
    begun = cpu()
    for number in range(statements):
        ring, text = folder / ring_of(number), folder / text_of(number)
        command = ["gpg", *options, "--no-default-keyring", "--keyring", str(ring), "--verify", str(text)]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            raise SystemExit(f"gpg --verify does not accept {text}")
    return cpu() - begun


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # its gpg processes inherit that
    print(json.dumps(asdict(measured(Path(sys.argv[1]), int(sys.argv[2])))))
