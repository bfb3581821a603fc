"""The rules of the house: what no single module can see, and what would rot unseen."""

from __future__ import annotations

import ast
import base64
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {
    ".git",
    ".venv",
    ".venv-fuzz",
    ".fuzz",
    "__pycache__",
    "build",
    "dist",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
}
LONGEST_MODULE = 350  # lines; a longer file does two things
HOME_OF = {"gnupg": "openpgp/gnupg.py", "pysequoia": "openpgp/sequoia.py", "pgpy": "openpgp/pgpy_.py"}
# Split, so that this file does not hold what it looks for.
UNFINISHED = re.compile("|".join((r"\bTO" + "DO", r"\bFIX" + "ME", "NotImplemented" + "Error", "pragma: no" + " cover")))


def files_of(*folders: str) -> list[Path]:
    """Our files in these folders, or in the whole repository; never none."""
    tops = [ROOT / folder for folder in folders] or [ROOT]
    found = [path for top in tops for path in sorted(top.rglob("*")) if path.is_file() and not NOT_OURS & set(path.relative_to(ROOT).parts)]
    assert found, f"no files in {folders}"
    return found


def modules_of(*folders: str) -> list[Path]:
    return [path for path in files_of(*folders) if path.suffix == ".py"]


def documents() -> list[Path]:
    return [path for path in files_of() if path.suffix == ".md"]


def name_of(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


# --- secrets -----------------------------------------------------------------------------------------------------------


def is_secret_packet(octets: bytes) -> bool:
    """Whether an OpenPGP packet of type 5 or 7 begins here: a secret key or subkey (RFC 9580, 4.2 and 5)."""
    first = octets[0] if octets else 0
    kind = first & 0x3F if first & 0xC0 == 0xC0 else (first & 0x3F) >> 2
    return bool(first & 0x80) and kind in (5, 7)


def holds_secret_key(octets: bytes) -> bool:
    """Whether this is a secret key: binary, armored, or armored under a false name."""
    if re.search(rb"^-----BEGIN PGP PRIVATE KEY BLOCK-----\s*$", octets, re.MULTILINE):
        return True
    body = re.search(rb"^-----BEGIN PGP [A-Z ]+-----.*?\n\r?\n([A-Za-z0-9+/=\s]+)", octets, re.MULTILINE | re.DOTALL)
    return is_secret_packet(base64.b64decode(body.group(1).split()[0]) if body else octets)


@pytest.fixture(scope="module")
def secret_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """A real secret key, armored, made now and gone afterwards."""
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    try:
        subprocess.run([*gpg, "--quick-gen-key", "Nobody <nobody@house.example>", "ed25519"], check=True, capture_output=True)
        yield subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True).stdout
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def test_a_secret_key_is_recognised_in_every_disguise(secret_key):
    """The search for secret keys finds one that is armored, binary, or armored as a public key."""
    binary = subprocess.run(["gpg", "--dearmor"], input=secret_key, check=True, capture_output=True).stdout
    assert [holds_secret_key(octets) for octets in (secret_key, binary, secret_key.replace(b"PRIVATE", b"PUBLIC"))] == [True] * 3


def test_no_secret_key_lies_in_keys():
    """The folder for the trust roots' certificates holds no secret key, whatever its form."""
    assert not [name_of(path) for path in files_of("keys") if holds_secret_key(path.read_bytes())]


def test_no_armored_secret_key_lies_anywhere():
    """No file of the repository holds an armored secret key."""
    header = re.compile(rb"^-----BEGIN PGP PRIVATE KEY BLOCK-----\s*$", re.MULTILINE)
    assert not [name_of(path) for path in files_of() if header.search(path.read_bytes())]


# --- the code ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", modules_of("securelist", "deploy"), ids=name_of)
def test_a_module_stays_readable(path):
    """No module is longer than a person reads in one sitting."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def imported_by(path: Path) -> set[str]:
    """The top-level packages that a module imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("library", HOME_OF)
def test_an_openpgp_library_is_imported_in_one_place(library):
    """Each OpenPGP library has one module that knows its traps; nothing else imports it."""
    users = [str(path.relative_to(ROOT / "securelist")) for path in modules_of("securelist") if library in imported_by(path)]
    assert users == [HOME_OF[library]]


def test_nothing_is_left_unfinished():
    """No file holds a note to do something later, a stub, or code that coverage is told to overlook."""
    texts = [*modules_of("securelist", "deploy", "tests"), *documents()]
    assert not [name_of(path) for path in texts if UNFINISHED.search(path.read_text(encoding="utf-8"))]


# --- the command line --------------------------------------------------------------------------------------------------


def commands() -> dict[str, click.Command]:
    """Every command and group by its words: `statement submit`; the program itself is the empty one."""
    top = importlib.import_module("securelist.cli.main").cli
    tree: dict[str, click.Command] = {}

    def walk(command: click.Command, words: tuple[str, ...]) -> None:
        tree[" ".join(words)] = command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None, name
                walk(child, (*words, name))

    walk(top, ())
    return tree


