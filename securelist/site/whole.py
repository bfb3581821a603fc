"""The public site as files: made from what the list knows, the same octets for the same facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from securelist.openpgp import sequoia
from securelist.site import page, tables
from securelist.site.facts import Facts
from securelist.upkeep.wkd import paths


def site(told: Facts) -> Mapping[str, bytes]:
    """The files by their paths: what others lead to first, the page itself last."""
    certificate = told.certificate.octets
    return {
        **directory(told.found_by, certificate),
        "list.asc": sequoia.armor(certificate, "PUBLIC KEY BLOCK"),
        "coverage.json": tables.as_json(told),
        "coverage.csv": tables.as_csv(told),
        "icon.svg": page.file("icon.svg"),
        "style.css": page.file("style.css"),
        "index.html": page.index(told),
    }


def directory(addresses: Iterable[str], certificate: bytes) -> dict[str, bytes]:
    """The Web Key Directory (draft-koch-openpgp-webkey-service, 3.1 and 4.5) in which a certificate is found by these addresses.

    By both methods; each has its policy file, which says by being there that there is a directory.
    """
    tree = {path: certificate for address in addresses for path in paths(address)}
    return {str(PurePosixPath(path).parent.with_name("policy")): b"" for path in tree} | tree
