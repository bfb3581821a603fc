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
from securelist.trust.membership import Membership
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
                self._house.letters.write("receipt", to, at, answers_to=answers_to, **facts)

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
