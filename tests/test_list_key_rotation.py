"""The list's key is replaced while the server runs: everything speaks with the new one at once, and what went to the old one is read."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import os
import re
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from people import People
from statement_mails import REQUEST, mail, part
from town import LIST, SECURELIST, Running, Town, found_town, member

from securelist.installation import Installation
from securelist.openpgp.certificate import grouped


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def another_key(town: Town) -> tuple[str, str]:
    """(fingerprint, text to sign) of one more key, made by `key new`."""
    said = town.run("key", "new").decode()
    text = said[said.index("Securelist-Statement:") :]
    fingerprint = "".join(text.split("Key:")[1].split())
    town.people.gpg("--import", data=town.run("key", "show", "--armor", fingerprint))
    assert grouped(fingerprint) in said
    return fingerprint, text


def keys(town: Town) -> dict[str, str]:
    """State of each of the list's keys, by fingerprint."""
    rows = json.loads(town.run("key", "list", "--json"))
    assert all(list(row) == ["fingerprint", "state", "made", "entry"] for row in rows)
    return {row["fingerprint"]: row["state"] for row in rows}


def in_force(town: Town) -> str:
    return next(fingerprint for fingerprint, state in keys(town).items() if state == "in force")


def signer(town: Town, copy: EmailMessage) -> str:
    _, status = town.opened(copy)
    return re.findall(r"^\[GNUPG:\] VALIDSIG ([0-9A-F]{40})", status, re.MULTILINE)[0]


def autocrypt_of(town: Town, copy: EmailMessage) -> str:
    """The fingerprint of the certificate in a mail's Autocrypt field."""
    keydata = base64.b64decode("".join(str(copy["Autocrypt"]).partition("keydata=")[2].split()))
    return town.people.gpg("--with-colons", "--show-keys", data=keydata).decode().split("fpr:::::::::")[1].split(":")[0]


def new_mails(town: Town, address: str, before: int, count: int = 1) -> list[EmailMessage]:
    """The mails that came to somebody since, once there are as many."""
    eventually(lambda: len(town.delivered(address)) >= before + count)
    return town.mails(address)[before:]


def test_a_new_key_waits_until_it_is_in_force(town: Town) -> None:
    """`key new` changes nothing but the list of keys: copies and `key show` stay with the key in force."""
    anna = member(town, "Anna")
    fingerprint, text = another_key(town)
    assert text == f"Securelist-Statement: replace-list-key\nList: {LIST}\nKey: {grouped(fingerprint)}\n"
    assert keys(town) == {town.key: "in force", fingerprint: "waiting"}
    assert grouped(town.key) in town.run("key", "show").decode()
    assert grouped(fingerprint) in town.run("key", "show", fingerprint.lower()).decode()
    assert town.judge(town.post(anna, "before"))["verdict"] == "accept"
    town.deliver()
    assert signer(town, town.mails(anna.address)[-1]) == town.key
    town.run("key", "show", "0" * 40, status=65)


def test_the_running_server_speaks_with_the_new_key_at_once(town: Town, people: People) -> None:
    """Made by one process and entered by mail: receipt, copies, Autocrypt and sendkey are the new key's; mail to the old is read."""
    anna, root, old = member(town, "Anna"), town.root, town.key
    with town.serve() as running:
        count = len(town.delivered(anna.address))
        assert running.send(town.post(anna, "to the old key, before"))[0] == 250
        (first,) = new_mails(town, anna.address, count)
        assert (signer(town, first), autocrypt_of(town, first)) == (old, old)
        new, text = another_key(town)
        letters = len(town.delivered(root.address))
        statement = mail(root, part("text/plain; charset=utf-8", people.clearsign(root, text)))
        assert running.send(statement, root.address, REQUEST)[0] == 250
        (receipt,) = new_mails(town, root.address, letters)
        assert (signer(town, receipt), autocrypt_of(town, receipt)) == (new, new)
        assert (keys(town)[new], keys(town)[old]) == ("in force", "former")
        for words, key in (("to the old key, after", old), ("to the new key", new)):
            assert running.send(replace(town, key=key).post(anna, words))[0] == 250
            copy = new_mails(town, anna.address, count := count + 1)[-1]
            assert (signer(town, copy), autocrypt_of(town, copy)) == (new, new)
            assert words.encode() in town.opened(copy)[0]
        _check_sendkey(town, running, new)
    town.key = new


