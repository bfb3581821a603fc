"""Attack mails that look like another's: by From, and by what else a mail's header can say. Signed by Anna's real key, all of them."""

from __future__ import annotations

import base64
from collections.abc import Callable

from attack_packets import sealed, signed
from bad_mails import Bad, Stage
from town import LIST, entity

OTHER = "other-list@lists.example.org"


def into_header(s: Stage, line: Callable[[str], str], before: str = "Subject:") -> bytes:
    """A post of Anna's with one line more in its header, made of Bert's address; in front of the field `before`."""
    mail = s.post()
    assert mail.count(before.encode()) == 1
    return mail.replace(before.encode(), f"{line(s.bert.address)}\r\n{before}".encode())


def from_(make: Callable[[str, str], str]) -> Callable[[Stage], bytes]:
    """A post of Anna's whose From is made of her address and Bert's."""
    return lambda s: s.post(From=make(s.anna.address, s.bert.address))


def signed_from(make: Callable[[str, str], str]) -> Callable[[Stage], bytes]:
    """The same for the From under her signature."""
    return lambda s: s.post(*(f"From: {line}" for line in make(s.anna.address, s.bert.address).split("\n")))


def encoded(text: str, how: str = "Q") -> str:
    """An encoded word (RFC 2047)."""
    if how == "B":
        return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="
    return f"=?utf-8?Q?{''.join(c if c.isalnum() else f'={ord(c):02X}' for c in text)}?="


ONE_FROM = {
    "another member's address as the name": Bad(from_(lambda a, b: f'"{b}" <{a}>'), "foreign-from", "decide"),
    "another member's address as the name, encoded": Bad(from_(lambda a, b: f"{encoded(b)} <{a}>"), "foreign-from", "decide"),
    "another member's address as the name, in base64": Bad(from_(lambda a, b: f"{encoded(b, 'B')} <{a}>"), "foreign-from", "decide"),
    "another member's address as the name, encoded in quotes": Bad(from_(lambda a, b: f'"{encoded(b)}" <{a}>'), "foreign-from", "decide"),
    "another member's name and address as the name": Bad(from_(lambda a, b: f'"Bert ({b})" <{a}>'), "foreign-from", "decide"),
    "another member's address in capitals in the name": Bad(from_(lambda a, b: f'"Bert: {b.upper()}." <{a}>'), "foreign-from", "decide"),
    "another member's address in brackets within the name": Bad(from_(lambda a, b: f'"Bert <{b}>" <{a}>'), "bad-from", "decide"),
    "brackets within the name, encoded": Bad(from_(lambda a, b: f"{encoded(f'Bert <{b}>')} <{a}>"), "bad-from", "decide"),
    "another member's address in a comment": Bad(from_(lambda a, b: f"{a} ({b})"), "foreign-from", "decide"),
    "another member's address in a comment behind the brackets": Bad(
        from_(lambda a, b: f"Anna <{a}> (Bert <{b}>)"), "foreign-from", "decide"
    ),
    "another member's address within comments": Bad(from_(lambda a, b: f"(x ({b}) y) Anna <{a}>"), "foreign-from", "decide"),
    "another member's address with a quoted local part": Bad(from_(lambda a, b: '"{}"@{}'.format(*b.split("@"))), "foreign-from", "decide"),
    "another member's address behind a route": Bad(from_(lambda a, b: f"Bert <@relay.example:{b}>"), "foreign-from", "decide"),
    "another member's address over two lines": Bad(from_(lambda a, b: f"Bert\r\n <{b}>"), "foreign-from", "decide"),
    "another member's address with blanks in it": Bad(from_(lambda a, b: f"Bert <{b.replace('@', ' @ ')}>"), "foreign-from", "decide"),
    "another member's address with a trailing dot": Bad(from_(lambda a, b: f"Bert <{b}.>"), "bad-from", "decide"),
    "another member's address in two encoded words": Bad(from_(lambda a, b: f"{encoded(b[:5])} {encoded(b[5:])}"), "bad-from", "decide"),
    "another member's address with a letter that only looks the same": Bad(
        from_(lambda a, b: f"Bert <{b.replace('e', 'е', 1)}>"), "bad-charset", "decide"
    ),
    "another member's domain with a letter that only looks the same": Bad(
        from_(lambda a, b: f"Bert <bert@{b.partition('@')[2].replace('e', 'е')}>"), "bad-charset", "decide"
    ),
    "the IP address of another member's server": Bad(from_(lambda a, b: "Bert <bert@[192.0.2.1]>"), "bad-from", "decide"),
    "two addresses with a semicolon between them": Bad(from_(lambda a, b: f"{a}; {b}"), "bad-from", "decide"),
    "an address behind the brackets": Bad(from_(lambda a, b: f"Anna <{a}> {b}"), "bad-from", "decide"),
    "two pairs of brackets, one within the other": Bad(from_(lambda a, b: f"Anna <{a} <{b}>>"), "bad-from", "decide"),
    "a name and no address": Bad(from_(lambda a, b: "Bert"), "bad-from", "decide"),
    "empty brackets": Bad(from_(lambda a, b: "Bert <>"), "bad-from", "decide"),
    "a local part alone": Bad(from_(lambda a, b: f"Bert <{b.partition('@')[0]}>"), "bad-from", "decide"),
    "another member's address as the name, under the signature": Bad(signed_from(lambda a, b: f'"{b}" <{a}>'), "foreign-from", "decide"),
    "another member's address in a comment, under the signature": Bad(signed_from(lambda a, b: f"{a} ({b})"), "foreign-from", "decide"),
    "a group in the From under the signature": Bad(signed_from(lambda a, b: f"Contacts: {a};"), "bad-from", "decide"),
}

