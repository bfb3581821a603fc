"""Somebody who reads a guide at a machine of their own, and types what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from people import People, Somebody
from town import SECURELIST

ROOT = Path(__file__).parents[1]
GUIDES = ROOT / "deploy" / "guides"


def blocks_of(text: str) -> list[str]:
    """The statements that a text shows: each block of them, without its indentation."""
    found = re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return ["".join(f"{line.strip()}\n" for line in block.splitlines()) for block in found if "Securelist-Statement:" in block]


def lines_of(text: str) -> list[str]:
    """The command lines in a text's sh blocks and in its inline code, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    inline = [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()] + inline


class Reader:
    """Somebody with a machine of their own who follows a guide: gpg, sq and securelist as it writes them, in `folder`."""

    def __init__(self, guide: str, folder: Path, **words: str) -> None:
        self.lines = lines_of((GUIDES / guide).read_text())
        self.folder, self.words = folder, words
        folder.mkdir(mode=0o700)
        (folder / "gpg").mkdir(mode=0o700)

    def follow(self, beginning: str, *options: str, output: str = "", number: int = 0) -> str:
        """What the command prints that begins so, the n-th of them; `output` is the file to which the guide sends that."""
        line = [line for line in self.lines if line.startswith(beginning)][number].split("  #")[0].split(" > ")[0]
        for word, value in self.words.items():
            line = re.sub(rf"\b{word}\b", value, line)
        words = shlex.split(line)
        if words[0] == "gpg":
            words[1:1] = ["--batch", "--yes", "--passphrase", "", *options]
        elif words[0] == "securelist":
            words[:1] = [SECURELIST, "--home", str(self.folder / "nowhere")]
        done = subprocess.run(
            words, cwd=self.folder, capture_output=True, check=False, env=os.environ | {"GNUPGHOME": str(self.folder / "gpg")}
        )
        assert done.returncode == 0, (line, done.stderr)
        if output:
            assert f" > {output}" in "\n".join(self.lines)
            (self.folder / output).write_bytes(done.stdout)
        return done.stdout.decode()

    def write(self, name: str, text: str | bytes) -> None:
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def keep(self, people: People, *who: Somebody) -> None:
        """Takes somebody's secret key onto this machine."""
        for one in who:
            secret = people.gpg("--armor", "--export-secret-keys", one.fingerprint)
            environment = os.environ | {"GNUPGHOME": str(self.folder / "gpg")}
            subprocess.run(["gpg", "--batch", "--import"], input=secret, env=environment, capture_output=True, check=True)
            self.write("my-secret-key.asc", secret)

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.folder / "gpg"), "--kill", "all"], capture_output=True, check=False)
