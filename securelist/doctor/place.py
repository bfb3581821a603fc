"""Checks of the state directory: who may look into it, what the configuration says, the form of the tables, the letters."""

from __future__ import annotations

from securelist.config import FILE_NAME
from securelist.delivery.next_hop import open_next_hop
from securelist.doctor.finding import Finding, Patient, State
from securelist.letters.templates import Templates
from securelist.mail.server import host_and_port
from securelist.permissions import Fault, of_home, of_letters
from securelist.store.database import HEAD, open_database, version


def permissions(patient: Patient) -> Finding:
    """Whether owners, modes and links are as they must be, everywhere."""
    return _of_faults("permissions", list(of_home(patient.home)), f"nobody else can read or change what is in {patient.home}")


def configuration(patient: Patient) -> Finding:
    """Whether the configuration can be read, and its places and the next hop mean something."""
    config = patient.config
    for place in (config.smtp, config.lmtp):
        host_and_port(place)
    open_next_hop(config.next_hop, config.domain).close()
    return Finding("configuration", State.OK, f"{patient.home / FILE_NAME}: {config.list}, SMTP on {config.smtp}, LMTP on {config.lmtp}")


def letters(patient: Patient) -> Finding:
    """Whether translated letters can be used, and by nobody else be changed."""
    config = patient.config
    if not config.letters:
        return Finding("letters", State.OK, "all letters are in English")
    folder = config.home / config.letters
    Templates(folder).check()
    return _of_faults("letters", list(of_letters(folder)), f"the translations in {folder} can be used")


def _of_faults(check: str, faults: list[Fault], well: str) -> Finding:
    if not faults:
        return Finding(check, State.OK, well)
    state = State.PROBLEM if any(fault.grave for fault in faults) else State.WARNING
    return Finding(check, state, "; ".join(fault.sentence for fault in faults), "; ".join(fault.mend for fault in faults))


def database(patient: Patient) -> Finding:
    """Whether the tables are this version's, brought to that form if they are older."""
    engine = open_database(patient.config)
    before = version(engine)
    engine.dispose()
    assert version(patient.engine) == HEAD
    said = "the tables are of this version" if before == HEAD else f"the tables were brought from version {before or 'none'} to this one"
    return Finding("database", State.OK, f"{said} ({HEAD})")
