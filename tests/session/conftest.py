"""Worlds that are closed after their test, and leave no task behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cutty_agent.clock import SystemClock
from cutty_agent.engines.embedded.store import open_store
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import SessionStore
from session.harness import MakeWorld, Stage, World, eventually, scripted, settings


@pytest.fixture
async def store() -> AsyncIterator[SessionStore]:
    """Where it does not matter which."""
    opened = MemoryStore()
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "embedded"])
async def durable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore]:
    """Where what is stored matters: both engines."""
    opened: SessionStore = MemoryStore() if request.param == "memory" else await open_store(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def make_world(store: SessionStore, stage: Stage) -> AsyncIterator[MakeWorld]:
    """Makes worlds; keyword arguments that are not settings are attributes of the agent class."""
    worlds: list[World] = []
    before = asyncio.all_tasks()

    def make(
        on: SessionStore | None = None,
        *,
        limits: dict[str, Any] | None = None,
        lifetimes: dict[str, Any] | None = None,
        access: dict[str, Any] | None = None,
        clock: Any = None,
        **attributes: Any,
    ) -> World:
        world = World(
            on or store,
            stage,
            settings(limits=limits, lifetimes=lifetimes, access=access),
            scripted(stage, **attributes),
            clock or SystemClock(),
        )
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        await world.close()
    mine = {asyncio.current_task()} | before
    await eventually(lambda: asyncio.all_tasks() <= mine | {asyncio.current_task()}, "the end of all tasks")


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
