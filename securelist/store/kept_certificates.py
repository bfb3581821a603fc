"""Certificates that came with a request or with an answer and wait here, so that nobody has to send them a second time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Engine, select

from securelist.store.database import reading
from securelist.store.schema import InvitationRow, RequestRow

_PLACES = ((RequestRow.fingerprint, RequestRow.certificate), (InvitationRow.signer, InvitationRow.certificate))


class KeptCertificates(Mapping[str, bytes]):
    """By fingerprint, looked up one at a time: a thousand requests may wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getitem__(self, fingerprint: str) -> bytes:
        with reading(self._engine) as connection:
            for name, certificate in _PLACES:
                octets: bytes | None = (
                    connection.execute(select(certificate).where(name == fingerprint, certificate != b"")).scalars().first()
                )
                if octets:
                    return octets
        raise KeyError(fingerprint)

    def __iter__(self) -> Iterator[str]:
        with reading(self._engine) as connection:
            found = [connection.execute(select(name).where(certificate != b"")).scalars().all() for name, certificate in _PLACES]
        return iter({fingerprint: None for names in found for fingerprint in names})

    def __len__(self) -> int:
        return len(list(iter(self)))
