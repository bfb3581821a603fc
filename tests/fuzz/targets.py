"""All targets by name. A target is a parser, or several that belong together, and what must be true of whatever they make of any octets."""

from __future__ import annotations

from fuzz import targets_contacts, targets_mail, targets_openpgp, targets_smtp, targets_trust
from fuzz.judging import Target

TARGETS: dict[str, Target] = {
    **targets_mail.TARGETS,
    **targets_smtp.TARGETS,
    **targets_openpgp.TARGETS,
    **targets_trust.TARGETS,
    **targets_contacts.TARGETS,
}
