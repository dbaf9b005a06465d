"""The network between a browser and the server, which a test can cut."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from typing import Self


class Cable:
    """Passes TCP connections on to ``port`` of this machine until it is cut.

    A cut resets every connection and every later attempt, at once and in both directions, as a lost network does;
    Chromium's own offline mode leaves open WebSockets alone. An asynchronous context manager.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._whole = True
        self._ends: set[StreamWriter] = set()
        self._carriers: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """The near end of the cable, for the browser."""
        assert self._server is not None
        return f"http://localhost:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.cut()
        self._server.close()
        await asyncio.gather(*self._carriers)

    def cut(self) -> None:
        """Lose everything that is under way."""
        self._whole = False
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        """Let new connections through."""
        self._whole = True

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carriers.add(task)
        task.add_done_callback(self._carriers.discard)
        self._ends.add(writer)
        try:
            if self._whole:
                await self._carry(reader, writer)
        finally:
            self._ends.discard(writer)
            writer.transport.abort()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return
        self._ends.add(far_writer)
        try:
            if self._whole:
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            self._ends.discard(far_writer)
            far_writer.transport.abort()


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    """Copy until either side is gone; then both are, because a half-open connection is of no use to a test."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
