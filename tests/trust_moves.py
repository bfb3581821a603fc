"""Moves in the life of a list, drawn by hypothesis: who says what, when, and which certificates go along.

A move names people by the keys of `Crowd.who`, so that a shrunk sequence reads as a story. What it makes is real: gpg signs,
gpg revokes, and certifications are put together with an Admin Contact's own secret key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from certification_forge import issuer_fingerprint, notation, secret, signature, subpacket
from hypothesis import strategies as st
from people import People, Somebody
from trust_world import BORN, DAY, LIST, certificate_of, revoked

from securelist.openpgp.admission import merge
from securelist.openpgp.armor import dearmor
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import Tag, read_packets
from securelist.trust.anchor import Anchor
from securelist.trust.certificates import own_packets
from securelist.trust.certifications import notation_name
from securelist.trust.entry import NO_HASH, Entry
from securelist.trust.erasure import erasable
from securelist.trust.fields import EXAMPLES, FORMS
from securelist.trust.grammar import render
from securelist.trust.membership import Membership
from securelist.trust.statement import StatementType
from securelist.trust.submission import Parcel

ROOTS, CONTACTS, KEYS = ("R1", "R2", "R3"), ("N1", "N2"), ("K1", "K2", "K3")
OWNERS = {"K1": "anna", "K2": "anna", "K3": "bert", "K4": "carla", "K5": "dora", "M1": "mallory"}
ADDRESSES = {owner: f"{owner}@nl.example" for owner in OWNERS.values()}

Said = tuple[str, tuple[tuple[str, str], ...]]
"""A type of statement, and its fields with names of people in the place of fingerprints, days in the place of dates."""


@dataclass(frozen=True)
class Move:
    """One submission: `step` seconds after the one before, signed `lag` seconds before that. Without statements: what `ring` says.

    `ring` is (whose, which): a certificate renewed, revoked for a reason (as gpg numbers them), or certified by somebody.
    """

    step: int
    lag: int = 0
    says: tuple[Said, ...] = ()
    signers: tuple[str, ...] = ()
    note: int = 0
    ring: tuple[str, str] | None = None


def said(kind: str, **fields: str) -> Said:
    """One statement of a move."""
    return kind, tuple(fields.items())


def move(signers: str, *says: Said, step: int = DAY, lag: int = 0, note: int = 0, ring: str = "") -> Move:
    """A move in few words: signers and, for certificates alone, `ring` as words (`"K1 renewed"`)."""
    who, _, which = ring.partition(" ")
    return Move(step, lag, says, tuple(signers.split()), note, (who, which) if ring else None)


# --- drawing ----------------------------------------------------------------------------------------------------------

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Scene:
    """What a list has come to, in names: who may say something about whom. Most of what is drawn over it is accepted, not all."""

    roots: tuple[str, ...]
    threshold: int
    contacts: tuple[tuple[str, str], ...]
    """(ccTLD, Admin Contact)."""
    members: tuple[tuple[str, str, str], ...]
    """(ccTLD, person, key) of those whose attestation is in force."""
    offered: tuple[tuple[str, str, str], ...]
    """(ccTLD, key, signer) of what can be erased, by that signer."""
    known: tuple[tuple[str, str], ...]
    """(ccTLD, key) of everybody of whom the log ever said something."""


def _pick(draw: Draw, choices: Sequence[Any]) -> Any:
    return draw(st.sampled_from(choices))


def _roots(draw: Draw, scene: Scene) -> tuple[str, ...]:
    """Mostly as many as are needed."""
    order = draw(st.permutations(_pick(draw, (scene.roots, scene.roots, scene.roots, ROOTS))))
    return tuple(order[: _pick(draw, (scene.threshold, scene.threshold, scene.threshold, 1))])


def _appointing(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    return said("appoint-admin-contact", TLD=_pick(draw, ("nl", "br")), Key=_pick(draw, CONTACTS)), _roots(draw, scene)


def _dismissing(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    cctld, contact = _pick(draw, scene.contacts or (("nl", "N1"),))
    more = {"Since": _pick(draw, ("", "0", "1", "5", "40")), "Key": _pick(draw, ("", contact, *CONTACTS))}
    return said("dismiss-admin-contact", TLD=cctld, **{name: value for name, value in more.items() if value}), _roots(draw, scene)


def _attesting(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    cctld, contact = _pick(draw, scene.contacts or (("nl", "N1"),))
    ends = {"Expires": "30"} if draw(st.integers(0, 5)) == 0 else {}
    whom = _pick(draw, ("anna", "bert"))
    return said("attest-ssc", TLD=cctld, Email=whom, Key=_pick(draw, KEYS), **ends), (contact,)


def _about_member(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    cctld, person, key = _pick(draw, scene.members or (("nl", "anna", "K1"),))
    contact = dict(scene.contacts).get(cctld, "N2")
    kinds = ("update-contact", "confirm-contact", "suspend-member", "suspend-member", "resume-member")
    kind = _pick(draw, ("withdraw-ssc", "withdraw-ssc", "withdraw-ssc", *kinds))
    if kind in ("suspend-member", "resume-member"):
        return said(kind, TLD=cctld, Email=person), (_pick(draw, scene.roots),)
    more = {"Phone": _pick(draw, ("+31 1 111111", "+31 2 222222"))} if kind == "update-contact" else {}
    return said(kind, TLD=cctld, Email=person, **more), (_pick(draw, (contact, contact, key)),)


def _replacing(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    cctld, person, key = _pick(draw, scene.members or (("nl", "anna", "K1"),))
    new = _pick(draw, KEYS)
    return said("replace-key", TLD=cctld, Email=person, Key=new), _pick(draw, ((key, new), (key, new), (new, key), (key,), (new,)))


def _erasing(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    """Mostly what is offered, all of it or some; else what cannot be."""
    if scene.offered and draw(st.integers(0, 4)):
        cctld, key, signer = _pick(draw, scene.offered)
        which = _pick(draw, ("", "", "", "first", "last"))
    elif scene.known:
        cctld, key = _pick(draw, scene.known)
        signer, which = _pick(draw, (key, *KEYS, *scene.roots)), _pick(draw, ("", "every", "every", "wrong", "others"))
    else:
        return _about_member(draw, scene)
    return said("erase", TLD=cctld, Key=key, **({"Entry": which} if which else {})), (signer,)


def _governing(draw: Draw, scene: Scene) -> tuple[Said, tuple[str, ...]]:
    if draw(st.booleans()):
        return said("replace-list-key", Key=_pick(draw, ("L1", "L2"))), _roots(draw, scene)
    more = {"Threshold": _pick(draw, ("", "1", "2")), "Since": _pick(draw, ("", "", "0", "3", "40"))}
    named = _pick(draw, ("R1", "R1 R2", "R2 R3", "R1 R2 R3", "R1 R3"))
    return said("replace-roots", Root=named, **{name: value for name, value in more.items() if value}), _roots(draw, scene)


_SAYING = (_appointing, _dismissing, _dismissing, _attesting, _attesting, _attesting, _about_member, _about_member, _about_member)
_SAYING += (_replacing, _replacing, _erasing, _erasing, _erasing, _governing)
_STEPS = (0, 0, 1, 60, DAY, DAY, DAY, 9 * DAY, 31 * DAY, 120 * DAY)
_LAGS = (0, 0, 0, 0, 0, 0, 1, -300, DAY, 20 * DAY)
_RINGS = ("renewed", "0", "1", "2", "3", "by N1", "by N2", "not by N1", "not by N2", "by N1", "not by N1")


def next_move(draw: Draw, scene: Scene) -> Move:
    """What happens next: a text with one statement or two, certificates alone, the last text again by others, a request, an answer."""
    step, lag, note = _pick(draw, _STEPS), _pick(draw, _LAGS), draw(st.integers(0, 5))
    kind = draw(st.integers(0, 19))
    if kind < 4:
        which = _pick(draw, _RINGS)
        return Move(step, lag, ring=(_pick(draw, KEYS if "by" in which else (*ROOTS, *CONTACTS, *KEYS)), which))
    if kind == 4:
        return Move(step, lag, signers=(_pick(draw, (*ROOTS, *KEYS)),))
    if kind == 5:
        key = _pick(draw, KEYS)
        return move(key, said("request-membership", TLD="nl", Email=_pick(draw, ("anna", "bert")), Key=key), step=step)
    if kind == 6:
        attested, (contact,) = _attesting(draw, scene)
        answer = said("accept-invitation", TLD=dict(attested[1])["TLD"], Email="anna")
        return Move(step, lag, (answer, attested), (_pick(draw, (contact, contact, *CONTACTS, *KEYS)),), note)
    says, signers = _pick(draw, _SAYING)(draw, scene)
    more = [_pick(draw, _SAYING)(draw, scene)[0]] if kind > 14 else []
    return Move(step, lag, tuple(dict.fromkeys((says, *more))), tuple(dict.fromkeys(signers)), note)


def beginning(threshold: int) -> tuple[Move, ...]:
    """The founding, an Admin Contact, a member: without them little of what is drawn would be accepted."""
    roots = " ".join(ROOTS[:threshold])
    return (
        move(roots, said("found-list", Key="L1", Root="R1 R2", Threshold=str(threshold)), step=0),
        move(roots, said("appoint-admin-contact", TLD="nl", Key="N1")),
        move("N1", said("attest-ssc", TLD="nl", Email="anna", Key="K1")),
    )


# --- making -----------------------------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """Everybody with their keys: R… trust roots, N… Admin Contacts, K… SSCs' keys; L… the list's. Signatures are made once."""

    people: People
    list_keys: dict[str, ListKey]
    who: Mapping[str, Somebody]
    _made: dict[tuple[object, ...], bytes] = field(default_factory=dict)

    @property
    def anchor(self) -> Anchor:
        """The list with both its keys, and all three roots in hand."""
        certificates = (certificate_of(key.certificate()) for key in self.list_keys.values())
        return Anchor(LIST, tuple(certificates), tuple(certificate_of(self.who[name].certificate) for name in ROOTS))

    def scene(self, membership: Membership, at: int) -> Scene:
        """What the list has come to, in names."""
        names = {somebody.fingerprint: name for name, somebody in self.who.items()}
        founding = membership.founding
        contacts = ((c.cctld, names[c.fingerprint]) for c in membership.admin_contacts.values() if not c.dismissed)
        now = (a for a in membership.attestations.values() if a.in_force(at))
        members = {(a.cctld, a.address.partition("@")[0], names[a.fingerprint]) for a in now}
        known = sorted({(s.statement.tld, names[s.about]) for s in membership.said if names.get(s.about) in KEYS and s.statement.tld})
        roots = tuple(names[root] for root in membership.roots) or ROOTS
        offered = ((*who, by) for who in known for by in (who[1], roots[0]) if self._offered(*who, by, membership, at))
        threshold = founding.threshold if founding else 1
        return Scene(roots, threshold, tuple(sorted(contacts)), tuple(sorted(members)), tuple(offered), tuple(known))

    def _offered(self, cctld: str, key: str, by: str, membership: Membership, at: int) -> tuple[Entry, ...]:
        """What somebody could erase of what is said about a key."""
        return erasable(membership, self.anchor, cctld, self._fingerprint(key), at, by_owner=by == key)

    def entries(self, said: Said, by: str, membership: Membership, at: int) -> list[str]:
        """What an `erase` by somebody names: what is offered, or what `Entry` says instead of that."""
        values = dict(said[1])
        which, log = values.get("Entry", ""), membership.entries
        offered = self._offered(values["TLD"], values["Key"], by, membership, at)
        about = [entry for entry in log if entry.subject == self._fingerprint(values["Key"])]
        some = {"first": offered[:1], "last": offered[-1:], "every": about, "others": [e for e in log if e not in about][-2:]}
        numbers = [log[int(number) - 1] for number in which.split() if number.isdigit()]
        named = numbers or some.get(which, offered) or log[:1]  # a text has to name something
        return [f"{e.number} {e.previous if which == 'wrong' else e.hash}" for e in named] or [f"1 {NO_HASH}"]

    def certificate(self, who: str) -> bytes:
        """Somebody's certificate as the log keeps it."""
        return own_packets(dearmor(self.who[who].certificate))

    def _fingerprint(self, name: str) -> str:
        return (self.list_keys.get(name) or self.who[name]).fingerprint

    def _values(self, said: Said, made: int) -> tuple[StatementType, dict[str, list[str]]]:
        values = {"List": [LIST]} | {name: [value] for name, value in said[1]}
        kind, (email,) = StatementType(said[0]), values.get("Email", [""])
        if kind is StatementType.APPOINT_ADMIN_CONTACT:
            contact = self.who[values["Key"][0]]
            values |= {"Name": [contact.name], "Email": [contact.address]}
        elif email:
            values |= {"Email": [ADDRESSES[email]]} | ({"Name": [email.title()]} if "Name" in FORMS[kind].required else {})
        if kind is StatementType.ACCEPT_INVITATION:
            values["Token"] = [EXAMPLES["Token"]]
        for name in {"Key", "Root"} & values.keys():
            values[name] = [self._fingerprint(who) for who in values[name][0].split()]
        for name, form, sign in (("Expires", "%Y-%m-%d", 1), ("Since", "%Y-%m-%dT%H:%MZ", -1)):
            if name in values:
                values[name] = [datetime.fromtimestamp(made + sign * int(values[name][0]) * DAY, UTC).strftime(form)]
        return kind, values

    def text(self, move: Move, made: int, membership: Membership) -> str:
        """What is signed; the note below makes the same statements another text. An `erase` names entries of this membership's log."""
        values = [self._values(said, made) for said in move.says]
        for said, (kind, fields) in zip(move.says, values, strict=True):
            if kind is StatementType.ERASE:
                fields["Entry"] = self.entries(said, (*move.signers, "")[0], membership, max(made, membership.time))
        return "\n".join(render(*each) for each in values) + f"\nNote {move.note}\n"

    def parcel(self, text: str, signers: tuple[str, ...], made: int, ring: tuple[str, str] | None) -> Parcel:
        """What is handed in: with texts, everybody's certificates as they were first."""
        if ring:
            return Parcel((), (self._once(self._ring, *ring, made),))
        certificates = tuple(dearmor(somebody.certificate) for somebody in self.who.values())
        return Parcel(tuple(self._once(self._signed, who, text, made) for who in signers), certificates)

    def _once(self, make: object, *how: object) -> bytes:
        if how not in self._made:
            self._made[how] = make(*how)  # type: ignore[operator]
        return self._made[how]

    def _signed(self, who: str, text: str, made: int) -> bytes:
        return self.people.clearsign(self.who[who], text, at=made)

    def _ring(self, who: str, which: str, made: int) -> bytes:
        if which.isdigit():
            octets = revoked(self.people, self.who[who], int(which), made)
            return merge(octets, octets)
        if which == "renewed":
            return dearmor(self._renewed(self.who[who]))
        return self._certified(self.who[who], which.split()[-1], made, revokes=which.startswith("not"))

    def _renewed(self, who: Somebody) -> bytes:
        """The certificate with one more subkey."""
        renewed = self.people.export(who.fingerprint)
        if renewed == who.certificate:
            self.people.gpg("--quick-add-key", who.fingerprint, "cv25519", "encr", "0", at=BORN + DAY)
        return self.people.export(who.fingerprint)

    def _certified(self, who: Somebody, contact: str, made: int, *, revokes: bool) -> bytes:
        """The certificate with its user ID certified by an Admin Contact for .nl, or with that taken back."""
        by = self.who[contact]
        hashed = subpacket(2, made.to_bytes(4, "big")) + issuer_fingerprint(by) + notation(notation_name(LIST), "nl")
        kind = 0x30 if revokes else 0x10
        made_by_hand = signature(secret(self.people, by), who, f"{who.name} <{who.address}>", hashed, kind=kind)
        packets = [packet.octets for packet in read_packets(dearmor(who.certificate))]
        at = [packet.tag for packet in read_packets(dearmor(who.certificate))].index(Tag.USER_ID) + 2
        return b"".join((*packets[:at], made_by_hand, *packets[at:]))


def crowd_of(people: People) -> Crowd:
    """New people with keys from long ago; the list's home, with two keys, lies in theirs. K1 and K2 are one person's."""
    first = ListKey.create(people.home / "moves", "tld-ops", LIST)
    list_keys = {"L1": first, "L2": first.another("tld-ops", LIST)}
    addresses = {name: f"{name.lower()}@moves.example" for name in (*ROOTS, *CONTACTS)}
    addresses |= {name: ADDRESSES[owner] for name, owner in OWNERS.items()}
    return Crowd(
        people, list_keys, {name: people.make(OWNERS.get(name, name).title(), address, at=BORN) for name, address in addresses.items()}
    )
