"""The contacts as one page of HTML: it needs no network, is searched as one types, and prints as a phone tree.

Everything is in the markup; the script only hides what is not looked for, and tells the time where people are.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from securelist.contacts.contact import Contact, Imported, region_name
from securelist.contacts.repository import Repository, by_region
from securelist.contacts.shown import overdue, shown, state_of, works
from securelist.contacts.telephone import tel_uri
from securelist.mail.addresses import address_problem
from securelist.mail.headers import visible
from securelist.openpgp.certificate import grouped
from securelist.plural import counted
from securelist.procedures.dates import day, minute
from securelist.trust.membership import SUSPENDED, UNREACHABLE

# Statements allow no name as long as this, and reasons are a sentence or two. What was imported comes from elsewhere: one entry is to
# hide no other, nor to make the page too large for a mail.
MAX_CHARACTERS = 300


def write(repository: Repository) -> bytes:
    """The page, in UTF-8. Its policy lets the browser run this very script and this very style, and load nothing from anywhere."""
    style, script = _part("page.css.j2"), _part("page.js.j2")
    policy = f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; base-uri 'none'; form-action 'none'"
    contacts, imported = tuple(map(shown, repository.contacts)), tuple(map(shown, repository.imported))
    everybody = replace(repository, contacts=contacts, imported=imported)
    page = _template().render(repository=everybody, policy=policy, style=Markup(style), script=Markup(script))
    return page.encode("utf-8")


@cache
def _template() -> Template:
    """Whatever it puts out is made visible, cut and escaped, if it is not markup of our own."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_fitting, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "by_region": lambda entries: list(by_region(entries)), "day": day, "minute": minute, "grouped": _grouped, "region": region_name,
        "tel": tel_uri, "mailto": _mailto, "marks": _marks, "works": works, "tlds": _tlds, "counted": counted,
    }  # fmt: skip
    environment.tests["imported"] = lambda one: isinstance(one, Imported)
    return environment.from_string(_part("page.html.j2"))


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What names an inline script or style in a Content-Security-Policy (CSP Level 3, 2.3.1: hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _fitting(value: object) -> object:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = visible(value[: 2 * MAX_CHARACTERS])
    return text if len(text) <= MAX_CHARACTERS and len(value) <= 2 * MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _grouped(fingerprint: str) -> Markup:
    """With both its blanks in the middle, which what is shown has not."""
    return Markup("%s") % grouped(visible(fingerprint))


def _mailto(address: str) -> str:
    """The URI that begins a mail to an address (RFC 6068, 2); empty for what is none."""
    return "" if address_problem(address) else f"mailto:{quote(address, safe='@')}"


def _marks(one: Contact | Imported) -> list[tuple[str, Markup, Markup]]:
    """What must be known of somebody before they are called or written to, the worst first: its kind, in a word, and what more there is."""
    if isinstance(one, Imported):
        passed_on = _said("Passed on by <bdi>{}</bdi> on <time>{}</time>", one.source, day(one.made))
        return [("passed-on", passed_on, _said("; nobody here vouches for them"))]
    marks = []
    if one.state == SUSPENDED:
        word, more = state_of(one)
        marks.append((word, _said(word.capitalize()), _said(" <bdi>{}</bdi>", more.strip())))
    if one.state == UNREACHABLE:
        since = _said(" since <time>{}</time>", day(one.since)) if one.since else Markup()
        marks.append(("unreachable", _said("Unreachable by the list"), since + _said(" (<bdi>{}</bdi>)", one.why)))
    if one.overdue:
        word, more = overdue("<time>{}</time>")
        marks.append((word, _said(word.capitalize()), _said(more, day(one.confirmed))))
    return marks


def _said(markup: str, *facts: str) -> Markup:
    return Markup(markup).format(*map(_fitting, facts))


def _tlds(entries: tuple[Contact | Imported, ...]) -> int:
    return len({one.cctld.name for one in entries})
