"""Delivery reports as mail servers write them, each about one address, and what people's programs answer instead. CRLF line ends."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from securelist.bounces.report import DELAYED
from securelist.delivery.status import HARD, SOFT, UNFIT

BOB = "bob@registry.example"


@dataclass(frozen=True)
class Written:
    """A mail, `%s` for the address, which it `names` or not; what it says, in kind and words. `mail_from` is its return path."""

    mail: str
    kind: str = ""
    said: str = ""
    mail_from: str = ""
    names: bool = True

    def about(self, address: str = BOB) -> bytes:
        """The mail as it comes."""
        return self.mail.replace("%s", address).lstrip("\n").replace("\n", "\r\n").encode()


def dsn(text: str, fields: str, *, head: str = "", status_type: str = "message/delivery-status") -> str:
    """A report of RFC 3464: words for people, fields of the recipient, and the copy's header."""
    return f"""
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: tld-ops-bounces+1@lists.example.org
Subject: Undelivered Mail Returned to Sender
{head}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="9B095B5ADSN"

This is a MIME-encapsulated message.

--9B095B5ADSN
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

{text}

--9B095B5ADSN
Content-Description: Delivery report
Content-Type: {status_type}

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 22 Nov 2027 04:12:09 +0000 (UTC)

{fields}
--9B095B5ADSN
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: "Anna via tld-ops" <tld-ops@lists.example.org>
Subject: [...]
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="=_securelist"

--=_securelist
--9B095B5ADSN--
"""


def words(text: str, head: str, content_type: str = "text/plain") -> str:
    """A report without parts for programs."""
    return f"\n{head}To: tld-ops-bounces+1@lists.example.org\nMIME-Version: 1.0\nContent-Type: {content_type}\n\n{text}\n"


POSTFIX = """This is the mail system at host mx.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

                   The mail system

<%s>: host mail.registry.example[192.0.2.25] said: 550 5.1.1
    <%s>: Recipient address rejected: User unknown in virtual mailbox table
    (in reply to RCPT TO command)"""
EXIM_HEAD = "X-Failed-Recipients: %s\nAuto-Submitted: auto-replied\nFrom: Mail Delivery System <Mailer-Daemon@mx.example>\n"
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  %s
    host mail.registry.example [192.0.2.25]
    SMTP error from remote mail server after RCPT TO:<%s>:
    {said}

------ This is a copy of the message, including all the headers. ------
------ The body of the message is 5214 characters long; only the first
------ 1024 or so are included here."""
QMAIL_HEAD = "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n"
QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<%s>:
{said}

--- Below this line is a copy of the message.

Return-Path: <tld-ops-bounces+1@lists.example.org>"""
FIELDS = "Final-Recipient: rfc822; %s\n"
AUTO = "Auto-Submitted: auto-replied\n"
GMAIL_FULL = "552-5.2.2 The recipient's inbox is out of storage space and inactive."
EXCHANGE_HTML = base64.encodebytes(b"<html><body><p>Your message to %s couldn't be delivered.</p></body></html>").decode()
EXCHANGE_WORDS = f"""Delivery has failed to these recipients or groups:

%s
The email address you entered couldn't be found.
--alt
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

{EXCHANGE_HTML}
--alt--"""

