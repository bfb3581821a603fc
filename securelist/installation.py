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

from securelist import permissions
from securelist.config import FILE_NAME, Config, read_config, write_config
from securelist.delivery.bounce_token import make_secret, read_secret
from securelist.errors import ConfigurationError, Refused, TryAgain
from securelist.letters import Letters
from securelist.mail.addresses import same_address
from securelist.openpgp import sequoia
from securelist.openpgp.admission import read_certificate, split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey, keyring_version
from securelist.openpgp.signed import MAX_AHEAD_S
from securelist.post.way import Way
from securelist.procedures.taking import take_answer
from securelist.procedures.token import number_of
from securelist.process import UMASK
from securelist.store import log_store
from securelist.store.database import forget, migrate, open_database, reading, writing
from securelist.store.journal import note
from securelist.store.kept_certificates import KeptCertificates
from securelist.store.log_store import LogStore
from securelist.store.projection import rebuild
from securelist.store.requests import keep
from securelist.trust.anchor import Anchor
from securelist.trust.export import Link
from securelist.trust.membership import SUSPENDED, Membership
from securelist.trust.proof import Progress, nobody, replay_until
from securelist.trust.statement import NAMING_THE_LIST_KEY
from securelist.trust.submission import Parcel, Submission, submit
from securelist.unchanged import check_chain, check_configuration, check_roots
from securelist.voice import Voice

GNUPG_HOME = "gnupg"
ROOTS = "roots"
# Another writer can be in between once or twice; more often, something is wrong.
APPEND_ATTEMPTS = 3


