"""Who is new here: requests for membership, and certificates that their owners renew, by mail and by hand."""

from __future__ import annotations

import itertools

import pytest
from people import Somebody
from trust_story import AT, PENDING, Say, Story, Text, somebody, story, tell
from trust_world import BORN, DAY, LIST, World, attestation, statement, withdrawal

from securelist.errors import Refused
from securelist.openpgp.admission import split_certificates
from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.trust.classify import classify
from securelist.trust.submission import Parcel, Submission, submit

_numbers = itertools.count(1)


def ask(whom: str = "dora", **fields: str) -> Text:
    """A request for membership in the name of somebody."""

    def text(cast: object) -> str:
        who: Somebody = getattr(cast, whom)
        return statement("request-membership", **({"TLD": "nl", "Name": who.name, "Email": who.address, "Key": who.fingerprint} | fields))

    return text


def leave(whom: str = "anna") -> Text:
    return lambda cast: withdrawal(somebody(cast, whom))


# --- requests for membership ------------------------------------------------------------------------------------------

WAITS = ("waits for the Secretariat",)

REQUESTS = {
    "by a new key": story(Say("dora", ask(), PENDING, "dora", words=WAITS)),
    "for a ccTLD without an Admin Contact": story(Say("dora", ask(TLD="de"), PENDING, "dora")),
    "again, after a while": story(Say("dora", ask(), PENDING, "dora"), Say("dora", ask(), PENDING, "dora", at=DAY)),
    "for two ccTLDs in one text": story(Say("dora", lambda c: f"{ask()(c)}\n{ask(TLD='de')(c)}", PENDING, "dora")),
    "two people, each by their own key": story(
        Say("dora", ask(), PENDING, "dora"), Say("mallory", ask("mallory"), PENDING, "mallory", at=60), anna="active"
    ),
    "by a member's key": story(Say("anna", ask("anna"), "known-key", words=("line 1",))),
    "by the Admin Contact's key": story(Say("admin", ask("admin"), "known-key")),
    "by a former member's key": story(Say("anna", leave()), Say("anna", ask("anna"), "known-key", at=60, words=("Admin Contact",))),
    "with a member's address": story(Say("dora", ask(Email="ANNA@nl.example"), "already-a-member", "dora", words=("line 5",))),
    "with the list's address": story(Say("dora", ask(Email=LIST), "address-of-the-list", "dora", words=("line 5",))),
    "for another list": story(Say("dora", lambda c: ask()(c).replace(LIST, "b@c.example"), "another-list", "dora", words=("line 2",))),
    "without the certificate": story(Say("dora", ask(), "unknown-signer")),
    "with somebody else's certificate": story(Say("dora", ask(), "unknown-signer", "mallory")),
    "with another's fingerprint": story(Say("dora", ask("mallory"), "unknown-signer", "dora mallory")),
    "with a member's fingerprint": story(Say("dora", ask("anna"), "unknown-signer", "dora")),
    "in the name of somebody who did not sign": story(Say("mallory", ask("dora"), "unknown-signer", "dora mallory")),
    "together with a withdrawal": story(Say("dora", lambda c: f"{ask()(c)}\n{leave()(c)}", "unknown-signer", "dora"), anna="active"),
    "together with an attestation of oneself": story(Say("dora", lambda c: f"{attestation(c.dora)}\n{ask()(c)}", "unknown-signer", "dora")),
    "signed 31 days ago": story(Say("dora", ask(), "too-old", "dora", made=-31 * DAY)),
    "signed 11 minutes ahead": story(Say("dora", ask(), "from-the-future", "dora", made=660)),
    "with a misspelt field": story(Say("dora", lambda c: ask()(c).replace("Name:", "Nmae:"), "unknown-field", "dora", words=("line 4",))),
    "with another field in a name": story(
        Say("dora", ask(Name="Dora expires: 2028-11-20"), "unclear-words", "dora", words=("line 4", "must not contain expires:"))
    ),
    "with another statement in the organisation": story(
        Say("dora", ask(Organisation="x Securelist-Statement: erase"), "unclear-words", "dora", words=("line 6", "Securelist-Statement:"))
    ),
    "with a fingerprint in the organisation": story(
        Say("dora", ask(Organisation="x AAAA BBBB CCCC DDDD EEEE"), "unclear-words", "dora", words=("looks like a fingerprint",))
    ),
    "with blanks that are none in a name": story(Say("dora", ask(Name="Dora\u2800\u2800D"), "unclear-words", "dora", words=("blanks",))),
    "with an organisation of more than a line": story(
        Say("dora", ask(Name="N " * 28 + "NN", Organisation="Registry " * 11), PENDING, "dora")
    ),
    "asked, and attested": story(
        Say("dora", ask(), PENDING, "dora"), Say("admin", lambda c: attestation(c.dora), sends="dora", at=60), dora="active"
    ),
}


