"""Checks of mail's way out: the next hop, and the queue before it."""

from __future__ import annotations

from sqlalchemy import func, select

from securelist.delivery.next_hop import OK, open_next_hop
from securelist.doctor.finding import Finding, Patient, State
from securelist.store.database import reading
from securelist.store.queue import FAILED, QUEUED
from securelist.store.schema import Copy

# `serve` looks every half minute, and a large post takes some minutes; what is due for longer is stuck.
OVERDUE_S = 900
# An upgrade or a repair, the service stopped and doctor asked before it starts again, takes an hour or two.
STUCK_S = 6 * 3600
RECENT_S = 86_400


def next_hop(patient: Patient) -> Finding:
    """Whether copies have somewhere to go: it is greeted, and gets no mail."""
    url = patient.config.next_hop
    hop = open_next_hop(url, patient.config.domain)
    try:
        answer = hop.greet()
    finally:
        hop.close()
    if answer.kind == OK:
        return Finding("next-hop", State.OK, f"{url}: {answer.text}")
    advice = "start it, or set next_hop in securelist.toml; copies wait until then, for five days"
    return Finding("next-hop", State.PROBLEM, f"{url}: {answer.text}", advice)


def queue(patient: Patient) -> Finding:
    """Whether copies leave when they are due."""
    overdue = (Copy.state == QUEUED) & (Copy.due < patient.now - OVERDUE_S) & (Copy.leased_until < patient.now)
    failed = (Copy.state == FAILED) & (Copy.settled > patient.now - RECENT_S)
    with reading(patient.engine) as connection:
        waiting, oldest = connection.execute(select(func.count(), func.min(Copy.due)).where(overdue)).one()
        queued = connection.execute(select(func.count()).where(Copy.state == QUEUED)).scalar_one()
        lost = connection.execute(select(func.count()).where(failed)).scalar_one()
    if waiting:
        late = patient.now - oldest
        state = State.PROBLEM if late > STUCK_S else State.WARNING
        advice = "is the service running? systemctl status securelist; then: securelist queue list"
        return Finding("queue", state, f"{waiting} copies should have left, the first {late // 60} min ago", advice)
    if lost:
        return Finding("queue", State.WARNING, f"{queued} copies wait; {lost} failed within a day", "see why: securelist queue list")
    return Finding("queue", State.OK, f"{queued} copies wait, none too long")
