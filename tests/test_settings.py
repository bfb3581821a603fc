"""What the settings of a list change in what members receive, and posts of those who are no ordinary members."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from people import People
from town import LIST, Town, entity, mail_of, member

from securelist.openpgp.armor import dearmor


@contextmanager
def setting(town: Town, line: str) -> Iterator[None]:
    """The list with one more line in its configuration."""
    path = town.home / "securelist.toml"
    before = path.read_text()
    path.write_text(f"{before}{line}\n")
    yield
    path.write_text(before)


def newest(town: Town, name: str) -> tuple[email.message.EmailMessage, bytes]:
    town.deliver()
    mail = town.mails(member(town, name).address)[-1]
    return mail, town.opened(mail)[0]


def test_the_posters_name_can_be_kept_from_mail_servers(town: Town) -> None:
    """With show_poster = false the outer From is the list's alone; the copy itself says who posted."""
    anna = member(town, "Anna")
    with setting(town, "show_poster = false"):
        assert town.judge(town.post(anna, "canary-hidden"))["verdict"] == "accept"
        mail, content = newest(town, "Bert")
    assert mail["From"] == f"tld-ops <{LIST}>"
    assert "Anna" not in mail.as_string()
    assert f"Author: Anna <{anna.address}>".encode() in content


def test_the_poster_can_be_spared_a_copy(town: Town) -> None:
    """With copy_to_poster = false everybody else gets the post."""
    anna = member(town, "Anna")
    with setting(town, "copy_to_poster = false"):
        assert town.judge(town.post(anna, "canary-spared"))["verdict"] == "accept"
    town.deliver()
    got = {
        name: any(b"canary-spared" in town.opened(m)[0] for m in town.mails(member(town, name).address))
        for name in ("Anna", "Bert", "Carla")
    }
    assert got == {"Anna": False, "Bert": True, "Carla": True}


@pytest.mark.parametrize("form", ["combined", "detached"])
def test_the_posters_own_signature_can_travel_along(town: Town, people: People, form: str) -> None:
    """With attach_signed_original a member verifies the poster's signature with gpg alone."""
    anna = member(town, "Anna")
    text = entity(f"canary-original-{form}")
    inside = town.encrypt(anna, text) if form == "combined" else town.encrypt(None, people.multipart_signed(anna, text))
    with setting(town, "attach_signed_original = true"):
        assert town.judge(mail_of(inside, anna.address))["verdict"] == "accept"
        _, content = newest(town, "Bert")
    attached = [part for part in email.message_from_bytes(content, policy=email.policy.default).walk() if part.get_filename()][-1]
    original = attached.get_payload(decode=True)
    assert isinstance(original, bytes)
    if form == "combined":
        assert people.gpg("--decrypt", data=original) == text
    else:
        signed = email.message_from_bytes(original)
        signature, data = town.home.parent / "sig", town.home.parent / "data"
        signature.write_text(signed.get_payload(1).get_payload())
        line = b"--" + signed.get_boundary().encode()
        data.write_bytes(original.split(line + b"\r\n", 1)[1].split(b"\r\n" + line + b"\r\n", 1)[0])
        people.gpg("--verify", str(signature), str(data))


def test_nothing_that_nobody_signed_travels_along(town: Town, people: People) -> None:
    """With attach_signed_original, too: no field, no text around the parts, no comment of the armour, no file name of the literal data."""
    anna, canary = member(town, "Anna"), b"canary-unsigned"
    signed = people.multipart_signed(anna, entity("canary-signed alone"))
    head, _, body = signed.partition(b"\r\n\r\n")
    armour = b"-----BEGIN PGP SIGNATURE-----"
    body = body.replace(armour, armour + b"\r\nComment: " + canary)
    around = b"".join((head, b"\r\nSubject: ", canary, b"\r\n\r\n", canary, b"\r\n", body, b"\r\n", canary, b"\r\n"))
    named = ("--armor", "-r", town.key, "-u", anna.fingerprint, "--set-filename", canary.decode(), "-se")
    with setting(town, "attach_signed_original = true"):
        for inside in (town.encrypt(None, around), people.gpg(*named, data=entity("canary-signed whole"))):
            verdict = town.judge(mail_of(inside, anna.address))
            assert verdict["verdict"] == "accept", verdict
            _, content = newest(town, "Bert")
            attached = [part for part in email.message_from_bytes(content, policy=email.policy.default).walk() if part.get_filename()][-1]
            original = attached.get_payload(decode=True)
            assert isinstance(original, bytes)
            assert canary not in (dearmor(original) if original.startswith(b"-----BEGIN") else original)


def test_a_trust_root_makes_an_announcement(town: Town) -> None:
    """A post signed by a trust root reaches everybody, labelled as an announcement."""
    assert town.judge(town.post(town.root, "canary-announced"))["verdict"] == "accept"
    mail, content = newest(town, "Anna")
    assert mail["From"].startswith("Announcement via tld-ops")
    assert b"Announcement of the Secretariat" in content
    assert f"Securelist-Poster: {town.root.fingerprint}; announcement".encode() in content


def test_an_admin_contact_is_no_member(town: Town) -> None:
    """Whoever may attest may not therefore post."""
    verdict = town.judge(town.post(town.admin, "canary-admin"))
    assert (verdict["reason"], verdict["step"], verdict["poster"]) == ("not-a-member", "decide", town.admin.fingerprint)


def test_a_used_message_id_does_not_stop_a_post(town: Town) -> None:
    """A second post with the Message-ID of another, by whomever, goes out under one of its own."""
    first = town.judge(town.post(member(town, "Anna"), "canary-id-1", Message_ID="<same@client.example>"))
    second = town.judge(town.post(member(town, "Bert"), "canary-id-2", Message_ID="<same@client.example>"))
    assert (first["verdict"], second["verdict"]) == ("accept", "accept")
    town.deliver()
    ids = [mail["Message-ID"] for mail in town.mails(member(town, "Carla").address)[-2:]]
    assert len(set(ids)) == 2


def test_a_name_that_is_not_ascii_is_shown_whole(town: Town, people: People) -> None:
    """Names outside ASCII stand encoded outside, and readable inside."""
    zoe = people.make("Zoë Čapek", f"zoe-{town.home.parent.name}@nl.example")
    town.submit(town.admin, town.statement("withdraw-ssc", member(town, "Carla"), Name=""))
    town.attest(zoe)
    del town.members[member(town, "Carla").address]
    assert town.judge(town.post(zoe, "canary-zoe", From=zoe.address))["verdict"] == "accept"
    mail, content = newest(town, "Anna")
    assert mail["From"].addresses[0].display_name == "Zoë Čapek via tld-ops"
    assert "Zoë Čapek <".encode() in content
