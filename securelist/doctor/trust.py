"""Checks of what the list rests on: its key, the trust roots, the log, and who can be reached and can post."""

from __future__ import annotations

from dataclasses import fields

from securelist.doctor.finding import DAY, Finding, Patient, State, several
from securelist.errors import ConfigurationError, Refused
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.signed import open_literal, read_signed, verify
from securelist.trust.membership import UNREACHABLE, Member, Membership
from securelist.unchanged import check_chain, check_roots

# Members need weeks to notice that they have an old certificate.
EXPIRES_SOON_DAYS = 60
_TEST = b"securelist doctor\n"


def list_key(patient: Patient) -> Finding:
    """Whether the list's key signs, both engines accept that, and what is encrypted to it can be read; and when it ends."""
    voice = patient.installation.voice
    key, certificate = voice.list_key, voice.certificates[-1]
    key.check_secret()
    verify(read_signed(key.sign(_TEST)), [certificate], patient.now)
    _check_opens(key, certificate)
    ends = _end(certificate, patient.now)
    well = f"{key.fingerprint} signs and decrypts"
    if ends is None:
        return Finding("list-key", State.OK, f"{well}, and has no end")
    days = (ends - patient.now) // DAY
    extend = f"extend it: gpg --homedir {patient.home}/gnupg --quick-set-expire {key.fingerprint} 5y, and the same with '*' at the end"
    state = State.WARNING if days < EXPIRES_SOON_DAYS else State.OK
    return Finding("list-key", state, f"{well}; it ends in {days} days", extend if state is State.WARNING else "")


def _check_opens(key: ListKey, certificate: Certificate) -> None:
    """Raises TryAgain or Refused unless a message to this certificate can be opened."""
    _, literal = open_literal(key.decrypt(sequoia.encrypt(_TEST, certificate.octets)))
    if literal is None or literal.data != _TEST:
        raise Refused("not-whole", "what was encrypted to the list's key came back as something else")


def _end(certificate: Certificate, now: int) -> int | None:
    """When the last key that signs, or the last that decrypts, ends (Unix seconds); None if never. Raises ConfigurationError."""
    ends = []
    for capability, what in (("s", "sign"), ("e", "decrypt")):
        usable = certificate.keys_for(capability, now)
        if not usable:
            raise ConfigurationError("no-list-key", f"{certificate.fingerprint} is expired, revoked or too weak to {what}; see: key new")
        if all(key.expires is not None for key in usable):
            ends.append(max(key.expires or 0 for key in usable))
    return min([*ends, *([certificate.primary.expires] if certificate.primary.expires else [])], default=None)


def roots(patient: Patient) -> Finding:
    """Whether the folder holds the trust roots that founded the list, and no others; and whether they can still sign."""
    given, membership = patient.installation.roots, patient.membership
    check_roots(given, membership)
    if membership.founding is None:
        advice = "let the trust roots sign the found-list text that init printed, then: securelist statement submit FILE"
        return Finding("roots", State.WARNING, f"{len(given)} certificates; the list is not founded, nothing works before", advice)
    current = [root for root in patient.installation.anchor.signers(membership).values() if root.fingerprint in membership.roots]
    able = [root.fingerprint for root in current if root.can_sign(patient.now)]
    found = f"{len(able)} of {len(membership.roots)} trust roots can sign; {membership.founding.threshold} have to agree"
    if len(able) < membership.founding.threshold:
        advice = "nobody can be appointed: let them extend their keys and send you the certificates for the folder roots"
        return Finding("roots", State.PROBLEM, found, advice)
    lapsed = sorted(set(membership.roots) - set(able))
    if lapsed:
        return Finding("roots", State.WARNING, f"{found}; not: {several(lapsed)}", "let them extend their keys")
    return Finding("roots", State.OK, found)


# --- the log ----------------------------------------------------------------------------------------------------------


def log(patient: Patient) -> Finding:
    """Whether every entry holds, verified anew from its evidence, and the tables say what the log says."""
    check_chain(patient.membership)
    patient.installation.links()  # raises if evidence is missing that no `erase` has named
    taken = 0
    with patient.bar("verifying the log") as progress:

        def show(done: int, total: int) -> None:
            nonlocal taken
            taken = done
            progress(done, total)

        try:
            replayed = patient.installation.replayed(show)
        except Refused as refused:
            advice = "if GnuPG or Sequoia was updated, go back to the version before; if not, restore a backup and find out who changed it"
            return Finding("log", State.PROBLEM, f"entry {taken + 1} does not hold: {refused.detail}", advice)
    if different := _different(patient.membership, replayed):
        advice = "make them anew: securelist log replay; and find out who changed the database, if you did not update GnuPG or Sequoia"
        return Finding("log", State.PROBLEM, f"the tables say something else than the log about: {', '.join(different)}", advice)
    return Finding("log", State.OK, f"all {replayed.head.number} entries hold, the tables agree; head {replayed.head.hash}")


def _different(tables: Membership, replayed: Membership) -> list[str]:
    return [field.name.replace("_", " ") for field in fields(Membership) if getattr(tables, field.name) != getattr(replayed, field.name)]


# --- members ----------------------------------------------------------------------------------------------------------


def members(patient: Patient) -> Finding:
    """Who cannot be reached now, and who cannot post."""
    present = patient.membership.members(patient.now)
    unreached = [f"{_who(member)} ({member.why})" for member in present if member.state == UNREACHABLE]
    mute = [_who(member) for member in present if not _can_sign(patient, member)]
    if not unreached and not mute:
        return Finding("members", State.OK, f"all {len(present)} members can be reached and can post, but those who are suspended")
    told = [f"{len(unreached)} of {len(present)} cannot be reached: {several(unreached)}" if unreached else ""]
    told += [f"{len(mute)} cannot post, their key cannot sign now: {several(mute)}" if mute else ""]
    advice = "call them: they extend their key, or their Admin Contact attests a new one; see: securelist member list"
    return Finding("members", State.WARNING, "; ".join(filter(None, told)), advice)


def _can_sign(patient: Patient, member: Member) -> bool:
    return patient.membership.certificates[member.fingerprint].can_sign(patient.now)


def _who(member: Member) -> str:
    return f"{member.emails[0]} of .{member.cctld}"
