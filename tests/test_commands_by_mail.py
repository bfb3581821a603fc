"""Commands by mail: what a trust root, a member and a stranger get for them, and that what changes something works once."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from command_mails import Bureau, Letter
from command_mails import admission as admission
from command_mails import bureau as bureau
from people import Somebody
from statement_mails import PLAIN, REQUEST, keys, mail, multipart, part
from town import LIST, member

from securelist.addressees import Addressees
from securelist.command_desk import Taken
from securelist.errors import Refused
from securelist.orders import MAX_COMMANDS
from securelist.procedures.waiting import facts_of, what_waits
from securelist.store import invitations, requests
from securelist.store.database import reading
from securelist.store.retention import DAY_S, forget


def invited(bureau: Bureau) -> list[str]:
    with reading(bureau.admission.house.engine) as connection:
        return [one.cctld for one in invitations.invitations(connection)]


def reason(taken: Taken | Refused) -> str:
    return taken.reason


def anna(bureau: Bureau) -> Somebody:
    return member(bureau.admission.town, "Anna")


# --- who may what ----------------------------------------------------------------------------------------------------------


ROOTS_WORDS = ("coverage", "pending", "invite nl br", "invite --batch 20", "release 7", "suspend-member ADDRESS", "resume-member ADDRESS")


def test_help_shows_each_person_what_they_may(bureau: Bureau) -> None:
    """A trust root reads all commands, a member and an Admin Contact theirs."""
    (shown,) = bureau.order(bureau.root, "help")
    assert all(f"  {word}  " in shown.text for word in (*ROOTS_WORDS, "help", "sendkey"))
    for who in (anna(bureau), bureau.admission.town.admin):
        (shown,) = bureau.order(who, "Help\n")
        assert "  help            this text\n" in shown.text and not any(word in shown.text for word in ROOTS_WORDS)


@pytest.mark.parametrize("line", ["coverage", "pending", "invite br", "release 1", "suspend-member bert@nl.example"])
def test_a_member_cannot_send_a_trust_roots_commands(bureau: Bureau, line: str) -> None:
    """Nothing happens, and the answer says whose command that is; by SMTP it is refused as everything is."""
    taken = bureau.take(bureau.signed(anna(bureau), line))
    assert isinstance(taken, Refused) and (taken.reason, taken.signer) == ("secretariat-only", anna(bureau).fingerprint)
    (told,) = bureau.letters(anna(bureau))
    assert "only the Secretariat can send" in told.words and "coverage" not in told.text.replace(line, "")
    assert invited(bureau) == []


def test_a_stranger_gets_no_answer(bureau: Bureau) -> None:
    """A command signed with a key that nobody knows reaches nobody's inbox."""
    mallory = bureau.admission.people.make("Mallory", f"{time.time_ns()}@else.example")
    assert reason(bureau.take(bureau.signed(mallory, "invite br"))) == "unknown-signer"
    assert (invited(bureau), bureau.letters(mallory), bureau.letters(bureau.root)) == ([], [], [])


def test_by_the_pipe_as_by_mail(bureau: Bureau) -> None:
    """`post submit` to the request address carries out a command, encrypted as well, and the answer refers to the mail."""
    octets = mail(bureau.root, part(PLAIN, bureau.admission.people.clearsign(bureau.root, "Invite NL .br, de\n")))
    verdict = bureau.admission.town.judge(octets, "submit", "--rcpt", REQUEST)
    assert (verdict["verdict"], verdict["reason"], verdict["detail"]) == ("accept", "accepted", "3 invited, 0 not")
    (told,) = bureau.letters(bureau.root)
    assert told.answers == octets.split(b"Message-ID: ")[1].split(b"\r\n")[0].decode()
    assert told.subject == "Invited: 3" and "- .br: invited Dona Exemplo <dona@registry-br.example>" in told.text
    assert [one.subject for one in bureau.letters(bureau.root) + bureau.order(bureau.root, "pending")] == ["What waits for whom"]
    assert reason(bureau.take(bureau.sealed(bureau.root, "invite fr"))) == "accepted"
    assert invited(bureau) == ["nl", "br", "de", "fr"]


# --- several lines -----------------------------------------------------------------------------------------------------------


def test_several_commands_work_one_after_the_other(bureau: Bureau) -> None:
    """Each line is answered; a signature, a quotation or an empty line ends them without a word."""
    for end in ("-- \ninvite fr\n", "> invite fr\n", "\ninvite fr\n"):
        letters = bureau.order(bureau.root, f"\nRelease 99\nHELP\n{end}")
        assert [one.subject for one in letters] == ["Nothing was released", "How to use this address"]
        assert "went on with" not in letters[0].text
    assert invited(bureau) == []


