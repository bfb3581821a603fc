"""Files with people's details, as commands write them: nobody else reads them, and a slip of the shell puts them nowhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from town import SECURELIST, Town

FORM = ("contacts", "export", "--format", "csv", "--into")
BUNDLE = ("contacts", "export", "--to", "certificate.asc", "--empty", "--bundle")


def run(town: Town, folder: Path, *words: str) -> tuple[int, str]:
    """(the exit status, all that is said) of a command typed in a folder."""
    (folder / "certificate.asc").write_bytes(town.root.certificate)
    done = subprocess.run([SECURELIST, "--home", str(town.home), *words], cwd=folder, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture(params=[(*FORM, "."), (*BUNDLE, "contacts.csv"), ("log", "export", "contacts.csv")], ids=["form", "bundle", "log"])
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """A command that writes contacts.csv."""
    found: tuple[str, ...] = request.param
    return found


def test_who_has_the_former_file_does_not_read_on(town: Town, tmp_path: Path, words: tuple[str, ...]) -> None:
    """It lay there for all to read: whoever has it open, or by another name, has what was in it, and nothing of the new one."""
    file = tmp_path / "contacts.csv"
    file.write_bytes(b"former")
    file.chmod(0o644)
    os.link(file, tmp_path / "other")
    with file.open("rb") as opened:
        assert run(town, tmp_path, *words)[0] == 0
        assert (opened.read(), (tmp_path / "other").read_bytes()) == (b"former", b"former")
    assert len(file.read_bytes()) > 100
    assert file.stat().st_mode & 0o777 == 0o600
    assert {entry.name for entry in tmp_path.iterdir()} == {"certificate.asc", "contacts.csv", "other"}


def test_no_link_leads_a_file_elsewhere(town: Town, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Where a link has the place of the file, nothing is written, here or there."""
    (tmp_path / "elsewhere").write_bytes(b"former")
    (tmp_path / "contacts.csv").symlink_to(tmp_path / "elsewhere")
    status, said = run(town, tmp_path, *words)
    assert (status, "(not-a-file)" in said) == (64, True), said
    assert (tmp_path / "elsewhere").read_bytes() == b"former"
    assert (tmp_path / "contacts.csv").is_symlink()


def test_what_cannot_be_written_leaves_nothing(town: Town, tmp_path: Path) -> None:
    """A folder has the place of a file, or there is none for it to lie in: the command names it, and no part of a file stays."""
    (tmp_path / "contacts.csv").mkdir()
    for words in ((*FORM, "."), (*BUNDLE, "none/bundle.asc"), ("log", "export", "none/tld-ops.log")):
        status, said = run(town, tmp_path, *words)
        assert status == 64
        assert ("contacts.csv" if words[-1] == "." else words[-1]) in said
    assert {entry.name for entry in tmp_path.iterdir()} == {"certificate.asc", "contacts.csv"}


@pytest.mark.parametrize("words", [FORM, BUNDLE, ("log", "export"), ("publish",)], ids=["form", "bundle", "log", "site"])
def test_an_unset_variable_is_not_the_current_folder(town: Town, tmp_path: Path, words: tuple[str, ...]) -> None:
    """`--into "$FOLDER"` without a FOLDER writes nothing, neither here nor elsewhere."""
    status, said = run(town, tmp_path, *words, "")
    assert (status, "the name is empty" in said) == (64, True), said
    assert [entry.name for entry in tmp_path.iterdir()] == ["certificate.asc"]


def test_an_empty_home_is_not_the_current_folder(town: Town, tmp_path: Path) -> None:
    """No list is made, or looked for, wherever the shell happens to be."""
    status, said = run(town, tmp_path, "--home", "", "member", "list")
    assert (status, "the name is empty" in said) == (64, True), said


def test_one_contact_is_one(town: Town, tmp_path: Path) -> None:
    """Whoever counts says `1 contact`, and `2 contacts`."""
    said = [run(town, tmp_path, *FORM, ".", *cctlds)[1].strip() for cctlds in ((), ("br",))]
    assert [one.partition(": ")[2] for one in said] == ["3 contacts", "0 contacts"]


def test_whoever_publishes_into_a_closed_folder_is_warned(town: Town, tmp_path: Path) -> None:
    """The site is written, and a warning says that no web server can show it, with the command that changes that."""
    folder = tmp_path / "www"
    folder.mkdir(mode=0o700)
    done = subprocess.run([SECURELIST, "--home", str(town.home), "publish", str(folder)], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"files, " in done.stdout
    assert b"warning: " in done.stderr
    assert b"chmod o+rx /" in done.stderr
