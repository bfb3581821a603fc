"""The tutorial of securelist as a program: it does, with real keys and real mail, what the people of a list do.

Read `main` first: its steps are the story. Everybody here talks to the product as from outside, through its command line and
SMTP, and to OpenPGP through plain gpg. All of it lies in one temporary folder, which is removed at the end.
"""

from __future__ import annotations

import argparse
import email
import email.encoders
import email.policy
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.utils import formatdate, make_msgid
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from stage import SECURELIST, Keyring, Opened, Person, Relay, temporary_folder, waiting

LIST = "tld-ops@lists.example.org"
console = Console(highlight=False)


# --- the people --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Registry:
    """One ccTLD: its IANA Admin Contact, who vouches for its Security and Stability Contacts (SSCs)."""

    cctld: str
    admin: Person
    contacts: tuple[Person, ...]


ANNA = Person("Anna de Vries", "anna@nl.example", phone="+31 6 1234 5678")
SECRETARIAT = Person("Secretariat", "secretariat@ccnso.example")
MALLORY = Person("Mallory", "mallory@evil.example")
REGISTRIES = (
    Registry("br", Person("Admin BR", "admin@br.example", rsa=True), (
        Person("Carla Souza", "carla@br.example", rsa=True, phone="+55 11 5555 0101"),
        Person("Davi Lima", "davi@br.example", phone="+55 11 5555 0102"),
    )),
    Registry("ca", Person("Admin CA", "admin@ca.example"), (Person("Emma Roy", "emma@ca.example", phone="+1 613 555 0103"),)),
    Registry("dk", Person("Admin DK", "admin@dk.example"), (Person("Freja Holm", "freja@dk.example", rsa=True, phone="+45 5555 0104"),)),
    Registry("nl", Person("Admin NL", "admin@nl.example"), (
        ANNA,
        Person("Bert Jansen", "bert@nl.example", rsa=True, phone="+31 6 8765 4321"),
    )),
    Registry("tw", Person("Admin TW", "admin@tw.example"), (
        Person("Chen Mei-Ling", "meiling@tw.example", phone="+886 2 5555 0105"),
        Person("Lin Wei", "wei@tw.example", phone="+886 2 5555 0106"),
    )),
    Registry("tz", Person("Admin TZ", "admin@tz.example"), (Person("Halima Juma", "halima@tz.example", phone="+255 22 555 0107"),)),
)  # fmt: skip
MEMBERS = tuple(person for registry in REGISTRIES for person in registry.contacts)
EVERYBODY = (SECRETARIAT, *(registry.admin for registry in REGISTRIES), *MEMBERS, MALLORY)


# --- the story ---------------------------------------------------------------------------------------------------------


@contextmanager
def chapter(title: str) -> Iterator[None]:
    """Says what is being done while it is done, and how long it took."""
    start = time.monotonic()
    with console.status(title):
        yield
    console.print(Text.assemble(("✔ ", "green"), title, (f"  {time.monotonic() - start:.1f} s", "dim")), soft_wrap=True)


def note(text: str) -> None:
    """A remark below a chapter."""
    console.print(Text(text, "dim"), soft_wrap=True)


def make_keys(people: Keyring) -> None:
    """Everybody makes their own key, on their own computer; the server never sees a secret part."""
    with chapter(f"{len(EVERYBODY)} people make their keys, Ed25519 and RSA-3072"):
        for person in EVERYBODY:
            people.make(person)


def found_list(relay: Relay, people: Keyring, folder: Path) -> str:
    """The operator makes the list and its key; the trust root signs that this is the list. Returns its key's fingerprint."""
    root = folder / "secretariat.asc"
    root.write_bytes(people.certificate(SECRETARIAT))
    with chapter(f"the operator makes {LIST}, the Secretariat founds it"):
        any_port = "127.0.0.1:0"
        relay.run("init", LIST, "--root", str(root), "--next-hop", f"maildir:{relay.inbox}", "--smtp", any_port, "--lmtp", any_port)
        list_key = people.add(relay.run("key", "show", "--armor"))
        text = statement("found-list", Key=list_key, Root=people.fingerprints[SECRETARIAT])
        submit(relay, folder, people.clearsign(SECRETARIAT, text))
    return list_key


def appoint_admin_contacts(relay: Relay, people: Keyring, folder: Path) -> None:
    """The Secretariat says who speaks for each ccTLD: six statements in one signed text."""
    admins = [registry.admin for registry in REGISTRIES]
    with chapter(f"the Secretariat appoints the Admin Contacts of {' '.join('.' + r.cctld for r in REGISTRIES)}"):
        texts = [person_statement("appoint-admin-contact", r.cctld, r.admin, people) for r in REGISTRIES]
        signed = people.clearsign(SECRETARIAT, "\n".join(texts))
        submit(relay, folder, signed, *(people.certificate(admin) for admin in admins))


