"""The `securelist` command: its groups, where the state directory is, and how errors end."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path

import click

from securelist import __version__
from securelist.cli.output import NamedPath, print_text, say
from securelist.errors import NotPermitted, SecurelistError, UsageError
from securelist.process import harden, say_internal

# Each noun's module is imported when its command runs: `securelist --help` and `key show` need no database.
_COMMANDS = {
    "bench": "securelist.cli.bench",
    "cctld": "securelist.cli.cctld",
    "contacts": "securelist.cli.contacts",
    "deliver": "securelist.cli.serve",
    "doctor": "securelist.cli.doctor",
    "drill": "securelist.cli.drill",
    "init": "securelist.cli.init",
    "key": "securelist.cli.key",
    "log": "securelist.cli.log",
    "member": "securelist.cli.member",
    "post": "securelist.cli.post",
    "publish": "securelist.cli.publish",
    "queue": "securelist.cli.queue",
    "serve": "securelist.cli.serve",
    "statement": "securelist.cli.statement",
}


class _Nouns(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return None if module is None else getattr(importlib.import_module(module), cmd_name)


@click.group(cls=_Nouns, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="securelist")
@click.option(
    "--home",
    envvar="SECURELIST_HOME",
    type=NamedPath(path_type=Path, readable=False),  # whose it is, the permissions' own check says better
    default=Path("/var/lib/securelist"),
    show_default=True,
    help="State directory of the list; also by SECURELIST_HOME.",
)
@click.pass_context
def cli(ctx: click.Context, home: Path) -> None:
    """The encrypted list of the ccTLDs' Security and Stability Contacts.

    \b
    Example:
      securelist --home /var/lib/securelist member list
    """
    ctx.obj = home.absolute()


def main() -> None:
    """Runs the command; every error ends in one sentence on standard error and an exit status from sysexits(3)."""
    harden()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the locale: a name that it cannot write ends no command
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        _show(problem)
        sys.exit(64)
    except OSError as problem:
        say(f"securelist: {problem.filename or 'a file'}: {problem.strerror}", err=True)
        sys.exit(NotPermitted.exit_status if isinstance(problem, PermissionError) else UsageError.exit_status)
    except SecurelistError as error:
        say(f"securelist: {error.detail} ({error.reason})", err=True)
        sys.exit(error.exit_status)
    except Exception as fault:
        say_internal(fault)
        sys.exit(SecurelistError.exit_status)


def _show(problem: click.ClickException) -> None:
    """What click says of a wrong call, which quotes it."""
    said = io.StringIO()
    problem.show(file=said)
    print_text(said.getvalue(), err=True)
