"""All tables, in the order a post and a membership pass them. Times are Unix seconds, UTC.

Nothing here can be decrypted by this server: `bodies.octets` and `copies.key_packets` are members' ciphertext only.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only in a column of type INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Root of the tables."""


# --- the log: what anybody can verify -----------------------------------------------------------------------------


class LogEntry(Base):
    """One link of the hash-chained log of membership."""

    __tablename__ = "log_entries"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str] = mapped_column(String(40))
    cctld: Mapped[str] = mapped_column(String(63))
    subject: Mapped[str] = mapped_column(String(64))
    signer: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[str] = mapped_column(String(64))
    part: Mapped[int] = mapped_column(Integer)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class Evidence(Base):
    """What an entry rests on: a signed text or a certificate, by its SHA-256 digest; erased texts have no octets."""

    __tablename__ = "evidence"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    octets: Mapped[bytes | None] = mapped_column(LargeBinary)


# --- the projection of the log: rebuilt from it at any time --------------------------------------------------------


class FoundingRow(Base):
    """What `found-list` says: the list's address, its key, and the trust roots (fingerprints, blanks between them)."""

    __tablename__ = "founding"
    list: Mapped[str] = mapped_column(String(254), primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    roots: Mapped[str] = mapped_column(Text)
    threshold: Mapped[int] = mapped_column(Integer)
    entry: Mapped[int] = mapped_column(Integer)


class CertificateRow(Base):
    """The newest certificate of each fingerprint in the log, with the facts that both engines agreed to, as JSON."""

    __tablename__ = "certificates"
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    octets: Mapped[bytes] = mapped_column(LargeBinary)
    facts: Mapped[str] = mapped_column(Text)


class AdminContactRow(Base):
    """Who speaks, or last spoke, for a ccTLD. `person` is JSON; `dismissed` is the entry that ended it, or 0."""

    __tablename__ = "admin_contacts"
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(Text)
    entry: Mapped[int] = mapped_column(Integer)
    time: Mapped[int] = mapped_column(BigInteger)
    dismissed: Mapped[int] = mapped_column(Integer)


class AttestationRow(Base):
    """The last attestation of a ccTLD's SSC by primary address; `withdrawn`, `suspended`, `replaced`: by which entry, or 0."""

    __tablename__ = "attestations"
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    address: Mapped[str] = mapped_column(String(254), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(Text)
    signer: Mapped[str] = mapped_column(String(64))
    expires: Mapped[int] = mapped_column(BigInteger)
    entry: Mapped[int] = mapped_column(Integer)
    withdrawn: Mapped[int] = mapped_column(Integer)
    suspended: Mapped[int] = mapped_column(Integer)
    replaced: Mapped[int] = mapped_column(Integer)
    confirmed: Mapped[int] = mapped_column(BigInteger)
    certified: Mapped[bool] = mapped_column(Boolean)
    void: Mapped[str] = mapped_column(Text)


class StatementRow(Base):
    """Every statement in the log, parsed (`statement` is JSON), and what became of it: membership is a fold over them."""

    __tablename__ = "statements"
    entry: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(BigInteger)
    signer: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(String(64))
    part: Mapped[int] = mapped_column(Integer)
    made: Mapped[int] = mapped_column(BigInteger)
    subject: Mapped[str] = mapped_column(String(360))
    about: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[str] = mapped_column(String(64))
    statement: Mapped[str] = mapped_column(Text)
    standing: Mapped[str] = mapped_column(String(10))


class VoidRow(Base):
    """From when on a dismissed Admin Contact's, or a former trust root's, statements before `entry` are void."""

    __tablename__ = "voids"
    entry: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    cctld: Mapped[str] = mapped_column(String(63))
    since: Mapped[int] = mapped_column(BigInteger)


# --- requests: not in the log, they change nothing -------------------------------------------------------------------


class RequestRow(Base):
    """A request for membership that waits: one for each ccTLD and primary address.

    `received` is when the first came, `signed` the kept text's own time. `released` and `declined` by a trust root, and `asked`
    (the Admin Contact): when, or 0; `letters`: how many the Admin Contact got about it.
    """

    __tablename__ = "requests"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    cctld: Mapped[str] = mapped_column(String(63))
    address: Mapped[str] = mapped_column(String(254))
    fingerprint: Mapped[str] = mapped_column(String(64))
    received: Mapped[int] = mapped_column(BigInteger)
    signed: Mapped[int] = mapped_column(BigInteger, default=0)
    evidence: Mapped[bytes] = mapped_column(LargeBinary)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    released: Mapped[int] = mapped_column(BigInteger, default=0)
    asked: Mapped[int] = mapped_column(BigInteger, default=0)
    letters: Mapped[int] = mapped_column(Integer, default=0)
    declined: Mapped[int] = mapped_column(BigInteger, default=0)
    __table_args__ = (UniqueConstraint("cctld", "address"), {"sqlite_autoincrement": True})


# --- invitations and welcomes: what the list writes, and what came back -----------------------------------------------


class InvitationRow(Base):
    """An invitation to an address of record, and the answer to it while that waits for the appointment.

    `closed` is when it ended, or 0, and `outcome` how. `signed` is when the answer was, by its own account. `letters` counts what
    the invited got, `told` is whether the trust roots got the answer, and after a lapse whether they heard of that. The last three
    columns are emptied when the invitation ends.
    """

    __tablename__ = "invitations"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    cctld: Mapped[str] = mapped_column(String(63), index=True)
    address: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(Text)
    made: Mapped[int] = mapped_column(BigInteger)
    letters: Mapped[int] = mapped_column(Integer, default=0)
    answered: Mapped[int] = mapped_column(BigInteger, default=0)
    signed: Mapped[int] = mapped_column(BigInteger, default=0)
    told: Mapped[bool] = mapped_column(Boolean, default=False)
    closed: Mapped[int] = mapped_column(BigInteger, default=0)
    outcome: Mapped[str] = mapped_column(String(20), default="")
    signer: Mapped[str] = mapped_column(String(64), default="")
    evidence: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    certificate: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    certificates: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    # Tokens are derived from the number, so none is used twice.
    __table_args__ = ({"sqlite_autoincrement": True},)


class WelcomeRow(Base):
    """The welcome that a member got with a key, when they answered it, and when their Admin Contact was told that they did not."""

    __tablename__ = "welcomes"
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    sent: Mapped[int] = mapped_column(BigInteger)
    confirmed: Mapped[int] = mapped_column(BigInteger, default=0)
    reported: Mapped[int] = mapped_column(BigInteger, default=0)


class CommandRow(Base):
    """Commands by mail that changed something, by signer and digest of the signed content: each works once."""

    __tablename__ = "commands"
    signer: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)


# --- the records of ccTLDs: what IANA says, imported anew at any time -------------------------------------------------


class RecordRow(Base):
    """IANA's record of a ccTLD as it was read last: who runs it, and its Admin Contact of record."""

    __tablename__ = "records"
    cctld: Mapped[str] = mapped_column(String(63), primary_key=True)
    manager: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(String(254))
    phone: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    imported: Mapped[int] = mapped_column(BigInteger)


# --- posts and their copies ------------------------------------------------------------------------------------------


class Post(Base):
    """One accepted post, or one letter of the server itself (`kind`)."""

    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16))
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    accepted: Mapped[int] = mapped_column(BigInteger)
    poster: Mapped[str] = mapped_column(String(64))
    cctld: Mapped[str] = mapped_column(String(63))
    headers: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = ({"sqlite_autoincrement": True},)


