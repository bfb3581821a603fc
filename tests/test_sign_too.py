"""Statements that take two trust roots: by mail, the second gets the very text to sign, and needs nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from admission_world import Admission
from command_mails import MARGIN_S, Bureau
from people import People, Somebody
from statement_mails import PLAIN, keys, mail, multipart, part
from town import LIST, Town

from securelist.errors import Refused
from securelist.installation import Installation


@pytest.fixture(scope="module")
def roots(people: People, base: Path) -> tuple[Somebody, ...]:
    return tuple(people.make(f"Root {n}", f"root-{n}-{base.name}@ccnso.example") for n in (1, 2, 3))


@pytest.fixture(scope="module")
def council(people: People, base: Path, roots: tuple[Somebody, ...]) -> Iterator[Bureau]:
    """A list of three trust roots, two of whom have to agree; it is not founded yet."""
    admin = people.make("Admin NL", f"{base.name}@nl.example")
    for root in roots:
        (base / f"{root.name}.asc").write_bytes(root.certificate)
    made = Town(people, base / "home", base / "inbox", roots[0], admin)
    given = [word for root in roots for word in ("--root", str(base / f"{root.name}.asc"))]
    made.run("init", LIST, *given, "--next-hop", f"maildir:{made.inbox}", "--smtp", "127.0.0.1:0", "--lmtp", "127.0.0.1:0")
    made.key = json.loads(made.run("key", "list", "--json"))[0]["fingerprint"]
    people.gpg("--import", data=made.run("key", "show", "--armor"))
    yield Bureau(Admission(made, Installation(made.home)), int(time.time()) + MARGIN_S)
    made.close()


def send(council: Bureau, who: Somebody, text: str, *attached: Somebody) -> str:
    """What became of a statement that somebody mailed."""
    signed = part(PLAIN, council.admission.people.clearsign(who, text))
    return council.take(mail(who, multipart(signed, *map(keys, attached)))).reason


def test_the_founding_and_an_appointment(council: Bureau, roots: tuple[Somebody, ...]) -> None:
    """One root mails the text; both others get it, letter for letter; one of them signs the file, and it takes effect."""
    first, second, third = roots
    town, admin = council.admission.town, council.admission.town.admin
    named = "".join(f"Root: {root.fingerprint}\n" for root in roots)
    founding = f"Dear colleagues, chère Zoë,\n\nSecurelist-Statement: found-list\nList: {LIST}\nKey: {town.key}\n{named}Threshold: 2\n"
    appointment = town.statement("appoint-admin-contact", admin)
    for text, says, attached in ((founding, "found-list", ()), (appointment, "appoint-admin-contact .nl: Admin NL", (admin,))):
        assert send(council, first, text, *attached) == "pending"
        (told,), (other,) = council.letters(second), council.letters(third)
        assert told.subject.startswith(f"To sign, too: {says}"[:60]) and told.text == other.text
        assert f"Signed by: {first.address}" in told.text and told.widest <= 76
        ((name, file),) = told.files.items()
        assert (file.replace("\r\n", "\n"), name.startswith("statement-")) == (text, True)
        assert text in told.text and f"gpg --clearsign {name}" in told.words
        assert [one.subject for one in council.letters(first)] == ["Your statement waits"]
        time.sleep(1.1)  # the same command by the same signer in the same second is the same mail
        (told,) = council.order(first, "pending")
        assert f"{says}" in told.words and told.files == {name: file} and f"Missing: 1 of {second.address}, {third.address}" in told.words
        assert send(council, second, file.replace("\r\n", "\n")) == "accepted"
        assert council.letters(third) == []
        assert [one.subject for one in council.letters(second)] == ["Your statement took effect"]
    assert council.admission.house.membership().admin_contact("nl") is not None


def test_a_text_of_several_statements_is_one_letter(council: Bureau, roots: tuple[Somebody, ...]) -> None:
    """Two appointments in one text are signed together, so they are told together."""
    first, second, third = roots
    people, town = council.admission.people, council.admission.town
    admins = [people.make(f"Admin {tld}", f"{tld}-{time.time_ns()}@{tld}.example") for tld in ("br", "de")]
    text = "\n".join(town.statement("appoint-admin-contact", who, tld) for who, tld in zip(admins, ("br", "de"), strict=True))
    assert send(council, third, text, *admins) == "pending"
    told = council.letters(first)[-1]
    assert told.subject.endswith(", and more") or len(told.subject) > 60
    assert all(f"- appoint-admin-contact .{tld}: Admin {tld}" in told.words for tld in ("br", "de"))
    assert send(council, second, next(iter(told.files.values())).replace("\r\n", "\n")) == "accepted"
    assert all(council.admission.house.membership().admin_contact(tld) for tld in ("br", "de"))


def test_from_the_command_line_the_others_are_asked_as_well(council: Bureau, roots: tuple[Somebody, ...]) -> None:
    """`statement submit` of a statement that waits writes to the other trust roots."""
    council.letters(roots[1])
    town = council.admission.town
    jan = council.admission.people.make("Jan", f"jan-{time.time_ns()}@fr.example")
    town.submit(roots[0], town.statement("appoint-admin-contact", jan, "fr"), jan.certificate)
    (told,) = council.letters(roots[1])
    assert told.subject.startswith("To sign, too: appoint-admin-contact .fr")


def test_what_one_root_can_do_asks_nobody(council: Bureau, roots: tuple[Somebody, ...]) -> None:
    """A statement of one's own that takes effect at once, or is refused, is no letter to the others."""
    council.letters(roots[1])
    text = f"Securelist-Statement: dismiss-admin-contact\nList: {LIST}\nTLD: us\n"
    taken = council.take(council.signed(roots[0], text))
    assert isinstance(taken, Refused)
    assert council.letters(roots[1]) == []
