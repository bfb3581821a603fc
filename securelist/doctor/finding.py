"""What a check found, and what it needs to know."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from securelist.config import Config, read_config
from securelist.installation import Installation
from securelist.trust.membership import Membership

DAY = 86_400


class State(StrEnum):
    """How a check ended. A warning is for somebody to decide about; a problem keeps the list from doing what it promises."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: a clause that says what was found, and unless all is well what to do next."""

    check: str
    state: State
    found: str
    advice: str = ""


Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows the progress of something long: given its name, a function of (done, of how many)."""


@dataclass(frozen=True)
class Patient:
    """The installation that is examined, opened as far as a check needs it; `now` in Unix seconds."""

    home: Path
    now: int
    bar: Bar

    @cached_property
    def config(self) -> Config:
        """The configuration; raises ConfigurationError."""
        return read_config(self.home)

    @cached_property
    def installation(self) -> Installation:
        """All parts; raises NotPermitted, ConfigurationError."""
        return Installation(self.home)

    @property
    def engine(self) -> Engine:
        """The database."""
        return self.installation.engine

    @cached_property
    def membership(self) -> Membership:
        """The membership as the tables have it."""
        return self.installation.membership()


def several(names: list[str], most: int = 5) -> str:
    """The first few of some names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
