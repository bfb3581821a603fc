"""JSON from others, read strictly (RFC 8259): of an object with two fields of one name, two programs read two different things."""

from __future__ import annotations

import json
from typing import Any

from securelist.errors import Refused


def parsed(octets: bytes, what: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What a document says; raises Refused("not-json") in a sentence that begins with `what`, and quotes nothing of it."""
    try:
        # RFC 8259, 8.1: JSON is UTF-8; what some put in front of it may be ignored.
        return json.loads(octets.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Refused("not-json", f"{what}: it is no JSON: it is not in UTF-8 (RFC 8259, 8.1)") from None
    except RecursionError:
        raise Refused("not-json", f"{what}: it is nested too deeply") from None
    except json.JSONDecodeError as broken:
        raise Refused("not-json", f"{what}: it is no JSON: line {broken.lineno}, column {broken.colno}: {broken.msg}") from None
    except ValueError as wrong:  # ours, below; and for a number of thousands of digits Python's, which has its own limit
        rule = wrong.args[0] if isinstance(wrong, _NoJson) else "a number in it is absurdly long"
        raise Refused("not-json", f"{what}: {rule}") from None


class _NoJson(ValueError):
    """What Python's parser lets pass, and we do not."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _NoJson("an object in it has two fields of the same name (RFC 8259, 4)")
    return made


def _no_number(constant: str) -> Any:  # noqa: ANN401 - never returns
    raise _NoJson(f"{constant} is no JSON (RFC 8259, 6)")