def test_what_follows_a_line_that_is_no_command_is_left_out(bureau: Bureau) -> None:
    """And the sender of a command that changed something reads which line that was."""
    (told,) = bureau.order(bureau.root, "invite br\nthen please de\ninvite fr\n")
    assert "\n    then please de\n" in told.text
    assert invited(bureau) == ["br"]


def test_more_commands_than_anybody_writes(bureau: Bureau) -> None:
    """So many lines are answered, and no more."""
    letters = bureau.order(anna(bureau), "help\n" * (MAX_COMMANDS + 5))
    assert len(letters) == MAX_COMMANDS


def test_one_wrong_line_does_not_hold_up_the_others(bureau: Bureau) -> None:
    """Each line stands for itself: the wrong one is answered by its rule, the others are carried out."""
    letters = bureau.order(bureau.root, "invite\nrelease seven\ninvite --batch many\ninvite br gb\n")
    assert [one.subject for one in letters] == 3 * ["Your command was not carried out"] + ["Invited: 1, and 1 not"]
    rules = ("name the ccTLDs to invite", "'seven' is no number", "'many' is no number", "record of .gb was not imported")
    assert all(rule in one.words for rule, one in zip(rules, letters, strict=True))
    assert invited(bureau) == ["br"]


@pytest.mark.parametrize("dash", ["--", "\u2014", "\u2013", "-", ""])
def test_a_batch_however_the_mail_program_writes_the_dashes(bureau: Bureau, dash: str) -> None:
    """The next two by the alphabet, of those with a record and without anybody."""
    (told,) = bureau.order(bureau.root, f"invite {dash}batch 2\n")
    assert told.subject == "Invited: 2" and invited(bureau) == ["br", "de"]
    (told,) = bureau.order(bureau.root, "invite --batch 20\n")
    assert invited(bureau) == ["br", "de", "fr", "jp"]
    (told,) = bureau.order(bureau.root, "invite --batch 3\n")
    assert (told.subject, "There is nobody to invite" in told.text) == ("Nobody was invited", True)


# --- once --------------------------------------------------------------------------------------------------------------------


def again(text: bytes) -> dict[str, Callable[[Bureau], bytes]]:
    """The same signed text, mailed once more by whoever has it."""

    def by(bureau: Bureau) -> Somebody:
        return anna(bureau)

    inside = text.replace(b"\r\n", b"\n")
    return {
        "the same mail": lambda b: mail(b.root, part(PLAIN, text)),
        "in another coding": lambda b: mail(by(b), part(PLAIN, inside, "base64")),
        "with blanks at the ends of its lines": lambda b: mail(by(b), part(PLAIN, inside.replace(b"br\n", b"br   \n"))),
        "attached to another mail": lambda b: mail(
            by(b), multipart(part(PLAIN, "see\n"), part("application/octet-stream", inside, "base64"))
        ),
        "forwarded": lambda b: mail(by(b), multipart(part("message/rfc822", mail(b.root, part(PLAIN, inside))))),
        "encrypted by somebody else": lambda b: mail(by(b), part(PLAIN, b.admission.town.encrypt(None, inside))),
    }


def test_the_same_mail_works_once(bureau: Bureau) -> None:
    """Whoever mails it again, however wrapped, changes nothing; the trust root reads once that it was carried out, and when."""
    text = bureau.admission.people.clearsign(bureau.root, "invite br\nrelease 1\n")
    assert reason(bureau.take(mail(bureau.root, part(PLAIN, text)))) == "accepted"
    bureau.letters(bureau.root)
    bureau.later(2)  # an invitation can be repeated by now
    day = time.strftime("%Y-%m-%d", time.gmtime(bureau.at - 2 * DAY_S))
    for name, make in again(text).items():
        taken = bureau.take(make(bureau))
        assert isinstance(taken, Refused) and taken.reason == "duplicate", name
    told = bureau.letters(bureau.root)
    assert [one.subject for one in told] == 2 * ["That was carried out already"]
    assert f"came on {day}" in told[0].words
    assert invited(bureau) == ["br"]


def test_a_recorded_mail_brings_no_second_answer(bureau: Bureau) -> None:
    """Nobody fills a trust root's mailbox, or uses up their answers for the day, by mailing their `pending` again."""
    text = bureau.admission.people.clearsign(bureau.root, "pending\ncoverage\nhelp\n")
    for _ in range(3):
        assert reason(bureau.take(mail(bureau.root, part(PLAIN, text)))) == "accepted"
    assert len(bureau.letters(bureau.root)) == 3


