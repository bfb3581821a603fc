"""One installation: the state directory opened, its parts put together. `create` makes one, `Installation` opens it.

securelist.toml  the configuration            roots/      the trust roots' certificates
securelist.db    log, projection, queue       gnupg/      the list's secret key, in gpg-agent's keeping
secret           behind Message-IDs and bounce addresses
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from securelist.config import FILE_NAME, Config, read_config, write_config
from securelist.delivery.bounce_token import make_secret, read_secret
from securelist.errors import ConfigurationError, NotPermitted, Refused, TryAgain
from securelist.letters import Letters
from securelist.mail.addresses import same_address
from securelist.mail.letterhead import Letterhead
from securelist.openpgp import sequoia
from securelist.openpgp.admission import read_certificate, split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.pgpy_ import ThrowAwayKey
from securelist.post.step6_seal import Sealer
from securelist.post.way import Way
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.journal import note
from securelist.store.log_store import LogStore
from securelist.trust.membership import SUSPENDED, Anchor, Membership
from securelist.trust.submission import Parcel, Submission, submit

GNUPG_HOME = "gnupg"
ROOTS = "roots"
# Another writer can be in between once or twice; more often, something is wrong.
APPEND_ATTEMPTS = 3


class Installation:
    """A state directory and everything in it, each part opened when it is first needed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config: Config = read_config(home)
        self._entering = threading.Lock()
        if home.stat().st_mode & 0o077:
            raise NotPermitted("open-home", f"others can read {home}; run: chmod 700 {home}")

    @cached_property
    def engine(self) -> Engine:
        """The database, brought to this version's tables."""
        engine = open_database(self.config)
        migrate(engine)
        return engine

    @cached_property
    def list_key(self) -> ListKey:
        """The list's secret key."""
        return ListKey(self.home / GNUPG_HOME, self.config.key)

    @cached_property
    def list_certificate(self) -> Certificate:
        """The list's certificate."""
        return read_certificate(self.list_key.certificate())

    @cached_property
    def list_key_ids(self) -> frozenset[str]:
        """The key IDs by which a message can be addressed to the list."""
        return frozenset(key.key_id for key in self.list_certificate.keys)

    @cached_property
    def roots(self) -> tuple[Certificate, ...]:
        """The trust roots' certificates that `init` copied here."""
        files = sorted((self.home / ROOTS).glob("*.asc"))
        try:
            found = tuple(read_certificate(octets) for file in files for octets in split_certificates(file.read_bytes()))
        except Refused as refused:
            raise ConfigurationError("bad-root", f"{self.home / ROOTS}: {refused.detail}") from None
        if not found:
            raise ConfigurationError("no-roots", f"{self.home / ROOTS} holds no trust root's certificate")
        return found

    @cached_property
    def letterhead(self) -> Letterhead:
        """What is the same in all mail of this list."""
        return Letterhead(self.config, self.list_certificate.octets, read_secret(self.home))

    @cached_property
    def sealer(self) -> Sealer:
        """Seals posts and letters, with a throw-away key of this process."""
        return Sealer(self.list_key, ThrowAwayKey())

    @cached_property
    def letters(self) -> Letters:
        """The server's own mail."""
        return Letters(self.engine, self.letterhead, self.sealer, self.list_key)

    @cached_property
    def way(self) -> Way:
        """The way of a post through this list."""
        return Way(self.config, self.engine, self.list_key, self.list_key_ids, self.anchor, self.letterhead, self.sealer, self.membership)

    @cached_property
    def anchor(self) -> Anchor:
        """What is known without the log: the list's address and certificate, and the trust roots."""
        return Anchor(self.config.list, self.list_certificate, self.roots)

    @cached_property
    def log(self) -> LogStore:
        """The log and its projection."""
        return LogStore()

    def membership(self) -> Membership:
        """The membership as of the log's head."""
        with reading(self.engine) as connection:
            return self.log.membership(connection)

    def enter(self, parcel: Parcel, at: int, in_time: Callable[[], None] = lambda: None) -> Submission:
        """Judges a parcel and enters what it holds into the log, all of it or nothing; raises Refused, TryAgain.

        `in_time` is called last before the commit, and undoes everything if it raises.
        """
        with self._entering:  # two workers of one server would overtake each other again and again
            return self._enter(parcel, at, in_time)

    def _enter(self, parcel: Parcel, at: int, in_time: Callable[[], None]) -> Submission:
        for attempt in range(APPEND_ATTEMPTS):
            submission = submit(parcel, self.membership(), self.anchor, at, self.config.members_per_cctld)
            try:
                with writing(self.engine) as connection:
                    self.log.append(connection, submission)
                    note(connection, at, "statement", detail=submission.sentence)
                    in_time()
                return submission
            except TryAgain as trouble:
                if trouble.reason != "log-moved" or attempt == APPEND_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def still_member(self, fingerprint: str, recipient: str) -> bool:
        """Whether a copy for this address may leave under this certificate now: still a member's, and not suspended."""
        member = self.membership().member_by_key(fingerprint, int(time.time()))
        return member is not None and member.state != SUSPENDED and same_address(recipient) in map(same_address, member.emails)


def create(home: Path, config: Config, roots: list[bytes]) -> Config:
    """Makes the state directory with the list's key, secret, roots and tables; returns the configuration written.

    `config.key` is filled in. Raises ConfigurationError("exists") if there is a list already, Refused for a bad root.
    """
    if (home / FILE_NAME).exists():
        raise ConfigurationError("exists", f"{home} holds a list already; nothing was changed")
    if home.exists() and any(home.iterdir()):
        raise ConfigurationError("not-empty", f"{home} is not empty; a list needs a folder of its own. Nothing was changed")
    certificates = [admit_root(octets) for root in roots for octets in split_certificates(root)]
    os.umask(0o077)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    (home / ROOTS).mkdir(exist_ok=True)
    for certificate in certificates:
        (home / ROOTS / f"{certificate.fingerprint}.asc").write_bytes(sequoia.armor(certificate.octets, "PUBLIC KEY BLOCK"))
    list_key = ListKey.create(home / GNUPG_HOME, config.display_name, config.list)
    make_secret(home)
    made = dataclasses.replace(config, key=list_key.fingerprint, home=home)
    # Last: a directory without the configuration is no list, whatever was interrupted before.
    migrate(open_database(made))
    write_config(made)
    return made


def admit_root(octets: bytes) -> Certificate:
    """A certificate fit for a trust root: read by both engines, able to sign now; raises Refused."""
    certificate = read_certificate(octets)
    if not certificate.can_sign(int(time.time())):
        raise Refused("cannot-sign", f"the trust root {certificate.fingerprint} cannot sign: expired, revoked or too weak")
    return certificate