def _check_sendkey(town: Town, running: Running, key: str) -> None:
    """Whoever asks, in the clear or by a signed command, gets this certificate."""
    asker, root = "asker@else.example", town.root
    plain = f"From: {asker}\r\nTo: tld-ops-sendkey@lists.example.org\r\nSubject: key\r\n\r\n\r\n".encode()
    assert running.send(plain, asker, "tld-ops-sendkey@lists.example.org")[0] == 250
    (answer,) = new_mails(town, asker, 0)
    before = len(town.delivered(root.address))
    command = mail(root, part("text/plain; charset=utf-8", town.people.clearsign(root, "sendkey\n")))
    assert running.send(command, root.address, REQUEST)[0] == 250
    letter, _ = town.opened(new_mails(town, root.address, before)[-1])
    assert f"Fingerprint: {grouped(key)}" in letter.decode()
    for octets in (answer.as_bytes(), letter):
        assert f"fpr:::::::::{key}:" in _certificate_in(town, octets)


def _certificate_in(town: Town, octets: bytes) -> str:
    whole = email.message_from_bytes(octets, policy=email.policy.default)
    attached = next(p for p in whole.walk() if p.get_content_type() == "application/pgp-keys")
    return town.people.gpg("--with-colons", "--show-keys", data=attached.get_payload(decode=True)).decode()  # type: ignore[arg-type]


def test_posts_and_a_new_key_at_the_same_moment(town: Town, people: People) -> None:
    """While posts come in, another process enters the new key: each copy is signed by the key that was in force at the head it names."""
    anna, old = member(town, "Anna"), town.key
    new, text = another_key(town)
    count = len(town.delivered(anna.address))
    posts = [replace(town, key=key).post(anna, f"race {i} {key}") for i, key in enumerate([old, new] * 12)]
    with town.serve() as running, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(running.send, post) for post in posts[:6]]
        (town.home.parent / "replace.asc").write_bytes(people.clearsign(town.root, text))
        answers += [pool.submit(running.send, post) for post in posts[6:]]
        town.run("statement", "submit", str(town.home.parent / "replace.asc"))
        assert {answer.result()[0] for answer in answers} == {250}
        copies = new_mails(town, anna.address, count, len(posts))
    entry = next(row["entry"] for row in json.loads(town.run("key", "list", "--json")) if row["fingerprint"] == new)
    for copy in copies:
        content, _ = town.opened(copy)
        head = int(re.findall(rb"^Securelist-Log-Head: entry=([0-9]+)", content, re.MULTILINE)[0])
        key = new if head >= entry else old
        assert (signer(town, copy), autocrypt_of(town, copy)) == (key, key)
    town.key = new


def test_a_letter_in_the_queue_outlives_the_key_that_signed_it(town: Town, people: People) -> None:
    """What was sealed before the new key came in force leaves as it is, and can be read and verified."""
    root, old = town.root, town.key
    help_wanted = mail(root, part("text/plain; charset=utf-8", people.clearsign(root, "help\n")))
    assert town.judge(help_wanted, "submit", "--rcpt", REQUEST)["verdict"] == "accept"
    before = len(town.delivered(root.address))
    new, text = another_key(town)
    town.submit(root, text)
    town.deliver()
    (letter,) = town.mails(root.address)[before:]
    assert signer(town, letter) == old
    town.key = new


def test_back_to_a_former_key(town: Town) -> None:
    """The trust roots can put a former key in force again; a text signed again needs a line that makes it another."""
    now, former = town.key, next(fingerprint for fingerprint, state in keys(town).items() if state == "former")
    text = f"Securelist-Statement: replace-list-key\nList: {LIST}\nKey: {former}\n\nback again\n"
    assert town.submit(town.root, text)["accepted"]
    assert in_force(town) == former
    assert keys(town)[now] == "former"
    town.key = former


def test_the_export_carries_all_keys_and_proves_itself(town: Town) -> None:
    """With the root's certificate alone: members follow, and copies signed by each of the keys bear witness."""
    export, anna = town.home.parent / "rotated.log", member(town, "Anna")
    town.run("log", "export", str(export))
    first = json.loads(export.read_text().split("\n")[0])
    assert len(first["certificates"]) == sum(state != "waiting" for state in keys(town).values())
    copies = [str(file) for file in sorted((town.inbox / anna.address / "new").iterdir(), key=lambda file: file.stat().st_mtime_ns)]
    command = [SECURELIST, "log", "verify", "--json", str(export), "--root", str(town.home.parent / "root.asc")]
    command += [word for copy in (copies[0], copies[2], copies[-1]) for word in ("--copy", copy)]
    environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(town.people.home)}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, check=False)
    proof = json.loads(done.stdout)
    assert (proof["valid"], proof["problems"]) == (True, [])
    assert [copy["agrees"] for copy in proof["copies"]] == [True] * 3
    assert proof["members"] == town.listed()


