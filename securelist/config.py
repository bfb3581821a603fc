"""The configuration: one TOML file in the state directory, read into one frozen dataclass; unknown keys are errors.

Each field's docstring says what it means, its unit and, where it matters, what it costs in security.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from securelist.errors import ConfigurationError
from securelist.mail.addresses import address_problem, same_address
from securelist.openpgp.certificate import normal_fingerprint

FILE_NAME = "securelist.toml"
# The bench puts all its members into one ccTLD; a real list has three of each.
MAX_MEMBERS_PER_CCTLD = 10_000
# Nobody writes that much; the bench does.
MAX_POSTS_PER_HOUR = 100_000
# Every month has this day.
LAST_DAY_OF_MONTH = 28
# Ten years: what is longer is "for ever", and nobody said so.
MAX_DAYS = 3650


@dataclass(frozen=True)
class Config:
    """Settings of one list."""

    list: str
    """The list's address, in lower case."""
    key: str
    """Full fingerprint of the list's key in the GnuPG home `gnupg` of the state directory."""
    next_hop: str = "smtp://127.0.0.1:25"
    """Where copies go: `smtp://HOST:PORT`, `smtps://HOST:PORT` or `maildir:DIR`."""
    smtp: str = "127.0.0.1:8025"
    """HOST:PORT on which posts come in by SMTP; port 0 takes a free one."""
    lmtp: str = "127.0.0.1:8024"
    """HOST:PORT on which posts come in by LMTP; port 0 takes a free one."""
    database: str = "sqlite"
    """`sqlite` for the file in the state directory, or an SQLAlchemy URL such as `postgresql+psycopg://…`."""
    name: str = ""
    """The list's display name; empty: the local part of its address."""
    show_poster: bool = True
    """Whether the outer From names the poster ("Anna via tld-ops"). False hides from mail servers who posts."""
    copy_to_poster: bool = True
    """Whether the poster gets a copy, too."""
    attach_signed_original: bool = False
    """Whether copies carry the poster's own signed text, verifiable offline. It doubles the size of a copy."""
    members_per_cctld: int = 3
    """At most so many SSCs for one ccTLD."""
    posts_per_hour: int = 60
    """How many posts within an hour the list takes from one member; more are refused, and the Secretariat is told. It is for a key that
    is in the wrong hands: each post goes to everybody."""
    receipts: bool = True
    """Whether posters get a receipt that names the members whom their post did not reach. A post can
    say `Securelist-Receipt: no` for itself."""
    wkd: bool = True
    """Whether the list looks, once a day, for a certificate that ends soon or has ended, in the Web Key Directory of its domain."""
    contacts_day: int = 1
    """The day of the month, 1 to 28, on which the contact repository is mailed to every member, at 00:00 UTC; 0: never by itself."""
    confirm_days: int = 120
    """After so many days each member is asked whether their contact details are still right; 0: nobody is."""
    journal_days: int = 42
    """How long the journal, and the records of who was sent which post, are kept."""
    drill_days: int = 200
    """How long it is kept who did not answer in a drill, by name; the figures stay for three years."""
    imported_days: int = 120
    """How long a Regional Organisation's contacts are kept after the day on which it wrote them down, unless it sends newer ones."""
    explain_refusals: bool = True
    """Whether a member whose post was refused gets an encrypted explanation."""
    rdap_server: str = ""
    """Where `cctld import --fetch` gets records, `https://rdap.iana.org` for IANA's; empty: nowhere. Its word decides whom invitations
    reach, so it must be https (http on this machine itself)."""
    letters: str = ""
    """A folder of letters in your language: a file there takes the place of the one of the same name in `securelist/letters/en`; a
    path that is not absolute begins at the state directory. Empty: all letters are in English."""
    home: Path = field(default_factory=Path, compare=False)
    """The state directory; not in the file."""

    @property
    def local_part(self) -> str:
        """The part of the list's address before the @."""
        return self.list.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The part of the list's address after the @."""
        return self.list.rpartition("@")[2]

    @property
    def list_id(self) -> str:
        """The list's List-Id (RFC 2919)."""
        return f"<{self.local_part}.{self.domain}>"

    @property
    def display_name(self) -> str:
        """What the list is called in From and List-Id."""
        return self.name or self.local_part


_RANGES = {
    "members_per_cctld": (1, MAX_MEMBERS_PER_CCTLD),
    "posts_per_hour": (1, MAX_POSTS_PER_HOUR),
    "contacts_day": (0, LAST_DAY_OF_MONTH),
    "confirm_days": (0, MAX_DAYS),
    # What is shorter, later letters and the rounds of upkeep would miss: five days of delivery, and as many of mail servers' reports.
    "journal_days": (31, MAX_DAYS),
    "drill_days": (1, MAX_DAYS),
    "imported_days": (1, MAX_DAYS),
}


def read_config(home: Path) -> Config:
    """The configuration in `home`; raises ConfigurationError naming the file and the key."""
    path = home / FILE_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError("no-list", f"{home} holds no list: {FILE_NAME} is missing; run `securelist init` first") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise ConfigurationError("bad-configuration", f"{path} is not valid TOML: {broken}") from None
    known = {f.name: f for f in dataclasses.fields(Config) if f.name != "home"}
    for key, value in raw.items():
        if key not in known:
            raise ConfigurationError("unknown-setting", f"{path}: {key} is not a setting; known are {', '.join(sorted(known))}")
        wanted = {"str": str, "bool": bool, "int": int}[str(known[key].type)]
        if type(value) is not wanted:
            raise ConfigurationError("bad-setting", f"{path}: {key} must be a {wanted.__name__}, not {value!r}")
    for key in ("list", "key"):
        if key not in raw:
            raise ConfigurationError("missing-setting", f"{path}: {key} is missing")
    if problem := address_problem(raw["list"]):
        raise ConfigurationError("bad-setting", f"{path}: list: {problem}")
    if normal_fingerprint(raw["key"]) != raw["key"]:
        raise ConfigurationError("bad-setting", f"{path}: key must be a full fingerprint, upper-case hex without blanks")
    if not raw.get("name", "").isprintable():  # it stands in header fields
        raise ConfigurationError("bad-setting", f"{path}: name must be one line of visible characters")
    for key, (least, most) in _RANGES.items():
        if not least <= raw.get(key, least) <= most:
            raise ConfigurationError("bad-setting", f"{path}: {key} must be from {least} to {most}")
    return Config(**{**raw, "list": same_address(raw["list"])}, home=home)


def write_config(config: Config) -> None:
    """Writes the settings that differ from their defaults, and where mail comes in and goes, to `config.home`."""
    always = {"list", "key", "next_hop", "smtp", "lmtp"}
    defaults = {f.name: f.default for f in dataclasses.fields(Config)}
    values = {k: v for k, v in dataclasses.asdict(config).items() if k != "home" and (k in always or v != defaults[k])}
    (config.home / FILE_NAME).write_text(tomli_w.dumps(values), encoding="utf-8")
