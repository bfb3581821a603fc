"""What people say in the scenes of `trust_scenes`: texts that are made once it is known who has which key."""

from __future__ import annotations

from trust_scenes import AT, PENDING, Company, Step, Text, says
from trust_world import DAY, LIST, appointment, attestation, moment, statement

from securelist.trust.grammar import founding_text


def appoints(contact: str, cctld: str, **fields: str) -> Text:
    return lambda cast: appointment(cast.person(contact), cctld, **fields)


def attests(whom: str, key: str = "", more: str = "", **fields: str) -> Text:
    """An attestation, with another's key if need be; `more` stands below it."""
    return lambda cast: attestation(cast.person(whom), **fields, **({"Key": cast.person(key).fingerprint} if key else {})) + more


def words(kind: str, **fields: str) -> Text:
    """Any other statement; a field whose value is the name of one of the cast, with `Key`, stands for their fingerprint."""

    def text(cast: Company) -> str:
        return statement(kind, **{name: cast.fingerprint(value) if name == "Key" else value for name, value in fields.items()})

    return text


def dismisses(cctld: str, since: float | None = None, **fields: str) -> Text:
    """A dismissal; `since` in days after AT."""
    return words("dismiss-admin-contact", TLD=cctld, **fields, **_since(since))


def founds(*roots: str, threshold: int | None = None, more: str = "") -> Text:
    def text(cast: Company) -> str:
        lines = f"Threshold: {threshold}\n" if threshold else ""
        return founding_text(LIST, cast.list_key.fingerprint, [cast.person(root).fingerprint for root in roots]) + lines + more

    return text


def replaces_roots(*roots: str, threshold: int | None = None, since: float | None = None, more: str = "") -> Text:
    def text(cast: Company) -> str:
        lines = [f"Root: {cast.person(root).fingerprint}\n" for root in roots]
        lines += [f"Threshold: {threshold}\n"] if threshold else []
        lines += [f"{name}: {value}\n" for name, value in _since(since).items()]
        return f"Securelist-Statement: replace-roots\nList: {LIST}\n" + "".join(lines) + more

    return text


def _since(day: float | None) -> dict[str, str]:
    return {} if day is None else {"Since": moment(AT + round(day * DAY))}


# Texts that the tables of several modules use.
DORA = appoints("dora", "de")
OTHER = appoints("admin_br", "de")
SUSPEND = words("suspend-member", TLD="nl", Email="anna@nl.example")
RESUME = words("resume-member", TLD="nl", Email="anna@nl.example")


def both(text: Text, *sends: str, day: float = 0) -> tuple[Step, Step]:
    """Two trust roots sign the same text, and so it takes effect where two of three have to agree."""
    return says("root", text, PENDING, *sends, day=day), says("root2", text, day=day)
