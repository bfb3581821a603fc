"""With which key the list speaks, and everything that is put together with that key.

A Voice never changes. When the trust roots put another key in force, or the operator makes one, there is another Voice: a
thread that is at work with the old one finishes what it began, and nothing of the two is ever mixed.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property

from sqlalchemy import Engine

from securelist.config import Config
from securelist.delivery.bounce_token import read_secret
from securelist.letters import Letters
from securelist.mail.letterhead import Letterhead
from securelist.openpgp.admission import read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.pgpy_ import ThrowAwayKey
from securelist.post.step6_seal import Sealer


class Voice:
    """One key of the list's, and its parts, each made when it is first needed.

    `named` are the fingerprints that the log has as the list's: their certificates are needed even where the secret keys are gone.
    """

    def __init__(self, config: Config, engine: Engine, list_key: ListKey, named: frozenset[str]) -> None:
        self._config, self._engine, self._named = config, engine, named
        self.list_key = list_key

    @cached_property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates of all keys that the list has or had, the present one last."""
        return tuple(read_certificate(key.certificate()) for key in self.list_key.with_others(self._named))

    @cached_property
    def key_ids(self) -> frozenset[str]:
        """The key IDs by which a message can be addressed to the list; members may have an old certificate for a while."""
        return frozenset(key.key_id for certificate in self.certificates for key in certificate.keys)

    @cached_property
    def letterhead(self) -> Letterhead:
        """What is the same in all mail of this list."""
        config = dataclasses.replace(self._config, key=self.list_key.fingerprint)
        return Letterhead(config, self.certificates[-1].octets, read_secret(self._config.home))

    @cached_property
    def sealer(self) -> Sealer:
        """Seals posts and letters, with a throw-away key of this process."""
        return Sealer(self.list_key, ThrowAwayKey())

    @cached_property
    def letters(self) -> Letters:
        """The server's own mail."""
        return Letters(self._engine, self.letterhead, self.sealer, self.list_key)