MORE_FROMS = {
    "two Froms in different case": Bad(lambda s: into_header(s, lambda b: f"fROM: Bert <{b}>"), "bad-from", "decide"),
    "three Froms, two of them the same": Bad(lambda s: into_header(s, lambda b: f"FROM: {b}\r\nfrom: {b}"), "bad-from", "decide"),
    "a second From at the header's end": Bad(lambda s: into_header(s, lambda b: f"From: {b}", "Content-Type: multi"), "bad-from", "decide"),
    "a second From with a blank before its colon": Bad(lambda s: into_header(s, lambda b: f"From : Bert <{b}>"), "not-a-mail", "receive"),
    "a first From with a blank before its colon": Bad(
        lambda s: f"From : {s.bert.address}\r\n".encode() + s.post(), "not-a-mail", "receive"
    ),
    "a second From with a tab before its colon": Bad(lambda s: into_header(s, lambda b: f"From\t: Bert <{b}>"), "not-a-mail", "receive"),
    "a second From behind a line of blanks": Bad(lambda s: into_header(s, lambda b: f" \t\r\nFrom: {b}"), "bad-from", "decide"),
    "a line of a mailbox file in front": Bad(
        lambda s: f"From {s.bert.address} Mon Nov 23 08:00:00 2026\r\n".encode() + s.post(), "not-a-mail", "receive"
    ),
    "a line of a mailbox file in the header": Bad(
        lambda s: into_header(s, lambda b: f"From {b} Mon Nov 23 08:00:00 2026"), "not-a-mail", "receive"
    ),
    "no From, but a Sender": Bad(lambda s: s.post(From="", Sender=s.anna.address), "bad-from", "decide"),
    "no From, but a Reply-To": Bad(lambda s: s.post(From="", Reply_To=s.anna.address), "bad-from", "decide"),
    "no From, but a Resent-From": Bad(lambda s: s.post(From="", Resent_From=s.anna.address), "bad-from", "decide"),
    "no From outside, one under the signature": Bad(lambda s: s.post(f"From: {s.anna.address}", From=""), "bad-from", "decide"),
    "two Froms under the signature": Bad(signed_from(lambda a, b: f"{a}\n{b}"), "bad-from", "decide"),
    "two Froms in different case under the signature": Bad(
        lambda s: s.post(f"From: {s.anna.address}", f"FROM: {s.bert.address}"), "bad-from", "decide"
    ),
    "a From with a blank before its colon under the signature": Bad(
        lambda s: s.post("X-A: b", f"From : {s.bert.address}"), "not-mime", "decide"
    ),
}

# --- forwarded from another conversation ------------------------------------------------------------------------------------


def to(*lines: str) -> Callable[[Stage], bytes]:
    """What Anna signed with these header fields, in which BERT stands for Bert's address: one of those who read it sends it here."""
    return lambda s: sealed(s, *signed(s, data=entity("for your eyes only", *(line.replace("BERT", s.bert.address) for line in lines))))