REPORTS: Mapping[str, Written] = {
    "Postfix: no such user": Written(
        dsn(
            POSTFIX,
            f"{FIELDS}Original-Recipient: rfc822;%s\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mail.registry.example\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <%s>: Recipient address rejected: User\n    unknown in virtual mailbox table\n",
            head=AUTO,
        ),
        HARD,
        "550 5.1.1 <%s>: Recipient address rejected: User unknown in virtual mailbox table",
    ),
    "Postfix: tried for days": Written(
        dsn(
            "<%s>: connect to mail.registry.example[192.0.2.25]:25: Connection timed out",
            f"{FIELDS}Action: failed\nStatus: 4.4.1\n"
            "Diagnostic-Code: X-Postfix; connect to mail.registry.example[192.0.2.25]:25:\n    Connection timed out\n",
        ),
        SOFT,
        "4.4.1 connect to mail.registry.example[192.0.2.25]:25: Connection timed out",
    ),
    "Postfix: still trying": Written(
        dsn(
            "THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
            f"{FIELDS}Action: delayed\nStatus: 4.4.1\nWill-Retry-Until: Sat, 27 Nov 2027 04:12:09 +0000 (UTC)\n",
        ),
        DELAYED,
        "4.4.1",
    ),
    "Exim: no such user, with fields": Written(
        dsn(
            EXIM.format(said="550 No such user"),
            "Action: failed\nFinal-Recipient: rfc822;%s\nStatus: 5.0.0\n"
            "Remote-MTA: dns; mail.registry.example\nDiagnostic-Code: smtp; 550 No such user\n",
            head=EXIM_HEAD,
        ),
        HARD,
        "5.0.0 550 No such user",
    ),
    "Exim: no such user, in words": Written(
        words(EXIM.format(said="550 5.1.1 Unknown user"), EXIM_HEAD), HARD, "SMTP error from remote mail server"
    ),
    "Exim: mailbox full, in words": Written(
        words(EXIM.format(said="552 5.2.2 Mailbox over quota"), EXIM_HEAD), SOFT, "552 5.2.2 Mailbox over quota"
    ),
    "sendmail: no such user": Written(
        dsn(
            "   ----- The following addresses had permanent fatal errors -----\n<%s>\n    (reason: 550 5.1.1 <%s>... User unknown)",
            "Original-Recipient: rfc822;%s\nFinal-Recipient: RFC822; %s\nAction: failed\nStatus: 5.1.1\n"
            "Remote-MTA: DNS; mail.registry.example\nDiagnostic-Code: SMTP; 550 5.1.1 <%s>... User unknown\n"
            "Last-Attempt-Date: Mon, 22 Nov 2027 04:12:12 GMT\n",
            head="Auto-Submitted: auto-generated (failure)\n",
        ),
        HARD,
        "550 5.1.1 <%s>... User unknown",
    ),
    "sendmail: a warning": Written(
        dsn(
            "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **",
            f"{FIELDS}Action: delayed\nStatus: 4.2.0\nDiagnostic-Code: SMTP; 451 4.2.0 Greylisted, try again later\n",
            head="Auto-Submitted: auto-generated (warning-timeout)\n",
        ),
        DELAYED,
        "451 4.2.0 Greylisted, try again later",
    ),
    "sendmail: too large": Written(
        dsn(
            "(reason: 552 5.3.4 Message size exceeds fixed limit)",
            f"{FIELDS}Action: failed\nStatus: 5.3.4\nDiagnostic-Code: SMTP; 552 5.3.4 Message size exceeds fixed limit\n",
        ),
        UNFIT,
        "552 5.3.4 Message size exceeds fixed limit",
    ),
    "Exchange: not found": Written(
        dsn(
            EXCHANGE_WORDS,
            "Final-Recipient: rfc822;%s\nAction: failed\nStatus: 5.1.10\n"
            "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\n"
            "X-Display-Name: %s\n",
            head="X-MS-Exchange-Message-Is-Ndr:\nAuto-Submitted: auto-replied\n",
        ).replace("Content-Type: text/plain; charset=us-ascii\n", "Content-Type: multipart/alternative; boundary=alt\n\n--alt\n", 1),
        HARD,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    ),
    "Exchange: mailbox full": Written(
        dsn(
            "The recipient's mailbox is full and can't accept messages now.",
            "Final-Recipient: rfc822;%s\nAction: failed\nStatus: 5.2.2\n"
            "Diagnostic-Code: smtp;554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException\n",
        ),
        SOFT,
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
    ),
    "Exchange: gave up": Written(
        dsn(
            "Message expired",
            "Final-Recipient: rfc822;%s\nAction: failed\nStatus: 5.4.7\nDiagnostic-Code: smtp;550 5.4.7 Message expired\n",
        ),
        SOFT,
        "550 5.4.7 Message expired",
    ),
    "Gmail: not found": Written(
        dsn(
            "** Address not found **\n\nYour message wasn't delivered to %s because the address couldn't be found.",
            f"{FIELDS}Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; gmail-smtp-in.l.example. (192.0.2.27)\n"
            "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try\n"
            " 550-5.1.1 double-checking the recipient's email address\n",
            head="Auto-Submitted: auto-replied\nX-Failed-Recipients: %s\n",
        ),
        HARD,
        "550-5.1.1 The email account that you tried to reach does not exist.",
    ),
    "Gmail: out of storage": Written(
        dsn("** Recipient inbox full **", f"{FIELDS}Action: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; {GMAIL_FULL}\n"),
        SOFT,
        GMAIL_FULL,
    ),
    "Gmail: a blocked mail": Written(
        dsn("** Message blocked **", f"{FIELDS}Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 Message rejected\n"),
        HARD,
        "554 5.7.1 Message rejected",
    ),
    "qmail: no such user": Written(
        words(
            QMAIL.format(said="192.0.2.25 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.25."),
            QMAIL_HEAD,
        ),
        HARD,
        "Remote host said: 550 5.1.1 User unknown",
    ),
    "qmail: over quota": Written(words(QMAIL.format(said="user is over quota"), QMAIL_HEAD), SOFT, "user is over quota"),
    "qmail: in the queue too long": Written(
        words(QMAIL.format(said="I'm not going to try again; this message has been in the queue too long. (#4.4.1)"), QMAIL_HEAD),
        SOFT,
        "4.4.1",
    ),
    "OpenSMTPD: an action of its own": Written(
        dsn("Hi! This is the MAILER-DAEMON", f"{FIELDS}Action: error\nStatus: 5.1.1\n"), HARD, "5.1.1"
    ),
    "an internationalised report": Written(
        dsn(
            "nicht zustellbar", "Final-Recipient: utf-8; %s\nAction: failed\nStatus: 5.1.1\n", status_type="message/global-delivery-status"
        ),
        HARD,
        "5.1.1",
    ),
    "a report that names nobody": Written(dsn("failed", "Action: failed\nStatus: 5.0.0\n"), HARD, "5.0.0", names=False),
    "a report with a return path": Written(
        dsn("failed", f"{FIELDS}Action: failed\nStatus: 5.1.1\n"), HARD, "5.1.1", "postmaster@mx.example"
    ),
}