def test_the_same_words_signed_anew_are_another_mail(bureau: Bureau) -> None:
    """Who sends "invite --batch 1" every day invites one more every day."""
    for number in (1, 2):
        time.sleep(1.1)
        (told,) = bureau.order(bureau.root, "invite --batch 1\n")
        assert told.subject == "Invited: 1" and len(invited(bureau)) == number


def test_the_same_mail_at_the_same_moment(bureau: Bureau) -> None:
    """Two servers, or two processes, that take one mail at once: it works once."""
    octets = bureau.signed(bureau.root, "invite --batch 1\n")
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: bureau.admission.town.judge(octets, "submit", "--rcpt", REQUEST), range(4)))
    assert sorted(str(one["reason"]) for one in taken) == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert invited(bureau) == ["br"]


def test_what_works_once_is_remembered_as_long_as_its_signature_counts(bureau: Bureau) -> None:
    """For seven days it is a duplicate, afterwards it is too old; the memory of it goes a day later."""
    octets, made = bureau.signed(bureau.root, "invite --batch 1\n"), bureau.at
    found = []
    for days in (0, 1, 6.9, 7.1, 8.5):
        bureau.at = made + round(days * DAY_S)
        forget(bureau.admission.house.engine, bureau.admission.house.config, bureau.at)
        found.append(reason(bureau.take(octets)))
    assert found == ["accepted", "duplicate", "duplicate", "no-statement", "no-statement"]
    assert invited(bureau) == ["br"]


def test_signed_content_that_is_addressed_elsewhere(bureau: Bureau) -> None:
    """A command to another list, or a post with such a first line, is no command here; one to this address is."""
    people = bureau.admission.people
    for to, expected in (("other-request@lists.example.org", "not-addressed-to-the-list"), (LIST, "not-addressed-to-the-list")):
        inner = part(f"{PLAIN}; protected-headers=v1", "invite br\n").replace(b"\n\n", f"\nTo: {to}\n\n".encode(), 1)
        assert reason(bureau.take(mail(bureau.root, people.multipart_signed(bureau.root, inner)))) == expected
        (told,) = bureau.letters(bureau.root)
        assert "is addressed to others" in told.words
    inner = part(f"{PLAIN}; protected-headers=v1", "invite br\n").replace(b"\n\n", f"\nTo: ops <{REQUEST}>\n\n".encode(), 1)
    assert reason(bureau.take(mail(bureau.root, people.multipart_signed(bureau.root, inner)))) == "accepted"
    assert invited(bureau) == ["br"]


# --- what the answers hold ---------------------------------------------------------------------------------------------------


def test_coverage_is_readable_and_whole(bureau: Bureau) -> None:
    """Counts by region, a line for whoever is beyond missing, the others by name; and the table of `cctld list --csv`."""
    bureau.order(bureau.root, "invite br\n")
    (told,) = bureau.order(bureau.root, "coverage\n")
    assert told.widest <= 76
    assert told.files["coverage.csv"].replace("\r\n", "\n") == bureau.admission.town.run("cctld", "list", "--csv").decode().replace(
        "\r\n", "\n"
    )
    rows = list(csv.DictReader(io.StringIO(told.files["coverage.csv"])))
    assert told.subject == f"Coverage: 1 of {len(rows)} ccTLDs have members"
    day = time.strftime("%Y-%m-%d", time.gmtime(bureau.at))
    lines = [line.split() for line in told.text.split("\n")]
    assert [".br", day, "-", "-", "-"] in lines and [".nl", "-", "-", day, "3", "active"] in lines
    assert ["All", str(len(rows)), str(len(rows) - 1), "1", "0", "0", "1"] in lines
    shown = set(told.text.split())
    assert not [row["cctld"] for row in rows if not {row["cctld"], f".{row['cctld']}"} & shown]


def ask(bureau: Bureau, who: Somebody, tld: str) -> None:
    """A request for membership, by mail."""
    text = bureau.admission.town.statement("request-membership", who, tld, Phone="+55 11 5550 0100")
    assert reason(bureau.take(mail(who, multipart(part(PLAIN, bureau.admission.people.clearsign(who, text)), keys(who))))) == "pending"


def later(bureau: Bureau) -> Letter:
    """What `pending` tells by the list's time: a command that is signed by our clock would be too old for it."""
    house = bureau.admission.house
    bureau.letters(bureau.root)
    (to,) = Addressees(house).secretariat(bureau.at)
    assert house.letters.write("pending", to, bureau.at, **facts_of(house, what_waits(house, bureau.at)))
    (told,) = bureau.letters(bureau.root)
    return told


