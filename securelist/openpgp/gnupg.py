"""GnuPG through python-gnupg: how it is run, and the first of the two engines. (The list's secret key: `list_key`.)

python-gnupg starts the processes and moves the octets. Its own verdicts (`ok`, `valid`) are not used, and two of its
habits are replaced here: status lines come on a descriptor of their own, and are split at LF alone. (It splits at every
Unicode line end, so that a user ID with "Å", octets C3 85, could begin a status line of its own.)
"""

from __future__ import annotations

import copy
import io
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

import gnupg

from securelist.errors import Refused, SecurelistError, TryAgain, Unavailable
from securelist.openpgp.bounded import GPG_SECONDS, PIECE_OCTETS, Limits, Outcome, Watch
from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.openpgp.memory_file import in_memory
from securelist.openpgp.packets import Tag, read_packets

# SHA-2 with at least 256 bits (RFC 9580, 9.5, by number); everything weaker or unknown to GnuPG 2.2 is refused.
ACCEPTED_HASHES = {"8", "9", "10"}
# Its log would hold status lines, with user IDs in them, and warn of every signature that is refused.
logging.getLogger("gnupg").setLevel(logging.CRITICAL)
# No configuration of anybody's is read, but what an administrator wrote into /etc/gnupg/gpg.conf: GnuPG 2.2.40 has no way around that.
_OPTIONS = ["--no-options", "--trust-model", "always", "--no-auto-check-trustdb", "--no-auto-key-retrieve", "--logger-file", "/dev/null"]


class _Collector(gnupg.StatusHandler):  # type: ignore[misc]
    """Keeps every status line in order; judges none."""

    def __init__(self, gpg: gnupg.GPG) -> None:
        super().__init__(gpg)
        self.lines: list[tuple[str, str]] = []
        self.data = b""
        self.returncode = 0

    def handle_status(self, key: str, value: str) -> None:
        self.lines.append((key, value))


class Gpg(gnupg.GPG):  # type: ignore[misc]
    """python-gnupg with a status descriptor of its own, a clean environment, bounds, and inherited descriptors."""

    limits = Limits()

    def __init__(self, home: Path) -> None:
        self.inherited: tuple[int, ...] = ()
        self.status: BinaryIO = io.BytesIO()
        self.watch = Watch()
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(home)}
        try:
            super().__init__(gnupghome=str(home), options=_OPTIONS, env=environment)
        except OSError:
            raise Unavailable("no-gnupg", "GnuPG is not installed: install Debian's package gnupg") from None
        self.buffer_size = PIECE_OCTETS

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> subprocess.Popen[bytes]:
        readable, written = os.pipe()
        self.status = os.fdopen(readable, "rb")
        command = self.make_args(args, passphrase)
        command[command.index("--status-fd") + 1] = str(written)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self.env,
                pass_fds=(written, *self.inherited),
            )
        except OSError:
            self.status.close()
            raise
        finally:
            os.close(written)
        self.limits.put_on(process.pid)
        process.stderr = self.status
        self.watch.begin(process)
        return process

    def _collect_output(self, *args: object, **kwargs: object) -> int:
        try:
            return int(super()._collect_output(*args, **kwargs))
        finally:
            self.watch.over()

    def _read_data(self, stream: BinaryIO, result: _Collector, *_: object) -> None:
        result.data = self.watch.output(stream)

    def _read_response(self, _decoded: object, result: _Collector) -> None:
        with self.watch.while_there_is_room():
            for line in self.watch.lines(self.status):
                keyword, _, rest = line.rstrip(b"\n").removeprefix(b"[GNUPG:] ").decode("utf-8", "replace").partition(" ")
                result.handle_status(keyword, rest)
        result.stderr = ""

    def run(self, args: Sequence[str], data: bytes, inherited: tuple[int, ...] = (), seconds: int | None = None) -> Outcome:
        """Runs gpg with `args` on `data`; the descriptors in `inherited` are open in it. `seconds` is the most CPU time it may take."""
        call, problem = copy.copy(self), ""
        call.watch = Watch()
        call.inherited, call.limits = inherited, replace(self.limits, cpu_seconds=seconds or self.limits.cpu_seconds)
        result = _Collector(call)
        try:
            call._handle_io(list(args), io.BytesIO(data), result, binary=True)
        except BrokenPipeError:
            pass  # it had seen enough, and has said why
        except (OSError, RuntimeError, MemoryError) as error:  # no descriptor, process, thread or memory to be had
            call.watch.stop()
            problem = getattr(error, "strerror", "") or type(error).__name__
        if problem or call.watch.no_room:
            raise TryAgain("gpg-failed", f"GnuPG could not be run: {problem or 'MemoryError'}")
        if call.watch.too_much:
            raise self.said_too_much()
        if result.returncode < 0:
            raise self.stopped(-result.returncode)
        return Outcome(result.returncode, tuple(result.lines), result.data)

    def said_too_much(self) -> SecurelistError:
        """What it means that gpg had more to say than it may."""
        return TryAgain("gpg-failed", "GnuPG put out more than it was given")

    def stopped(self, _by: int) -> SecurelistError:
        """What it means that a signal ended gpg."""
        return TryAgain("gpg-failed", f"GnuPG was stopped, perhaps after {GPG_SECONDS} s")


