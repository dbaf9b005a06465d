"""The list of sessions in the console: found, sorted, walked through with keys, and ten thousand of them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from cutty_agent.engines.embedded.store import open_store
from cutty_agent.ids import Address
from cutty_agent.ports.store import AddUsage
from e2e.chat_page import Profile
from e2e.console_page import open_console, signed_in
from e2e.operated import Operated

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

MANY = 10_000
COSTS = {42: 1_234_567_890_000, 7777: 1_230_000_000, 9000: 450_000}
"""Billionths of a US dollar, by the number of the session."""

# Scrolls through the whole table and gives the longest time between two frames, in milliseconds.
_SCROLL = """() => new Promise(resolve => {
    const table = document.querySelector('[role=grid]');
    const steps = 60;
    let step = 0, before = performance.now(), slowest = 0;
    const frame = now => {
        if (step > 3) slowest = Math.max(slowest, now - before);
        before = now;
        table.scrollTop = table.scrollHeight * (step / steps);
        if (step++ < steps) requestAnimationFrame(frame);
        else resolve(slowest);
    };
    requestAnimationFrame(frame);
})"""


_PRESS_HELP_AS_SOON_AS_SHOWN = """() => new MutationObserver((_, observer) => {
    if (!document.querySelector('[data-testid=overview]')) return;
    observer.disconnect();
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true, cancelable: true }));
}).observe(document.body, { childList: true, subtree: true })"""


async def test_a_session_is_found_by_what_is_known_of_it(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated, "sessions")
    await expect(console.part("loaded")).to_have_text("3 shown")
    await console.part("search").fill("anna-2")
    await expect(console.part("loaded")).to_have_text("1 shown")
    assert await console.rows() == ["chat/anna-2"]
    await expect(console.page).to_have_url(re.compile(r"#/sessions\?q=anna-2$"))
    await console.part("search").fill("ben")  # Of the owner's own id too.
    await expect(console.page.locator(".vrow")).to_have_attribute("data-key", "chat/ben-1")
    await console.part("filters-clear").click()
    await console.part("filter-owner").fill("user:anna")
    await expect(console.part("loaded")).to_have_text("2 shown")
    await console.part("filter-age").select_option("idle:1h")
    await expect(console.part("empty")).to_be_visible()
    await console.part("filter-age").select_option("active:1h")
    await expect(console.part("loaded")).to_have_text("2 shown")
    await console.part("sort-address").click()
    await expect(console.page.locator(".vrow").first).to_have_attribute("data-key", "chat/anna-1")
    await console.part("sort-address").click()
    await expect(console.page.locator(".vrow").first).to_have_attribute("data-key", "chat/anna-2")
    again = await signed_in(profile, operated, console.page.url.partition("#/")[2])
    await expect(again.part("loaded")).to_have_text("2 shown")
    assert await again.rows() == ["chat/anna-2", "chat/anna-1"]


async def test_a_key_pressed_the_moment_the_console_is_there_counts(
    profile: Profile, operated: Operated
) -> None:
    console = await open_console(profile, operated)
    await console.page.evaluate(_PRESS_HELP_AS_SOON_AS_SHOWN)
    await console.sign_in()
    await expect(console.part("keyboard-help")).to_be_visible()


async def test_the_console_with_the_keyboard_alone(profile: Profile, operated: Operated) -> None:
    console = await open_console(profile, operated)
    keys = console.page.keyboard
    await expect(console.part("token")).to_be_focused()
    await keys.type(operated.token)
    await keys.press("Enter")
    await expect(console.part("overview")).to_be_visible()
    await keys.press("?")
    await expect(console.part("keyboard-help")).to_be_visible()
    await keys.press("Escape")
    await expect(console.part("keyboard-help")).to_have_count(0)
    await keys.press("/")
    await expect(console.part("search")).to_be_focused()
    await keys.type("anna")
    await expect(console.part("loaded")).to_have_text("2 shown")
    table = console.page.get_by_role("grid", name="Sessions")
    await table.focus()
    await keys.press("End")
    chosen = console.page.locator('.vrow[aria-selected="true"]')
    await expect(chosen).to_have_attribute("data-key", (await console.rows())[-1])
    await keys.press("k")
    await expect(chosen).to_have_attribute("data-key", (await console.rows())[0])
    await keys.press("Enter")
    await expect(console.part("session")).to_be_visible()
    await expect(console.part("page-title")).to_be_focused()
    await console.page.go_back()
    await expect(console.part("loaded")).to_have_text("2 shown")
    for key, view in {"p": "principals", "l": "limits", "a": "audit", "c": "config", "o": "overview"}.items():
        await console.part("page-title").focus()
        await keys.press("g")
        await keys.press(key)
        await expect(console.part(view)).to_be_visible()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operated]:
    """Ten thousand sessions, and three of them have cost something."""
    running = Operated(tmp_path_factory.mktemp("many"))
    now_ms = time.time_ns() // 1_000_000
    store = await open_store(running.server.data)

    async def make(number: int) -> None:
        address = Address("chat", f"s-{number:05}")
        made = await store.claim(address, now_ms=now_ms, owner="")
        if number in COSTS:
            used = AddUsage(
                "", now_ms, "completed", "m", input_tokens=100, output_tokens=50, cost_nano=COSTS[number]
            )
            await store.commit(address, made.epoch, [used], now_ms=now_ms)

    for first in range(0, MANY, 500):
        await asyncio.gather(*map(make, range(first, first + 500)))
    await store.close()
    await running.start()
    yield running
    await running.stop()


async def test_ten_thousand_sessions_are_scrolled_through(profile: Profile, crowded: Operated) -> None:
    console = await signed_in(profile, crowded, "sessions?sort=address")
    table = console.page.get_by_role("grid", name="Sessions")
    await expect(console.part("loaded")).to_have_text("200+ shown")
    await table.focus()
    rows = console.part("session-table")
    while await rows.get_attribute("data-more") is not None:
        loaded = await rows.get_attribute("data-rows")
        await console.page.keyboard.press("End")
        await expect(rows).not_to_have_attribute("data-rows", loaded or "")
    await expect(console.part("loaded")).to_have_text(f"{MANY:,} shown")
    await console.page.keyboard.press("End")
    last = console.page.locator(".vrow").last
    await expect(last).to_have_attribute("data-key", f"chat/s-{MANY - 1:05}")
    await expect(last).to_be_in_viewport(ratio=1)
    assert await console.page.locator(".vrow").count() < 60
    slowest: float = await console.page.evaluate(_SCROLL)
    assert slowest < 200, f"a frame took {slowest:.0f} ms"
    await console.picture("ten-thousand")
    await console.page.keyboard.press("Home")
    await expect(console.page.locator(".vrow").first).to_be_in_viewport(ratio=1)


async def test_the_dearest_sessions_are_found(profile: Profile, crowded: Operated) -> None:
    console = await signed_in(profile, crowded, "sessions?sort=cost")
    costs = console.page.locator(".vrow .cell-cost")
    for index, text in enumerate(["$1,234.57", "$1.23", "$0.00045"]):
        await expect(costs.nth(index)).to_have_text(text)
    await console.part("filter-cost").fill("1")
    await expect(console.part("loaded")).to_have_text("2 shown")
    assert await console.rows() == ["chat/s-00042", "chat/s-07777"]
    await console.go("overview")
    cost = (await crowded.told("overview"))["totals"]["cost_nano"]
    assert cost == sum(COSTS.values())
    await expect(console.part("chart-cost-total")).to_have_text("$1,235.80")
    await expect(console.part("now-sessions")).to_have_text(f"{MANY:,}")
    await console.session("s-07777")
    await expect(console.part("fact-cost")).to_have_text("$1.23")