@pytest.mark.parametrize("told", REQUESTS.values(), ids=REQUESTS)
def test_a_request_for_membership(peopled: World, told: Story) -> None:
    """Whoever holds the key asks for it, and nothing of that enters the log."""
    tell(peopled, told)


def test_a_request_changes_nothing(peopled: World) -> None:
    """No entry, no certificate, the same head; what the Secretariat needs to judge it is kept."""
    cast, before = peopled.cast, peopled.membership
    done = peopled.submit(peopled.signed(cast.dora, ask()(cast), AT), cast.dora.certificate, at=AT)
    assert (done.entries, done.evidence, peopled.membership) == ((), {}, before)
    [request] = done.requests
    assert (request.said.signer, request.said.statement.person.emails, done.signer) == (
        cast.dora.fingerprint, (cast.dora.address,), cast.dora.fingerprint,
    )  # fmt: skip
    assert request.certificate.fingerprint == cast.dora.fingerprint and b"request-membership" in request.evidence


def test_a_request_beside_what_somebody_else_signed(peopled: World) -> None:
    """The statement takes effect, the request waits; one that is refused takes the other with it."""
    cast = peopled.cast
    texts = [peopled.signed(cast.dora, ask()(cast), AT), peopled.signed(cast.anna, leave()(cast), AT)]
    before = peopled.membership
    with pytest.raises(Refused, match="unknown-signer"):
        peopled.submit(texts, at=AT)
    assert peopled.membership is before
    done = peopled.submit(texts, cast.dora.certificate, at=AT)
    assert [entry.type for entry in done.entries] == ["withdraw-ssc"] and len(done.requests) == 1 and not done.pending


def with_a_foreign_subkey(world: World, who: Somebody) -> bytes:
    """Somebody's certificate with Anna's encryption subkey moved in: the packets are put together by hand."""
    theirs = read_packets(dearmor(who.certificate))
    subkey = next(p for p in read_packets(dearmor(world.cast.anna.certificate)) if p.tag == Tag.PUBLIC_SUBKEY)
    return b"".join(p.octets for p in theirs) + write_packet(Tag.PUBLIC_SUBKEY, subkey.body) + theirs[-1].octets


UNFIT: dict[str, tuple[dict[str, str | None], str]] = {
    "no encryption subkey": ({"encryption": None}, "cannot-encrypt"),
    "expired": ({"expires": "10d"}, "expired"),
    "RSA-1024": ({"algorithm": "rsa1024"}, "weak-key|bad-certificate"),
}


@pytest.mark.parametrize(("how", "reason"), UNFIT.values(), ids=UNFIT)
def test_a_request_with_a_certificate_that_cannot_serve(peopled: World, how: dict[str, str], reason: str) -> None:
    """It is told now, not when the Admin Contact has attested."""
    new = peopled.cast.people.make("New", f"new{next(_numbers)}@nl.example", at=BORN, **how)
    text = statement("request-membership", TLD="nl", Name="New", Email=new.address, Key=new.fingerprint)
    made = BORN + DAY if "expires" in how else AT
    with pytest.raises(Refused, match=f"^({reason}): "):
        peopled.submit(peopled.signed(new, text, made), new.certificate, at=AT)


