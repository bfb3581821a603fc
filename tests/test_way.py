"""The way of a post, from outside: what members get, and what they do not."""

from __future__ import annotations

import email
import email.policy

import pytest
from people import People, Somebody
from town import LIST, Town, entity, mail_of, member


@pytest.fixture
def anna(town: Town) -> Somebody:
    return member(town, "Anna")


def newest(town: Town, who: Somebody) -> email.message.EmailMessage:
    town.deliver()
    return town.mails(who.address)[-1]


def test_every_member_reads_a_copy_that_only_they_can_open(town: Town, anna: Somebody) -> None:
    """Ed25519, RSA and P-256 members decrypt their copy and verify the list's signature with plain gpg."""
    assert town.judge(town.post(anna, "canary-one"))["verdict"] == "accept"
    for who in town.members.values():
        content, status = town.opened(newest(town, who))
        assert b"canary-one" in content
        assert status.count("] ENC_TO ") == 1
        assert f"VALIDSIG {town.key}" in status


def test_nothing_of_the_posters_client_stands_outside(town: Town, anna: Somebody) -> None:
    """Outer fields are exactly the allow-list."""
    town.judge(town.post(anna, "canary-two", User_Agent="SecretClient/1.0", X_Originating_IP="192.0.2.1", In_Reply_To="<x@host.internal>"))
    copy = newest(town, anna)
    allowed = "Return-Path From To Date List-Id List-Post List-Help List-Unsubscribe List-Owner Precedence Autocrypt Message-ID"
    assert set(copy.keys()) == {*allowed.split(), "In-Reply-To", "Subject", "MIME-Version", "Content-Type"}
    assert copy["Subject"] == "[...]"
    assert copy["In-Reply-To"].endswith("@lists.example.org>")
    for leak in ("SecretClient", "192.0.2.1", "host.internal", "client.example", anna.address):
        assert leak not in copy.as_string()


def test_a_reply_points_at_the_post_it_answers(town: Town, anna: Somebody) -> None:
    """References to a poster's own Message-ID, and to the list's, lead to the same copy."""
    town.judge(town.post(anna, "canary-thread", Message_ID="<first@client.example>"))
    first = newest(town, anna)["Message-ID"]
    bert = member(town, "Bert")
    for number, reference in enumerate(("<first@client.example>", first)):
        town.judge(town.post(bert, f"canary-answer-{number}", References=reference))
        assert newest(town, anna)["References"] == first


def test_header_protection_in_both_dialects(town: Town, anna: Somebody) -> None:
    """The payload repeats every outer field, tells what stood outside (RFC 9788), and holds the real subject."""
    town.judge(town.post(anna, entity("canary-three", "Subject: Zürich is down".encode("ascii", "xmlcharrefreplace").decode())))
    copy = newest(town, anna)
    content, _ = town.opened(copy)
    inner = email.message_from_bytes(content, policy=email.policy.default)
    assert inner.get_param("hp") == "cipher"
    assert inner.get_param("protected-headers") == "v1"
    outside = [f"{name}: {value}" for name, value in copy.items() if name not in ("Return-Path", "MIME-Version", "Content-Type")]
    said = [" ".join(value.split()) for value in inner.get_all("HP-Outer", [])]
    assert sorted(said) == sorted(" ".join(line.split()) for line in outside)
    assert inner["Author"] == f"Anna <{anna.address}>"
    assert anna.fingerprint in inner["Securelist-Poster"]
    legacy = next(inner.iter_parts())
    assert legacy.get_param("hp-legacy-display") == "1"
    assert legacy.get_content().startswith(f"Subject: {inner['Subject']}\r\n\r\n")
    assert "not covered" not in legacy.get_content()


def test_a_subject_that_nobody_signed_is_marked(town: Town, anna: Somebody) -> None:
    """A subject from outside is shown, and said to be unsigned."""
    town.judge(town.post(anna, "canary-four", Subject="From outside"))
    content, _ = town.opened(newest(town, anna))
    assert b"\r\nSubject: From outside\r\n" in content
    assert b"Securelist-Subject: not covered by the poster's signature" in content


def test_the_posters_entity_is_untouched(town: Town, anna: Somebody) -> None:
    """Body and Content fields come out byte for byte; no other field of the entity does."""
    body = b"trailing blanks  \r\n\ttabs\r\n-- \r\n=E4 \xc3\xa4\r\n.\r\n\r\n"
    content = b"X-Private: yes\r\nContent-Type: text/plain;\r\n charset=UTF-8\r\nContent-Language: de\r\n\r\n" + body
    town.judge(town.post(anna, content))
    opened, _ = town.opened(newest(town, anna))
    assert b"\r\nContent-Type: text/plain;\r\n charset=UTF-8\r\nContent-Language: de\r\n\r\n" + body + b"\r\n--" in opened
    assert b"X-Private" not in opened


