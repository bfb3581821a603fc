"""`securelist queue`: where each copy stands."""

from __future__ import annotations

import time
from pathlib import Path

import click

from securelist.cli.output import json_option, print_json, print_table, say, when
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.store import queue_view

# The largest number that a row can have.
MAX_ROW = 2**63 - 1


@click.group()
def queue() -> None:
    """The queue of copies.

    \b
    Example:
      securelist queue list
    """


@queue.command("list")
@json_option
@click.pass_obj
def list_posts(home: Path, as_json: bool) -> None:
    """Lists posts (and letters of the server) with how many copies are in which state.

    \b
    Example:
      securelist queue list --json
    """
    posts = queue_view.posts(Installation(home).engine)
    if as_json:
        print_json(posts)
        return
    rows = [
        (p.id, p.kind, when(p.accepted), f".{p.cctld}" if p.cctld else "-", ", ".join(f"{n} {s}" for s, n in p.counts.items()))
        for p in posts
    ]
    print_table(("Post", "Kind", "Accepted (UTC)", "From", "Copies"), rows, "There are no posts.")


@queue.command()
@click.argument("post", type=click.IntRange(1, MAX_ROW))
@json_option
@click.pass_obj
def show(home: Path, post: int, as_json: bool) -> None:
    """Shows each copy of one post: state, attempts, when it is due, and the last answer.

    \b
    Example:
      securelist queue show 17
    """
    copies = queue_view.copies(Installation(home).engine, post)
    if not copies:
        raise Refused("unknown-post", f"there is no post {post}; `securelist queue list` shows those there are")
    if as_json:
        print_json(copies)
        return
    rows = [(c.recipient, f".{c.cctld}" if c.cctld else "-", c.state, c.attempts, when(c.settled or c.due), c.answer) for c in copies]
    print_table(("Address", "ccTLD", "State", "Attempts", "Settled or due", "Last answer"), rows, "")


@queue.command()
@click.argument("post", type=click.IntRange(1, MAX_ROW), required=False)
@click.pass_obj
def retry(home: Path, post: int | None) -> None:
    """Makes waiting and failed copies due now: of one post, or of all.

    \b
    Example:
      securelist queue retry 17
    """
    number = queue_view.retry(Installation(home).engine, int(time.time()), post)
    say(f"{number} copies are due now; `securelist deliver --once` or the running server sends them")
