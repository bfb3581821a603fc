"""People who deal with a list by mail only: a running `serve` that they write to, and the mailboxes that it delivers to.

A `Person` knows what the mails to them say, what somebody told them on the telephone (names, fingerprints), and their own key;
nothing is taken from the database or the product's modules. Every mail that somebody sends is counted by their role, and
`World.transcript` tells the correspondence.

`World.move_clock` starts the server anew under Debian's faketime. Under it a Python program must not call time.sleep, which
fails there; the server does not, except where two processes make a database at once.
"""

from __future__ import annotations

import email.utils
import os
import re
import shutil
import signal
import smtplib
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from mail_client import GOOD, GnuPG, Shown, show
from mail_styles import STYLES, Draft, crlf
from rdap_world import card_of, octets, record
from town import SECURELIST
from transcript import Transcript

LIST = "tld-ops@lists.example.org"
DAY_S = 86400
PATIENCE_S = 30
SECRETARIAT, ADMIN_CONTACT, SSC, STRANGER = "Secretariat", "Admin Contact", "SSC", "stranger"
T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_S) -> T:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.05)
    return found


# --- people -------------------------------------------------------------------------------------------------------------


class Cupboard:
    """The machines of everybody in a run of the tests, each with its key: made once, because making keys takes time."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))  # short: gpg-agent's sockets lie in it
        self._machines: dict[str, tuple[Path, str]] = {}

    def machine(self, user_id: str) -> tuple[GnuPG, str]:
        """(gpg, fingerprint) of whoever has this user ID; each world has its own clock."""
        if user_id not in self._machines:
            home = self.folder / str(len(self._machines))
            home.mkdir(mode=0o700)
            self._machines[user_id] = home, GnuPG(home).make_key(user_id)
        home, fingerprint = self._machines[user_id]
        return GnuPG(home), fingerprint

    def close(self) -> None:
        """Ends the agents and removes the keys."""
        for home, _ in self._machines.values():
            GnuPG(home).close()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Person:
    """Somebody with a key of their own, who reads the mail of one or more addresses."""

    world: World = field(repr=False)
    role: str
    name: str
    address: str
    gpg: GnuPG = field(repr=False)
    fingerprint: str
    reads: tuple[str, ...]
    last_sent: bytes = field(default=b"", repr=False)
    _opened: dict[Path, Shown] = field(default_factory=dict, repr=False)
    _read: set[Path] = field(default_factory=set, repr=False)

    @property
    def certificate(self) -> bytes:
        """Their certificate, armoured."""
        return self.gpg("--armor", "--export", self.fingerprint).stdout

    @property
    def grouped(self) -> str:
        """Their fingerprint as they read it out on the telephone."""
        return re.sub("(....)", r"\1 ", self.fingerprint).strip()

    # --- reading ---------------------------------------------------------------------------------------------------------

    def unread(self) -> list[Shown]:
        """What lies in their mailboxes and was not read yet, oldest first."""
        files = [file for address in self.reads for file in self.world.mails_at(address) if file not in self._read]
        for file in files:
            if file not in self._opened:
                self._opened[file] = self.world.note_received(self, show(file.read_bytes(), self.gpg, file.parent.parent.name))
        return [self._opened[file] for file in files]

    def inbox(self, words: str) -> Shown:
        """Waits for a mail whose subject has these words, and reads it: it has the list's good signature, if the key is known."""

        def look() -> Shown | None:
            return next((shown for shown in self.unread() if words.lower() in shown.subject.lower()), None)

        try:
            found = eventually(look, words)
        except AssertionError as failed:
            raise AssertionError(f"{self.name} waited for {words!r}, and has {[mail.subject for mail in self.unread()]}") from failed
        self._read |= {file for file, shown in self._opened.items() if shown is found}
        return found

    def discard(self) -> None:
        """Reads whatever is there, without a word."""
        self.unread()
        self._read |= self._opened.keys()

    # --- writing ---------------------------------------------------------------------------------------------------------

    def send(
        self, text: str, to: str, *, style: str = "thunderbird", encrypt: bool = False, attach: Sequence[bytes] = (), from_: str = "",
        subject: str = "(no subject)", answers: Shown | None = None, expect: int = 250, signer: Person | None = None, robot: bool = False,
    ) -> None:  # fmt: skip
        """Signs a text in one of the STYLES and sends it, `attach` being certificates; the server must answer `expect`.

        With `signer` it is somebody else's key that signs; a `robot` says that it is one.
        """
        head = {"Subject": subject, "From": f"{self.name} <{from_ or self.address}>", "To": to, "Date": self.world.date()}
        head["Message-ID"] = f"<{time.time_ns()}@client.example>"
        head |= {"Auto-Submitted": "auto-replied"} if robot else {}
        if answers is not None:
            head |= {"Subject": f"Re: {answers.subject}", "In-Reply-To": str(answers.mail["Message-ID"])}
        key = (signer or self).fingerprint
        entity = STYLES[style](Draft((signer or self).gpg, key, self.world.list_key, text, tuple(attach), head, encrypt))
        outside = head | {"MIME-Version": "1.0"} | ({"Subject": "..."} if encrypt and "gpg" not in style else {})
        self.last_sent = crlf("".join(f"{name}: {value}\n" for name, value in outside.items()).encode()) + entity
        how = [style, *(["encrypted to the list"] if encrypt else []), *([f"{len(attach)} certificates attached"] if attach else [])]
        self.world.transcript.sent(self.name, self.role, head, ", ".join(how), text)
        self.world.post(self.last_sent, from_ or self.address, to, expect)

    def reply(self, mail: Shown, text: str, **how: object) -> None:
        """Answers a mail, quoting it, at the address that it asks for."""
        quoted = "".join(f"> {line}\n" for line in mail.text.split("\n"))
        self.send(f"{text}\n\nThe list wrote:\n{quoted}", mail.reply_to, answers=mail, **how)  # type: ignore[arg-type]


