"""One after the other, and none is held up by another's trouble."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from securelist.errors import SecurelistError

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


def each(items: Iterable[Item], do: Callable[[Item], Result]) -> list[Result]:
    """What `do` gave for each item; trouble with one is logged, and it comes again in the next round."""
    results = []
    for item in items:
        try:
            results.append(do(item))
        except SecurelistError as trouble:
            _log.warning("round: %s: %s", trouble.reason, trouble.detail)
        except Exception as error:  # a fault of ours with one must not keep the others from being done
            _log.error("round: %s", type(error).__name__)
    return results