def test_the_tables_are_made_anew_from_the_log_alone(town: Town) -> None:
    """`log replay` finds the key in force, and all former ones, without the tables."""
    before = (keys(town), town.run("member", "list", "--json"))
    with closing(sqlite3.connect(town.home / "securelist.db")) as database, database:
        for table in ("statements", "founding", "attestations"):
            database.execute(f"DELETE FROM {table}")
    town.run("member", "list", status=78)
    town.run("log", "replay")
    assert (keys(town), town.run("member", "list", "--json")) == before


def test_threads_never_hear_half_of_a_change(town: Town) -> None:
    """Whatever is put together with a key, is with one key alone: asked by many threads while keys come and are made."""
    house = Installation(town.home)
    certificate, present = house.list_certificate.fingerprint, threading.Event()
    assert certificate == town.key
    mixed: list[str] = []

    def listen() -> None:
        while not present.wait(0.01):
            voice = house.voice
            parts = {voice.list_key.fingerprint, voice.certificates[-1].fingerprint, voice.letterhead.config.key}
            mixed.extend(parts if len(parts) > 1 else ())

    threads = [threading.Thread(target=listen) for _ in range(3)]
    for thread in threads:
        thread.start()
    other, text = another_key(town)
    former = town.key
    town.submit(town.root, text)
    town.submit(town.root, f"Securelist-Statement: replace-list-key\nList: {LIST}\nKey: {former}\n\nfor the threads\n")
    town.submit(town.root, f"{text}\nfor the threads, again\n")
    present.set()
    for thread in threads:
        thread.join(30)
    assert not mixed
    assert (house.list_certificate.fingerprint, house.anchor.keys[-1]) == (other, other), (former, keys(town))
    town.key = other


def test_a_process_that_opens_the_list_twice_goes_on_seeing_what_others_enter(town: Town) -> None:
    """A second look at the database does not take the first one's locks away: what other processes write shows in both."""
    first = Installation(town.home)
    before = first.membership().head.number
    second = Installation(town.home)
    assert second.membership().head.number == before
    anna = member(town, "Anna")
    for number in (1, 2):
        town.submit(town.admin, town.statement("confirm-contact", anna, Name="", Key="") + f"\n{number}\n")
        assert (first.membership().head.number, second.membership().head.number) == (before + number, before + number)


# --- a list of its own: keys that are lost, keys before the founding ------------------------------------------------------


@pytest.fixture
def small(people: People, base: Path) -> Iterator[Town]:
    """Another founded list, with an Admin Contact and nobody in it."""
    (base / "small").mkdir()
    made = found_town(people, base / "small")
    yield made
    made.close()


def test_a_former_key_may_be_destroyed(small: Town, base: Path) -> None:
    """Without the secret half of a former key the list works on, and exports verify; without its certificate it says so."""
    former = small.key
    gpg = ["gpg", "--homedir", str(small.home / "gnupg"), "--batch", "--yes"]
    new, text = another_key(small)
    small.submit(small.root, text)
    subprocess.run([*gpg, "--delete-secret-keys", former], check=True, capture_output=True)
    assert keys(small) == {former: "former", new: "in force"}
    small.run("log", "export", str(base / "small.log"))
    small.run("log", "verify", str(base / "small.log"), "--root", str(base / "small" / "root.asc"))
    subprocess.run([*gpg, "--delete-keys", former], check=True, capture_output=True)
    done = subprocess.run([SECURELIST, "--home", str(small.home), "key", "list"], capture_output=True, check=False)
    assert done.returncode == 78
    assert f"the certificate of the list's key {former}, which the log names, is not in" in done.stderr.decode()


def test_a_key_that_is_none_of_the_lists_is_not_taken_for_one(people: People, base: Path) -> None:
    """Before the founding there is nothing to replace; a certificate that somebody imported into the list's home is not the list's."""
    root = people.make("Secretariat", f"{base.name}-early@ccnso.example")
    (base / "early.asc").write_bytes(root.certificate)
    early = Town(people, base / "early", base / "early-inbox", root, root)
    early.run("init", LIST, "--root", str(base / "early.asc"), "--next-hop", f"maildir:{early.inbox}")
    early.run("key", "new", status=65)
    subprocess.run(["gpg", "--homedir", str(early.home / "gnupg"), "--batch", "--import"], input=root.certificate, check=True)
    assert list(keys(early).values()) == ["waiting"]
    early.close()