class Installation:
    """A state directory and everything in it, each part opened when it is first needed."""

    def __init__(self, home: Path) -> None:
        permissions.check(permissions.of_home(home))
        self.home = home
        self.config: Config = read_config(home)
        if self.config.letters:
            permissions.check(permissions.of_letters(home / self.config.letters))
        self.log = LogStore()
        self._entering = threading.Lock()
        self._speaking = threading.Lock()
        self._voice: tuple[object, Voice] | None = None
        """With what it rests on."""

    @cached_property
    def engine(self) -> Engine:
        """The database, brought to this version's tables."""
        engine = open_database(self.config)
        migrate(engine)
        return engine

    # --- with which key the list speaks -----------------------------------------------------------------------------------

    @property
    def voice(self) -> Voice:
        """The list's key, and what is put together with it: the key that the trust roots vouch for, or before the founding the
        one that `init` made. Asked for anew for each mail: another process may have entered or made another key."""
        return self._voice_over(self.membership())

    def _voice_over(self, membership: Membership) -> Voice:
        check_configuration(self.config, membership)
        key = membership.founding.key if membership.founding else self.config.key
        rests_on = (key, membership.list_keys, keyring_version(self.home / GNUPG_HOME))
        with self._speaking:
            if self._voice is None or self._voice[0] != rests_on:
                self._voice = (rests_on, self._new_voice(key, membership.list_keys))
            return self._voice[1]

    def _new_voice(self, key: str, named: frozenset[str]) -> Voice:
        return Voice(self.config, self.engine, ListKey(self.home / GNUPG_HOME, key), named)

    @property
    def list_key(self) -> ListKey:
        """The list's secret key."""
        return self.voice.list_key

    @property
    def list_certificates(self) -> tuple[Certificate, ...]:
        """The certificates of all keys that the list has or had, the present one last."""
        return self.voice.certificates

    @property
    def list_certificate(self) -> Certificate:
        """The list's certificate."""
        return self.list_certificates[-1]

    @property
    def letters(self) -> Letters:
        """The server's own mail."""
        return self.voice.letters

    @property
    def way(self) -> Way:
        """The way of one post through this list, with the membership as it is now: take it anew for each post."""
        membership = self.membership()
        voice = self._voice_over(membership)
        anchor = self._anchor_over(membership)
        return Way(self.config, self.engine, voice.list_key, voice.key_ids, anchor, voice.letterhead, voice.sealer, lambda: membership)

    @property
    def anchor(self) -> Anchor:
        """What is known without the log: the list's address and certificates, and the trust roots."""
        return self._anchor_over(self.membership())

    def _anchor_over(self, membership: Membership) -> Anchor:
        check_roots(self.roots, membership)
        return self._anchor(self._voice_over(membership))

    def _anchor(self, voice: Voice) -> Anchor:
        return Anchor(self.config.list, voice.certificates, self.roots)

    @cached_property
    def roots(self) -> tuple[Certificate, ...]:
        """The trust roots' certificates that `init` copied here."""
        files = sorted((self.home / ROOTS).glob("*.asc"))
        try:
            found = tuple(read_certificate(octets) for file in files for octets in split_certificates(file.read_bytes()))
        except Refused as refused:
            raise ConfigurationError(
                "bad-root", f"{self.home / ROOTS} holds what is no trust root's certificate; restore a backup: {refused.detail}"
            ) from None
        if not found:
            raise ConfigurationError("no-roots", f"{self.home / ROOTS} holds no trust root's certificate; put it back, from a backup")
        return found

    def check_unchanged(self) -> None:
        """Raises ConfigurationError if address, key, trust roots, secret or log are not those that the log says; before mail is taken."""
        membership = self.membership()
        check_chain(membership)
        self._anchor_over(membership)
        read_secret(self.home)
        self.list_key.check_secret()

    # --- the log -----------------------------------------------------------------------------------------------------------

    def membership(self) -> Membership:
        """The membership as of the log's head."""
        with reading(self.engine) as connection:
            return self.log.membership(connection)

    def links(self, *, trusting: bool = False) -> list[Link]:
        """The log with its evidence, as an export has it; `trusting` as for `log_store.entries`."""
        with reading(self.engine) as connection:
            return [Link(entry, entry.hash, evidence) for entry, evidence in log_store.entries(connection, trusting=trusting)]

    def replay(self) -> Membership:
        """Drops the projection and makes it anew, each entry verified from its evidence; raises Refused if one does not hold."""
        membership = self.replayed()
        with writing(self.engine) as connection:
            log_store.check_head(connection, membership.head)
            rebuild(connection, membership)
        self.log = LogStore()
        return membership

    def replayed(self, progress: Progress = nobody) -> Membership:
        """The membership that the log's evidence makes, verified anew, whatever the tables say; changes nothing. Raises Refused."""
        links = self.links(trusting=True)
        named = frozenset(link.entry.subject for link in links if link.entry.type in NAMING_THE_LIST_KEY)
        # Not `anchor`: that would ask the very tables which are to be made.
        anchor = self._anchor(self._new_voice(self.config.key, named))
        return replay_until(links, anchor, int(time.time()) + MAX_AHEAD_S, progress)

    def enter(self, parcel: Parcel, at: int, in_time: Callable[[], None] = lambda: None) -> Submission:
        """Judges a parcel and enters what it holds into the log, all of it or nothing; raises Refused, TryAgain.

        `in_time` is called last before the commit, and undoes everything if it raises.
        """
        with self._entering:  # two workers of one server would overtake each other again and again
            return self._enter(parcel, at, in_time)

    def _enter(self, parcel: Parcel, at: int, in_time: Callable[[], None]) -> Submission:
        secret = read_secret(self.home)
        parcel = dataclasses.replace(
            parcel, kept=KeptCertificates(self.engine), is_token=lambda token: number_of(secret, token) is not None
        )
        for attempt in range(APPEND_ATTEMPTS):
            submission = submit(parcel, self.membership(), self.anchor, at, self.config.members_per_cctld)
            try:
                with writing(self.engine) as connection:
                    self.log.append(connection, submission)
                    for request in submission.requests:
                        keep(connection, request)
                    for answer in submission.answers:
                        take_answer(connection, secret, answer, at)
                    note(connection, at, "statement", detail=submission.numbers)
                    in_time()
                if submission.erased:
                    forget(self.engine)
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
    os.umask(UMASK)
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
