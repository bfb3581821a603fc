"""OpenPGP messages in all the forms that a list must take, by gpg's options and by other programs, and the MIME around them."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pysequoia
from bad_mails import Stage
from good_mails import Made, Maker, entity, head, made, post, sealed

from securelist.openpgp.armor import dearmor

# --- what gpg is told ----------------------------------------------------------------------------------------------------------


def gpg(*options: str) -> Maker:
    """A post made by gpg with these options."""
    return lambda s, text: post(s, text, b"", *options)


def _for_all(s: Stage, text: str) -> Made:
    others = (option for who in (s.anna, s.bert, s.vera, s.mallory) for option in ("-r", who.fingerprint))
    return post(s, text, b"", *others)


def _partial(s: Stage, text: str) -> Made:
    """So long that gpg, reading from a pipe, writes it in pieces (RFC 9580, 4.2.1.4)."""
    return post(s, text, entity(text + "\r\n0123456789abcdef" * 20_000), "--compress-algo", "none")


# --- other programs ------------------------------------------------------------------------------------------------------------


def _secret(s: Stage) -> bytes:
    return s.people.gpg("--armor", "--export-secret-keys", s.anna.fingerprint)


def _sequoia(s: Stage, text: str) -> Made:
    content, to = entity(text), pysequoia.Cert.from_bytes(s.people.export(s.town.key))
    armored = pysequoia.encrypt(content, recipients=[to], signer=pysequoia.Tsk.from_bytes(_secret(s)).signer())
    return made(s, head(s) + sealed(armored, "sq"), content, text)


def program(call: Callable[[Stage], list[str]]) -> Maker:
    """A post that a program signs and encrypts in a folder that holds the files `secret` and `list.asc`."""

    def make(s: Stage, text: str) -> Made:
        folder, content = Path(tempfile.mkdtemp(prefix="p", dir=s.town.home.parent)), entity(text)
        (folder / "secret").write_bytes(_secret(s))
        (folder / "list.asc").write_bytes(s.people.export(s.town.key))
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"}
        done = subprocess.run(call(s), input=content, capture_output=True, cwd=folder, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        shutil.rmtree(folder)
        return made(s, head(s) + sealed(done.stdout, "program"), content, text)

    return make


_SOP = ["encrypt", "--sign-with=secret", "list.asc"]
_RNP = (
    "rnpkeys --homedir . --notty --import-keys secret >&2 && rnpkeys --homedir . --notty --import-keys list.asc >&2 && exec rnp --homedir ."
)


def rnp(*options: str) -> Maker:
    """A post by rnp with these options."""

    def call(s: Stage) -> list[str]:
        words = [
            "--notty",
            "--password",
            "x",
            "--armor",
            "--sign",
            "-u",
            s.anna.fingerprint,
            "--encrypt",
            "-r",
            s.town.key,
            *options,
            "--output",
            "-",
        ]
        return ["sh", "-c", " ".join([_RNP, *words])]

    return program(call)


MESSAGES: dict[str, Maker] = {
    "not compressed": gpg("--compress-algo", "none"),
    "compressed with ZIP": gpg("--compress-algo", "zip"),
    "compressed with ZLIB": gpg("--compress-algo", "zlib"),
    "compressed with BZIP2": gpg("--compress-algo", "bzip2"),
    "in pieces": _partial,
    "text mode": gpg("--textmode"),
    "hashed with SHA-256": gpg("--digest-algo", "SHA256"),
    "hashed with SHA-384": gpg("--digest-algo", "SHA384"),
    "hashed with SHA-512": gpg("--digest-algo", "SHA512"),
    "AES with 128 bits": gpg("--cipher-algo", "AES"),
    "Camellia": gpg("--cipher-algo", "CAMELLIA256"),
    "a hidden recipient": lambda s, text: post(s, text, b"", "--hidden-recipient", s.bert.fingerprint),
    "all recipients hidden": gpg("--throw-keyids"),
    "encrypted to the list, to its writer and to others": _for_all,
    "a file name and a notation": gpg("--set-filename", "zurück.txt", "--sig-notation", "ticket@nl.example=4711"),
    "a policy and the signer's address": lambda s, text: post(
        s, text, b"", "--sig-policy-url", "https://nl.example/policy", "--sender", s.anna.address
    ),
    "for the eyes only": gpg("--for-your-eyes-only"),
    "made by Sequoia": _sequoia,
    "made by sqop": program(lambda _: ["sqop", *_SOP]),
    "made by GopenPGP": program(lambda _: ["gosop", *_SOP]),
    "made by rnp": rnp(),
    "made by rnp, authenticated by OCB": rnp("--aead=OCB"),
}


# --- armour --------------------------------------------------------------------------------------------------------------------


def armored(change: Callable[[bytes], bytes], data: str = "", ends: Callable[[bytes], bytes] = bytes) -> Maker:
    """A post whose armour was changed on the way from gpg to the mail; `data` are more fields of its part."""

    def make(s: Stage, text: str) -> Made:
        content = entity(text)
        return made(s, ends(head(s) + sealed(change(s.town.encrypt(s.anna, content)), "b0", data=data)), content, text)

    return make


def _lines(width: int) -> Callable[[bytes], bytes]:
    """Armour with lines of another width, and without its checksum."""

    def wide(block: bytes) -> bytes:
        octets = base64.b64encode(dearmor(block))
        lines = [octets[at : at + width] for at in range(0, len(octets), width)]
        return b"\n".join([b"-----BEGIN PGP MESSAGE-----", b"", *lines, b"-----END PGP MESSAGE-----", b""])

    return wide


def _base64(block: bytes) -> bytes:
    return base64.encodebytes(dearmor(block))


_BASE64 = "\r\nContent-Transfer-Encoding: base64"
ARMOUR: dict[str, Maker] = {
    "armour without its checksum": armored(lambda block: re.sub(rb"\n=[^\n]{4}\n", b"\n", block)),
    "armour with a wrong checksum": armored(lambda block: re.sub(rb"\n=[^\n]{4}\n", b"\n=AAAA\n", block)),
    "armour with a version and comments": armored(
        lambda block: block.replace(b"\n\n", b"\nVersion: GnuPG v2.0.22 (MingW32)\nComment: Using GnuPG with Thunderbird\nComment:\n\n", 1)
    ),
    "armour in lines of 76": armored(_lines(76)),
    "armour in one line": armored(_lines(900)),
    "armour in lines of 40": armored(_lines(40)),
    "armour with blanks at the ends of its lines": armored(lambda block: block.replace(b"\n", b" \t\n")),
    "armour with empty lines around it": armored(lambda block: b"\n\n" + block + b"\n\n"),
    "line ends of Unix alone": armored(bytes, ends=lambda mail: mail.replace(b"\r\n", b"\n")),
    "binary in base64": armored(_base64, _BASE64),
    "armour in base64": armored(base64.encodebytes, _BASE64),
    "armour in quoted-printable": armored(
        lambda block: block.replace(b"=", b"=3D").replace(b"AA", b"A=\nA"), "\r\nContent-Transfer-Encoding: Quoted-Printable"
    ),
}


# --- MIME around it --------------------------------------------------------------------------------------------------------------


def around(boundary: str, preamble: str = "", quote: str = '"', change: Callable[[bytes], bytes] = bytes) -> Maker:
    """A post with this boundary; `change` is made to the mail."""

    def make(s: Stage, text: str) -> Made:
        content = entity(text)
        return made(s, change(head(s) + sealed(s.town.encrypt(s.anna, content), boundary, preamble, quote=quote)), content, text)

    return make


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """A change: one text for another."""
    return lambda mail: mail.replace(old.encode(), new.encode())


LAYOUTS: dict[str, Maker] = {
    "a boundary of 70 characters": around("=_" + "x1" * 34),
    "a boundary of one character": around("x", quote=""),
    "a boundary with all that may stand in one": around("a'(b)+_c,-./:=?d e?0"),
    "a boundary that the text holds": around("canary"),
    "a boundary in two pieces": around("b0", change=replaced('boundary="b0"', 'boundary*0="b"; boundary*1="0"')),
    "a boundary with a character set": around("b0", change=replaced('boundary="b0"', "boundary*=us-ascii''b0")),
    "field names and types in capitals": around(
        "b0", change=lambda mail: re.sub(rb"(?i)content-type: [a-z/-]+", lambda match: match[0].upper(), mail)
    ),
    "more parameters than needed": around("b0", change=replaced("; boundary", '; charset="us-ascii"; x-mailer="a; b=c"; boundary')),
    "folded before every parameter": around("b0", change=replaced("; ", ";\r\n\t")),
    "comments in fields": around("b0", change=replaced("MIME-Version: 1.0", "MIME-Version: 1.0 (by (nested) hand)")),
    "words for old mail programs around the parts": around("b0", "This is a message in MIME.\r\n\r\nGet a newer mail program.\r\n"),
    "lines after the last part": around("b0", change=lambda mail: mail + b"\r\nThe end.\r\n"),
    "blanks after boundaries": around("b0", change=replaced("--b0\r\n", "--b0 \t\r\n")),
    "a description of the control part": around(
        "b0", change=replaced("pgp-encrypted\r\n\r\n", "pgp-encrypted\r\nContent-Description: PGP/MIME (RFC 3156)\r\n\r\n")
    ),
}
