"""Tables of the contact repository: imported contacts, and from whom; what the last monthly mail said; since when members are asked."""

from __future__ import annotations

from sqlalchemy import BigInteger, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from securelist.store.schema import Base, Number


class ImportedRow(Base):
    """A contact that a Regional Organisation passed on. An import replaces all of its source's. Of `details` see `store.imported`.

    `source` is the fingerprint of who signed the bundle, `name` what the operator calls them, `made` when they wrote it down.
    """

    __tablename__ = "imported"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(100))
    made: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    cctld: Mapped[str] = mapped_column(String(63))
    details: Mapped[str] = mapped_column(Text)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)


class SourceRow(Base):
    """A Regional Organisation whose bundle was imported: when it made the last one, so that no older one takes its place. No person's data.

    `fingerprint` is that of its certificate, `name` what the operator calls it, `address` what it calls itself.
    """

    __tablename__ = "sources"
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(254))
    made: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)


class MailedRow(Base):
    """A member as the last repository that was mailed to everybody had them, for what has changed since: digests, nobody's details.

    `who` is a digest of the primary address, as compared; `digests` has one for each kind of detail. See `contacts.changes`.
    """

    __tablename__ = "mailed"
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    digests: Mapped[str] = mapped_column(String(500))


class MailingRow(Base):
    """The last repository that was mailed to everybody: for which due time (0: none yet), when, and where the log ended. One row."""

    __tablename__ = "mailing"
    due: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    entry: Mapped[int] = mapped_column(Number)


class AskingRow(Base):
    """Since when members are asked for their contact details, with which `confirm_days`, and when there was last a round. One row."""

    __tablename__ = "asking"
    days: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
