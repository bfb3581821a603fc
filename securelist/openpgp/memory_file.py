"""Files that exist in memory only: how a certificate or a signature reaches gpg beside its input, and never a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from securelist.errors import TryAgain


@contextmanager
def in_memory(octets: bytes) -> Iterator[tuple[int, str]]:
    """(descriptor, path that a child can open which inherits it) of a file with these octets; raises TryAgain."""
    try:
        descriptor = os.memfd_create("securelist")
    except OSError as problem:
        raise TryAgain("no-memory-file", f"no file in memory could be had: {problem.strerror}") from None
    try:
        _fill(descriptor, octets)
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _fill(descriptor: int, octets: bytes) -> None:
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(octets)
    except OSError as problem:
        raise TryAgain("no-memory-file", f"no file in memory could be had: {problem.strerror}") from None
