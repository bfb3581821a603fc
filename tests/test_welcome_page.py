"""The welcome is one page, whoever gets it and whoever is named in it."""

from __future__ import annotations

import pytest
from town import LIST

from securelist.letters.templates import Templates

# As long as a statement lets a name be, and addresses as long as people put up with.
LONG_NAME = ("Wolfeschlegelsteinhausenbergerdorff Hubert Blaine " * 2)[:99]
LONG_ADDRESS = "firstname.middlename.lastname-security-team@operations.dns.registry-of-a-country.example"
LONG_PHONE = "+31 (26) 352-55-00 ext. 123456"


@pytest.mark.parametrize("variant", ["new_key", "answered", "by"])
@pytest.mark.parametrize("long", [False, True])
def test_a_welcome_fits_on_a_page(variant: str, long: bool) -> None:
    """Under 60 lines of at most 76 columns, as neomutt shows it, however long everybody's name is; an address stays whole."""
    name, address, phone = (LONG_NAME, LONG_ADDRESS, LONG_PHONE) if long else ("Anna de Vries", "anna@nl.example", "+31 6 1234 5678")
    somebody = f"{name}, {address}, {phone}"
    lists = f"tld-operations-security@lists.{LONG_ADDRESS.partition('@')[2]}" if long else LIST
    roles = {role: lists.replace("@", f"-{role}@") for role in ("request", "owner", "sendkey")}
    key = "0123456789ABCDEF0123456789ABCDEF01234567"
    facts = {"person": name, "tld": "xn--xkc2dl3a5ee0h", "until": "2027-11-22", "by": "", "contact": somebody, "fingerprint": key}
    facts |= {"others": [somebody] * 2, "more": 0, "entry": 12345, "hash": "3fa9" * 16, "new_key": False, "answered": False}
    facts |= {"by": name} if variant == "by" else {variant: True}
    always = {"list": lists, "name": "TLD-OPS, the security contacts", "key": key, **roles}
    words = Templates(None).compose("welcome", always | facts)
    lines = [f"Subject: {words.subject}", "", *words.text.splitlines()]
    whole = [line for line in lines if len(line) <= 76 or " " not in line.strip()]  # an address is never split
    assert (len(lines) < 60, whole) == (True, lines), "\n".join(lines)
