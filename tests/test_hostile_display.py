"""What strangers write never acts upon a terminal or a log: every command that prints is run over it, and what it prints is looked at."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pty
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from people import People
from queue_world import peer
from rdap_world import octets, record
from test_house import commands, modules_of, name_of
from town import SECURELIST, Town, entity, member

from securelist.delivery.next_hop import SmtpNextHop
from securelist.mail.headers import MAX_MARKS, is_shown, visible

# Escapes (CSI, OSC 8, DCS), C1 as characters, line ends, backspace, bidirectional controls, zero-width, tab, markup, and a pile of marks.
ACTS = (
    "\x1b[2J\x1b[31m \x1b]8;;https://evil.example\x1b\\ \x1bPq\x1b\\ \x9b31m\x90q\x9c \x85 \u2028 \u2029 \r\n \b\b \x7f \t"
    " \u202egnp.exe\u202c \u2066\u2069 \u200b\u200d\ufeff \u061c \U000e0041 [bold red]x[/] :skull: o" + "\u0301" * 300
)
# The same where a name must be one line without controls: what a statement may hold.
GRAMMATICAL = "Eva [bold red]x[/] :skull: o" + "\u0301" * 40 + " \u0600\ue000"
PILE = "o" + "\u0301" * (MAX_MARKS + 1)


def must_be_harmless(said: bytes, where: object = "") -> None:
    """What was printed holds nothing but what is shown, and line feeds; no more than a few marks on a letter; and no traceback."""
    text = said.decode("utf-8")
    assert not {f"U+{ord(c):04X}" for c in text if c != "\n" and not is_shown(c)}, (where, text[:600])
    assert "Traceback" not in text, where
    assert "(internal)" not in text, where


def leaves() -> dict[str, click.Command]:
    """Every command by its words."""
    return {words: command for words, command in commands().items() if not isinstance(command, click.Group)}


@pytest.fixture(scope="module")
def marked(town: Town, people: People) -> Iterator[Town]:
    """The town's list with a member of a hostile name, a post, a waiting request, records of ccTLDs; words that act in all texts."""
    eva = people.make("Eva", f"eva-{town.home.parent.name}@be.example")
    town.submit(town.root, town.statement("appoint-admin-contact", town.admin, tld="be", Organisation=GRAMMATICAL))
    town.submit(town.admin, town.statement("attest-ssc", eva, tld="be", Name=GRAMMATICAL, Organisation=GRAMMATICAL), eva.certificate)
    asks = people.make("Erik", f"erik-{town.home.parent.name}@fr.example")
    town.submit(asks, town.statement("request-membership", asks, tld="fr"), asks.certificate)
    town.judge(
        town.post(eva, entity("canary", "Subject: =?utf-8?q?=1B[2J=C2=9B31m=E2=80=AE?="), From=f"=?utf-8?q?=1B[2J?= <{eva.address}>")
    )
    (town.home.parent / "nl.json").write_bytes(octets(record("nl")))
    town.run("cctld", "import", str(town.home.parent / "nl.json"))
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    own = town.copy(base, next_hop="smtp://127.0.0.1:1")
    spoil(own.home / "securelist.db")
    yield own
    own.close()
    shutil.rmtree(base, ignore_errors=True)


# Columns that hold what people, servers and records say.
SAYS = {
    "records": ("manager", "name", "address", "phone", "source"), "copies": ("recipient", "cctld", "answer"), "requests": ("address",),
    "welcomes": ("address",), "invitations": ("name", "address"), "journal": ("subject", "detail"),
}  # fmt: skip


def spoil(database: Path) -> None:
    """Writes what acts into the tables, where our own filters would have kept it out."""
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        for table, columns in SAYS.items():
            for column in columns:
                opened.execute(f"UPDATE {table} SET {column} = {column} || ?", (ACTS,))
        for table in ("admin_contacts", "attestations"):
            for number, person in opened.execute(f"SELECT rowid, person FROM {table}").fetchall():
                opened.execute(f"UPDATE {table} SET person = ? WHERE rowid = ?", (json.dumps(spoiled(json.loads(person))), number))


def spoiled(person: dict[str, object]) -> dict[str, object]:
    """Contact details whose names and numbers act."""
    said = {name: value + ACTS for name, value in person.items() if isinstance(value, str)}
    return person | said | {"phones": [f"+31 {ACTS}"]}


def run(home: Path, *args: str, data: bytes = b"", **environment: str) -> tuple[int, bytes]:
    """(exit status, what a command printed on both outputs)."""
    command = [SECURELIST, "--home", str(home), *args]
    environment = {**os.environ, "COLUMNS": "200", **environment}
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