# --- the verdict: no state, no keyring but the one certificate in question -------------------------------------------

# An empty place where a GnuPG home would be: the engine that judges reads no configuration and keeps nothing.
_NOWHERE = Path("/proc/self/fdinfo")
# It starts no gpg-agent (`--no-autostart`). A post of 25 MiB takes it 0.2 s and 9 MiB of address space; half of the time on the clock,
# so that what costs too much is told from a machine that is busy. Refused memory, it ends with a complaint (exit status 2) or aborts.
_JUDGES = Limits(cpu_seconds=GPG_SECONDS // 2, memory=64 * 2**20)

# What a program dies of by itself. libgcrypt does when numbers in a key, or in a signature, are not what its arithmetic needs.
_CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV}


class _Judge(Gpg):
    """It keeps nothing, so what it dies of is what it was given: the same again tomorrow."""

    limits = _JUDGES

    def said_too_much(self) -> SecurelistError:
        return Refused("too-costly", "GnuPG finds more to say about the keys and signatures in this than anybody reads; make a new key")

    def stopped(self, by: int) -> SecurelistError:
        if by == signal.SIGXCPU:
            return Refused("too-costly", "it takes GnuPG too long to check the signatures of this certificate; make a new key")
        if by in _CRASHES:
            return Refused("unreadable-by-gnupg", "GnuPG crashes over a key or a signature in this: they are damaged, or forged")
        return super().stopped(by)


@cache
def _judging() -> Gpg:
    return _Judge(_NOWHERE)


def version() -> str:
    """The version of the gpg that judges, such as 2.2.40."""
    return ".".join(str(part) for part in _judging().version)


def _only_keyring(path: str) -> list[str]:
    return ["--no-default-keyring", "--keyring", path, "--lock-never", "--no-autostart"]


# Status keywords that may accompany one good signature; anything else is a reason to refuse.
_HARMLESS = {
    "NEWSIG",
    "KEY_CONSIDERED",
    "SIG_ID",
    "GOODSIG",
    "VALIDSIG",
    "PLAINTEXT",
    "PLAINTEXT_LENGTH",
    "KEYEXPIRED",
    "TRUST_ULTIMATE",
    "TRUST_FULLY",
    "TRUST_UNDEFINED",
    "NOTATION_NAME",
    "NOTATION_FLAGS",
    "NOTATION_DATA",
    "VERIFICATION_COMPLIANCE_MODE",
    "POLICY_URL",
    "SIG_SUBPACKET",  # a preferred key server (RFC 9580, 5.2.3.26), as `sig-keyserver-url` in somebody's gpg.conf adds it
}


@dataclass(frozen=True)
class GoodSignature:
    """GnuPG's verdict: exactly one good signature; primary fingerprint, time made, the data gpg itself put out, and the key's own."""

    signer: str
    made: int
    content: bytes
    key: str


def verify(message: bytes, certificate: bytes, at: int, detached: bytes | None = None) -> GoodSignature:
    """GnuPG's verdict, as of `at`, on `message` under this one certificate; with `detached`, on that signature over it.

    The certificate and signature reach gpg through memory. Raises Refused("bad-signature") unless the exit status, every
    status line and the hash algorithm are as they must be: gpg says GOODSIG over much that is not.
    """
    with in_memory(certificate) as (ring, ring_path), in_memory(detached or b"") as (signature, signature_path):
        args = [*_only_keyring(ring_path), "--faked-system-time", f"{at}!"]
        args += ["--decrypt"] if detached is None else ["--verify", signature_path, "-"]
        outcome = _judging().run(args, message, (ring, signature))
    keywords = [word for word, _ in outcome.status]
    once = ("NEWSIG", "GOODSIG", "VALIDSIG") + (("PLAINTEXT",) if detached is None else ())
    if outcome.exit_status or any(keywords.count(word) != 1 for word in once) or not set(keywords) <= _HARMLESS:
        raise Refused("bad-signature", f"GnuPG does not accept the signature{_complaint(keywords)}")
    fields = outcome.rests("VALIDSIG")[0].split()
    if len(fields) < 10 or fields[7] not in ACCEPTED_HASHES:
        raise Refused("weak-hash", "the signature uses a hash algorithm that is too weak; SHA-256 or longer is needed")
    return GoodSignature(fields[9].upper(), int(fields[2]), outcome.output if detached is None else message, fields[0].upper())


_COMPLAINTS = {
    "BADSIG": "the signed text was altered",
    "EXPSIG": "the signature has expired",
    "EXPKEYSIG": "the key has expired",
    "REVKEYSIG": "the key is revoked",
    "ERRSIG": "it cannot be checked",
    "NO_PUBKEY": "the key is not known",
}


def _complaint(keywords: list[str]) -> str:
    found = [text for word, text in _COMPLAINTS.items() if word in keywords]
    return f": {found[0]}" if found else ""


