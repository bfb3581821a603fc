"""Rounds of fuzzing over all targets, one process at a time; called by `tests/fuzz/run`, which explains the options.

The folder to work in holds `corpus/TARGET/` (what the fuzzer found worth keeping), `findings/` (what made a target fail), `mended/` (what
did once), `said/` (what the fuzzer said then), `counts.json` (executions, processor seconds and slices of each target) and `log`, with
a line for each slice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

ONE = Path(__file__).with_name("one.py")
ROOT = ONE.parents[2]
sys.path[:0] = [str(ROOT), str(ONE.parents[1])]

from fuzz import dictionary, kept  # noqa: E402 - the folders first
from fuzz.targets import TARGETS  # noqa: E402

# An input that takes so long, or so much memory, is a finding: parsers are given mails of 25 MiB, and these are some kilobytes.
LIMITS = ["-timeout=10", "-rss_limit_mb=1024"]
# For each target, as it stands in the repository: all together are read in a review, and have 2 MiB.
MOST_KEPT_OCTETS = 72 * 1024
# Slices that did not run at all: somebody is editing a module; but not so often.
MOST_FAILURES = 200


@dataclass
class Counts:
    """What was done for one target so far."""

    executions: int = 0
    cpu_seconds: float = 0.0
    slices: int = 0
    findings: int = 0
    """How many slices ended at one; whether there are any open ones, `findings/` tells."""


class Work:
    """The folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("corpus", "findings", "mended", "said"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        counted = json.loads((folder / "counts.json").read_text()) if (folder / "counts.json").exists() else {}
        self.counts = {name: Counts(**counted.get(name, {})) for name in TARGETS}

    def corpus(self, target: str) -> Path:
        """The target's corpus; seeds and what the repository keeps are put in if they are not there."""
        folder = self.folder / "corpus" / target
        folder.mkdir(exist_ok=True)
        for octets in (*kept.read(kept.SEEDS, target), *kept.read(kept.CORPUS, target)):
            path = folder / hashlib.sha1(octets, usedforsecurity=False).hexdigest()
            if not path.exists():
                path.write_bytes(octets)
        return folder

    def findings(self, target: str) -> list[Path]:
        """Inputs that made the target fail and were not seen to pass since."""
        return sorted((self.folder / "findings").glob(f"{target}-*"))

    def note(self, line: str) -> None:
        """Adds a line to the log."""
        with (self.folder / "log").open("a") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def save(self) -> None:
        """Keeps the counts."""
        new = self.folder / "counts.new"
        new.write_text(json.dumps({name: asdict(counts) for name, counts in self.counts.items()}, indent=1) + "\n")
        new.replace(self.folder / "counts.json")

    @property
    def cpu_seconds(self) -> float:
        """The processor time of all slices."""
        return sum(counts.cpu_seconds for counts in self.counts.values())


def run_one(*arguments: object) -> tuple[int, float, str]:
    """(exit status, processor seconds, what it said) of one fuzzing process, at the lowest priority."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, str(ONE), *map(str, arguments)],
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            preexec_fn=lambda: os.nice(19) and None,
        )
        _, status, usage = os.wait4(process.pid, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, said.read().decode(errors="replace")


def look_again(work: Work, target: str) -> None:
    """What was found before and passes now is mended."""
    for finding in work.findings(target):
        if run_one(target, *LIMITS, finding)[0] == 0:
            finding.rename(work.folder / "mended" / finding.name)
            work.note(f"{target}: mended: {finding.name}")


def one_slice(work: Work, target: str, seconds: int) -> bool:
    """Fuzzes a target for a while; False if it did not run."""
    look_again(work, target)
    options = [*LIMITS, f"-max_total_time={seconds}", "-print_final_stats=1", f"-dict={work.folder}/words"]
    status, spent, said = run_one(target, *options, f"-artifact_prefix={work.folder}/findings/{target}-", work.corpus(target))
    executed = re.search(r"stat::number_of_executed_units: (\d+)", said)
    if status:
        (work.folder / "said" / f"{target}.txt").write_text(said[-20_000:])
    if executed is None:  # the code could not be loaded, say: nothing was fuzzed, so nothing is counted
        work.note(f"{target}: exit {status}, did not run, see said/{target}.txt")
        return False
    counts = work.counts[target]
    counts.executions += int(executed[1])
    counts.cpu_seconds = round(counts.cpu_seconds + spent, 1)
    counts.slices += 1
    counts.findings += status != 0
    work.save()
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", said)
    work.note(f"{target}: exit {status}, {executed[1]} executions, {spent:.0f} s, coverage, features, inputs {covered[-1:]}")
    return True


def fuzz(work: Work, targets: list[str], seconds: float, slice_seconds: int) -> None:
    """Fuzzes whichever target has had least, until there were `seconds` more of processor time, or there is a file `stop`."""
    dictionary.write(work.folder / "words")
    stop, end = work.folder / "stop", work.cpu_seconds + seconds
    stop.unlink(missing_ok=True)
    failed = dict.fromkeys(targets, 0)
    while work.cpu_seconds < end and not stop.exists() and sum(failed.values()) < MOST_FAILURES:
        target = min(targets, key=lambda name: work.counts[name].cpu_seconds + failed[name] * slice_seconds)
        if not one_slice(work, target, min(slice_seconds, round(end - work.cpu_seconds) + 1)):
            failed[target] += 1
            time.sleep(5)


def smallest(inputs: Iterable[bytes]) -> list[bytes]:
    """The smallest of these, as many as may be kept."""
    lines = sorted(map(kept.line_of, inputs), key=len)
    ends = accumulate(len(line) + 1 for line in lines)
    return [kept.octets_of(line) for line, end in zip(lines, ends, strict=True) if end <= MOST_KEPT_OCTETS]


def minimise(work: Work, targets: list[str]) -> None:
    """Keeps in the repository the fewest inputs that reach all that the corpus reaches, and everything that was a finding once."""
    for target in targets:
        look_again(work, target)
        with tempfile.TemporaryDirectory() as folder:
            status, _, said = run_one(target, *LIMITS, "-set_cover_merge=1", folder, work.corpus(target))
            if status:
                sys.exit(f"{target}: the corpus cannot be minimised:\n{said[-2000:]}")
            chosen = smallest(path.read_bytes() for path in Path(folder).iterdir())
        chosen += [path.read_bytes() for path in (work.folder / "mended").glob(f"{target}-*")]
        print(f"{target}: {kept.write(kept.CORPUS, target, chosen)} inputs")


def show(work: Work) -> int:
    """Prints the counts; gives 1 if there are open findings, else 0."""
    for name, counts in work.counts.items():
        print(f"{name:16} {counts.executions:12,} executions {counts.cpu_seconds:8.0f} s {len(work.findings(name)):3} open findings")
    executions = sum(counts.executions for counts in work.counts.values())
    findings = [finding for name in TARGETS for finding in work.findings(name)]
    print(f"{'in all':16} {executions:12,} executions {work.cpu_seconds:8.0f} s {len(findings):3} open findings")
    for finding in findings:
        print(f"  {finding}")
    return 1 if findings else 0


def main() -> int:
    """The command line; the exit status is 1 if there are open findings."""
    asked = argparse.ArgumentParser()
    asked.add_argument("targets", nargs="*", metavar="TARGET", choices=[[], *TARGETS])
    asked.add_argument("--seconds", type=float, default=0)
    asked.add_argument("--slice", type=int, default=90)
    asked.add_argument("--work", type=Path, default=ROOT / ".fuzz")
    asked.add_argument("--minimise", action="store_true")
    said = asked.parse_args()
    work, targets = Work(said.work.resolve()), said.targets or list(TARGETS)
    if said.seconds > 0:
        fuzz(work, targets, said.seconds, said.slice)
    if said.minimise:
        minimise(work, targets)
    return show(work)


if __name__ == "__main__":
    sys.exit(main())
