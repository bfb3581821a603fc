"""Posts that are not whole, or not one: each is refused for its own reason, and nothing of it stays."""

from __future__ import annotations

import pytest
from attack_stage import Judging, must_be_refused
from attacks_mime import ATTACKS_MIME, ATTACKS_PARTLY
from attacks_signed import ATTACKS_SIGNED
from attacks_whole import ATTACKS_WHOLE
from bad_mails import Bad, Stage


@pytest.mark.parametrize("bad", ATTACKS_WHOLE.values(), ids=ATTACKS_WHOLE)
def test_the_encryption_is_whole_and_one(stage: Stage, judge: Judging, bad: Bad) -> None:
    """EFAIL's gadgets, missing and wrong codes, several messages, armour with tricks."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", ATTACKS_SIGNED.values(), ids=ATTACKS_SIGNED)
def test_what_was_encrypted_is_one_signed_message(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Several literals, nested and odd signatures, announcements of something else, encryption in encryption."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", ATTACKS_MIME.values(), ids=ATTACKS_MIME)
def test_the_mail_is_one_encrypted_object(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Encrypted parts in plain mail, as direct exfiltration wants them; parts, types and texts beside the encrypted one."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", ATTACKS_PARTLY.values(), ids=ATTACKS_PARTLY)
def test_one_signature_and_one_encryption_are_around_everything(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Partly signed MIME, signatures in nested parts; and another's encrypted mail within a post that a member signed."""
    must_be_refused(stage, judge, bad)