LISTS = (
    "member list", "member list --all", "member list --at 2030-01-01", "queue list", "queue show 1", "log show", "statement pending",
    "cctld list", "key show", "key list", "doctor",
)  # fmt: skip


@pytest.mark.parametrize("command", LISTS)
@pytest.mark.parametrize("form", ["", "--json"])
def test_what_strangers_wrote_is_listed(marked: Town, command: str, form: str) -> None:
    """Every list and every view, for people and as JSON, over a database with hostile words in all its texts."""
    if form and command == "key show":
        return  # it has no such form
    _, said = run(marked.home, *command.split(), *filter(None, [form]))
    must_be_harmless(said, command)
    assert form or PILE not in said.decode()


def test_on_a_terminal_there_are_colours_and_nothing_else(marked: Town) -> None:
    """A person at a terminal: but for bold heads of tables, nothing acts on it."""
    for command in ("member list", "queue show 1", "cctld list", "statement pending"):
        said = on_a_terminal(marked.home, *command.split())
        assert b"Eva" in said or command != "member list"
        must_be_harmless(re.sub(rb"\x1b\[[0-9;]*m", b"", said).replace(b"\r\n", b"\n"), command)


def on_a_terminal(home: Path, *args: str) -> bytes:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    command = [SECURELIST, "--home", str(home), *args]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:  # EIO at its end
        while piece := terminal.read(65_536):
            said += piece
    assert process.wait(60) in (0, 65)  # a post of that number may not be there
    return said


def test_a_spreadsheet_has_lines_and_nothing_else(marked: Town) -> None:
    """CSV ends its lines with CR and LF (RFC 4180); no other control is in it."""
    status, said = run(marked.home, "cctld", "list", "--csv")
    assert status == 0
    must_be_harmless(said.replace(b"\r\n", b"\n"))


# --- what is typed, and files ------------------------------------------------------------------------------------------------

# A command line takes no NUL. A file name may be any octets else, also such as are no UTF-8.
TYPED = ACTS.replace("\n", "\x0b").replace("/", "|")[:120]
NOT_UTF_8 = os.fsdecode(b"x\xff\x1b[2J\x9b\xc2\x9b\xe2\x80\xae")


def calls(command: click.Command, word: str) -> Iterator[list[str]]:
    """The command with this word for each of its arguments, and for each option by itself."""
    arguments = [word for parameter in command.params if isinstance(parameter, click.Argument)]
    yield arguments or [word]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.is_flag:
            yield [parameter.opts[0], word, *arguments]


@pytest.mark.parametrize("words", sorted(leaves()))
def test_what_is_typed_is_quoted_harmlessly(marked: Town, tmp_path: Path, words: str) -> None:
    """Every command, with words that act for every argument and option: none reaches the terminal, and nothing ends in a traceback."""
    if words == "bench":
        return  # it would measure: its words are sizes and numbers, and the others are read by the same functions
    for args in calls(leaves()[words], TYPED + NOT_UTF_8):
        status, said = run(marked.home if words != "init" else tmp_path / "new", *words.split(), *args)
        assert status in (0, 1, 64, 65, 69, 77, 78), (args, said)
        must_be_harmless(said, args)


@pytest.mark.parametrize("args", [[TYPED], ["queue", TYPED], ["--" + TYPED], ["--home", TYPED, "member", "list"], ["member", "--" + TYPED]])
def test_commands_that_do_not_exist(marked: Town, args: list[str]) -> None:
    """A wrong word is quoted without what is in it."""
    status, said = run(marked.home, *args)
    assert status in (64, 78)
    must_be_harmless(said, args)


def test_files_whose_names_act(marked: Town, tmp_path: Path) -> None:
    """Statements, exports, copies and records in files of hostile names, and with hostile content."""
    file = tmp_path / (TYPED + NOT_UTF_8)
    root = ("--root", str(next((marked.home / "roots").glob("*.asc"))))
    for content in (ACTS.encode(), b"-----BEGIN PGP SIGNED MESSAGE-----\n" + ACTS.encode(), json.dumps({"x": ACTS}).encode()):
        file.write_bytes(content)
        for command in ("statement submit", "cctld import", "statement sign", "log export"):
            must_be_harmless(run(marked.home, *command.split(), str(file if command != "log export" else file / "x"))[1], command)
        for more in ((*root,), (*root, "--json"), ("--root", str(file), "--copy", str(file))):
            must_be_harmless(run(marked.home, "log", "verify", str(file), *more)[1], more)
        for command in ("post check", "post submit"):
            must_be_harmless(run(marked.home, *command.split(), data=b"Subject: " + content)[1], command)


