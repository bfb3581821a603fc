"""The page itself: templates beside this module, filled in; whatever a fact holds is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from securelist.openpgp.certificate import grouped
from securelist.procedures.schedule import REQUESTS_KEPT_S
from securelist.site.chart import NARROW, WIDE, chart
from securelist.site.facts import Facts
from securelist.store.retention import DAY_S

# What the page may do, whoever wrote something into it: load its style sheet and its icon from beside it, and nothing else.
# frame-ancestors does not count in a page, only in a header of the web server: the operator's guide has it.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"

# The Secretariat hears weekly of requests that wait: within two weeks it has heard of each.
PATIENCE_DAYS = 14


def index(told: Facts) -> bytes:
    """index.html."""
    charts = Markup("").join((chart(told.months, WIDE, "wide"), chart(told.months, NARROW, "narrow")))
    return (
        _environment()
        .get_template("index.html")
        .render(told=told, policy=POLICY, charts=charts, patience=PATIENCE_DAYS, kept=REQUESTS_KEPT_S // DAY_S)
        .encode()
    )


def file(name: str) -> bytes:
    """A file beside the page that is the same for every list."""
    return _environment().get_template(name).render().encode()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.filters.update(grouped=grouped, mailto=_mailto, day=_day, percent=_percent)
    return made


def _source(name: str) -> str:
    return files(__package__).joinpath(f"{name}.j2").read_text(encoding="utf-8")


def _mailto(address: str) -> str:
    """The link to an address (RFC 6068, 2)."""
    return f"mailto:{quote(address, safe='@')}"


def _day(at: int) -> str:
    """A day as people write it in English, UTC."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%B %Y}"


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole else 0