def forwarded(s: Stage, field: str) -> bytes:
    """The same, signed apart from the encryption: multipart/signed."""
    content = entity("for your eyes only", field.replace("BERT", s.bert.address))
    return s.mail(s.town.encrypt(None, s.people.multipart_signed(s.anna, content)))


def as_text(s: Stage, *inside: str) -> bytes:
    """What Anna signed as a MIME entity, sent here as if it were a text: its header would be nobody's."""
    message = dict(part.split(": ", 1) for part in inside)
    content = entity("for your eyes only", *(f"{name}: {value.replace('BERT', s.bert.address)}" for name, value in message.items()))
    return s.inline(text=content)


def refused(make: Callable[[Stage], bytes]) -> Bad:
    """It says that it is for others."""
    return Bad(make, "not-addressed-to-the-list", "decide")


FOR_OTHERS = {
    "a private mail, signed apart from the encryption": refused(lambda s: forwarded(s, "To: Bert <BERT>")),
    "a private mail to two": refused(to("To: Bert <BERT>, Carla <carla@nl.example>")),
    "a mail with a Cc alone": refused(to("Cc: BERT")),
    "a mail with a Bcc alone": refused(to("Bcc: BERT")),
    "a mail that was sent on": refused(to("Resent-To: BERT")),
    "two To, none of them the list's": refused(to("To: BERT", "To: carla@nl.example")),
    "To as a group": refused(to("To: Friends: Bert <BERT>, carla@nl.example;")),
    "To as a group within a list of addresses": refused(to("To: BERT, Friends: carla@nl.example;")),
    "To as a name that an address book knows": refused(to("To: Bert")),
    "To with brackets that do not end": refused(to("To: Bert <BERT")),
    "To in an encoded word": refused(to(f"To: {encoded('bert@nl.example')}")),
    "To in raw UTF-8": refused(to("To: Bjørn <bjørn@nl.example>")),
    "To on this machine": refused(to("To: bert@localhost")),
    "To folded over many lines": refused(to("To:\r\n Bert\r\n\t<BERT>")),
    "To with nothing that can be read": refused(to("To: @@@;;; <<>>")),
    "the list's address as the name of another": refused(to(f'To: "{LIST}" <BERT>')),
    "the list's address in a comment": refused(to(f"To: BERT ({LIST})")),
    "the list's address in another field": refused(to("To: BERT", f"Reply-To: {LIST}", f"X-To: {LIST}", f"Sender: {LIST}")),
    "the list's address with a tag": refused(to(f"To: {LIST.replace('@', '+nl@')}")),
    "the list's address with a trailing dot": refused(to(f"To: {LIST}.")),
    "the list's address below another domain": refused(to(f"To: {LIST}.evil.example")),
    "the list's name at another domain": refused(to("To: tld-ops@lists.evil.example")),
    "to the address for commands": refused(to(f"To: {LIST.replace('@', '-request@')}")),
    "to the owner": refused(to(f"To: {LIST.replace('@', '-owner@')}")),
    "a post of another list": refused(to(f"To: {OTHER}")),
    "a post of another list, signed apart": refused(lambda s: forwarded(s, f"To: Other List <{OTHER}>")),
    "a copy that another list sent": refused(to("List-Id: Other <other-list.lists.example.org>")),
    "a copy with this list's name": refused(to("List-Id: tld-ops <tld-ops.lists.example.org>", f"To: {LIST}")),
    "a private mail sent as a text": Bad(lambda s: as_text(s, "To: Bert <BERT>"), "mime-inline", "decide"),
    "a mail by another sent as a text": Bad(lambda s: as_text(s, "From: Bert <BERT>", "To: BERT"), "mime-inline", "decide"),
    "a MIME entity sent as a text": Bad(lambda s: as_text(s), "mime-inline", "decide"),
    "a text whose first words would be lost as a header": Bad(
        lambda s: sealed(s, *signed(s, data=b"Warning: this is a drill, nothing has happened\r\n\r\nAttack on .nl!\r\n")),
        "not-mime",
        "decide",
    ),
    "a text with a header of nobody's": Bad(
        lambda s: sealed(s, *signed(s, data=b"Drill: yes\r\nDear-All: hello\r\n\r\nAttack on .nl!\r\n")), "not-mime", "decide"
    ),
}

THEIRS = {**ONE_FROM, **MORE_FROMS, **FOR_OTHERS}
