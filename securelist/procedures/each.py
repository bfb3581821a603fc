"""One after the other, and none is held up by another's trouble."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from securelist.errors import SecurelistError

T = TypeVar("T")

_log = logging.getLogger(__name__)


def each(items: Iterable[T], do: Callable[[T], str]) -> Iterator[str]:
    """What `do` said of each item, if anything; trouble with one is logged, and it comes again in the next round."""
    for item in items:
        try:
            said = do(item)
        except SecurelistError as trouble:
            _log.warning("round: %s: %s", trouble.reason, trouble.detail)
            continue
        if said:
            yield said
