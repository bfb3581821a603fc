"""What a letter about what ends tells one person: each thing of theirs, what comes of it, and how it is renewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from securelist.installation import GNUPG_HOME, Installation
from securelist.letters import Facts, Verbatim
from securelist.mail.addresses import same_address
from securelist.mail.headers import address_in_user_id
from securelist.openpgp.certificate import Certificate
from securelist.procedures.dates import day
from securelist.store.retention import DAY_S
from securelist.trust.certifications import notation_name
from securelist.trust.draft import draft
from securelist.trust.membership import AdminContact, Attestation, Membership
from securelist.trust.statement import Person, StatementType
from securelist.upkeep.advice import LIST_KEY_YEARS, Lines, certify, extend, extend_by_gpg
from securelist.upkeep.endings import Ending, Kind, Whose
from securelist.upkeep.speakers import Speakers

# A renewed attestation ends a year after the former one would have, so nobody loses by signing at once.
RENEWED_FOR_S = 365 * DAY_S


@dataclass(frozen=True)
class Renewal:
    """What one person, known by this certificate, is to be told of these endings, in their order, when `speakers` were asked for."""

    house: Installation
    certificate: Certificate
    endings: Sequence[Ending]
    speakers: Speakers

    @property
    def at(self) -> int:
        """When they are told, Unix seconds."""
        return self.speakers.at

    @cached_property
    def certified(self) -> tuple[Certificate, ...]:
        """The certificates that they certified and may certify again, for attaching."""
        return tuple(self._membership.certificates[one.about.fingerprint] for one in self._to_attest if self._certifiable(one))

    def facts(self) -> Facts:
        """What the letter `ending` is given."""
        first = self.endings[0]
        return {
            "first": self._place(first), "days": first.days(self.at), **self._own_facts(), **self._said_facts(), **self._list_facts(),
            "contacts": [self._reached(one) for one in self._placed("contact")],
            "roots": [self._shown(one) for one in self._placed("root")],
        }  # fmt: skip

    # --- which of them is what to this person ------------------------------------------------------------------------------

    def _place(self, one: Ending) -> str:
        """The paragraph in which it stands."""
        own = one.about.fingerprint == self.certificate.fingerprint
        if one.is_said:
            return "attest" if self._speaks_for(one.about.cctld) else "membership" if own else "unattended"
        if one.whose is Whose.LIST:
            return "list"
        return "own" if own else "contact" if one.whose is Whose.CONTACT else "root"

    def _placed(self, place: str) -> list[Ending]:
        return [one for one in self.endings if self._place(one) == place]

    def _speaks_for(self, cctld: str) -> bool:
        contact = self._membership.admin_contact(cctld)
        return contact is not None and contact.fingerprint == self.certificate.fingerprint

    @property
    def _membership(self) -> Membership:
        return self.speakers.membership

    # --- their own key ---------------------------------------------------------------------------------------------------

    def _own_facts(self) -> Facts:
        own = self._placed("own")
        advice = extend(self.certificate, self.at)
        return {
            # The same part of the key ends for each ccTLD that somebody speaks for.
            "own": list({(one.kind, one.ends): self._shown(one) for one in own}.values()),
            "roles": [whose.value for whose in Whose if any(one.whose is whose for one in own)],
            "fingerprint": self.certificate.fingerprint,
            "gpg": _block(advice.gpg),
            "sq": _block(advice.sq),
        }

    # --- what was said about members -------------------------------------------------------------------------------------

    def _said_facts(self) -> Facts:
        certify_again = [one for one in self._to_attest if self._certifiable(one)]
        return {
            **self._memberships(),
            "attest": [self._shown(one) for one in self._to_attest],
            "cannot_sign": not self.certificate.can_sign(self.at),
            "certify": [self._shown(one) | {"lines": self._certify(one)} for one in certify_again],
            "unattended": [self._spoken_for(one) for one in self._placed("unattended")],
            "statements": Verbatim("\n".join(map(self._statement, self._to_attest))),
        }

    def _memberships(self) -> Facts:
        """Their own memberships; whether one runs still, and whom they are to ask about them."""
        own = self._placed("membership")
        shown = [self._spoken_for(one) for one in own]
        return {
            "memberships": shown,
            "runs": any(one.ends > self.at for one in own),
            "out": self._membership.member_by_key(self.certificate.fingerprint, self.at) is None,
            "ask_contact": any(not one["instead"] for one in shown),
            "ask_secretariat": any(one["instead"] for one in shown),
        }

    def _spoken_for(self, one: Ending) -> dict[str, Any]:
        """A membership, with who speaks for the ccTLD, and why they cannot renew it, if so."""
        contact = self._membership.admin_contact(one.about.cctld)
        named = _named(contact.person) if contact else ""
        return self._shown(one) | {"contact": named, "instead": self.speakers.why_not(one.about.cctld)}

    @cached_property
    def _to_attest(self) -> list[Ending]:
        return self._placed("attest")

    def _attestation(self, one: Ending) -> Attestation:
        return self._membership.attestations[one.about.cctld, same_address(one.about.address)]

    def _statement(self, one: Ending) -> str:
        """The attestation as the Admin Contact may sign it; its end makes it another text than the one before."""
        person, ends = self._attestation(one).person, one.ends + RENEWED_FOR_S
        about = {"list": self.house.config.list, "tld": one.about.cctld, "person": person, "key": one.about.fingerprint}
        return draft(StatementType.ATTEST_SSC, **about, expires=ends)  # type: ignore[arg-type]

    def _certifiable(self, one: Ending) -> bool:
        """Whether it was a certification, and the certificate has a user ID with the address by which the member is known."""
        certificate = self._membership.certificates[one.about.fingerprint]
        return one.kind is Kind.CERTIFICATION and one.about.address in map(address_in_user_id, certificate.user_ids)

    def _certify(self, one: Ending) -> Verbatim:
        subject, notation = self._membership.certificates[one.about.fingerprint], notation_name(self.house.config.list)
        return _block(certify(subject, one.about.address, self.certificate.fingerprint, notation, one.about.cctld))

    # --- others' keys ----------------------------------------------------------------------------------------------------

    def _list_facts(self) -> Facts:
        ending = self._placed("list")
        home = str(self.house.home.resolve() / GNUPG_HOME)
        lines = extend_by_gpg(self.house.list_certificate, self.at, LIST_KEY_YEARS, home) if ending else ()
        return {"list_key": [self._shown(one) for one in ending], "list_gpg": _block(lines)}

    def _reached(self, one: Ending) -> dict[str, Any]:
        """An Admin Contact, with the telephone number by which they can be called."""
        contact: AdminContact | None = self._membership.admin_contact(one.about.cctld)
        return self._shown(one) | {"phone": next(iter(contact.person.phones), "") if contact else ""}

    def _shown(self, one: Ending) -> dict[str, Any]:
        about = {"name": one.about.name, "address": one.about.address, "tld": one.about.cctld, "fingerprint": one.about.fingerprint}
        return about | {"kind": one.kind.value, "day": day(one.ends), "days": one.days(self.at)}


def _named(person: Person) -> str:
    """Somebody with the first address, and the first telephone number, where there is one."""
    return ", ".join((person.name, person.emails[0], *person.phones[:1]))


def _block(lines: Lines | Iterable[str]) -> Verbatim:
    """Lines for copying."""
    return Verbatim("\n".join(f"    {line}" for line in lines))
