"""Inputs as they are kept in the repository: one text file for each target, one input a line, so that people can read what changed.

What is not a printable ASCII character stands there as Python writes it in a string: `\\r`, `\\n`, `\\xff`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SEEDS, CORPUS = FOLDER / "seeds", FOLDER / "corpus"


def line_of(octets: bytes) -> str:
    """An input as a line, without the line end; the empty input is an empty line."""
    return octets.decode("latin-1").encode("unicode_escape").decode("ascii")


def octets_of(line: str) -> bytes:
    """The input that a line stands for."""
    return line.encode("ascii").decode("unicode_escape").encode("latin-1")


def read(folder: Path, target: str) -> list[bytes]:
    """The inputs that `folder` (SEEDS or CORPUS) has for a target; none if it has no such file."""
    path = folder / f"{target}.txt"
    return [octets_of(line) for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []


def write(folder: Path, target: str, inputs: Iterable[bytes]) -> int:
    """Writes a target's inputs, each once, short ones first; gives their number."""
    chosen = sorted(set(inputs), key=lambda octets: (len(octets), octets))
    folder.mkdir(exist_ok=True)
    (folder / f"{target}.txt").write_text("".join(f"{line_of(octets)}\n" for octets in chosen), encoding="ascii")
    return len(chosen)