def attest_contacts(relay: Relay, people: Keyring, folder: Path) -> None:
    """Each Admin Contact vouches for their SSCs, who are members from then on."""
    with chapter(f"each Admin Contact attests their contacts: {len(MEMBERS)} members"):
        for registry in REGISTRIES:
            texts = [person_statement("attest-ssc", registry.cctld, person, people) for person in registry.contacts]
            signed = people.clearsign(registry.admin, "\n".join(texts))
            submit(relay, folder, signed, *(people.certificate(person) for person in registry.contacts))
    note(f"For example, signed by {registry.admin.name}:")
    console.print(Panel(Text(texts[0].strip()), expand=False))


def statement(kind: str, **fields: str) -> str:
    """The text of one statement: an empty line ends it."""
    return "".join(f"{key}: {value}\n" for key, value in {"Securelist-Statement": kind, "List": LIST, **fields}.items())


def person_statement(kind: str, cctld: str, person: Person, people: Keyring) -> str:
    """A statement about one person of one ccTLD."""
    phone = {"Phone": person.phone} if person.phone else {}
    return statement(kind, TLD=cctld, Name=person.name, Email=person.address, **phone, Key=people.fingerprints[person])


def submit(relay: Relay, folder: Path, *texts: bytes) -> None:
    """Hands in a signed text with the certificates that it names."""
    paths = [folder / f"statement-{number}.asc" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text)
    relay.run("statement", "submit", *map(str, paths))


def incident_report() -> bytes:
    """What Anna writes, in the form in which her mail program signs it: text, attachment, and the subject inside."""
    report = EmailMessage(email.policy.SMTP)
    report["Subject"] = "Attack on the name servers of .nl"
    report["From"] = f"{ANNA.name} <{ANNA.address}>"
    report["To"] = LIST
    report.set_content(
        "Since 04:12 UTC all name servers of .nl receive 40 Gbit/s of DNS answers\n"
        "that nobody asked for. The sources that we see most are attached.\n"
        "Do you see them, too? Please call me.\n"
    )
    sources = "source,mbit_per_s\n192.0.2.7,8100\n198.51.100.23,6400\n203.0.113.88,5900\n"
    report.add_attachment(sources, subtype="csv", filename="sources.csv")
    report.set_param("protected-headers", "v1")
    return report.as_bytes()


def mail(sender: Person, sealed: bytes) -> bytes:
    """An encrypted mail as mail programs make it (RFC 3156): outside there is nothing to read."""
    outer = MIMEMultipart("encrypted", protocol="application/pgp-encrypted", policy=email.policy.SMTP)
    outer["From"], outer["To"], outer["Subject"] = f"{sender.name} <{sender.address}>", LIST, "..."
    outer["Date"], outer["Message-ID"] = formatdate(), make_msgid(domain="client.example")
    outer.attach(MIMEApplication(b"Version: 1\n", "pgp-encrypted", email.encoders.encode_7or8bit))
    outer.attach(MIMEApplication(sealed, "octet-stream", email.encoders.encode_7or8bit))
    return outer.as_bytes()


def welcome_members(relay: Relay) -> None:
    """Every new member gets a letter, encrypted to them alone: how to post, whom to ask."""
    with chapter("the relay welcomes every member by an encrypted letter"):
        wait_for_mails(relay, 1, "every member's welcome")


def wait_for_mails(relay: Relay, number: int, what: str) -> None:
    """Until every member has so many mails."""
    for _ in waiting(what):
        if all(len(relay.copies(person)) >= number for person in MEMBERS):
            return


def post_incident(relay: Relay, people: Keyring, list_key: str) -> None:
    """Anna posts: encrypted to the list, signed by her, over SMTP."""
    with chapter(f"{ANNA.name} of .nl posts an incident report with an attachment"):
        answer = relay.send(ANNA.address, mail(ANNA, people.seal(incident_report(), list_key, ANNA)))
    console.print(Text.assemble("  the relay answers: ", (answer, "bold")))
    if not answer.startswith("250"):
        raise RuntimeError("the relay did not take a member's post")
    note("  250 means: verified, sealed to every member, and committed. Whatever is killed now, nothing is lost.")
    with chapter("the relay delivers"):
        wait_for_mails(relay, 2, "every member's copy")


