"""The page without a mouse, for a screen reader, and by the rules of axe-core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from e2e.chat_page import ChatPage, NewProfile, Profile
from e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

# Where the focus is, and whether it can be seen there: a ring around the element or around what holds it.
_FOCUS = """() => {
    const focused = document.activeElement;
    const ringed = (element) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
        return (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    };
    return {
        name: focused.dataset.testid ?? focused.className,
        visible: ringed(focused) || ringed(focused.closest('form') ?? focused),
    };
}"""


async def test_a_conversation_with_the_keyboard_alone(profile: Profile, slow_server: Server) -> None:
    tab = await profile.tab(slow_server.address)
    keys = tab.page.keyboard
    await expect(tab.composer).to_be_focused()  # Ready to write at once.
    await keys.type("my name is Ada")
    await keys.press("Shift+Enter")
    await keys.type("and I type")
    await keys.press("Enter")
    await tab.is_in("ready")
    await tab.counts(2)
    assert (await tab.messages())[0] == ("user", "my name is Ada and I type")

    await expect(tab.composer).to_be_focused()
    await keys.type("count to 60")
    await keys.press("Enter")
    await tab.reads("1 2 3")
    await keys.press("Tab")
    assert await tab.page.evaluate(_FOCUS) == {"name": "stop", "visible": True}
    await keys.press("Enter")
    await tab.is_in("ready")
    assert "60" not in await tab.answer.inner_text()
    await expect(tab.composer).to_be_focused()

    await keys.type("count to 60")
    await keys.press("Enter")
    await tab.counts(6)
    await tab.reads("1 2 3")
    await keys.press("Escape")
    await tab.is_in("ready")
    assert "60" not in await tab.answer.inner_text()


async def test_every_control_is_reached_in_order_and_its_focus_is_seen(
    profile: Profile, server: Server
) -> None:
    tab = await profile.tab(server.address)
    await tab.ask("my name is Ada")
    await tab.page.evaluate("document.activeElement.blur()")
    await tab.page.reload()
    await tab.counts(2)
    await tab.is_in("ready")
    await tab.page.locator("body").evaluate("body => { body.tabIndex = -1; body.focus(); }")
    visited: list[str] = []
    while "composer" not in visited:
        await tab.page.keyboard.press("Tab")
        focus = await tab.page.evaluate(_FOCUS)
        assert focus["visible"], f"the focus cannot be seen on {focus['name']}"
        visited.append(focus["name"])
        assert len(visited) < 30, f"Tab does not reach the composer: {visited}"
    assert visited[0] == "skip-link"
    controls = ["new-session", "clear", "theme", "debug-toggle", "copy-message", "edit-message", "regenerate"]
    assert [name for name in dict.fromkeys(visited) if name in controls] == controls

    await tab.button("debug-toggle").focus()
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_test_id("frames")).to_be_visible()
    await expect(tab.button("debug-toggle")).to_have_attribute("aria-expanded", "true")
    await tab.page.keyboard.press("Control+.")
    await expect(tab.page.get_by_test_id("debug-panel")).to_be_hidden()

    await tab.button("clear").focus()
    await tab.page.keyboard.press("Enter")
    await expect(tab.button("clear-dialog")).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await expect(tab.button("clear-dialog")).to_be_hidden()
    await expect(tab.button("clear")).to_be_focused()

    log = tab.page.get_by_role("log", name="Conversation")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log).to_have_attribute("aria-busy", "false")
    await expect(log.get_by_test_id("message")).to_have_count(2)
    await expect(tab.page.get_by_test_id("status")).to_have_role("status")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(scheme: str, new_profile: NewProfile, server: Server) -> None:
    assert AXE.is_file(), f"{AXE} is missing; run npm --prefix web ci"
    profile = await new_profile(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    tab = await profile.tab(server.address)
    await tab.page.add_script_tag(path=AXE)
    assert await _violations(tab) == []
    await tab.picture(f"welcome-{scheme}")

    await tab.ask("weather in Oslo")
    await tab.ask("show markdown")
    await tab.ask("think about cuttlefish")
    await tab.send("fail")
    await tab.is_in("error")
    await tab.click("debug-toggle")
    await expect(tab.page.get_by_test_id("frames")).to_be_visible()
    for card in await tab.page.locator("details.card, .tool details").all():
        await card.locator("summary").click()
    assert await _violations(tab) == []
    await tab.picture(f"conversation-{scheme}")

    await tab.click("debug-toggle")
    await tab.button("edit-message").first.click()
    assert await _violations(tab) == []
    await tab.page.keyboard.press("Escape")
    await expect(tab.button("edit-message").first).to_be_focused()
    await tab.click("clear")
    assert await _violations(tab) == []


async def test_the_theme_is_the_system_s_until_the_visitor_chooses(
    new_profile: NewProfile, server: Server
) -> None:
    profile = await new_profile(color_scheme="dark")
    tab = await profile.tab(server.address)
    shade = "getComputedStyle(document.body).backgroundColor"
    dark = await tab.page.evaluate(shade)
    await tab.page.emulate_media(color_scheme="light")
    light = await tab.page.evaluate(shade)
    assert dark != light
    await tab.click("theme")
    assert await tab.page.evaluate(shade) == dark
    await tab.reload()
    assert await tab.page.evaluate(shade) == dark


async def test_a_narrow_screen_shows_everything_without_scrolling_sideways(
    new_profile: NewProfile, server: Server
) -> None:
    profile = await new_profile(viewport={"width": 320, "height": 640}, has_touch=True)
    tab = await profile.tab(server.address)
    await tab.picture("narrow-welcome")
    await tab.ask("show markdown")
    for control in ("new-session", "clear", "theme", "debug-toggle", "composer", "open-tab"):
        await expect(tab.button(control)).to_be_in_viewport(ratio=1)
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await tab.page.evaluate(sideways) == 0
    await tab.picture("narrow")
    await tab.click("debug-toggle")
    await expect(tab.page.get_by_test_id("frames")).to_be_visible()
    assert await tab.page.evaluate(sideways) == 0
    await tab.picture("narrow-debug")


async def _violations(tab: ChatPage) -> list[str]:
    """What axe-core calls serious or critical: the rule, and where."""
    found: list[dict[str, Any]] = await tab.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)"
    )
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
