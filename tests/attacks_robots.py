"""What programs send to a list: its own posts coming back, answers that nobody wrote, reports of delivery. Made as those programs do."""

from __future__ import annotations

import email.utils
import re
import subprocess
import time
from collections.abc import Callable

from bad_mails import CANARY, Bad, Stage
from mail_styles import crlf, multipart, part
from people import Somebody
from town import LIST, entity, mail_of, sealed_part

Maker = Callable[[Stage], bytes]
UTF8 = "text/plain; charset=utf-8"


# --- our own posts coming back ---------------------------------------------------------------------------------------------------


def copy(s: Stage) -> bytes:
    """The newest copy in Anna's mailbox, of a post that is made if there is none; CRLF, without the line that the Maildir adds."""
    if not any(mail["Precedence"] for mail in s.town.mails(s.anna.address)):
        s.copy()
    newest = next(octets for octets in reversed(s.town.delivered(s.anna.address)) if b"\nPrecedence: list\n" in octets)
    return crlf(newest.partition(b"\n")[2])


def opened(s: Stage, *options: str) -> bytes:
    """The copy as Anna's program decrypts it."""
    sealed = sealed_part(next(mail for mail in reversed(s.town.mails(s.anna.address)) if copy(s) and mail["Precedence"]))
    command = ["gpg", "--homedir", str(s.people.home), "--batch", "--trust-model", "always", *options, "--decrypt"]
    return subprocess.run(command, input=sealed, capture_output=True, check=False).stdout


def without(mail: bytes, *names: str) -> bytes:
    """A mail without these header fields."""
    for name in names:
        mail = re.sub(rf"(?mi)^{name}:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*".encode(), b"", mail, count=1)
    return mail


def resent(s: Stage) -> bytes:
    """As a mail server's rule redirects it (RFC 5322, 3.6.6; RFC 5228, 4.2)."""
    return f"Received: from a by b; now\r\nResent-From: <{s.anna.address}>\r\nResent-To: <{LIST}>\r\nX-Sieve: x\r\n".encode() + copy(s)


def _from_a_member(s: Stage) -> bytes:
    """The copy as a program sends it on that puts in its owner's name, and takes out what says that a list sent it."""
    bare = without(copy(s), "From", "List-Id", "List-Post", "List-Help", "List-Unsubscribe", "List-Owner", "Precedence", "Autocrypt")
    return f"From: Anna <{s.anna.address}>\r\n".encode() + bare


BACK: dict[str, Bad] = {
    "a copy comes back byte for byte": Bad(copy, "loop", "receive"),
    "a copy is returned by a null sender": Bad(copy, "loop", "receive", mail_from=""),
    "a copy whose List-Id changed its case": Bad(lambda s: copy(s).replace(b"<tld-ops.lists", b"<TLD-OPS.Lists"), "loop", "receive"),
    "a copy that a member's Sieve rule redirects": Bad(resent, "loop", "receive"),
    "a copy without its List-Id": Bad(lambda s: without(copy(s), "List-Id"), "not-for-the-list", "open"),
    "a copy in a member's name, without what makes it a list's": Bad(_from_a_member, "not-for-the-list", "open"),
    "a copy that another list sends on": Bad(
        lambda s: b"List-Id: Staff <staff.nl.example>\r\n" + without(copy(s), "List-Id"), "not-for-the-list", "open"
    ),
    "a copy attached to a mail": Bad(
        lambda s: _head(s) + multipart("mixed", part(UTF8, "See below.\n"), part("message/rfc822", copy(s))), "not-encrypted", "open"
    ),
    "a copy attached to a delivery report": Bad(lambda s: report(s, "failed", part("message/rfc822", copy(s))), "automatic", "receive"),
    "a copy encrypted again, with the list's own signature": Bad(
        lambda s: s.mail(s.encrypted(opened(s, "--unwrap"))), "unknown-signer", "verify"
    ),
    "a copy encrypted again, unsigned": Bad(lambda s: s.mail(s.town.encrypt(None, opened(s))), "not-signed", "open"),
    "a copy encrypted and signed again by a member's program": Bad(
        lambda s: s.mail(s.town.encrypt(s.anna, opened(s))), "not-addressed-to-the-list", "decide"
    ),
    "a letter of the list comes back": Bad(lambda s: letter(s), "loop", "receive"),
}