def show_copies(relay: Relay, people: Keyring, list_key: str) -> None:
    """Every member opens their copy with gpg: one is shown whole, the others with a line each."""
    console.rule("what the members read")
    for number, person in enumerate(MEMBERS):
        copy = email.message_from_bytes(relay.copies(person)[-1], policy=email.policy.default)
        opened = people.open(list(copy.iter_parts())[1].get_content())
        if opened.opened_by != people.fingerprints[person] or opened.signed_by != list_key:
            raise RuntimeError(f"{person.name}'s copy was opened by {opened.opened_by}, signed by {opened.signed_by}")
        if number == 0:
            show_whole(person, copy, opened)
        who = f"{person.name:<14} {'RSA-3072' if person.rsa else 'Ed25519 '} …{opened.opened_by[-8:]}"
        console.print(Text.assemble(("✔ ", "green"), who, "  decrypted, signature by the list verified"), soft_wrap=True)


def show_whole(person: Person, copy: EmailMessage, opened: Opened) -> None:
    """One copy: what the mail servers on the way see, and what the member sees."""
    outside = "\n".join(f"{name}: {value}" for name, value in copy.items())
    console.print(Panel(Text(outside), title=f"{person.name}'s copy outside: all that mail servers see"))
    console.print(Panel(Text(opened.content.decode(errors="replace").replace("\r\n", "\n").strip()), title="inside, after gpg --decrypt"))


def show_refusals(relay: Relay, people: Keyring, list_key: str, folder: Path) -> None:
    """What is not a member's signed post goes no further, and the sender learns no reason."""
    console.rule("what is refused")
    report = incident_report()
    refused = {
        "a post that nobody signed": mail(ANNA, people.seal(report, list_key, None)),
        "a stranger's post in Anna's name": mail(ANNA, people.seal(report, list_key, MALLORY)),
    }
    for number, (what, post) in enumerate(refused.items()):
        answer = relay.send("somebody@client.example", post)
        (folder / f"refused-{number}.eml").write_bytes(post)
        verdict = json.loads(relay.run("post", "check", "--json", data=post, may_refuse=True))
        if not answer.startswith("5") or verdict["verdict"] != "refuse":
            raise RuntimeError(f"{what} was not refused: {answer}, {verdict}")
        console.print(Text.assemble(("✘ ", "red"), what))
        console.print(Text.assemble("  everybody sees:       ", (answer, "bold")))
        console.print(Text(f"  the operator can ask: {verdict['reason']} at step {verdict['step']}: {verdict['detail']}"), soft_wrap=True)


def say_what_next(relay: Relay, folder: Path) -> None:
    """Commands that work on the list that is running now."""
    console.rule("what to try next")
    console.print(f"The relay listens on 127.0.0.1:{relay.port} (SMTP). In another terminal:\n", soft_wrap=True)
    commands = f"""\
export SECURELIST_HOME={relay.home} PATH={SECURELIST.parent}:$PATH
securelist member list                      # who is on the list
securelist queue list                       # where each copy stands
securelist post check < {folder}/refused-0.eml   # why was this mail refused?
securelist log show                         # every change of membership
securelist log export {folder}/log.export
securelist log verify {folder}/log.export --root {folder}/secretariat.asc   # proof, without the server
securelist --help"""
    console.print(Text(commands), soft_wrap=True)
    console.print("\nA list of your own: deploy/guides/operator.md. Ctrl-C ends this and removes it all.", soft_wrap=True)


def wait_for_the_end(relay: Relay) -> None:
    """Keeps the relay running until Ctrl-C, or until it ends by itself."""
    if relay.server is not None and relay.server.wait():
        raise RuntimeError(f"the relay ended:\n{relay.log.read_text(errors='replace')}")


# --- beginning and end -------------------------------------------------------------------------------------------------


def main() -> int:
    """The story, from the first key to the last refusal."""
    arguments = argparse.ArgumentParser(prog="deploy/quickstart", description="Shows securelist at work, with real keys and real mail.")
    arguments.add_argument("--once", action="store_true", help="end after the show, instead of keeping the relay running")
    once = arguments.parse_args().once
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts this in the background has it ignored
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda number, _: sys.exit(128 + number))
    with temporary_folder() as folder:
        people, relay = Keyring(folder / "people"), Relay(folder, LIST)
        try:
            make_keys(people)
            list_key = found_list(relay, people, folder)
            appoint_admin_contacts(relay, people, folder)
            attest_contacts(relay, people, folder)
            with chapter("the relay starts"):
                relay.start()
            welcome_members(relay)
            post_incident(relay, people, list_key)
            show_copies(relay, people, list_key)
            show_refusals(relay, people, list_key, folder)
            if once:
                console.print("\nThat was all of it. Without --once the relay keeps running, for you to try.")
            else:
                say_what_next(relay, folder)
                wait_for_the_end(relay)
        except KeyboardInterrupt:
            console.print("\nending")
        except (RuntimeError, OSError) as problem:
            console.print(Text.assemble(("✘ ", "red"), str(problem)))
            return 1
        finally:
            relay.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
