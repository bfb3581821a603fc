"""Answers to invitations later: with which certificates, from the answer to the end, and what a stranger can cause by one."""

from __future__ import annotations

import itertools

import pytest
from forge import adopt
from people import Somebody
from test_trust_answers import TOKEN, accepts, attests, both
from trust_story import AT, erase_now, exported, forget, proved, replayed, someone, state
from trust_world import BORN, DAY, NOW, World, appointment, attestation, statement, withdrawal

from securelist.errors import Refused
from securelist.openpgp.armor import dearmor
from securelist.openpgp.sequoia import fingerprint_of
from securelist.trust.answer import MAX_ATTESTED, Answer
from securelist.trust.entry import Entry, digest
from securelist.trust.proof import prove
from securelist.trust.silence import read_text
from securelist.trust.submission import Parcel, Submission, submit

_numbers = itertools.count(1)


# --- with which certificates ------------------------------------------------------------------------------------------


def new_here(world: World, **how: str | None) -> Somebody:
    return world.cast.people.make("New", f"new{next(_numbers)}@de.example", at=BORN, **how)  # type: ignore[arg-type]


UNFIT: dict[str, tuple[dict[str, str | None], str]] = {
    "no encryption subkey": ({"encryption": None}, "cannot-encrypt"),
    "expired": ({"expires": "10d"}, "expired"),
    "RSA-1024": ({"algorithm": "rsa1024"}, "weak-key|bad-certificate"),
}


@pytest.mark.parametrize(("how", "reason"), UNFIT.values(), ids=UNFIT)
def test_a_certificate_that_cannot_serve_is_refused_now(peopled: World, how: dict[str, str | None], reason: str) -> None:
    """The signer's or a contact's: it is said before anybody compares fingerprints."""
    cast, new = peopled.cast, new_here(peopled, **how)
    made = BORN + DAY if "expires" in how else AT
    mine = statement("accept-invitation", TLD="de", Token=TOKEN, Name="New", Email=new.address)
    theirs = f"{accepts()(cast)}\n{attestation(new, TLD='de')}"
    for text, who, at in ((mine, new, made), (theirs, cast.dora, AT)):
        with pytest.raises(Refused, match=f"^({reason}): "):
            peopled.submit(peopled.signed(who, text, at), cast.dora.certificate, new.certificate, at=AT)


def test_a_certificate_that_holds_anothers_key(peopled: World) -> None:
    """A key that signs is one's alone: what could not enter later is refused now, the signer's certificate or a contact's."""
    cast, thief = peopled.cast, new_here(peopled)
    owner = cast.people.make("Owner", f"owner-{thief.address}", at=BORN + 100)
    peopled.attest(cast.admin, owner, AT, TLD="nl")
    mine = statement("accept-invitation", TLD="de", Token=TOKEN, Name="New", Email=thief.address)
    theirs = f"{accepts()(cast)}\n{attestation(thief, TLD='de')}"
    signed = [peopled.signed(thief, mine, AT), peopled.signed(cast.dora, theirs, AT)]
    stolen = adopt(cast.people, thief, owner, 0)  # from now on gpg would sign with the owner's key
    for text in signed:
        with pytest.raises(Refused, match="key-of-another"):
            peopled.submit(text, cast.dora.certificate, stolen, at=AT)


def test_a_member_whose_certificate_has_lapsed(peopled: World) -> None:
    """They can answer only with what can be written to; the renewed certificate that they send along is kept, not entered."""
    cast = peopled.cast
    ines = new_here(peopled, expires="44d")
    peopled.attest(cast.admin, ines, AT, TLD="nl")
    for which in ((), ("*",)):
        cast.people.gpg("--quick-set-expire", ines.fingerprint, "5y", *which, at=AT)
    renewed, at = cast.people.export(ines.fingerprint), AT + 2 * DAY
    assert state(peopled, ines, at) == "unreachable"
    text = statement("accept-invitation", TLD="de", Token=TOKEN, Name="Ines", Email=ines.address)
    signed = peopled.signed(ines, text, at)
    with pytest.raises(Refused, match="expired"):
        peopled.submit(signed, at=at)
    [answer] = peopled.submit(signed, renewed, at=at).answers
    assert answer.certificate.can_encrypt(at) and state(peopled, ines, at) == "unreachable"
    # Appointed from what was kept: nobody sends the certificate again.
    done = kept(peopled, peopled.signed(cast.root, appointment(ines, "de"), at), at, answer)
    assert [entry.type for entry in done.entries] == ["certificate", "appoint-admin-contact"]
    assert state(peopled, ines, at) == "active"


# --- from the answer to the end -----------------------------------------------------------------------------------------


