"""Servers that are gone when their test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from faults.process import Server

MakeServer = Callable[..., Server]


@pytest.fixture
async def make_server(tmp_path: Path) -> AsyncIterator[MakeServer]:
    """``make_server(**env)``: a server on the data directory of this test, not started yet."""
    made: list[Server] = []

    def make(**env: str) -> Server:
        made.append(Server(tmp_path / "data", env=env))
        return made[-1]

    yield make
    for server in made:
        await server.bury()