def test_pending_tells_all_that_waits(bureau: Bureau) -> None:
    """Requests with number, name, ccTLD and fingerprint; those released; invitations; members who did not answer."""
    (told,) = bureau.order(bureau.root, "pending")
    assert told.text.split("\n\n", 1)[1].strip() == "Nothing waits."
    people, gina = bureau.admission.people, bureau.newcomer("Gina")
    dora, emil = (people.make(name, f"{name.lower()}-{time.time_ns()}@registry.example") for name in ("Dora", "Emil"))
    for who, tld in ((dora, "nl"), (emil, "br")):
        ask(bureau, who, tld)
    with reading(bureau.admission.house.engine) as connection:
        first, second = (one.id for one in requests.waiting(connection))
    (told,) = bureau.order(bureau.root, "pending")
    assert f"  {first}. Dora <{dora.address}>, for .nl, since" in told.text and f"\n    release {second}\n" in told.text
    assert dora.fingerprint in told.text.replace(" ", "") and emil.fingerprint in told.text.replace(" ", "")
    (done,) = bureau.order(bureau.root, f"release #{first} {second}, 99")
    assert done.subject == "Released: 2, and 1 not"
    assert "Admin NL" in done.text and "request 99: no such request waits" in done.words
    bureau.later(15)
    told = later(bureau)
    assert "Admin NL was asked on" in told.words and "reminded, 1 of 2 times" in told.words
    assert f"{emil.address}, for .br" in told.words and "waits until somebody is appointed" in told.words
    assert "- .br: Dona Exemplo <dona@registry-br.example>, since" in told.words
    assert f"- .nl: Gina <{gina.address}>, welcomed on" in told.words
    assert told.widest <= 76 and "FOR A RELEASE" not in told.text


def test_suspending_takes_a_command_and_a_signature(bureau: Bureau) -> None:
    """The command alone changes nothing: the answer holds the text, which the trust root signs and sends; and back likewise."""
    address = anna(bureau).address

    def state() -> str:
        member = bureau.admission.house.membership().member_by_address(address, bureau.at)
        return member.state if member else ""

    for word, before, after in (("suspend-member", "active", "suspended"), ("resume-member", "suspended", "active")):
        time.sleep(1.1)  # signed in another second, so that it is newer
        (told,) = bureau.order(bureau.root, f"{word} <{address.upper()}>\n")
        assert state() == before and "Nothing has changed yet" in told.text
        text = told.files[f"{word}.txt"].replace("\r\n", "\n")
        assert text in told.text and text.startswith(f"Securelist-Statement: {word}\n")
        (receipt,) = bureau.order(bureau.root, text)
        assert (state(), receipt.subject) == (after, "Your statement took effect")
    (told,) = bureau.order(bureau.root, f"resume-member {address}\n")
    assert "is not suspended" in told.words
    (told,) = bureau.order(bureau.root, "suspend-member nobody@nl.example\n")
    assert "nobody with the address 'nobody@nl.example' is a member" in told.words


# --- the answer to the welcome ---------------------------------------------------------------------------------------------------


def test_any_signed_and_encrypted_mail_answers_the_welcome(bureau: Bureau) -> None:
    """One word, encrypted, and the member's key works both ways; the next such mail is no command, as ever."""
    who = bureau.newcomer("Gina")
    taken = bureau.take(bureau.sealed(who, "Thanks!"))
    assert isinstance(taken, Taken) and (taken.reason, taken.signer) == ("accepted", who.fingerprint)
    (told,) = bureau.letters(who)
    assert told.subject == "Your key works with tld-ops" and "Gina" in told.text
    assert reason(bureau.take(bureau.sealed(who, "Thanks again"))) == "unknown-command"


def test_who_only_signs_is_asked_to_encrypt(bureau: Bureau) -> None:
    """The list's certificate comes along; a member who has answered already just wrote no command."""
    who = bureau.newcomer("Gina")
    assert reason(bureau.take(bureau.signed(who, "Thanks!"))) == "not-encrypted"
    (told,) = bureau.letters(who)
    assert told.subject == "Please encrypt your mail, too" and "list.asc" in told.files
    bureau.take(bureau.sealed(who, "help"))  # a command confirms, and is carried out
    assert [one.subject for one in bureau.letters(who)] == ["How to use this address"]
    assert reason(bureau.take(bureau.signed(who, "Thanks!"))) == "unknown-command"