def letter(s: Stage) -> bytes:
    """A letter that the list wrote to Bert."""
    if not (found := letters(s, s.bert)):
        s.town.judge(s.town.post(s.bert, "help"), "submit", "--rcpt", LIST.replace("@", "-request@"))
        s.town.deliver()
        found = letters(s, s.bert)
    return found[-1]


def letters(s: Stage, who: Somebody) -> list[bytes]:
    """All letters in somebody's mailbox, as they left."""
    return [crlf(octets.partition(b"\n")[2]) for octets in s.town.delivered(who.address) if b"\nAuto-Submitted: auto-" in octets]


# --- answers that nobody wrote ---------------------------------------------------------------------------------------------------


def _head(s: Stage, sender: str = "", subject: str = "Re: [...]", **fields: str) -> bytes:
    given = {"From": sender or f"Anna <{s.anna.address}>", "To": LIST, "Subject": subject, "Date": email.utils.formatdate()}
    given |= {"Message-ID": f"<{time.time_ns()}@robot.example>", "MIME-Version": "1.0"}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in given.items() if value).encode()


def away(**fields: str) -> Maker:
    """Somebody is on holiday; in clear."""
    return lambda s: _head(s, **fields) + part(UTF8, f"I am away until Monday. {CANARY}\n")


def sealed_away(*inside: str, **fields: str) -> Maker:
    """The same from a program that has its owner's key: encrypted and signed."""

    def make(s: Stage) -> bytes:
        content = entity(f"I am away until Monday. {CANARY} {time.time_ns()}", *inside)
        return mail_of(s.town.encrypt(s.anna, content), f"Anna <{s.anna.address}>", "Automatic reply", **fields)

    return make


ANSWERS: dict[str, Bad] = {
    "vacation": Bad(away(Auto_Submitted="auto-replied"), "automatic", "receive"),
    "vacation by Sieve": Bad(away(Auto_Submitted="auto-replied (vacation)", subject="Auto: [...]"), "automatic", "receive", mail_from=""),
    "vacation of RFC 3834, with its owner": Bad(away(Auto_Submitted='auto-replied; owner-email="anna@nl.example"'), "automatic", "receive"),
    "Exchange is out of office": Bad(
        away(Auto_Submitted="auto-generated", X_Auto_Response_Suppress="All", subject="Automatic reply: [...]"), "automatic", "receive"
    ),
    "an answering program of before RFC 3834": Bad(away(X_Autoreply="yes", Precedence="bulk"), "automatic", "receive"),
    "an answering program of a web mailer": Bad(away(X_Autorespond="Away", Precedence="auto_reply"), "automatic", "receive"),
    "a message about a ticket": Bad(away(Auto_Submitted="auto-generated", subject="[#4711] Received"), "automatic", "receive"),
    "a calendar": Bad(away(Auto_Submitted="auto-notified"), "automatic", "receive"),
    "two Auto-Submitted": Bad(lambda s: b"Auto-Submitted: no\r\n" + away(Auto_Submitted="auto-replied")(s), "automatic", "receive"),
    "an empty Auto-Submitted": Bad(lambda s: b"Auto-Submitted:\r\n" + away()(s), "automatic", "receive"),
    "an answer to nobody": Bad(away(), "automatic", "receive", mail_from=""),
    "vacation, encrypted and signed": Bad(sealed_away(Auto_Submitted="auto-replied"), "automatic", "receive"),
    "vacation, in capitals": Bad(sealed_away(AUTO_SUBMITTED="Auto-Replied"), "automatic", "receive"),
    "vacation, signed where it says so": Bad(sealed_away("Auto-Submitted: auto-replied"), "automatic", "decide"),
    "vacation, no hand outside": Bad(sealed_away("Auto-Submitted: auto-replied", Auto_Submitted="no"), "automatic", "decide"),
    "an old answering program that encrypts": Bad(sealed_away(X_Autoreply="yes"), "automatic", "receive"),
    "an old answering program that signs what it is": Bad(sealed_away("X-Autorespond: away"), "automatic", "decide"),
    "vacation with Precedence: bulk": Bad(away(Precedence="bulk"), "not-encrypted", "open"),
    "vacation with Precedence: junk": Bad(away(Precedence="junk"), "not-encrypted", "open"),
    "vacation with Precedence: list": Bad(away(Precedence="list"), "not-encrypted", "open"),
    "another list's mail": Bad(away(List_Id="<staff.nl.example>", List_Unsubscribe="<mailto:x@nl.example>"), "not-encrypted", "open"),
    "Exchange wants no answer": Bad(away(X_Auto_Response_Suppress="OOF, AutoReply"), "not-encrypted", "open"),
}
# As a person writes it who forgot to encrypt, and who shall hear of it: nothing tells them apart.
UNMARKED: dict[str, Bad] = {
    "vacation that says nothing of itself": Bad(away(subject="Out of Office: [...]"), "not-encrypted", "open"),
}


