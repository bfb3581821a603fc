"""A list in a drill: its members' answers, right and wrong, as mail programs and gpg make them, and a clock that the tests move."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass

import pytest
from command_mails import Bureau, Letter
from command_mails import admission as admission
from command_mails import bureau as bureau
from people import Somebody
from statement_mails import PLAIN, REQUEST, mail, part
from town import entity, mail_of, member

from securelist.command_desk import Taken
from securelist.drill.rounds import SETTLED_AFTER_S
from securelist.errors import Refused
from securelist.store import drills
from securelist.store.database import reading
from securelist.store.drills import Drill, DrillMember

HOUR = 3600


@dataclass
class Exercise:
    """A list whose Secretariat holds drills; `bureau` has its people and its clock."""

    bureau: Bureau
    begun: int = 0

    def begin(self) -> None:
        """A trust root starts a drill by mail, and everybody's letter leaves."""
        while int(time.time()) == self.begun:  # signed in the same second, it would be the same mail
            time.sleep(0.1)
        self.begun = int(time.time())
        (told,) = self.bureau.order(self.bureau.root, "drill\n")
        assert told.subject.endswith(": begun"), told

    def end(self, seconds: int = 24 * HOUR) -> None:
        """So much time passes, and a little; the report is written."""
        self.bureau.at += seconds + SETTLED_AFTER_S
        self.bureau.round()

    def member(self, name: str) -> Somebody:
        return member(self.bureau.admission.town, name)

    def letter(self, who: Somebody) -> Letter:
        """The drill's letter to somebody, which must be all that they got."""
        (found,) = self.bureau.letters(who)
        assert found.subject.startswith("Drill: please answer"), found.subject
        return found

    def message_id(self, who: Somebody) -> str:
        """The Message-ID of the newest letter to somebody."""
        return str(self.bureau.admission.town.mails(who.address)[-1]["Message-ID"])

    # --- answers -------------------------------------------------------------------------------------------------------------

    def answer(self, who: Somebody, text: str, **how: object) -> Taken | Refused:
        """A mail to LIST-request, signed and encrypted, or as `how` says (see `sealed`)."""
        return self.bureau.take(self.sealed(who, text, **how))  # type: ignore[arg-type]

    def sealed(self, who: Somebody | None, text: str, answers: str = "", to: str = REQUEST) -> bytes:
        """Encrypted to the list; signed by `who`, or by nobody."""
        town = self.bureau.admission.town
        signing = ["-u", who.fingerprint, "--sign"] if who else []
        armored = town.people.gpg("--armor", "-r", town.key, *signing, "--encrypt", data=entity(text))
        sender = f"{who.name} <{who.address}>" if who else "Somebody <somebody@else.example>"
        return mail_of(armored, sender, "...", To=to, In_Reply_To=answers)

    def clear(self, who: Somebody, text: str, *fields: str, signed: bool = True) -> bytes:
        """Not encrypted; clearsigned, or not even that."""
        body = self.bureau.admission.people.clearsign(who, text) if signed else text.encode()
        return mail(who, part(PLAIN, body), *fields)

    # --- what came of it -------------------------------------------------------------------------------------------------------

    def drill(self) -> Drill:
        """The last one."""
        with reading(self.bureau.admission.house.engine) as connection:
            found = drills.newest(connection)
        assert found is not None
        return found

    def row(self, who: Somebody) -> DrillMember:
        """How somebody did in the last drill."""
        with reading(self.bureau.admission.house.engine) as connection:
            return next(one for one in drills.members(connection, self.drill().id) if one.fingerprint == who.fingerprint)

    def rows(self) -> tuple[DrillMember, ...]:
        """Everybody in the last drill."""
        with reading(self.bureau.admission.house.engine) as connection:
            return drills.members(connection, self.drill().id)

    def shown(self, *args: str) -> dict[str, object]:
        """`drill show --json`."""
        found: dict[str, object] = json.loads(self.bureau.admission.town.run("drill", "show", "--json", *args))
        return found


def code_in(letter: Letter) -> str:
    """The code in a drill's letter, as somebody copies it."""
    (code,) = re.findall(r"^    (drill-\S+)$", letter.text, re.MULTILINE)
    return str(code)


def quoted(letter: Letter, text: str = "Yes, I can read this.") -> str:
    """A reply that quotes the whole letter, as mail programs make it."""
    return f"{text}\n\nThe list wrote:\n" + "".join(f"> {line}\n" for line in letter.text.splitlines())


def reason(taken: Taken | Refused) -> str:
    return taken.reason


@pytest.fixture
def exercise(bureau: Bureau) -> Exercise:
    """The town's list with its three members: Anna, Bert and Carla."""
    bureau.at = int(time.time())  # signatures are made by our clock, and drills begin by the list's
    return Exercise(bureau)
