"""One browser and its servers for the whole folder; profiles and tabs belong to their test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect

from e2e.chat_page import NewProfile, Profile
from e2e.chromium import ARGUMENTS, PROGRAMS, find
from e2e.operated import Operated
from e2e.server import Server
from e2e.waiting import PATIENCE_S

QUICK_MS = 8.0
SLOW_MS = 40.0
"""Slow enough that "count to 60" still streams after a reload or a reconnect."""

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser. There is no skipping: what these tests prove is what the page promises."""
    found = find()
    if found is None:
        pytest.fail(
            f"No browser on PATH (looked for {', '.join(PROGRAMS)}): run `make system`, "
            "or leave these tests out with -m 'not e2e'.",
            pytrace=False,
        )
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    launched = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
    yield launched
    await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_profile(browser: Browser) -> AsyncIterator[NewProfile]:
    """Makes profiles; after the test none of their pages may have had a problem."""
    profiles: list[Profile] = []

    async def make(**options: Any) -> Profile:
        profiles.append(Profile(await browser.new_context(**options)))
        return profiles[-1]

    yield make
    for profile in profiles:
        await profile.context.close()
    assert [profile.problems() for profile in profiles] == [[] for _ in profiles]


@pytest_asyncio.fixture(loop_scope="session")
async def profile(new_profile: NewProfile) -> Profile:
    return await new_profile()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """For everything where the time an answer takes does not matter."""
    running = Server(tmp_path_factory.mktemp("quick"), delay_ms=QUICK_MS)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def slow_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """For whatever happens in the middle of an answer."""
    running = Server(tmp_path_factory.mktemp("slow"), delay_ms=SLOW_MS)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def own_server(tmp_path: Path) -> AsyncIterator[Server]:
    """For a test that kills it."""
    running = Server(tmp_path, delay_ms=SLOW_MS)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operated]:
    """For whatever only looks: six turns of two users, one of which failed."""
    running = Operated(tmp_path_factory.mktemp("operated"))
    await running.start()
    await running.ask("anna", "anna-1", "my name is Anna", "weather in Oslo", "fail")
    await running.ask("anna", "anna-2", "show markdown")
    await running.ask("ben/x", "ben-1", "<img src=x onerror=alert(1)> **no**", "count to 5")
    yield running
    await running.stop()
