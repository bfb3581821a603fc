"""The commands in README and guides are real: every `securelist` line parses, and a person's gpg lines do what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from people import People
from town import Town, member

from securelist.cli.main import cli

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", ROOT / "keys" / "README.md", *sorted((ROOT / "deploy" / "guides").glob("*.md"))]


def lines_of(text: str) -> list[str]:
    """The command lines in a text's sh blocks and in its inline code, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    inline = [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()] + inline


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
    assert {name for name, _ in commands()} >= {"README.md", "operator.md", "member.md"}


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
    words = [
        str(ROOT / "README.md") if re.search(r"\.(asc|export|log)$|^FILE$", word) else "1" if word == "POST" else word for word in words
    ]
    with node.make_context(node.name, words) as parsed:
        assert parsed.command is node


def test_a_person_follows_the_members_guide(town: Town, people: People, base: Path) -> None:
    """Make a key, encrypt a post to the list, read a copy, extend the key: with gpg as the guide writes it."""
    guide = (ROOT / "deploy" / "guides" / "member.md").read_text()
    home = base / "anna"
    home.mkdir(mode=0o700)
    (base / "list.asc").write_bytes(town.run("key", "show", "--armor"))
    (base / "message.txt").write_text("canary-guide\n")

    def follow(beginning: str, *options: str) -> str:
        line = next(line for line in lines_of(guide) if line.startswith(beginning)).split("  #")[0]
        words = shlex.split(line.replace("FINGERPRINT", fingerprint))
        command = [words[0], "--homedir", str(home), "--batch", "--yes", "--passphrase", "", *options, *words[1:]]
        done = subprocess.run(command, cwd=base, capture_output=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout.decode()

    fingerprint = ""
    follow("gpg --quick-gen-key")
    assert "anna@registry.example" in follow("gpg --fingerprint")
    certificate = follow("gpg --armor --export", "--output", "-").encode()
    fingerprint = people.gpg("--with-colons", "--show-keys", data=certificate).decode().split("fpr:::::::::")[1].split(":")[0]
    town.submit(town.admin, town.statement("withdraw-ssc", member(town, "Carla"), Name=""))
    fields = {"Name": "Anna de Vries", "Email": "anna@registry.example", "Key": fingerprint, "Phone": "+31 6 1234 5678"}
    town.submit(town.admin, town.statement("attest-ssc", town.admin, **fields), certificate)
    follow("gpg --show-keys")
    follow("gpg --import")
    follow("gpg --armor --sign --encrypt", "--trust-model", "always")
    armored = (base / "message.txt.asc").read_bytes().replace(b"\n", b"\r\n")
    post = b"From: anna@registry.example\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\n" + armored
    assert town.judge(post)["verdict"] == "accept"
    town.deliver()
    copy = list(town.mails("anna@registry.example")[-1].iter_parts())[1]
    (base / "encrypted.asc").write_bytes(copy.get_payload(decode=True))
    assert "canary-guide" in follow("gpg --decrypt")
    follow("gpg --quick-set-expire FINGERPRINT 2y")
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)
