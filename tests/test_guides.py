"""The commands in README and guides are real: every `securelist` line parses, and a person's gpg lines do what they say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from guide_reader import GUIDES, ROOT, Reader, blocks_of, lines_of
from people import People, Somebody
from statement_mails import PLAIN, REQUEST, keys, mail, multipart, part
from town import Town, member

from securelist.cli.main import cli
from securelist.trust.grammar import parse
from securelist.trust.statement import StatementType

TEXTS = [ROOT / "README.md", ROOT / "keys" / "README.md", *sorted(GUIDES.glob("*.md"))]


def commands() -> list[tuple[str, str]]:
    """(file, command line) of every call of `securelist` that has a subcommand."""
    found = []
    for path in TEXTS:
        for line in lines_of(path.read_text()):
            line = re.sub(r"\s+[<>|]\s*\S+$", "", line.split("#")[0].strip())
            if re.match(r"securelist [a-z]", line):
                found.append((path.name, line))
    return found


def test_there_are_commands_in_the_guides() -> None:
    """The table below is not empty, and each guide has its share."""
    guides = {"operator.md", "member.md", "admin-contact.md", "secretariat.md"}
    assert {name for name, _ in commands()} >= {"README.md"} | guides


# Words that stand for a value.
PLACES = {"POST": "1", "TYPE": "attest-ssc"}


@pytest.mark.parametrize(("where", "line"), commands())
def test_every_command_in_the_guides_exists(where: str, line: str) -> None:
    """The command, its options and the number of its arguments are what the program takes."""
    words = shlex.split(line)[1:]
    node: click.Command = cli
    context = click.Context(cli)
    while isinstance(node, click.Group):
        found = node.get_command(context, words.pop(0))
        assert found is not None, line
        node = found
    if not words and any(isinstance(p, click.Argument) and p.required for p in node.params):
        return  # spoken of, not called
    a_file = re.compile(r"\.(asc|eml|export|log|txt)$|^FILE$")
    words = [str(ROOT / "README.md") if a_file.search(word) else PLACES.get(word, word) for word in words]
    with node.make_context(node.name, words) as parsed:
        assert parsed.command is node


def test_a_person_follows_the_members_guide(town: Town, people: People, base: Path) -> None:
    """Make a key, answer the welcome, post, read a copy, extend the key and send it: with gpg as the guide writes it."""
    reader = Reader("member.md", base / "anna", tld="tld")
    reader.write("list.asc", town.run("key", "show", "--armor"))
    reader.write("message.txt", "canary-guide\n")
    reader.follow("gpg --quick-gen-key")
    assert "anna@registry.example" in reader.follow("gpg --fingerprint")
    certificate = reader.follow("gpg --armor --export anna").encode()
    fingerprint = people.gpg("--with-colons", "--show-keys", data=certificate).decode().split("fpr:::::::::")[1].split(":")[0]
    reader.words["FINGERPRINT"] = fingerprint
    town.submit(town.admin, town.statement("withdraw-ssc", member(town, "Carla"), Name=""))
    fields = {"Name": "Anna de Vries", "Email": "anna@registry.example", "Key": fingerprint, "Phone": "+31 6 1234 5678"}
    town.submit(town.admin, town.statement("attest-ssc", town.admin, **fields), certificate)
    reader.follow("gpg --show-keys")
    reader.follow("gpg --import")
    reader.follow("gpg --armor --sign --encrypt", "--trust-model", "always")
    armored = (reader.folder / "message.txt.asc").read_bytes().replace(b"\n", b"\r\n")
    post = b"From: anna@registry.example\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\n" + armored
    town.deliver()  # the welcome
    assert town.judge(post, "submit", "--rcpt", REQUEST)["reason"] == "accepted"
    assert json.loads(town.run("member", "show", "--json", fingerprint))["confirmed"] is True
    assert town.judge(post)["verdict"] == "accept"
    town.deliver()
    copy = list(town.mails("anna@registry.example")[-1].iter_parts())[1]
    reader.write("encrypted.asc", copy.get_payload(decode=True))  # type: ignore[arg-type]
    assert "canary-guide" in reader.follow("gpg --decrypt")
    reader.follow("gpg --quick-set-expire FINGERPRINT 2y")
    reader.follow("gpg --quick-set-expire FINGERPRINT 2y", number=1)
    reader.follow("gpg --armor --export FINGERPRINT", output="renewed.asc")
    signed = reader.follow("gpg --armor --export FINGERPRINT")
    reader.write("note", "my renewed certificate\n")
    note = subprocess.run(
        ["gpg", "--homedir", str(reader.folder / "gpg"), "--batch", "--clearsign", "--output", "-", "note"],
        cwd=reader.folder, capture_output=True, check=True,
    ).stdout  # fmt: skip
    who = Somebody("Anna", "anna@registry.example", fingerprint, signed.encode())
    verdict = town.judge(mail(who, multipart(part(PLAIN, note), keys(who))), "submit", "--rcpt", REQUEST)
    assert (verdict["verdict"], verdict["poster"]) == ("accept", fingerprint)
    reader.close()


def test_a_member_with_two_keys_follows_the_guide(town: Town, people: People, base: Path) -> None:
    """Both keys sign the text that the guide shows, and one unsigned mail brings them, named as mail programs name such files."""
    anna, new = member(town, "Anna"), people.make("Anna", f"anna-new-{base.name}@nl.example")
    reader = Reader("member.md", base / "both", OLDKEY=anna.fingerprint, NEWKEY=new.fingerprint)
    reader.keep(people, anna, new)
    reader.write("replace.txt", town.statement("replace-key", anna, Name="", Key=new.fingerprint))
    files = ["by-old-key.asc", "by-new-key.asc"]
    for number, file in enumerate(files):
        reader.follow("securelist statement sign --key", output=file, number=number)
    reader.follow("gpg --armor --export NEWKEY", output="new.asc")
    attached = [part("application/pgp-signature", (reader.folder / file).read_bytes(), attached=file) for file in files]
    octets = mail(anna, multipart(part(PLAIN, "see attached\n"), *attached, keys(new)))
    verdict = town.judge(octets, "submit", "--rcpt", REQUEST)
    assert (verdict["verdict"], verdict["reason"]) == ("accept", "accepted"), verdict
    town.members[anna.address] = new
    reader.close()


@pytest.fixture(scope="module")
def roomy(town: Town) -> Town:
    """The list, with room for more than three SSCs of one ccTLD."""
    with (town.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 20\n")
    return town


@pytest.mark.parametrize("way", ["statement", "gpg", "sq"])
def test_an_admin_contact_follows_the_guide(roomy: Town, people: People, base: Path, way: str) -> None:
    """Attest by a signed statement, or certify with gpg or sq, mail that; take a certification back: as the guide writes it."""
    town, admin = roomy, roomy.admin
    address = f"{way}-{base.name}@registry.example"
    anna = people.make("Anna de Vries", address)
    reader = Reader("admin-contact.md", base / way, FINGERPRINT=admin.fingerprint, ANNA=anna.fingerprint)
    reader.words["anna@registry.example"] = address
    reader.keep(people, admin)
    reader.write("anna.asc", anna.certificate)
    assert address in reader.follow("gpg --show-keys")
    if way == "statement":
        reader.write("statement.txt", town.statement("attest-ssc", anna))
        reader.follow("securelist statement sign", output="statement.asc")
        reader.follow("gpg --local-user FINGERPRINT --clearsign")
        signed = [(reader.folder / name).read_bytes() for name in ("statement.asc", "statement.txt.asc")]
        assert all(octets.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----") for octets in signed)
        octets = mail(admin, multipart(part(PLAIN, signed[0]), keys(anna)))
    elif way == "gpg":
        reader.follow("gpg --import")
        reader.follow("gpg --default-key FINGERPRINT --default-cert-expire")
        octets = mail(anna, certificate(reader.follow("gpg --armor --export ANNA", output="anna-certified.asc")))
    else:
        octets = mail(anna, certificate(reader.follow("sq certify", output="anna-certified.asc")))
    verdict = town.judge(octets, "submit", "--rcpt", REQUEST)
    assert (verdict["verdict"], verdict["poster"]) == ("accept", admin.fingerprint), verdict
    assert json.loads(town.run("member", "show", "--json", address))["state"] == "active"
    if way == "gpg":
        reader.follow("gpg --default-key FINGERPRINT --quick-revoke-sig")
        octets = mail(anna, certificate(reader.follow("gpg --armor --export ANNA", output="anna-revoked.asc")))
        assert town.judge(octets, "submit", "--rcpt", REQUEST)["verdict"] == "accept"
        assert json.loads(town.run("member", "show", "--json", address))["state"] == "withdrawn"
    reader.close()


@pytest.mark.parametrize("guide", ["secretariat.md", "operator.md"])
def test_somebody_is_erased_as_the_guides_say(roomy: Town, people: People, base: Path, guide: str) -> None:
    """The operator makes the text with the command that both guides show, a trust root signs it as it is, and everything goes."""
    town, gone = roomy, people.make("Gone", f"gone-{guide}-{base.name}@nl.example")
    town.attest(gone)
    town.submit(gone, town.statement("withdraw-ssc", gone, Name=""))
    lines = lines_of((GUIDES / guide).read_text())
    line = next(line for line in lines if line.startswith("securelist statement new erase")).split(" > ")[0]
    text = town.run(*shlex.split(line.replace("FINGERPRINT", gone.fingerprint))[1:]).decode()
    assert text.count("\nEntry: ") == 3
    assert town.judge(mail(town.root, part(PLAIN, people.clearsign(town.root, text))), "submit", "--rcpt", REQUEST)["verdict"] == "accept"
    assert gone.address not in town.run("member", "list", "--all").decode()


def certificate(armored: str) -> bytes:
    return part('application/pgp-keys; name="anna.asc"', armored, attached="anna.asc")


def examples() -> list[tuple[str, str]]:
    """(guide, statements) of every block of statements that a guide shows."""
    return [(path.name, block) for path in TEXTS for block in blocks_of(path.read_text())]


@pytest.mark.parametrize(("where", "text"), examples())
def test_every_statement_in_the_guides_can_be_read(where: str, text: str) -> None:
    """The grammar takes it as it stands."""
    assert parse(text), where


def test_the_guides_show_what_their_readers_can_say() -> None:
    """Each type of statement stands in one of them, whole or by name."""
    together = "".join(path.read_text() for path in TEXTS)
    assert not [kind.value for kind in StatementType if kind.value not in together]