# --- reports ---------------------------------------------------------------------------------------------------------------------


def report(s: Stage, action: str, *more: bytes, kind: str = "delivery-status", **fields: str) -> bytes:
    """A delivery report (RFC 3464)."""
    status = f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {s.bert.address}\nAction: {action}\nStatus: 5.1.1\n"
    parts = (part(UTF8, f"Undeliverable. {CANARY}\n"), part(f"message/{kind}", status), *more)
    body = multipart("report", *parts).replace(b"report;", f"report; report-type={kind};".encode(), 1)
    return (
        _head(s, fields.pop("sender", "Mail Delivery System <MAILER-DAEMON@mx.example>"), "Undelivered Mail Returned to Sender", **fields)
        + body
    )


def words(sender: str, subject: str, text: str, **fields: str) -> Maker:
    """A report in words alone, as mail servers wrote them before there was a standard."""
    return lambda s: _head(s, sender, subject, **fields) + part(UTF8, f"{text}\n{CANARY}\n")


_EXIM = words(
    "Mail Delivery System <Mailer-Daemon@mx>", "Mail delivery failed", "A message could not be delivered.", X_Failed_Recipients="b@x"
)
_QMAIL = words("MAILER-DAEMON@mx.example", "failure notice", "Hi. This is the qmail-send program at mx.example.")
_EXCHANGE = words("postmaster@nl.example", "Undeliverable: [...]", "Your message could not be delivered.", X_MS_Exchange_Message_Is_Ndr="")
REPORTS: dict[str, Bad] = {
    **{
        f"a report: {action}": Bad(lambda s, action=action: report(s, action), "automatic", "receive", mail_from="")  # type: ignore[misc]
        for action in ("failed", "delayed", "delivered", "relayed", "expanded")
    },
    "a report with somebody's return path": Bad(lambda s: report(s, "failed"), "automatic", "receive"),
    "a report in a member's name": Bad(lambda s: report(s, "failed", sender=f"<{s.anna.address}>"), "automatic", "receive"),
    "a report in UTF-8": Bad(lambda s: report(s, "failed", kind="global-delivery-status"), "automatic", "receive"),
    "a report with our post in it": Bad(lambda s: report(s, "failed", part("message/rfc822", s.post())), "automatic", "receive"),
    "a report without parts": Bad(
        lambda s: _head(s, "MAILER-DAEMON@x.example") + part("message/delivery-status", "Action: failed\n"), "automatic", "receive"
    ),
    "a receipt": Bad(lambda s: report(s, "displayed", kind="disposition-notification"), "automatic", "receive"),
    "a complaint": Bad(lambda s: report(s, "", kind="feedback-report"), "automatic", "receive"),
    "words of Exim": Bad(_EXIM, "automatic", "receive", mail_from=""),
    "words of Exim, with a return path": Bad(_EXIM, "not-encrypted", "open", mail_from="mailer-daemon@mx.example"),
    "words of qmail": Bad(_QMAIL, "automatic", "receive", mail_from=""),
    "words of qmail, with a return path": Bad(_QMAIL, "not-encrypted", "open", mail_from="mailer-daemon@mx.example"),
    "words of Exchange": Bad(_EXCHANGE, "not-encrypted", "open", mail_from="postmaster@nl.example"),
    "a question whether one is human": Bad(
        away(Auto_Submitted="auto-replied", X_Delivery_Agent="TMDA/1.1", subject="Please confirm"), "automatic", "receive"
    ),
}

ATTACKS = {**BACK, **ANSWERS, **UNMARKED, **REPORTS}


def plain_answer(octets: bytes) -> bytes:
    """What a program without any manners answers to a mail: to whomever it likes, quoting all of it."""
    quoted = b"".join(b"> " + line + b"\r\n" for line in octets.split(b"\r\n"))
    return b"Content-Type: text/plain\r\n\r\nI am away until Monday.\r\n" + quoted


def forged_token(number: int) -> str:
    """A bounce address's token as somebody invents it who knows what they look like."""
    return f"{number:x}-{'abcdefghijklmnop'[number % 16] * 16}"
