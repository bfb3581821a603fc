"""`securelist doctor`: whether the installation is sound, and what to do where it is not."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import click

from securelist.cli.output import json_option, print_json, progress_bar, say
from securelist.doctor.examination import examine
from securelist.doctor.finding import Finding, Patient, State
from securelist.errors import ConfigurationError

_WIDTH = {"state": 8, "check": 21}


@click.command()
@json_option
@click.pass_obj
def doctor(home: Path, as_json: bool) -> None:
    """Checks the installation and says what to do: who may read what, the list's key, the whole log, both engines, the machine.

    GnuPG and Sequoia are asked again, each for itself, about the certificate of every member, Admin Contact and trust root: run
    this after every update of theirs or ours, before the service starts again. Ends with status 78 if there is a problem.

    \b
    Example:
      securelist doctor
      securelist doctor --json
    """
    findings = []
    for finding in examine(Patient(home, int(time.time()), progress_bar)):
        findings.append(finding)
        if not as_json:
            _say(finding)
    if as_json:
        print_json(findings)
    else:
        counts = Counter(finding.state for finding in findings)
        say()
        say(f"problems: {counts[State.PROBLEM]}, warnings: {counts[State.WARNING]}, without either: {counts[State.OK]}")
    if any(finding.state is State.PROBLEM for finding in findings):
        raise click.exceptions.Exit(ConfigurationError.exit_status)


def _say(finding: Finding) -> None:
    state = finding.state.upper() if finding.state is State.PROBLEM else finding.state
    say(f"{state:{_WIDTH['state']}} {finding.check:{_WIDTH['check']}} {finding.found}")
    if finding.advice:
        say(f"{'':{sum(_WIDTH.values()) + 1}} -> {finding.advice}")
