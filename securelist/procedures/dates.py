"""Dates as letters give them."""

from __future__ import annotations

from datetime import UTC, datetime


def day(at: int) -> str:
    """The day of a time in Unix seconds, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def minute(at: int) -> str:
    """The day, hour and minute of a time in Unix seconds, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
