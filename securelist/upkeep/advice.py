"""The commands that renew something, for the very key that it is about, to be typed or copied as they stand; pure.

They hold fingerprints, and addresses quoted for a shell, and nothing else of what somebody may have put into a certificate.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.openpgp.packets import hashed_subpackets, read_packets, signature_type

Lines = tuple[str, ...]
"""Lines of a shell; one that goes on ends with a backslash."""

# Two years: what gpg and Thunderbird propose for a new key is two or three.
YEARS = 2
# Whenever the list's key is extended, every member has to fetch it.
LIST_KEY_YEARS = 5
# One that encrypts and one that signs are the rule; nobody works with more of each than this.
MAX_SUBKEYS = 8
# A signature directly on a key, and the subpacket by which it says when the key ends (RFC 9580, 5.2.1.11 and 5.2.3.13).
_DIRECT_KEY, _KEY_EXPIRATION = 0x1F, 9


@dataclass(frozen=True)
class Advice:
    """How a key is extended: lines for gpg, empty where gpg cannot, and lines for sq, of version 1.0 or newer.

    Both leave the extended certificate in `renewed.asc`. sq 0.27, which Debian 12 has, has no command for it.
    """

    gpg: Lines
    sq: Lines


def extend(certificate: Certificate, at: int) -> Advice:
    """Extends this certificate and its subkeys by YEARS from the day on which the lines are typed; `at` is Unix seconds."""
    key, subkeys = certificate.fingerprint, subkeys_to_extend(certificate, at)
    by_sq = [_command(f"sq key subkey expire --expiration {YEARS}y", f"--cert {key}", f"--key {subkey}") for subkey in subkeys]
    if certificate.primary.expires is not None:
        by_sq.insert(0, _command(f"sq key expire --expiration {YEARS}y", f"--cert {key}"))
    exported = _command("gpg --armor", f"--export {key} > renewed.asc")
    by_gpg = _together(extend_by_gpg(certificate, at), exported) if gpg_extends(certificate) else ()
    return Advice(by_gpg, _together(*by_sq, _command("sq cert export", f"--cert {key} > renewed.asc")))


def extend_by_gpg(certificate: Certificate, at: int, years: int = YEARS, home: str = "") -> Lines:
    """The lines for gpg alone, without the export; `home` is the GnuPG home, empty for the reader's own."""
    gpg = f"gpg --homedir {shlex.quote(home)}" if home else "gpg"
    set_expire = (f"{gpg} --quick-set-expire", f"{certificate.fingerprint} {years}y")
    begun, subkeys = set_expire if home else (" ".join(set_expire),), subkeys_to_extend(certificate, at)
    # What has no end gets none. And with `*` for the subkeys gpg passes over those that have ended, and does not say so.
    first = _command(*begun) if certificate.primary.expires is not None else ()
    return _together(first, _command(*begun, *subkeys) if subkeys else ())


def _command(*parts: str) -> Lines:
    """One command over several lines, so that a mail program has none to break."""
    first, *more = parts
    lines = [first, *(f"    {part}" for part in more)]
    return (*(f"{line} \\" for line in lines[:-1]), lines[-1])


def _together(*commands: Lines) -> Lines:
    return tuple(line for command in commands for line in command)


def gpg_extends(certificate: Certificate) -> bool:
    """Whether gpg can extend the primary key: not where a signature directly on the key says when it ends, as on keys made by sq.

    gpg then sets another end on the user IDs, exits with success, and goes by that of the key.
    """
    signatures = [packet for packet in read_packets(certificate.octets) if signature_type(packet) == _DIRECT_KEY]
    return certificate.primary.expires is None or not any(_KEY_EXPIRATION in dict(hashed_subpackets(one)) for one in signatures)


def subkeys_to_extend(certificate: Certificate, at: int) -> Lines:
    """Fingerprints of the subkeys that end by themselves and are in use at `at`, or were last: of former ones nothing should come back."""
    found = [key.fingerprint for capability in "es" for key in _last(certificate, capability, at)]
    return tuple(dict.fromkeys(found))[:MAX_SUBKEYS]


def _last(certificate: Certificate, capability: str, at: int) -> Iterator[ComponentKey]:
    keys = [key for key in certificate.keys[1:] if capability in key.capabilities and key.usable and not key.revoked and key.created <= at]
    newest = sorted(keys, key=lambda key: key.expires or 0)[-1:]
    yield from (key for key in [key for key in keys if key.alive(at)] or newest if key.expires is not None)


def certify(subject: Certificate, address: str, signer: str, notation: str, cctld: str) -> Lines:
    """Certifies the user ID of a member's certificate with this address once more, for a year, by gpg with the key of `signer`.

    `notation` is the list's. The result is in `certified.asc`.
    """
    # gpg signs the user IDs that hold this text; in angle brackets it is the whole address, unless a user ID has nothing else.
    user_id = address if address in subject.user_ids else f"<{address}>"
    by, of = f"gpg --default-key {signer}", f"--quick-sign-key {subject.fingerprint}"
    how = ("--default-cert-expire 1y --force-sign-key", f"--cert-notation {notation}={cctld}")
    return _together(
        _command(by, *how, of, shlex.quote(user_id)), _command("gpg --armor", f"--export {subject.fingerprint} > certified.asc")
    )