def kept(world: World, signed: bytes, at: int, *answers: Answer) -> Submission:
    """Submits a text alone; the house has kept the certificates of these answers."""
    found = {answer.signer: answer.certificate.octets for answer in answers}
    found |= {fingerprint_of(octets): octets for answer in answers for octets in answer.certificates}
    done = submit(Parcel((signed,), mailed=True, kept=found), world.membership, world.cast.anchor, at, 3)
    world.membership = done.membership
    world.log += [(entry, done.evidence[entry.evidence]) for entry in done.entries]
    for listener in world.listeners:
        listener(done)
    return done


def answered(world: World, *contacts: Somebody, at: int = AT) -> tuple[Answer, Somebody]:
    """The answer of somebody new for .de, who attests these; and who that is."""
    contact = someone(world, "de")
    text = "\n".join(
        (
            statement("accept-invitation", TLD="de", Token=TOKEN, Name=contact.name, Email=contact.address),
            *(attestation(who) for who in contacts),
        )
    )
    done = world.submit(world.signed(contact, text, at), contact.certificate, *(who.certificate for who in contacts), at=at)
    [answer] = done.answers
    return answer, contact


def types(done: Submission) -> list[str]:
    return [entry.type for entry in done.entries]


def test_from_the_answer_to_the_end(peopled: World) -> None:
    """Kept, appointed, entered with the part numbers that the statements have in the text, proved, once only, erased, proved again."""
    world, cast = peopled, peopled.cast
    world.listeners.append(lambda done: forget(world, done))
    one, two = someone(world, "de"), someone(world, "de")
    answer, contact = answered(world, one, two)
    assert answer.attests[0].person.emails == (one.address,) and len(answer.certificates) == 2
    with pytest.raises(Refused, match="certificate-missing"):
        world.submit(world.signed(cast.root, appointment(contact, "de"), AT), at=AT)
    appointed = kept(world, world.signed(cast.root, appointment(contact, "de"), AT + DAY), AT + DAY, answer)
    assert types(appointed) == ["certificate", "appoint-admin-contact"] and state(world, one, AT + DAY) == ""
    done = kept(world, answer.evidence, AT + DAY, answer)
    assert types(done) == ["certificate", "attest-ssc"] * 2 and not done.pending
    assert [entry.part for entry in done.entries if entry.part] == [2, 3]
    assert [(a.in_force, a.token) for a in done.answers] == [(True, TOKEN)]
    assert {state(world, who, AT + DAY) for who in (one, two)} == {"active"}
    with pytest.raises(Refused, match="duplicate: line 8: this text by this signer was entered already"):
        kept(world, answer.evidence, AT + 2 * DAY, answer)
    proved(world, AT + 2 * DAY)
    for day, who in ((3, one), (4, two)):
        world.submit(world.signed(contact, withdrawal(who), AT + day * DAY), at=AT + day * DAY)
        erase_now(world, cast.root, who, at=AT + day * DAY, tld="de")
        gone = [octets is None for entry, octets in world.log if entry.type == "attest-ssc" and entry.signer == contact.fingerprint]
        assert gone == [who is two] * 2  # the text goes when both were named
        proved(world, AT + day * DAY)
        replayed(world)


def test_an_answer_and_the_appointment_in_one_parcel(peopled: World) -> None:
    """In whatever order the Secretariat hands them in, by a known key or a new one: the appointment counts first."""
    cast = peopled.cast
    for number, by in enumerate((cast.dora, cast.anna)):
        tld = ("de", "be")[number]
        text = f"{statement('accept-invitation', TLD=tld, Token=TOKEN, Name='A', Email=by.address)}\n{attestation(cast.root2, TLD=tld)}"
        texts = [peopled.signed(by, text, AT), peopled.signed(cast.root, appointment(by, tld), AT)]
        world = World(cast, peopled.membership, list(peopled.log))
        done = world.submit(texts, cast.dora.certificate, at=AT)
        assert types(done)[-2:] == ["appoint-admin-contact", "attest-ssc"] and [a.in_force for a in done.answers] == [True]
        proved(world, AT)


def test_an_answer_without_contacts(peopled: World) -> None:
    """After the appointment it is read again, and nothing of it enters, however often it comes."""
    answer, contact = answered(peopled)
    world = peopled
    kept(world, world.signed(world.cast.root, appointment(contact, "de"), AT), AT, answer)
    for _ in range(2):
        done = kept(world, answer.evidence, AT, answer)
        assert (done.entries, [a.in_force for a in done.answers], done.pending) == ((), [True], False)
        assert "attests nobody" in done.sentence


