"""Attack mails whose From shows another member's address in one of the ways that a reader sees and a parser may not. Anna signs them."""

from __future__ import annotations

import base64
from collections.abc import Callable

from attacks_theirs import encoded, from_, signed_from
from bad_mails import Bad

SHOWN: dict[str, Callable[[str], str]] = {
    "in apostrophes, as Outlook writes it": "'{}'".format,
    "with an exclamation mark": "{}!".format,
    "with a question mark": "{}?".format,
    "with a slash": "{}/".format,
    "with an equals sign": "{}=".format,
    "with a tilde": "{}~".format,
    "with a bar": "{}|nl".format,
    "with more words": "{}'s office".format,
    "behind a word": "Bert {}".format,
    "behind an equals sign": "to={}".format,
    "in asterisks": "*{}*".format,
    "in backticks": "`{}`".format,
    "in braces": "{{{}}}".format,
    "in square brackets": "[{}]".format,
    "spaced out": " ".join,
    "with a blank before its dots": lambda b: b.replace(".", " ."),
}
ONLY_ENCODED: dict[str, Callable[[str], str]] = {
    "in curly quotation marks": "“{}”".format,
    "in low quotation marks": "‚{}‘".format,
    "with an ellipsis": "{}…".format,
    "encoded twice": encoded,
    "with a wide at sign": lambda b: b.replace("@", "\uff20"),
    "with a soft hyphen": lambda b: b.replace("@", "@\u00ad"),
    "with a zero-width space": lambda b: b.replace("@", "\u200b@"),
    "with an ideographic full stop": lambda b: b.replace(".", "\u3002"),
    "with a Cyrillic letter": lambda b: b.replace("e", "\u0435", 1),
}


def base64_word(text: str) -> str:
    """An encoded word in base64 of whatever length (RFC 2047)."""
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def _plain(shown: Callable[[str], str]) -> Bad:
    return Bad(from_(lambda a, b: f'"{shown(b)}" <{a}>'), "foreign-from", "decide")


def _encoded(shown: Callable[[str], str]) -> Bad:
    return Bad(from_(lambda a, b: f"{base64_word(shown(b))} <{a}>"), "foreign-from", "decide")


def _signed(shown: Callable[[str], str]) -> Bad:
    return Bad(signed_from(lambda a, b: f"{base64_word(shown(b))} <{a}>"), "foreign-from", "decide")


NAMES = {
    **{f"Bert's address {name}": _plain(shown) for name, shown in SHOWN.items()},
    **{f"Bert's address {name}, encoded": _encoded(shown) for name, shown in {**SHOWN, **ONLY_ENCODED}.items()},
    **{f"Bert's address {name}, under the signature": _signed(shown) for name, shown in ONLY_ENCODED.items()},
    "Bert's address encoded in quotation marks": Bad(from_(lambda a, b: f'"{base64_word(b)}" <{a}>'), "foreign-from", "decide"),
    "Bert's address encoded, right before the brackets": Bad(from_(lambda a, b: f"{base64_word(b)}<{a}>"), "foreign-from", "decide"),
    "Bert's address in two encoded words": Bad(from_(lambda a, b: f"{encoded(b[:3])} {encoded(b[3:])} <{a}>"), "foreign-from", "decide"),
    "Bert's address with a backslash in it": Bad(from_(lambda a, b: '"{}\\@{}" <{}>'.format(*b.split("@"), a)), "foreign-from", "decide"),
    "Bert's address in brackets, encoded in quotation marks": Bad(
        from_(lambda a, b: f'"{base64_word(f"Bert <{b}>")}" <{a}>'), "bad-from", "decide"
    ),
    "Bert's address in no character set": Bad(from_(lambda a, b: f"=?x-unknown?Q?{b.replace('@', '=40')}?= <{a}>"), "bad-from", "decide"),
}