# --- the world ----------------------------------------------------------------------------------------------------------


class World:
    """A list founded by two trust roots, its running server, and everybody who writes to it."""

    def __init__(self, base: Path, cupboard: Cupboard, threshold: int = 1, settings: str = "contacts_day = 0\n") -> None:
        self.base, self.home, self._mailboxes, self._cupboard = base, base / "home", base / "mail", cupboard
        self.transcript = Transcript()
        self._people: list[Person] = []
        self._days, self._process, self.smtp = 0, None, 0
        self.request = LIST.replace("@", "-request@")  # every guide names it
        self.roots = [self.person(SECRETARIAT, name, f"{name.lower()}@ccnso.example") for name in ("Rita", "Sven")]
        self.list_key = self._found(threshold)
        with (self.home / "securelist.toml").open("a") as file:
            file.write(settings)
        self.start()

    def _found(self, threshold: int) -> str:
        files = []
        for root in self.roots:
            files += ["--root", str(self.write(f"{root.name}.asc", root.certificate))]
        places = ["--next-hop", f"maildir:{self._mailboxes}", "--smtp", "127.0.0.1:0", "--lmtp", "127.0.0.1:0"]
        said = self.run("init", LIST, *files, *places)
        text = said[said.index("Securelist-Statement:") :] + f"Threshold: {threshold}\n"
        for root in self.roots[:threshold]:
            signed = root.gpg("-u", root.fingerprint, "--clearsign", data=text.encode()).stdout
            self.run("statement", "submit", str(self.write("found.asc", signed)))
        certificate = self.run("key", "show", "--armor").encode()
        for root in self.roots:
            root.gpg("--import", data=certificate)
        return re.sub(r"\s", "", text.split("\nKey: ")[1].split("\n")[0])

    def person(self, role: str, name: str, address: str, *reads: str) -> Person:
        """Somebody with a key; `reads` are further addresses whose mail they get."""
        gpg, fingerprint = self._cupboard.machine(f"{name} <{address}>")
        gpg.ahead = self._days * DAY_S
        made = Person(self, role, name, address, gpg, fingerprint, (address, *reads))
        self._people.append(made)
        return made

    # --- the server --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts `serve`."""
        log = (self.base / "serve.log").open("ab")
        self._process = subprocess.Popen(
            [SECURELIST, "--home", str(self.home), "serve"], stdout=subprocess.PIPE, stderr=log, env=self._environment()
        )
        log.close()
        line = self._process.stdout.readline().decode()  # type: ignore[union-attr]
        assert line.startswith("ready "), (line, (self.base / "serve.log").read_text())
        self.smtp = int(line.split()[1].rpartition(":")[2])

    def stop(self) -> None:
        """Ends it; it must end cleanly, and have met nothing that it did not expect."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(30) == 0
        self._process.stdout.close()  # type: ignore[union-attr]
        log = (self.base / "serve.log").read_text()
        assert "ERROR" not in log, log
        assert "Traceback" not in log, log

    def kill(self) -> None:
        """Ends it as a power failure would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]

    def move_clock(self, days: int) -> None:
        """Starts the server anew so many days after the first day, everybody's clocks with it."""
        self.stop()
        self._days = days
        for person in self._people:
            person.gpg.ahead = days * DAY_S
        self.transcript.day(days)
        self.start()

    def _environment(self) -> dict[str, str]:
        if not self._days:
            return dict(os.environ)
        program = shutil.which("faketime")
        assert program, "this test needs faketime; on Debian: apt-get install faketime (deploy/setup --dev does)"
        # The program would stand between us and our signals; of it we want to know where its library is. The clock that only counts
        # is left alone, or every wait with a timeout would last for days; the "fix" would have all threads wait busily.
        library = subprocess.run([program, "-m", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True).stdout
        moved = {"LD_PRELOAD": library.strip(), "FAKETIME": f"+{self._days}d", "NO_FAKE_STAT": "1"}
        return os.environ | moved | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}

    def run(self, *args: str) -> str:
        """What one `securelist` command prints: for the operator."""
        command = [SECURELIST, "--home", str(self.home), *args]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment(), check=False)
        assert done.returncode == 0, f"{args}: {done.returncode} {done.stdout[-800:]} {done.stderr[-800:]}"
        return done.stdout

    def write(self, name: str, octets_: bytes) -> Path:
        """A file for the operator."""
        path = self.base / name
        path.write_bytes(octets_)
        return path

    def records(self, **contacts: tuple[str, str]) -> None:
        """The operator imports IANA's records, by ccTLD: name and address of the Admin Contact."""
        made = []
        for cctld, (name, address) in contacts.items():
            made.append(record(cctld.replace("_", "-")))
            for found in card_of(made[-1]):
                found[3] = {"fn": name, "email": address}.get(found[0], found[3])
        self.run("cctld", "import", str(self.write("records.json", octets(*made))))

    def settle(self) -> int:
        """Waits until nothing is due any more; how many mails lie in all mailboxes together."""
        self.run("deliver", "--once")

        def nothing_queued() -> bool | None:  # the server may be handing something over just now; of the database only this is asked
            with closing(sqlite3.connect(f"file:{self.home}/securelist.db?mode=ro", uri=True)) as database:
                return database.execute("SELECT 1 FROM copies WHERE state = 'queued'").fetchone() is None or None

        eventually(nothing_queued, "an empty queue")
        return sum(1 for _ in self._mailboxes.glob("*/new/*"))

    # --- mail --------------------------------------------------------------------------------------------------------------

    def post(self, mail: bytes, sender: str, to: str, expect: int | None = 250) -> None:
        """One mail by SMTP; the answer to DATA must be `expect`, None: whatever it is."""
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=60) as smtp:
            smtp.ehlo()
            smtp.mail(sender)
            assert smtp.rcpt(to)[0] == 250
            answer = smtp.data(mail)
        self.transcript.answered(answer)
        assert expect in (None, answer[0]), answer

    def mails_at(self, address: str) -> list[Path]:
        """The files in the Maildir of an address, oldest first."""
        return sorted((self._mailboxes / address / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)

    def date(self) -> str:
        """Now, as in a Date field."""
        return email.utils.formatdate(time.time() + self._days * DAY_S)

    # --- what happened -----------------------------------------------------------------------------------------------------

    def chapter(self, title: str) -> None:
        """From here on mails are counted and told anew; what lies in mailboxes is old."""
        for person in self._people:
            person.discard()
        self.transcript.begin(title)

    def sent(self, role: str) -> int:
        """How many mails the people of a role sent in this chapter."""
        return self.transcript.sent_by(role)

    def note_received(self, person: Person, shown: Shown) -> Shown:
        """For the transcript. The list, and nobody else, signed it; in clear goes only what is for people without a usable key."""
        assert shown.signer in ("", self.list_key), shown
        for_anybody = "invit|certificate of|could not be encrypted to you"
        assert shown.encrypted or (shown.signature == GOOD and re.search(for_anybody, shown.subject)), shown
        self.transcript.received(person.name, person.role, shown)
        return shown


@pytest.fixture(scope="session")
def cupboard() -> Iterator[Cupboard]:
    """Everybody's machines."""
    made = Cupboard()
    yield made
    made.close()


@pytest.fixture(scope="module")
def founded(cupboard: Cupboard) -> Iterator[Callable[..., World]]:
    """Founds worlds, and ends them after the module's tests."""
    with ExitStack() as ending:

        def found(threshold: int = 1, **more: str) -> World:
            base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
            ending.callback(shutil.rmtree, base, ignore_errors=True)
            ending.callback(GnuPG(base / "home" / "gnupg").close)
            world = World(base, cupboard, threshold, **more)
            ending.callback(world.stop)
            return world

        yield found
