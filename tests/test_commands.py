"""The command line as operators and Admin Contacts drive it: a list from nothing to nobody, stable JSON, exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from people import People, Somebody
from town import LIST, SECURELIST, Town, member

from securelist.openpgp.certificate import grouped

MEMBER = ["email", "emails", "name", "phone", "cctld", "fingerprint", "state"]
ENTRY = ["hash", "number", "time", "type", "cctld", "subject", "signer", "evidence", "part", "previous"]
POST = ["id", "kind", "message_id", "accepted", "poster", "cctld", "counts"]
COPY = ["id", "recipient", "cctld", "fingerprint", "state", "attempts", "due", "settled", "answer"]
PROOF = ["valid", "list", "entries", "head", "time", "members", "problems", "checked", "left_out", "by_word", "copies"]


def command(home: Path, *args: object, data: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors of one command; a traceback is never among them."""
    done = subprocess.run(
        [SECURELIST, "--home", str(home), *map(str, args)], input=data, capture_output=True, env=os.environ | environment, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr[-2000:]
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- from nothing to nobody ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cast(people: People, base: Path) -> dict[str, Somebody]:
    return {name: people.make(name, f"{name.lower()}-{base.name}-c@nl.example") for name in ("Root", "Admin", "Anna")}


def test_a_list_from_its_founding_to_its_last_member(people: People, base: Path, cast: dict[str, Somebody]) -> None:
    """`new`, `sign` (the person's own gpg) and `submit` make all five statements; the log proves each of them offline."""
    root, admin, anna = cast.values()
    home, own = base / "five", {"GNUPGHOME": str(people.home)}
    for who in cast.values():
        (base / f"{who.name}.asc").write_bytes(who.certificate)
    status, said, _ = command(home, "init", LIST, "--root", base / "Root.asc", "--next-hop", f"maildir:{base / 'five-inbox'}")
    assert status == 0
    status, shown, _ = command(home, "key", "show")
    key = "".join(shown.splitlines()[1].split())
    assert (status, grouped(key) in said, key in "".join(said.split())) == (0, True, True)

    def enter(signer: Somebody, kind: str, *certificates: Path, **fields: str) -> None:
        values = [f"--field={name}={value}" for name, value in fields.items()]
        status, text, _ = command(home, "statement", "new", kind, *values)
        assert (status, text.splitlines()[:2]) == (0, [f"Securelist-Statement: {kind}", f"List: {LIST}"])
        status, signed, _ = command(home, "statement", "sign", "--key", signer.fingerprint, data=text.encode(), **own)
        assert (status, signed.startswith("-----BEGIN PGP SIGNED MESSAGE-----")) == (0, True)
        status, answer, _ = command(home, "statement", "submit", "--json", "-", *certificates, data=signed.encode())
        assert (status, json.loads(answer)["accepted"], list(json.loads(answer))) == (0, True, ["accepted", "reason", "detail"]), answer

    def listed(*options: str) -> list[tuple[str, str]]:
        members = json.loads(command(home, "member", "list", "--json", *options)[1])
        assert all(list(one) == MEMBER for one in members)
        return [(one["email"], one["state"]) for one in members]

    nl = {"TLD": "nl"}
    enter(root, "found-list", Key=grouped(key), Root=root.fingerprint)
    enter(root, "appoint-admin-contact", base / "Admin.asc", **nl, Name="Admin NL", Email=admin.address, Key=admin.fingerprint)
    assert listed() == []
    enter(admin, "attest-ssc", base / "Anna.asc", **nl, Name="Anna", Email=anna.address, Key=anna.fingerprint, Phone="+31 6 1234 5678")
    assert listed() == [(anna.address, "active")]
    enter(anna, "withdraw-ssc", **nl, Email=anna.address)
    assert (listed(), listed("--all")) == ([], [(anna.address, "withdrawn")])
    enter(root, "dismiss-admin-contact", **nl)
    entries = json.loads(command(home, "log", "show", "--json")[1])
    assert all(list(entry) == ENTRY for entry in entries)
    kinds = [entry["type"] for entry in entries if entry["type"] != "certificate"]
    assert kinds == ["found-list", "appoint-admin-contact", "attest-ssc", "withdraw-ssc", "dismiss-admin-contact"]
    assert [entry["previous"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]
    assert command(home, "log", "export", base / "five.log")[0] == 0
    proof = proved(base / "five.log", base / "Root.asc")
    assert (proof["valid"], proof["entries"], proof["head"], proof["members"]) == (True, len(entries), entries[-1]["hash"], [])
    subprocess.run(["gpgconf", "--homedir", str(home / "gnupg"), "--kill", "all"], capture_output=True, check=False)


def proved(log: Path, root: Path, status: int = 0) -> dict[str, object]:
    """What `log verify` says on a machine that has nothing but these two files, no state directory and no settings."""
    command = ["env", "-i", f"PATH={os.environ['PATH']}", SECURELIST, "log", "verify", "--json", str(log), "--root", str(root)]
    done = subprocess.run(command, cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (status, b""), done.stderr
    proof: dict[str, object] = json.loads(done.stdout)
    assert list(proof) == PROOF
    return proof


def test_a_log_that_proves_nothing(town: Town, base: Path, cast: dict[str, Somebody]) -> None:
    """Another root, a changed byte and a missing end are said as problems, not as members."""
    good, bad, root = base / "good.log", base / "bad.log", base / "root.asc"
    town.run("log", "export", str(good))
    assert proved(good, root)["members"] == town.listed()
    (base / "other.asc").write_bytes(cast["Root"].certificate)
    octets = good.read_bytes()
    for changed, by in ((octets, base / "other.asc"), (octets.replace(b"attest-ssc", b"attest-ssb", 1), root), (octets[:-200], root)):
        bad.write_bytes(changed)
        proof = proved(bad, by, 65)
        assert (proof["valid"], proof["members"], len(proof["problems"])) == (False, [], 1)  # type: ignore[arg-type]


# --- shapes --------------------------------------------------------------------------------------------------------------


def test_where_each_copy_stands(town: Town) -> None:
    """`queue list`, `show` and `retry` tell of a post before and after it is delivered."""
    anna = member(town, "Anna")
    number = str(town.judge(town.post(anna, "canary-queue"))["detail"]).rpartition(" ")[2]

    def queued() -> dict[str, object]:
        posts = json.loads(town.run("queue", "list", "--json"))
        assert all(list(post) == POST for post in posts)
        return next(post for post in posts if str(post["id"]) == number)

    assert queued() | {"counts": {"queued": 3}, "kind": "post", "poster": anna.fingerprint, "cctld": "nl"} == queued()
    assert town.run("queue", "retry", number).startswith(b"3 copies are due now")
    town.deliver()
    assert queued()["counts"] == {"delivered": 3}
    copies = json.loads(town.run("queue", "show", "--json", number))
    assert all(list(copy) == COPY for copy in copies)
    assert {copy["recipient"]: (copy["state"], copy["fingerprint"]) for copy in copies} == {
        who.address: ("delivered", who.fingerprint) for who in town.members.values()
    }
    assert town.run("queue", "retry", number).startswith(b"0 copies are due now")
    for args in (("queue", "list"), ("queue", "show", number)):
        assert b"canary" not in town.run(*args)


def test_who_is_a_member_and_why(town: Town) -> None:
    """`member show` finds by address in any case and by fingerprint in any spacing, and names the entry of the log."""
    anna = member(town, "Anna")
    shown = json.loads(town.run("member", "show", "--json", anna.address))
    assert list(shown) == [*MEMBER, "confirmed", "why", "expires", "entry", "history", "since", "not_working", "details"]
    assert [(one["entry"], one["type"], one["standing"]) for one in shown["history"]] == [(shown["entry"], "attest-ssc", "in effect")]
    assert (shown["fingerprint"], shown["state"], shown["cctld"], shown["phone"]) == (anna.fingerprint, "active", "nl", "+31 6 1234 5678")
    entry = json.loads(town.run("log", "show", "--json"))[shown["entry"] - 1]
    assert (entry["number"], entry["type"], entry["subject"]) == (shown["entry"], "attest-ssc", anna.fingerprint)
    for who in (anna.address.upper(), anna.fingerprint.lower(), grouped(anna.fingerprint)):
        assert json.loads(town.run("member", "show", "--json", who)) == shown
    assert json.loads(town.run("member", "list", "--json", "--at", "2001-01-01T00:00:00+01:00")) == []
    assert json.loads(town.run("member", "list", "--json", "--at", "2101-01-01")) == []
    assert {row["state"] for row in json.loads(town.run("member", "list", "--json", "--all", "--at", "2101-01-01"))} == {"expired"}


def test_the_lists_key_is_public(town: Town) -> None:
    """`key show` gives the fingerprint for people, `--armor` the certificate, never a secret."""
    assert grouped(town.key) in town.run("key", "show").decode()
    armored = town.run("key", "show", "--armor")
    assert armored.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert b"PRIVATE" not in armored


# --- exit statuses ---------------------------------------------------------------------------------------------------------

# What is typed (ROOT is a trust root's file, JUNK a file of junk, NONE no file), the status of sysexits(3), and what is said.
TYPED: dict[str, tuple[int, str]] = {
    "": (64, "Missing command"),
    "nonsense": (64, "No such command"),
    "member list --nonsense": (64, "No such option"),
    "member list --at yesterday": (64, "is not a time such as"),
    "member show": (64, "Missing argument"),
    "member show nobody@x.example": (65, "unknown-member"),
    "queue show x": (64, "not a valid integer"),
    "queue show 999": (65, "unknown-post"),
    "deliver": (64, "--once"),
    "post submit --rcpt x@else.example": (64, "foreign-recipient"),
    "post submit": (65, "refused at receive: the mail is empty (empty)"),
    "statement new nonsense": (64, "is not one of"),
    "statement new attest-ssc --field TLD": (64, "is not NAME=VALUE"),
    "statement new attest-ssc --field TLD=nl": (65, "attest-ssc needs Name and Email and Key; add, for example: --field 'Name=Anna"),
    "statement new attest-ssc --field Fax=1": (65, "there is no field Fax"),
    "statement new withdraw-ssc --field TLD=nl --field Email=x": (65, "line 4: 'x' is not an address"),
    "statement submit": (64, "Missing argument"),
    "statement submit NONE": (64, "No such file"),
    "statement submit JUNK": (65, "not-recognised"),
    "statement submit ROOT": (65, "nothing-new"),
    "statement sign NONE": (64, "No such file"),
    "statement sign JUNK": (65, "no-statement"),
    "statement submit --receipt": (64, "requires an argument"),
    "statement pending --text 999": (65, "nothing-pending"),
    "statement pending --text x": (64, "not a valid integer"),
    "key show 0123": (65, "unknown-key"),
    "log export NONE/x": (64, "No such file"),
    "log verify JUNK": (64, "Missing option '--root'"),
    "log verify NONE --root ROOT": (64, "does not exist"),
    "log verify JUNK --root ROOT": (65, "NOT PROVED after 0 entries: the export is cut short"),
    "log verify JUNK --root JUNK": (65, "NOT PROVED after 0 entries"),
    "init not-an-address --root ROOT": (64, "bad-address"),
    "init a@b.example": (64, "Missing option '--root'"),
    "init a@b.example --root NONE": (64, "does not exist"),
    "init a@b.example --root ROOT --smtp x": (64, "bad-address"),
    "init a@b.example --root ROOT": (78, "holds a list already; nothing was changed"),
    "bench --size x": (64, "bad-size"),
}


@pytest.mark.parametrize(("typed", "status", "said"), [(typed, *expected) for typed, expected in TYPED.items()], ids=TYPED)
def test_what_is_typed_wrong(town: Town, base: Path, typed: str, status: int, said: str) -> None:
    """One sentence on standard error, and a status that scripts can tell apart."""
    (base / "junk").write_bytes(b"junk\n")
    places = {"ROOT": str(base / "root.asc"), "JUNK": str(base / "junk"), "NONE": str(base / "none")}
    words = [places.get(word, word.replace("NONE/", f"{places['NONE']}/")) for word in typed.split()]
    done, output, errors = command(town.home, *words)
    assert (done, output) == (status, ""), errors
    assert said in errors
    assert status == 64 or errors.count("\n") == 1


# --- damaged homes ---------------------------------------------------------------------------------------------------------


def setting(line: str) -> Callable[[Path], None]:
    """A damage: one more line in the settings."""

    def damage(home: Path) -> None:
        with (home / "securelist.toml").open("a") as file:
            file.write(f"{line}\n")

    return damage


def replace(name: str, octets: bytes) -> Callable[[Path], None]:
    """A damage: a file's content is another."""

    def damage(home: Path) -> None:
        for file in home.glob(name):
            file.chmod(0o600)
            file.write_bytes(octets)

    return damage


def without(name: str) -> Callable[[Path], None]:
    """A damage: a file or a folder is gone."""
    return lambda home: shutil.rmtree(home / name) if (home / name).is_dir() else (home / name).unlink()


# The damage, a command, its exit status and what is said.
DAMAGED: dict[str, tuple[Callable[[Path], None], str, int, str]] = {
    "no list at all": (without(""), "member list", 78, "run `securelist init` first (no-list)"),
    "no settings": (without("securelist.toml"), "member list", 78, "run `securelist init` first (no-list)"),
    "readable by others": (lambda home: home.chmod(0o755), "member list", 77, "run: chmod 700"),
    "settings that are no TOML": (setting("list ="), "member list", 78, "securelist.toml is not valid TOML"),
    "settings that are no text": (replace("securelist.toml", b"\xff\xfe"), "member list", 78, "is not valid TOML"),
    "an unknown setting": (setting("colour = 1"), "member list", 78, "colour is not a setting; known are"),
    "a setting of the wrong kind": (setting('members_per_cctld = "3"'), "member list", 78, "members_per_cctld must be a int"),
    "a setting out of range": (setting("members_per_cctld = -3"), "member list", 78, "(bad-setting)"),
    "a name with a line end": (setting('name = "tld\\nops"'), "member list", 78, "name must be one line"),
    "a database of garbage": (replace("securelist.db", b"garbage" * 1000), "member list", 78, "restore it from a backup"),
    "a database of garbage, served": (replace("securelist.db", b"garbage" * 1000), "serve", 78, "restore it from a backup"),
    "no trust roots": (without("roots"), "post check", 78, "(no-roots)"),
    "trust roots of garbage": (replace("roots/*", b"junk"), "post check", 78, "(bad-root)"),
    "no secret": (without("secret"), "post check", 78, "(no-secret)"),
    "no GnuPG home": (without("gnupg"), "key show", 78, "(no-list-key)"),
    "no key in it": (without("gnupg/pubring.kbx"), "key show", 78, "(no-list-key)"),
}


@pytest.fixture
def copied(town: Town, base: Path) -> Iterator[Path]:
    """A copy of the town's state directory, to be damaged."""
    home = base / "damaged"
    shutil.copytree(town.home, home, ignore=shutil.ignore_patterns("S.*"))
    home.chmod(0o700)
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home / "gnupg"), "--kill", "all"], capture_output=True, check=False)
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize(("damage", "typed", "status", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_state_directory_that_is_damaged(copied: Path, damage: Callable[[Path], None], typed: str, status: int, said: str) -> None:
    """What is wrong and what to do about it, in one sentence, before anything is done."""
    damage(copied)
    done, output, errors = command(copied, *typed.split(), data=b"From: a@b.example\n\nx\n")
    assert (done, output) == (status, ""), errors
    sentence = errors.splitlines()[-1]
    assert sentence.startswith("securelist: ")
    assert said in sentence


@pytest.mark.parametrize("typed", ["key show", "post check", "log show", "statement sign -", "serve"])
def test_a_machine_without_gnupg(town: Town, typed: str) -> None:
    """It says which package is missing."""
    text = f"Securelist-Statement: confirm-contact\nList: {LIST}\nTLD: nl\nEmail: a@b.example\n"
    status, output, errors = command(town.home, *typed.split(), data=text.encode(), PATH="/nonexistent")
    assert (status, output) == (69, "")
    assert errors == "securelist: GnuPG is not installed: install Debian's package gnupg (no-gnupg)\n"


def test_a_key_out_of_reach_is_our_trouble(town: Town, copied: Path) -> None:
    """When gpg-agent cannot use the list's key, a post is put off (75, by SMTP 451) and never refused for good."""
    for file in (copied / "gnupg" / "private-keys-v1.d").iterdir():
        file.unlink()
    post = town.post(member(town, "Anna"), "canary-locked")
    for verb in ("check", "submit"):
        status, _, errors = command(copied, "post", verb, "--json", data=post)
        assert (status, errors) == (75, "securelist: the list's key could not decrypt; is it unlocked in gpg-agent? (cannot-decrypt)\n")
