"""The tables of upkeep: who can be reached, who was told of it, and drills. Times are Unix seconds, UTC; 0 is never."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from securelist.store.schema import Base, Number


class AddressRow(Base):
    """An address to which mail does not arrive: since when, and why; a mark, which changes nothing in what is sent there.

    `by_report` says that a mail server reported it afterwards, and not the next hop at once, `passing` that it may pass by itself, and
    had not for days: what takes the mark off differs. `told` is when its owner was told last, or 0. `cleared` is when the mark was taken
    off, or 0: the row stays for a while, so that an address that works on and off is not told of from the beginning each time.
    """

    __tablename__ = "addresses"
    address: Mapped[str] = mapped_column(String(254), primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)
    why: Mapped[str] = mapped_column(String(500))
    by_report: Mapped[bool] = mapped_column(Boolean, default=False)
    passing: Mapped[bool] = mapped_column(Boolean, default=False)
    told: Mapped[int] = mapped_column(BigInteger, default=0)
    cleared: Mapped[int] = mapped_column(BigInteger, default=0)


class AbsentRow(Base):
    """A member who cannot read what is posted, from `since` on: up to which copy they heard of what they missed, and who was told when.

    `noticed` is when they got the last notice, `contact_told` when their Admin Contact was told last; 0 for never.
    """

    __tablename__ = "absent"
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)
    last_copy: Mapped[int] = mapped_column(Number, default=0)
    noticed: Mapped[int] = mapped_column(BigInteger, default=0)
    contact_told: Mapped[int] = mapped_column(BigInteger, default=0)


class WarningRow(Base):
    """That somebody was warned of something that ends: whom (fingerprint), what, when it ends, and at how many days ahead."""

    __tablename__ = "warnings"
    whom: Mapped[str] = mapped_column(String(64), primary_key=True)
    what: Mapped[str] = mapped_column(String(200), primary_key=True)
    ends: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    days: Mapped[int] = mapped_column(Integer)
    at: Mapped[int] = mapped_column(BigInteger)


class LookupRow(Base):
    """When a member's certificate was last looked for in their domain's Web Key Directory."""

    __tablename__ = "lookups"
    address: Mapped[str] = mapped_column(String(254), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)


class ReceiptRow(Base):
    """A post whose poster wants to know whom it reached.

    `claimed` is when a process began to write the first receipt, `first` when that was done with, and `told` whether it could be
    written; `missed` is a digest of whom it names as not reached. `looked` is up to when what became of the copies is known. Once
    `last` is set, nothing more is written.
    """

    __tablename__ = "receipts"
    post_id: Mapped[int] = mapped_column(Number, ForeignKey("posts.id"), primary_key=True)
    claimed: Mapped[int] = mapped_column(BigInteger, default=0)
    first: Mapped[int] = mapped_column(BigInteger, default=0)
    told: Mapped[bool] = mapped_column(Boolean, default=False)
    missed: Mapped[str] = mapped_column(String(64), default="")
    looked: Mapped[int] = mapped_column(BigInteger, default=0)
    last: Mapped[int] = mapped_column(BigInteger, default=0)


class DrillRow(Base):
    """A drill: from when to when members answer, who started it (fingerprint, or empty for the operator), when it was reported, or 0.

    `settled` is when counting ended, or 0. From then on the row says how many were counted and had answered, and the median of the
    seconds that took; these figures stay when the members' rows are deleted.
    """

    __tablename__ = "drills"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    started: Mapped[int] = mapped_column(BigInteger)
    ends: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(64))
    reported: Mapped[int] = mapped_column(BigInteger, default=0)
    settled: Mapped[int] = mapped_column(BigInteger, default=0)
    members: Mapped[int] = mapped_column(Integer, default=0)
    answered: Mapped[int] = mapped_column(Integer, default=0)
    median: Mapped[int] = mapped_column(BigInteger, default=0)
    __table_args__ = ({"sqlite_autoincrement": True},)


class DrillMemberRow(Base):
    """A member in a drill: when they were asked and answered, or 0; why they could not be asked, or why what they sent was no answer.

    `failure` is one of a few words for that, `why` the sentence.
    """

    __tablename__ = "drill_members"
    drill: Mapped[int] = mapped_column(Number, ForeignKey("drills.id"), primary_key=True)
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    asked: Mapped[int] = mapped_column(BigInteger, default=0)
    answered: Mapped[int] = mapped_column(BigInteger, default=0)
    failure: Mapped[str] = mapped_column(String(16), default="")
    why: Mapped[str] = mapped_column(String(500), default="")
    told: Mapped[int] = mapped_column(BigInteger, default=0)