def test_a_request_with_a_members_subkey(peopled: World) -> None:
    """A member's key to encrypt to can be adopted without their consent: the request is kept, and nothing changes for the member."""
    cast, before = peopled.cast, peopled.membership
    done = peopled.submit(peopled.signed(cast.dora, ask()(cast), AT), with_a_foreign_subkey(peopled, cast.dora), at=AT)
    assert [request.said.signer for request in done.requests] == [cast.dora.fingerprint] and done.entries == ()
    assert done.membership == before and cast.anna.address in peopled.addresses(AT)


# --- what is around a signed text -----------------------------------------------------------------------------------------


def no_mail(octets: bytes) -> tuple[list[bytes], list[bytes]]:
    raise AssertionError(f"taken for a mail: {octets[:60]!r}")


def test_text_before_and_after_the_signed_part_says_nothing(peopled: World) -> None:
    """A statement above or below the signed block was signed by nobody: it is left out, of the evidence, too."""
    cast = peopled.cast
    signed, other = peopled.signed(cast.admin, withdrawal(cast.anna), AT), withdrawal(cast.bert).encode()
    around = other + b"\n" + signed + b"\n" + other
    for parcel in (Parcel((around,)), classify([around], no_mail)):
        done = submit(parcel, peopled.membership, cast.anchor, AT, 3)
        assert [(entry.type, entry.subject) for entry in done.entries] == [("withdraw-ssc", cast.anna.fingerprint)]
        assert not any(b"bert" in octets for octets in done.evidence.values())
    inline = cast.people.sign(cast.admin, withdrawal(cast.anna), at=AT)
    with pytest.raises(Refused, match="text-outside-block"):
        peopled.submit(other + b"\n" + inline, at=AT)


def test_what_else_the_signed_text_holds_says_nothing(peopled: World) -> None:
    """Greetings and quoted statements inside the signature are ignored; only a paragraph of its own is a statement."""
    cast = peopled.cast
    quoted = "".join(f"> {line}\n" for line in withdrawal(cast.bert).splitlines())
    text = f"Hello,\n\n{withdrawal(cast.anna)}\nYou wrote:\n{quoted}\n-- \nAdmin NL\n"
    peopled.submit(peopled.signed(cast.admin, text, AT), at=AT)
    assert peopled.addresses(AT) == {"bert@nl.example", "carla@br.example"}


def test_a_signature_over_something_else(peopled: World) -> None:
    """The signature of one text under another, and a detached one whose mail part was exchanged, hold nothing up."""
    cast = peopled.cast
    one, other = (peopled.signed(cast.admin, withdrawal(who), AT) for who in (cast.anna, cast.bert))
    mark = b"-----BEGIN PGP SIGNATURE-----"
    entity = b"Content-Type: text/plain\r\n\r\n" + withdrawal(cast.anna).encode()
    mail = cast.people.multipart_signed(cast.admin, entity, at=AT)
    for moved in (one.split(mark)[0] + mark + other.split(mark)[1], mail.replace(b"anna@", b"bert@")):
        with pytest.raises(Refused, match=r"bad-signature|engines-differ"):
            peopled.submit(moved, at=AT)


def test_a_secret_key_beside_a_good_statement(peopled: World) -> None:
    """Nothing of such a submission is entered, and the sender learns what they did."""
    cast = peopled.cast
    secret = cast.people.gpg("--armor", "--export-secret-keys", cast.dora.fingerprint)
    with pytest.raises(Refused, match="secret-key"):
        peopled.submit(peopled.signed(cast.admin, attestation(cast.dora), AT), secret, at=AT)
    assert peopled.addresses(AT) == {"anna@nl.example", "bert@nl.example", "carla@br.example"}