@pytest.mark.parametrize("form", ["inline", "multipart/signed", "textmode", "anonymous recipient", "quoted-printable"])
def test_the_forms_in_which_people_post(town: Town, people: People, anna: Somebody, form: str) -> None:
    """Every form of a signed and encrypted mail that mail clients make is accepted and relayed."""
    canary = f"canary {form} grüße"
    sender = f"Anna <{anna.address}>"
    if form == "inline":
        mail = mail_of(b"", sender, Content_Type="text/plain; charset=utf-8").partition(b"\r\n\r\n")[0]
        mail += b"\r\n\r\n" + town.encrypt(anna, canary.encode()).replace(b"\n", b"\r\n")
    elif form == "multipart/signed":
        mail = mail_of(town.encrypt(None, people.multipart_signed(anna, entity(canary))), sender)
    elif form == "textmode":
        mail = mail_of(town.encrypt(anna, entity(canary), "--textmode"), sender)
    elif form == "anonymous recipient":
        mail = mail_of(town.encrypt(anna, entity(canary), "--throw-keyids"), sender)
    else:
        mail = town.post(anna, entity(canary))
        head, _, armored = mail.partition(b"application/octet-stream\r\n\r\n")
        block, _, tail = armored.partition(b"\r\n--b0--")
        mail = head + b"application/octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + block.replace(b"=", b"=3D")
        mail += b"\r\n--b0--" + tail
    verdict = town.judge(mail)
    assert verdict["verdict"] == "accept", verdict
    assert canary.encode() in town.opened(newest(town, member(town, "Bert")))[0]


def test_post_check_names_every_step_and_changes_nothing(town: Town, anna: Somebody) -> None:
    """An operator sees the seven steps with what each found; the post can still be submitted afterwards."""
    post = town.post(anna, "canary-check")
    said = town.run("post", "check", data=post).decode()
    assert [line.split()[1] for line in said.splitlines()] == ["receive", "open", "verify", "decide", "compose", "seal", "commit"]
    assert "canary-check" not in said
    assert town.judge(post)["verdict"] == "accept"


def test_a_member_is_told_why_and_a_stranger_is_not(town: Town, people: People, anna: Somebody) -> None:
    """A refused post in a member's name brings them an encrypted explanation, at most three a day; its text is not in it."""
    mallory = people.make("Mallory", f"mallory-{town.home.parent.name}@evil.example")
    for number in range(5):
        refused = town.post(mallory, f"canary-refused-{number}", From=f"Bert <{member(town, 'Bert').address}>")
        assert town.judge(refused)["reason"] == "unknown-signer"
    assert town.judge(town.post(mallory, "canary-refused-x"))["reason"] == "unknown-signer"
    town.deliver()
    letters = [town.opened(mail)[0] for mail in town.mails(member(town, "Bert").address) if "Auto-Submitted" in mail]
    assert len(letters) == 3
    assert all(b"nobody's that the list knows" in letter and b"canary" not in letter for letter in letters)
    assert not (town.inbox / mallory.address).exists()


def test_addresses_of_the_list(town: Town, anna: Somebody) -> None:
    """-request answers a signed `help` encrypted, -sendkey sends the certificate to whoever asks, -owner reaches the root."""
    local, _, domain = LIST.partition("@")
    helped = town.judge(town.post(anna, "help"), "submit", "--rcpt", f"{local}-request@{domain}")
    assert helped["verdict"] == "accept"
    assert b"sendkey" in town.opened(newest(town, anna))[0]
    asking = b"From: Nobody <nobody@else.example>\r\nSubject: key\r\n\r\nplease\r\n"
    assert town.judge(asking, "submit", "--rcpt", f"{local}-sendkey@{domain}", "--mail-from", "nobody@else.example")["verdict"] == "accept"
    assert town.judge(asking, "submit", "--rcpt", f"{local}-owner@{domain}", "--mail-from", "nobody@else.example")["verdict"] == "accept"
    town.deliver()
    [sent] = town.mails("nobody@else.example")
    assert "BEGIN PGP PUBLIC KEY BLOCK" in sent.as_string()
    assert b"please" in town.opened(town.mails(town.root.address)[-1])[0]


def test_a_bounce_is_known_by_its_address_alone(town: Town, anna: Somebody) -> None:
    """A report to a copy's own bounce address is recorded; one to an invented address is refused."""
    town.judge(town.post(anna, "canary-bounce"))
    bounce = newest(town, anna)["Return-Path"].strip("<>")
    report = b"From: MAILER-DAEMON@x.example\r\nSubject: failure\r\n\r\nuser unknown\r\n"
    assert town.judge(report, "submit", "--rcpt", bounce, "--mail-from", "")["verdict"] == "accept"
    invented = bounce.replace("+", "+1")
    assert town.judge(report, "submit", "--rcpt", invented, "--mail-from", "")["reason"] == "not-ours"
