"""Who hears of what was submitted: the signer by a receipt, and those whom it concerns."""

from __future__ import annotations

from contextlib import suppress

from securelist.addressees import Addressees
from securelist.errors import SecurelistError
from securelist.installation import Installation
from securelist.letters import Facts, Verbatim
from securelist.procedures.attached import text_file
from securelist.procedures.dates import day
from securelist.procedures.signing import Unsigned, file_name, text_to_sign, unsigned, whose
from securelist.receipt import receipt
from securelist.trust.membership import ACTIVE, UNREACHABLE, Membership
from securelist.trust.notices import notices
from securelist.trust.roles import BY_THRESHOLD
from securelist.trust.submission import Submission


class Telling:
    """Writes the letters that follow a submission. It took effect, whatever comes of them: trouble with one is passed over."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def signer(self, submission: Submission, before: Membership, at: int, answers_to: str) -> None:
        """A receipt to the signer; one whose membership, or whose key's, ends by this very statement is still known from `before`."""
        signer = submission.signer or next(iter(submission.covers), "")
        what = "certificate" if submission.is_renewal else "statement" if submission.entries else "request"
        if submission.answers and not submission.entries:
            what = "answer"
        with suppress(SecurelistError):
            to = self._people.of(signer, at) or self._people.of(signer, at, before)
            if to is not None:
                text = Verbatim(receipt(self._house.config.list, submission, at))
                facts: Facts = {"what": what, "waits": submission.pending, "sentence": submission.sentence, "receipt": text}
                facts["reached"] = _is_reached_again(signer, before, submission.membership, at)
                self._house.letters.write("receipt", to, at, answers_to=answers_to, **facts)

    def renewed(self, submission: Submission, before: Membership, at: int, domain: str = "") -> None:
        """To the members whose certificates came without their signature: by mail, or from the Web Key Directory of `domain`."""
        for entry in submission.entries if submission.is_renewal else ():
            with suppress(SecurelistError):
                to, member = self._people.of(entry.subject, at), submission.membership.member_by_key(entry.subject, at)
                if to is not None:
                    until, reached = to.certificate.until("e", at), _is_reached_again(entry.subject, before, submission.membership, at)
                    facts: Facts = {
                        "person": member.name if member else "",
                        "domain": domain,
                        "reached": reached,
                        "until": day(until) if until else "",
                    }
                    facts |= {"fingerprint": entry.subject, "sentence": submission.sentence}
                    self._house.letters.write("renewed", to, at, occasion=f"renewed, entry {entry.number}", **facts)

    def others(self, submission: Submission, at: int) -> None:
        """Letters to those who must know of what somebody else said, and to the trust roots whose signatures it waits for."""
        for fingerprint, kind, facts in notices(submission):
            with suppress(SecurelistError):
                to = self._people.of(fingerprint, at)
                if to is not None:
                    self._house.letters.write(kind, to, at, **facts)
        texts = {said.text for said in submission.said}
        for one in unsigned(self._house, at) if texts else ():
            if one.said.text in texts and one.said.statement.type in BY_THRESHOLD:
                with suppress(SecurelistError):
                    self._ask_to_sign(one, submission, at)

    def _ask_to_sign(self, one: Unsigned, submission: Submission, at: int) -> None:
        """The text, to each trust root who may still sign it."""
        text, signers = text_to_sign(self._house, one.said), self._house.anchor.signers(submission.membership)
        facts: Facts = {
            "says": one.says, "signed": whose(one.signed, signers), "missing": one.missing, "until": day(one.lapses), "entry": one.entry,
            "file": file_name(one), "statement": Verbatim(text),
        }  # fmt: skip
        for root in one.awaited:
            to, about = self._people.of(root, at), f"entry {one.entry}, {len(one.signed)} signatures, to {root}"
            if to is not None:
                self._house.letters.write("sign-too", to, at, parts=(text_file(file_name(one), text),), occasion=about, **facts)


def _is_reached_again(fingerprint: str, before: Membership, after: Membership, at: int) -> bool:
    """Whether a member whose key could not be encrypted to can be, by what was submitted."""
    was, now = before.member_by_key(fingerprint, at), after.member_by_key(fingerprint, at)
    return was is not None and now is not None and (was.state, now.state) == (UNREACHABLE, ACTIVE)
