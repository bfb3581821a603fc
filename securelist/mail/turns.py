"""Whose turn it is when more want something than can have it at once."""

from __future__ import annotations

import asyncio


class Turns:
    """So many at once, in one event loop; `async with turns:` waits for a turn, and who gives up waiting leaves no trace.

    Of those who wait the newest is next. Under a flood first come, first served would have everybody wait as long as the queue is;
    so the new one is served at once, and who waits in vain and must be told to come again is one of the many who wait.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting = [other for other in self._waiting if other is not turn]
            else:  # it was given a turn and did not live to take it
                self._pass_on()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            newest = self._waiting.pop()
            if not newest.done():
                newest.set_result(None)
                return
        self._free += 1
