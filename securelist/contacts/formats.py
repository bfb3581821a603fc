"""The forms in which the repository is written down: what each is called, its file, and the module that writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from securelist.contacts import document, keyring, page, phone_cards, table, text, vcards
from securelist.contacts.repository import Repository


@dataclass(frozen=True)
class Form:
    """One form: its name on the command line, its file name, its media type (RFC 6838), and what writes it, as octets."""

    name: str
    file: str
    media_type: str
    write: Callable[[Repository], bytes]


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("text", "contacts.txt", "text/plain; charset=utf-8", text.write),
        Form("csv", "contacts.csv", "text/csv; charset=utf-8", table.write),
        Form("vcard", "contacts.vcf", "text/vcard; charset=utf-8", vcards.write),
        Form("phone", "contacts-phone.vcf", "text/vcard; charset=utf-8", phone_cards.write),
        Form("json", "contacts.json", "application/json", document.write),
        Form("html", "contacts.html", "text/html; charset=utf-8", page.write),
        Form("openpgp", "members.asc", "application/pgp-keys", keyring.write),
    )
}