def list_certificate(octets: bytes, seconds: int | None = None) -> Certificate:
    """GnuPG's verified listing of one certificate as facts, in at most `seconds` of CPU time.

    Raises Refused("unreadable-by-gnupg") or ("too-costly").
    """
    with in_memory(octets) as (ring, path):
        outcome = _judging().run([*_only_keyring(path), "--list-keys"], b"", (ring,), seconds)
    rows = [line.split(":") for line in outcome.output.decode("utf-8", "replace").split("\n") if line]
    keys = [_component(row, rows[i + 1][9]) for i, row in enumerate(rows[:-1]) if row[0] in ("pub", "sub") and rows[i + 1][0] == "fpr"]
    if outcome.exit_status or [row[0] for row in rows].count("pub") != 1 or not keys:
        raise _unreadable(octets)
    user_ids = tuple(_unescaped(row[9]) for row in rows if row[0] == "uid" and row[1] not in ("r", "i"))
    return Certificate(keys[0].fingerprint, octets, user_ids, tuple(keys))


def _unreadable(octets: bytes) -> Refused:
    version_6 = read_packets(octets)[0].body[:1] == b"\6"
    advice = "; it is of version 6, which GnuPG does not know: send a version 4 one" if version_6 else ""
    return Refused("unreadable-by-gnupg", f"GnuPG cannot read this certificate{advice}")


def good_signatures(octets: bytes, seconds: int | None = None) -> tuple[bool, ...]:
    """For each signature in one certificate, in their order, whether it is one that its own keys made; whenever that was.

    Raises Refused("unreadable-by-gnupg"), also when GnuPG does not see them all, or ("too-costly") after `seconds` of CPU time.
    """
    with in_memory(octets) as (ring, path):
        outcome = _judging().run([*_only_keyring(path), "--ignore-time-conflict", "--check-sigs"], b"", (ring,), seconds)
    rows = [line.split(b":", 2) for line in outcome.output.split(b"\n")]
    good = tuple(row[1] == b"!" for row in rows if row[0] in (b"sig", b"rev"))
    if outcome.exit_status or len(good) != sum(packet.tag == Tag.SIGNATURE for packet in read_packets(octets)):
        raise _unreadable(octets)
    return good


@dataclass(frozen=True)
class GoodCertification:
    """A certification as GnuPG found it good: the certifier's key ID, Unix seconds, and its type (RFC 9580, 5.2.1)."""

    key_id: str
    made: int
    expires: int | None
    type: int


def check_certification(certification: bytes, certifier: bytes, at: int, known: Sequence[str] = ()) -> GoodCertification | None:
    """GnuPG's verdict, as of `at`, on one primary key, user ID and signature under the certifier's certificate; None: not good.

    `known` are the names of notations that may be critical. That the signature or the certifier has expired since, or that
    the certifier is revoked, does not matter to GnuPG here.
    """
    notations = [word for name in known for word in ("--known-notation", name)]
    with in_memory(certification + certifier) as (ring, path):
        args = [*_only_keyring(path), "--faked-system-time", f"{at}!", *notations, "--check-sigs"]
        outcome = _judging().run(args, b"", (ring,))
    rows = [line.split(":") for line in outcome.output.decode("utf-8", "replace").split("\n")]
    starts = [i for i, row in enumerate(rows) if row[0] == "pub"]
    if outcome.exit_status or len(starts) != 2:
        return None
    return _good_certification(rows[starts[0] : starts[1]])


def _good_certification(rows: list[list[str]]) -> GoodCertification | None:
    """The signature in the records of a certificate that has but this one (GnuPG's doc/DETAILS)."""
    row = rows[-1]
    if [r[0] for r in rows] not in (["pub", "fpr", "uid", "sig"], ["pub", "fpr", "uid", "rev"]) or row[1] != "!":
        return None
    return GoodCertification(row[4].upper(), int(row[5]), int(row[6]) if row[6] else None, int(row[10][:2], 16))


def _component(row: list[str], fingerprint: str) -> ComponentKey:
    """A "pub" or "sub" record (GnuPG's doc/DETAILS) as facts."""
    validity, capabilities = row[1], row[11]
    return ComponentKey(
        fingerprint=fingerprint.upper(),
        key_id=row[4].upper(),
        algorithm=int(row[3]),
        bits=int(row[2]),
        created=int(row[5]),
        expires=int(row[6]) if row[6] else None,
        revoked=validity == "r",
        usable=validity not in ("i", "d", "n"),
        capabilities=frozenset(c for c in capabilities if c.islower()),
    )


def _unescaped(text: str) -> str:
    r"""A colon listing's C-style escapes undone, with control characters as U+FFFD: `\x3a` is a colon, `\x0a` is not shown."""
    pieces = text.split("\\x")
    return pieces[0] + "".join(_character(p[:2]) + p[2:] for p in pieces[1:])


def _character(hex_digits: str) -> str:
    character = chr(int(hex_digits, 16))
    return character if character.isprintable() else "\ufffd"