def test_every_command_has_help_with_an_example():
    """Each command says what it does and shows itself in use: a line that begins with `securelist` and its own words."""
    leaves = {words: command for words, command in commands().items() if not isinstance(command, click.Group)}
    assert leaves
    bare = [words for words, command in leaves.items() if not re.search(rf"securelist (--home \S+ )?{words}\b", command.help or "")]
    assert not bare, f"no example in the help of: {', '.join(bare)}"


def test_every_option_says_what_it_is_for():
    """No option of any command is without its help text."""
    options = [(words, option) for words, command in commands().items() for option in command.params if isinstance(option, click.Option)]
    assert options
    assert not [f"{words} {option.opts[0]}" for words, option in options if not option.help]


def test_every_group_has_help():
    """The program and each of its groups say what they are about."""
    assert not [words for words, command in commands().items() if not command.help]


def shown_commands(text: str) -> set[str]:
    """The calls of securelist in a document's code: the words after the program's name, options taken away."""
    code = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    calls = re.findall(r"(?:^|[\s`/])securelist ((?:--home \S+ )?[a-z][^\n`|]*)", "\n".join(code))
    return {re.sub(r"^--home \S+ ", "", call) for call in calls}


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_a_command_in_a_document_exists(path):
    """Whatever call of securelist a document shows, the program has that command."""
    known = commands()
    for call in shown_commands(path.read_text(encoding="utf-8")):
        words = call.split()
        command = known.get(words[0])
        assert command is not None, call
        if isinstance(command, click.Group) and len(words) > 1:
            assert f"{words[0]} {words[1]}" in known, call


# --- documents, locks, entry points ------------------------------------------------------------------------------------


def test_the_commands_of_the_readme_can_be_run():
    """The README names both commands, and every script that it names is there and executable."""
    named = set(re.findall(r"\b(?:deploy|tests)/(?:quickstart|setup|run|lock)\b", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"deploy/quickstart", "tests/run"} <= named
    assert not [name for name in sorted(named) if not os.access(ROOT / name, os.X_OK)]


def test_continuous_integration_runs_the_tests():
    """What continuous integration runs is tests/run and nothing else."""
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    orders = [line for line in lines if line and not line.startswith("#")]
    assert len(orders) == 1
    assert orders[0].endswith('/../tests/run"')


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_a_documents_links_lead_somewhere(path):
    """Every link to a file of the repository finds it."""
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (path.parent / target).exists()]


# Each lock, and the groups of dependencies that it has beside what the relay needs.
LOCKS = {"requirements.lock": ["build"], "requirements-dev.lock": ["build", "dev"], "requirements-fuzz.lock": ["build", "fuzz"]}


def locked(name: str) -> dict[str, str]:
    """The packages of a lock file with what follows each name: version, marker, hashes."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(re.findall(r"^([a-z0-9.-]+)(==.*(?:\n +.*)*)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_by_hash_and_names_no_index(name):
    """Each package has a version and a hash, and no address says where it has to come from."""
    text = (ROOT / name).read_text(encoding="utf-8")
    packages = locked(name)
    assert packages
    assert not [package for package, rest in packages.items() if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest)]
    assert not re.search(r"://|index-url|find-links|trusted-host", text)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_the_project_needs(name):
    """Every package that pyproject.toml asks for is locked, the build tool included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *(want for group in LOCKS[name] for want in project["dependency-groups"][group])]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", want)[0]).lower() for want in wanted}
    assert not names - set(locked(name))


@pytest.mark.parametrize("name", LOCKS)
def test_all_locks_agree(name):
    """What is tested and fuzzed is what runs: every lock has the packages of the relay's lock, in the same version, by the same hashes.

    Their markers may differ: what only tests need may need the same package on machines where the relay does not.
    """
    assert pinned("requirements.lock").items() <= pinned(name).items()


def pinned(name: str) -> dict[str, str]:
    """The packages of a lock file with version and hashes."""
    return {package: re.sub(r" ;.*", "", rest) for package, rest in locked(name).items()}


def test_no_test_needs_the_fuzzer():
    """The fuzzer is for whoever fuzzes: it is in no other lock, and the corpus is replayed without it."""
    assert [name for name in LOCKS if "atheris" in locked(name)] == ["requirements-fuzz.lock"]
    assert [name_of(path) for path in modules_of("securelist", "tests") if "atheris" in imported_by(path)] == ["tests/fuzz/one.py"]


def test_the_command_is_beside_the_python_that_runs_the_tests():
    """The setup leaves the command where everything else looks for it, and it runs."""
    command = Path(sys.executable).with_name("securelist")
    assert subprocess.run([command, "--help"], capture_output=True, check=False).returncode == 0


def test_a_skipped_test_fails_the_run(tmp_path):
    """A test or a module that skips itself ends the run as a failure."""
    (tmp_path / "test_one.py").write_text("import pytest\n\ndef test_skips():\n    pytest.skip('no gpg')\n\ndef test_passes():\n    pass\n")
    (tmp_path / "test_two.py").write_text("import pytest\n\npytest.importorskip('no_such_module')\n")
    options = ["-q", "-p", "no_skips", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *options, tmp_path]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed, 1 error" in done.stdout