def test_settings_that_act(marked: Town, tmp_path: Path) -> None:
    """A configuration with hostile keys and values is refused in a harmless sentence."""
    for line in (f"x{TYPED!r} = 1", f"{json.dumps(TYPED)} = 1", f"name = {json.dumps(ACTS)}", f"list = {json.dumps(ACTS)}", ACTS):
        home = tmp_path / "home"
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "securelist.toml").write_text(line, encoding="utf-8")
        (home / "securelist.toml").chmod(0o600)
        status, said = run(home, "member", "list")
        assert status == 78
        must_be_harmless(said, line)


def test_statements_are_printed_as_they_are_signed(marked: Town) -> None:
    """`statement new` refuses what acts; `statement sign` signs no text of which a terminal shows something else."""
    status, said = run(marked.home, "statement", "new", "withdraw-ssc", "--field", f"TLD={ACTS}", "--field", "Email=a@nl.example")
    assert status == 65
    must_be_harmless(said)
    text = b"Securelist-Statement: withdraw-ssc\nList: tld-ops@lists.example.org\nTLD: nl\nEmail: a@nl.example\n\nbye \x1b[2J\n"
    status, said = run(marked.home, "statement", "sign", data=text)
    assert (status, b"bad-character" in said) == (65, True)
    must_be_harmless(said)


# --- another way out -------------------------------------------------------------------------------------------------------


def prints(path: Path) -> bool:
    """Whether a module calls what writes on a terminal."""
    calls_made = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return any(getattr(func, "attr", getattr(func, "id", "")) in ("echo", "secho", "print", "print_exc") for func in calls_made)


def test_there_is_one_way_to_a_terminal() -> None:
    """Nothing but `cli/output.py` prints; `serve` alone says by itself that it is ready, and the bench's child what it measured."""
    found = {name_of(path) for path in modules_of("securelist") if prints(path)}
    assert found == {"securelist/cli/output.py", "securelist/serve.py", "securelist/bench/proving.py"}


@pytest.mark.parametrize("text", [ACTS, TYPED, "a\u0301" * 50, "\U000e0041\u00ad", "x" * 10 + "\ud800"])
def test_one_line_is_one_line(text: str) -> None:
    """What is made visible is one line of shown characters, and making it so again changes nothing."""
    once = visible(text)
    assert all(map(is_shown, once))
    assert visible(once) == once


# --- what another server answers ---------------------------------------------------------------------------------------------


def answering(reply: bytes) -> Callable[[socket.socket, int], None]:
    """A next hop that greets and obliges, and answers RCPT with these octets."""

    def talk(connection: socket.socket, _before: int) -> None:
        with connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 " + ACTS.replace("\r", "").replace("\n", "").encode() + b"\r\n")
            while line := stream.readline():
                stream.write(reply if line.upper().startswith(b"RCPT") else b"250 ok\r\n")

    return talk


@pytest.mark.parametrize("code", [450, 550])
def test_what_a_hostile_next_hop_answers(town: Town, code: int) -> None:
    """It is kept in one line, and shown harmlessly, here and where delivery tells of it."""
    assert town.judge(town.post(member(town, "Anna"), f"canary {code}"))["verdict"] == "accept"
    words = ACTS.replace("\r", "").replace("\n", "").encode()
    reply = b"".join(b"%d%c%s\r\n" % (code, mark, words) for mark in b"-- ")
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    with peer(answering(reply)) as port:
        own = town.copy(base, next_hop=f"smtp://127.0.0.1:{port}")
        must_be_harmless(run(own.home, "deliver", "--once")[1])
    [post] = json.loads(run(own.home, "queue", "list", "--json")[1])[:1]
    for form in ([], ["--json"]):
        status, said = run(own.home, "queue", "show", str(post["id"]), *form)
        assert (status, str(code).encode() in said) == (0, True)
        must_be_harmless(said)
    own.close()
    shutil.rmtree(base)


def test_an_answer_without_an_end() -> None:
    """A next hop that says "more follows" for ever is given up, and its copy tried later."""

    def talk(connection: socket.socket, _before: int) -> None:
        connection.sendall(b"220 hi\r\n")
        connection.recv(100)
        while True:
            connection.sendall(b"250-more\r\n" * 100)

    with peer(talk) as port:
        next_hop = SmtpNextHop("127.0.0.1", port, "lists.example.org")
        assert next_hop.hand_over("b@lists.example.org", "a@nl.example", b"From: x\r\n\r\nx\r\n").kind in ("down", "later")
        next_hop.close()
