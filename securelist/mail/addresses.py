"""Addresses: what a well-formed one is, and which part (role) of the list a recipient address reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# RFC 5321 4.5.3.1: longer paths need not be taken by anybody.
MAX_ADDRESS_OCTETS = 254
# The dot-atom form alone (RFC 5322 3.2.3): quoted local parts, comments and routes have fooled too many parsers.
# "/" and "%" are atoms but name files and relays elsewhere, so they are out.
_ATOM = r"[A-Za-z0-9!#$&'*+=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def address_problem(address: str) -> str:
    """One clause saying what is wrong with `address` as a plain ASCII addr-spec, or the empty string."""
    if len(address) > MAX_ADDRESS_OCTETS:
        return f"an address has at most {MAX_ADDRESS_OCTETS} characters"
    if not _ADDRESS.fullmatch(address):
        return f"{address[:80]!r} is not an address of the form name@domain.example"
    return ""


def same_address(address: str) -> str:
    """The form in which addresses are compared: lower case, the local part's too, as mail systems do in practice."""
    return address.lower()


class Role(StrEnum):
    """What an address of the list is for."""

    LIST = "list"
    REQUEST = "request"
    OWNER = "owner"
    BOUNCES = "bounces"
    SENDKEY = "sendkey"


@dataclass(frozen=True)
class ListAddress:
    """A recipient address that is the list's: its role, and for a bounce the token after the plus."""

    role: Role
    token: str = ""


def role_of(recipient: str, list_address: str) -> ListAddress | None:
    """The role of `recipient` for the list, or None for an address that is not the list's."""
    local, _, domain = same_address(list_address).rpartition("@")
    given, _, given_domain = same_address(recipient).rpartition("@")
    if given_domain != domain:
        return None
    if given == local:
        return ListAddress(Role.LIST)
    if not given.startswith(f"{local}-"):
        return None
    suffix, plus, token = given[len(local) + 1 :].partition("+")
    if suffix == Role.BOUNCES and token:
        return ListAddress(Role.BOUNCES, token)
    if plus or suffix not in {Role.REQUEST, Role.OWNER, Role.SENDKEY}:
        return None
    return ListAddress(Role(suffix))


def address_for(role: Role, list_address: str, token: str = "") -> str:
    """The list's address for `role`; the inverse of `role_of`."""
    local, _, domain = list_address.rpartition("@")
    suffix = "" if role is Role.LIST else f"-{role.value}"
    return f"{local}{suffix}{'+' + token if token else ''}@{domain}"