# --- renewed certificates ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ines(peopled: World) -> Somebody:
    """A member whose key the tests may change."""
    made = peopled.cast.people.make("Ines", f"ines{next(_numbers)}@nl.example", at=BORN)
    peopled.attest(peopled.cast.admin, made, AT)
    return made


def extended(world: World, who: Somebody) -> bytes:
    """The certificate with an end, set a day before AT."""
    world.cast.people.gpg("--quick-set-expire", who.fingerprint, "5y", at=AT - DAY)
    return world.cast.people.export(who.fingerprint)


def mail(world: World, cover: Somebody | None, *rings: bytes) -> Submission:
    """What arrives by mail: certificates, and a text around them that `cover` signed."""
    texts = (world.signed(cover, "Hello, here is a certificate.", AT),) if cover else ()
    octets = tuple(found for ring in rings for found in split_certificates(ring))
    return submit(Parcel(texts, octets, mailed=True), world.membership, world.cast.anchor, AT, 3)


def test_a_renewal_by_mail_is_taken_from_its_owner_alone(peopled: World, ines: Somebody) -> None:
    """Anybody can mail anybody's certificate, an old export or one with a new key's flood; the owner signs the mail around it."""
    renewed = extended(peopled, ines)
    for cover in (None, peopled.cast.anna, peopled.cast.admin):
        with pytest.raises(Refused, match="nothing-new"):
            mail(peopled, cover, renewed)
    with pytest.raises(Refused, match="unknown-signer"):
        mail(peopled, peopled.cast.mallory, renewed)
    done = mail(peopled, ines, renewed)
    assert [(entry.type, entry.subject) for entry in done.entries] == [("certificate", ines.fingerprint)]
    assert done.is_renewal and done.covers == {ines.fingerprint}


def test_a_renewal_by_hand_is_taken_from_whoever_brings_it(peopled: World, ines: Somebody) -> None:
    """`statement submit` is the operator's: a certificate of a member is renewed, once."""
    renewed = extended(peopled, ines)
    assert peopled.submit([], renewed, at=AT).is_renewal
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], renewed, at=AT)


def test_a_revocation_is_taken_from_anybody(peopled: World, ines: Somebody) -> None:
    """Only its owner can have made it: it is taken by mail without a signature; so nobody needs the key that is lost."""
    revoked = peopled.cast.people.revoke(ines)
    done = mail(peopled, None, revoked)
    assert [entry.type for entry in done.entries] == ["certificate"]
    member = done.membership.member_by_key(ines.fingerprint, AT)
    assert member is not None and (member.state, member.why) == ("unreachable", "the key is revoked")


def test_others_certificates_beside_ones_own(peopled: World, ines: Somebody) -> None:
    """A mail with one's own renewal and another's renews one's own."""
    jan = peopled.cast.people.make("Jan", f"jan{next(_numbers)}@br.example", at=BORN)
    peopled.attest(peopled.cast.admin_br, jan, AT)
    done = mail(peopled, ines, extended(peopled, jan), extended(peopled, ines))
    assert [entry.subject for entry in done.entries] == [ines.fingerprint]


def test_an_unchanged_certificate_with_a_statement(peopled: World) -> None:
    """People attach their certificate to every mail: it adds nothing, and does no harm."""
    cast = peopled.cast
    done = peopled.submit(peopled.signed(cast.anna, leave()(cast), AT), cast.anna.certificate, cast.bert.certificate, at=AT)
    assert [entry.type for entry in done.entries] == ["withdraw-ssc"]


def test_the_signers_renewal_enters_before_what_it_signs(peopled: World, ines: Somebody) -> None:
    """A statement with its signer's renewed certificate is one submission, by mail too: the certificate, then the statement."""
    text = peopled.signed(ines, withdrawal(ines), AT)
    octets = split_certificates(extended(peopled, ines))[0]
    done = submit(Parcel((text,), (octets,), mailed=True), peopled.membership, peopled.cast.anchor, AT, 3)
    assert [entry.type for entry in done.entries] == ["certificate", "withdraw-ssc"]
    assert done.signer == ines.fingerprint
