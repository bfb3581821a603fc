"""The web server's folder: no half file is ever seen, nothing of somebody else's is touched, and nothing of ours is left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from pathlib import Path

import pytest
from publish_world import tree

from securelist.errors import TryAgain, UsageError
from securelist.site.folder import MARKER, closed_to_others, publish

FILES = {".well-known/openpgpkey/a.example/hu/x": b"key", "style.css": b"{}", "index.html": b"<html>"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Path:
    publish(FILES, tmp_path / "www", home)
    return tmp_path / "www"


def ours(folder: Path) -> dict[str, bytes]:
    return {path: octets for path, octets in tree(folder).items() if path != MARKER}


def refusal(files: dict[str, bytes], folder: Path, home: Path) -> str:
    """The reason for which nothing is published; whatever is there stays as it is."""
    before = tree(folder)
    with pytest.raises(UsageError) as refused:
        publish(files, folder, home)
    assert tree(folder) == before
    return refused.value.reason


def test_the_next_publication_takes_away_what_the_former_one_left(folder: Path, home: Path):
    """A file that is no part of the site any more goes, with the folders that are empty without it."""
    assert ours(folder) == FILES
    publish({"index.html": b"other"}, folder, home)
    assert ours(folder) == {"index.html": b"other"}
    assert {entry.name for entry in folder.iterdir()} == {MARKER, "index.html"}


def test_what_somebody_else_put_beside_the_site_stays(folder: Path, home: Path):
    """A challenge for a TLS certificate, say: neither it nor its folder is touched."""
    (folder / ".well-known/acme-challenge").mkdir()
    (folder / ".well-known/acme-challenge/token").write_bytes(b"theirs")
    publish({"index.html": b"other"}, folder, home)
    assert ours(folder) == {"index.html": b"other", ".well-known/acme-challenge/token": b"theirs"}


def test_a_folder_with_something_else_in_it_is_not_written_to(tmp_path: Path, home: Path):
    """A mistyped name does not mix the site into somebody's files."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/notes").write_bytes(b"mine")
    assert refusal(FILES, tmp_path / "theirs", home) == "not-empty"


def test_a_file_of_somebody_elses_in_the_place_of_ours_is_not_overwritten(folder: Path, home: Path):
    """Who put an about.html there keeps it, and the command says where."""
    (folder / "about.html").write_bytes(b"theirs")
    assert refusal({**FILES, "about.html": b"ours"}, folder, home) == "in-the-way"


@pytest.mark.parametrize("path", ["index.html", ".well-known"])
def test_no_link_leads_a_publication_out_of_its_folder(folder: Path, home: Path, tmp_path: Path, path: str):
    """A file or a folder that was replaced by a link to elsewhere is not followed."""
    (tmp_path / "elsewhere").mkdir()
    (folder / path).rename(tmp_path / "moved")
    (folder / path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError) as refused:
        publish({**FILES, "index.html": b"new"}, folder, home)
    assert refused.value.reason == "in-the-way"
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("line", ["../state/secret", "/etc/passwd", "a//b", "./x", "a/../../state/secret", ""])
def test_a_marker_that_names_what_is_not_in_the_folder_removes_nothing(folder: Path, home: Path, line: str):
    """Whoever can write into the folder cannot make us delete a file elsewhere."""
    (home / "secret").write_bytes(b"secret")
    marker = folder / MARKER
    marker.write_text(f"{marker.read_text()}{line}\n")
    assert refusal({"index.html": b"new"}, folder, home) == "bad-marker"
    assert (home / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("name", ["loop", "loop/below", "dangling"])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, home: Path, name: str):
    """A link to itself, or to what is gone: the command says what is wrong with which path, and makes nothing."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError) as refused:
        publish(FILES, tmp_path / name, home)
    assert (refused.value.reason, "link" in refused.value.detail, str(tmp_path / name) in refused.value.detail) == ("no-folder", True, True)
    assert {entry.name for entry in tmp_path.iterdir()} == {"state", "loop", "dangling"}


@pytest.mark.parametrize(("mode", "closed"), [(0o700, True), (0o750, True), (0o711, False), (0o755, False)])
def test_a_folder_that_no_web_server_can_enter_is_noticed(home: Path, mode: int, closed: bool):
    """Where the folder, or one around it, is open to its owner alone, nobody would ever see the site."""
    with tempfile.TemporaryDirectory(prefix="sl-", dir="/tmp") as name:  # pytest keeps its own folders to itself
        around = Path(name)
        (around / "www").mkdir()
        for shut in (around, around / "www"):
            around.chmod(0o755)
            shut.chmod(mode)
            publish(FILES, around / "www", home)
            assert closed_to_others(around / "www") == (shut if closed else None)


def test_what_was_not_finished_is_finished_by_the_next_one(folder: Path, home: Path):
    """A process was killed: the marker names more than is there, and a file is half written beside its place."""
    (folder / ".securelist-new").write_bytes(b"half")
    (folder / "style.css").unlink()
    publish(FILES, folder, home)
    assert ours(folder) == FILES
    (folder / ".securelist-new").write_bytes(b"half")
    (folder / MARKER).unlink()
    for path in FILES:
        (folder / path).unlink()
    (folder / ".well-known/openpgpkey/a.example/hu").rmdir()
    assert refusal(FILES, folder, home) == "not-empty"  # .well-known could be anybody's


def test_a_folder_that_holds_a_half_written_file_alone_is_as_good_as_empty(tmp_path: Path, home: Path):
    """The very first publication was killed before its marker was in place."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.securelist-new").write_bytes(b"half")
    publish(FILES, tmp_path / "new", home)
    assert ours(tmp_path / "new") == FILES


def test_two_at_once_do_not_mix(folder: Path, home: Path):
    """The second one is told to wait."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TryAgain) as refused:
            publish({"index.html": b"other"}, folder, home)
    finally:
        os.close(held)
    assert (refused.value.reason, ours(folder)) == ("publishing", FILES)


def test_a_visitor_never_gets_half_a_file(folder: Path, home: Path):
    """The page is read again and again while it is replaced: it is always one of the two, whole."""
    pages = [letter * 300_000 for letter in (b"a", b"b")]
    publish({"index.html": pages[0]}, folder, home)
    seen: set[bytes] = set()
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            seen.add((folder / "index.html").read_bytes())

    visitor = threading.Thread(target=visit)
    visitor.start()
    for number in range(60):
        publish({"index.html": pages[number % 2]}, folder, home)
    done.set()
    visitor.join(10)
    assert seen == set(pages)


def test_a_file_that_others_could_not_read_is_mended(folder: Path, home: Path):
    """Somebody's chmod does not last."""
    (folder / "index.html").chmod(0o600)
    assert publish(FILES, folder, home) == 1
    assert (folder / "index.html").stat().st_mode & 0o777 == 0o644