NO_REPORTS: Mapping[str, Written] = {
    "out of office by Exchange": Written(
        words(
            "I am out of the office until Monday.",
            f"From: Bob <%s>\nSubject: Automatic reply: [...]\n{AUTO}X-Auto-Response-Suppress: All\n",
        )
    ),
    "vacation by Sieve": Written(words("Ich bin im Urlaub.", f"From: Bob <%s>\n{AUTO}Precedence: bulk\n")),
    "vacation that quotes the address": Written(words("Your mail to <%s> has arrived, but I am away.", f"From: Bob <%s>\n{AUTO}")),
    "a person": Written(words("Your message could not be delivered to\n%s yesterday, said Bob.", "From: Bob <%s>\n"), mail_from=BOB),
    "a person who writes like Exim": Written(words(EXIM.format(said="550 No such user"), EXIM_HEAD), mail_from=BOB),
    "a person who writes like qmail": Written(words(QMAIL.format(said="550 no"), QMAIL_HEAD), mail_from=BOB),
    "an answer": Written(words("Thanks, Anna!", "From: Bob <%s>\nIn-Reply-To: <1@lists.example.org>\n"), mail_from=BOB),
    "delivered": Written(dsn("It arrived.", f"{FIELDS}Action: delivered\nStatus: 2.0.0\n")),
    "relayed": Written(dsn("It went on.", f"{FIELDS}Action: relayed\nStatus: 2.0.0\n")),
    "expanded": Written(dsn("It went to many.", f"{FIELDS}Action: expanded\nStatus: 2.0.0\n")),
    "read": Written(
        dsn("Your mail was displayed.", f"{FIELDS}Disposition: manual-action/MDN-sent-manually; displayed\n").replace(
            "delivery-status", "disposition-notification"
        )
    ),
    "a complaint": Written(dsn("Spam!", "Feedback-Type: abuse\nUser-Agent: x/1\n").replace("delivery-status", "feedback-report")),
    "a report inside an attached mail": Written(
        dsn("See below.", "Feedback-Type: abuse\n")
        .replace("message/delivery-status", "text/plain")
        .replace("\n\n--=_securelist\n", f"\n\n--=_securelist\nContent-Type: message/delivery-status\n\nx: y\n\n{FIELDS}Action: failed\n\n")
    ),
    "a challenge": Written(words("Please confirm that you are human.", f"From: <%s>\n{AUTO}X-Delivery-Agent: TMDA/1.1\n")),
    "nothing": Written(""),
    "no mail": Written("550 5.1.1 <%s> User unknown\n"),
    "a report without an end": Written(dsn("x", f"{FIELDS}Action: failed\n").rpartition("--9B095B5ADSN--")[0]),
}
