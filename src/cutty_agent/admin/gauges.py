"""How busy the server is at most, told to the store once a minute."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from ..errors import CuttyError
from ..session.registry import Registry

log = structlog.get_logger("cutty_agent.admin")

PAUSE_S: Final = 60.0
"""Between two reports, in seconds."""


class Gauges:
    """Nothing is lost between two reports: the limiter keeps the peaks meanwhile."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to report."""
        self._task = asyncio.get_running_loop().create_task(self._forever())

    async def stop(self) -> None:
        """Report once more and end; before the store is closed."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.report()

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            await self.report()

    async def report(self) -> None:
        """Tell the store the peaks since the last report; where there was nothing it is not troubled."""
        registry = self._registry
        most = registry.limiter.peaks()
        if not most.running and not most.sockets:
            return
        try:
            await registry.store.sample(
                at_ms=registry.clock.now_ms(), running=most.running, sockets=most.sockets
            )
        except CuttyError as error:
            log.warning("gauges.not_reported", error=str(error))