def test_an_answer_that_is_refused_keeps_out_what_came_with_it(peopled: World) -> None:
    """All of a submission or nothing, as ever; and what is tried out of an answer leaves nothing behind."""
    cast, before = peopled.cast, peopled.membership
    leaving = peopled.signed(cast.anna, withdrawal(cast.anna), AT)
    bad, good = both(accepts(), attests("mallory", Expires="2020-01-01"))(cast), both(accepts(), attests("mallory"))(cast)
    with pytest.raises(Refused, match="expired"):
        peopled.submit([leaving, peopled.signed(cast.dora, bad, AT)], cast.dora.certificate, cast.mallory.certificate, at=AT)
    assert peopled.membership is before
    done = peopled.submit([leaving, peopled.signed(cast.dora, good, AT)], cast.dora.certificate, cast.mallory.certificate, at=AT)
    assert types(done) == ["withdraw-ssc"] and len(done.answers) == 1
    assert {cast.dora.fingerprint, cast.mallory.fingerprint}.isdisjoint(done.membership.certificates)
    assert done.membership.admin_contact("de") is None


def test_a_log_into_which_an_answer_was_put_does_not_hold(peopled: World) -> None:
    """Neither `accept-invitation` nor a request can be an entry, whatever a server writes."""
    cast = peopled.cast
    for text in (accepts(whom="anna")(cast), request(cast.anna), both(accepts("nl", "anna"), attests("anna", tld="nl"))(cast)):
        evidence = read_text(peopled.signed(cast.anna, text, AT)).octets
        kind = text.split("Securelist-Statement: ")[1].split()[0]
        entry = Entry(
            peopled.membership.head.number + 1, AT, kind, "nl", cast.anna.fingerprint, cast.anna.fingerprint, digest(evidence), 1,
            peopled.membership.head.hash,
        )  # fmt: skip
        forged = World(cast, peopled.membership, [*peopled.log, (entry, evidence)])
        proof = prove(exported(forged), [root.octets for root in cast.anchor.roots], NOW)
        assert not proof.valid and proof.problems[0].startswith(f"entry {entry.number}: ")


def request(who: Somebody) -> str:
    return statement("request-membership", TLD="nl", Name=who.name, Email=who.address, Key=who.fingerprint)


# --- what a stranger can cause --------------------------------------------------------------------------------------------


def test_answers_that_are_too_large(peopled: World) -> None:
    """What waits has a limit in size, and one in contacts."""
    cast = peopled.cast
    padded = accepts()(cast) + "\n" + f"{'x' * 70}\n" * 1900
    with pytest.raises(Refused, match="answer-too-large"):
        peopled.submit(peopled.signed(cast.dora, padded, AT), cast.dora.certificate, at=AT)
    many = "\n".join(attestation(cast.mallory, TLD="de", Email=f"m{number}@de.example") for number in range(MAX_ATTESTED + 1))
    with pytest.raises(Refused, match="too-many-statements"):
        peopled.submit(peopled.signed(cast.dora, f"{accepts()(cast)}\n{many}", AT), cast.dora.certificate, at=AT, limit=100)


def test_what_an_answer_is_told_of_others(peopled: World) -> None:
    """Whoever holds an invitation for .de does not learn by it who the members are."""
    cast = peopled.cast
    for text in (attests("anna"), attests("bert", Email="x@de.example"), attests("mallory", Email=cast.carla.address)):
        with pytest.raises(Refused) as refused:
            certificates = (cast.dora.certificate, cast.mallory.certificate)
            peopled.submit(peopled.signed(cast.dora, both(accepts(), text)(cast), AT), *certificates, at=AT)
        assert not any(word in refused.value.detail for word in ("anna", "bert", "carla", ".nl", ".br"))


def test_kept_certificates_are_taken_for_whom_a_statement_names(peopled: World) -> None:
    """Not for a signer, and not if nothing names them; an attestation by mail needs none attached, and one that is takes nothing away."""
    cast = peopled.cast
    dora, mallory = (dearmor(who.certificate) for who in (cast.dora, cast.mallory))
    everything = {cast.dora.fingerprint: dora, cast.mallory.fingerprint: mallory}

    def hands_in(who: Somebody, text: str, *sent: bytes) -> Submission:
        parcel = Parcel((peopled.signed(who, text, AT),), sent, mailed=True, kept=everything)
        return submit(parcel, peopled.membership, cast.anchor, AT, 3)

    done = hands_in(cast.admin, attestation(cast.dora))
    assert [(e.type, e.subject) for e in done.entries] == [(kind, cast.dora.fingerprint) for kind in ("certificate", "attest-ssc")]
    with pytest.raises(Refused, match="unknown-signer"):
        hands_in(cast.dora, accepts()(cast))
    assert len(hands_in(cast.admin, attestation(cast.dora), dora).entries) == 2