class Body(Base):
    """The encrypted body that all copies of a post share: one integrity-protected data packet (RFC 9580, 5.13).

    Only that of a `public` letter is MIME text, for everybody's eyes.
    """

    __tablename__ = "bodies"
    post_id: Mapped[int] = mapped_column(Number, ForeignKey("posts.id"), primary_key=True)
    octets: Mapped[bytes] = mapped_column(LargeBinary)


class Copy(Base):
    """One copy: one address of one member, the session key wrapped for that member, and where it stands."""

    __tablename__ = "copies"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    post_id: Mapped[int] = mapped_column(Number, ForeignKey("posts.id"))
    recipient: Mapped[str] = mapped_column(String(320))
    cctld: Mapped[str] = mapped_column(String(63))
    fingerprint: Mapped[str] = mapped_column(String(64))
    key_packets: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due: Mapped[int] = mapped_column(BigInteger)
    leased_by: Mapped[str] = mapped_column(String(255), default="")
    leased_until: Mapped[int] = mapped_column(BigInteger, default=0)
    settled: Mapped[int] = mapped_column(BigInteger, default=0)
    answer: Mapped[str] = mapped_column(String(500), default="")
    __table_args__ = (
        UniqueConstraint("post_id", "recipient", "fingerprint"),
        Index("copies_due", "state", "due"),
        # A number is never used twice: bounce addresses and files in Maildirs are named after it.
        {"sqlite_autoincrement": True},
    )


class Seen(Base):
    """Posts seen in the last days, by signer and digest of the signed content: what comes again goes out once."""

    __tablename__ = "seen"
    signer: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)
    post_id: Mapped[int] = mapped_column(Number, ForeignKey("posts.id"))


class JournalRow(Base):
    """The operator's journal: posts, refusals, deliveries, bounces, commands; local, without content."""

    __tablename__ = "journal"
    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)
    event: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(320), default="", index=True)
    detail: Mapped[str] = mapped_column(Text, default="")
