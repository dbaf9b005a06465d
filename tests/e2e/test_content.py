"""What answers look like: tools, Markdown, hostile text, errors, and a session the server refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from e2e.chat_page import Profile
from e2e.demo_answers import greeting
from e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = (
    "<img src=x onerror=alert(1)> <script>alert(2)</script> <svg onload=alert(3)> <iframe srcdoc='<b>hi</b>'></iframe>",
    "[press](javascript:alert(4)) [data](data:text/html,<script>alert(5)</script>) [good](https://example.com/)",
    "![plain](http://192.0.2.1/pixel.png) ![pixel](https://192.0.2.1/pixel.png) ![script](javascript:alert(6))",
)


async def test_a_tool_call_is_a_card_with_input_and_output(profile: Profile, server: Server) -> None:
    tab = await profile.tab(server.address)
    await tab.ask("weather in Oslo")
    card = tab.page.get_by_test_id("tool")
    for reloaded in (False, True):
        if reloaded:
            await tab.reload()
        await expect(card).to_have_count(1)
        await expect(card).to_have_attribute("data-tool", "get_weather")
        await expect(card).to_have_attribute("data-state", "output-available")
        await expect(tab.answer).to_contain_text("In Oslo it is")
    await card.locator("summary").click()
    await expect(card.get_by_label("Input")).to_contain_text('"city": "Oslo"')
    await expect(card.get_by_label("Output")).to_contain_text('"celsius"')
    await tab.picture("tool")


async def test_markdown_is_rendered(profile: Profile, server: Server) -> None:
    tab = await profile.tab(server.address)
    await tab.ask("show markdown")
    body = tab.answer
    await expect(body.get_by_role("heading", name="A heading")).to_be_visible()
    await expect(body.locator("table tbody tr")).to_have_count(2)
    await expect(body.locator("table th")).to_have_text(["cuttlefish", "arms", "hearts"])
    await expect(body.locator("figure pre code.language-python")).to_contain_text(
        "def greet(name: str) -> str:"
    )
    await expect(body.locator("ol > li")).to_have_text(["first", "second\nand inside"], use_inner_text=True)
    await expect(body.locator("strong")).to_have_text("bold")
    await expect(body.locator("blockquote")).to_have_text("All of this was streamed word by word.")
    link = body.get_by_role("link", name="link")
    await expect(link).to_have_attribute("href", "https://example.com/")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await tab.picture("markdown")


async def test_hostile_text_stays_text(profile: Profile, server: Server) -> None:
    tab = await profile.tab(server.address)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    for text in HOSTILE:
        await tab.ask(text)  # The demo model repeats it.
    await tab.reload()
    await tab.counts(6)
    log = tab.page.get_by_role("log")
    await expect(log).to_contain_text("alert(2)")
    assert await log.locator("script, iframe, svg[onload], img, [onerror], [onload]").count() == 0
    targets = await log.locator("a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert targets == ["https://example.com/"]
    await expect(tab.button("load-image")).to_have_count(
        1
    )  # The one over https, and only when it is asked for.
    await tab.picture("hostile")
    assert [url for url in asked if not url.startswith(server.address)] == []
    assert tab.problems == []  # No dialog, no violation of the content policy, no exception.


async def test_a_failed_answer_says_so_and_the_next_one_works(profile: Profile, server: Server) -> None:
    tab = await profile.tab(server.address)
    await tab.send("fail")
    await tab.is_in("error")
    await expect(tab.page.get_by_test_id("error")).to_contain_text(
        "The demo model failed, as it was asked to."
    )
    await tab.picture("error")
    await tab.reload()
    await tab.is_in("error")  # A window that comes later learns of it too.
    await expect(tab.page.get_by_test_id("error")).to_contain_text("The demo model failed")
    await tab.click("retry")
    await server.logged("turn.ended", await tab.session_id(), count=2)
    await tab.is_in("error")
    await tab.send("my name is Ada")
    await tab.reads(greeting("Ada"))
    await tab.is_in("ready")
    await expect(tab.page.get_by_test_id("error")).to_have_count(0)
    assert (await tab.messages())[-2:] == [("user", "my name is Ada"), ("assistant", greeting("Ada"))]


@pytest.mark.parametrize("session", ["bad%2Fid", "a" * 200], ids=["character", "length"])
async def test_an_impossible_session_is_said_to_be_one(
    session: str, profile: Profile, server: Server
) -> None:
    tab = profile.adopt(await profile.context.new_page())
    await tab.page.goto(f"{server.address}/?session={session}")
    notice = tab.page.get_by_test_id("impossible-session")
    await expect(notice).to_contain_text("1 to 128 letters")
    await tab.picture("impossible-session")
    assert tab.sockets == []
    await tab.click("own-session")
    await tab.is_in("ready")
    assert len(await tab.ask("my name is Ada")) > 0
    assert "session=" not in tab.page.url


async def test_a_refused_session_shows_the_reason_and_does_not_knock_again(
    profile: Profile, tmp_path: Path
) -> None:
    server = Server(tmp_path, delay_ms=0, CUTTY_ALLOW_DEFAULT="false")
    await server.start()
    try:
        tab = await profile.tab(f"{server.address}/?session=default", state="closed")
        notice = tab.page.get_by_test_id("connection-error")
        await expect(notice).to_contain_text("This server has no shared session called default.")
        await expect(tab.composer).to_be_disabled()
        await tab.picture("refused")
        (refused,) = tab.sockets
        assert refused.closed
        # A client that takes the refusal for a lost network tries again after 3 seconds; that time passes here at once.
        await tab.page.clock.install()
        await tab.page.reload()
        await tab.is_in("closed")
        await tab.page.clock.run_for(60_000)
        await tab.page.evaluate("fetch('health')")  # A socket opened before this would have been seen.
        assert len(tab.sockets) == 2
        await notice.get_by_role("button", name="New session").click()
        await tab.page.clock.resume()
        await tab.is_in("ready")
        assert await tab.ask("count to 3") == "1 2 3"
        tab.forgive("status of 400")
    finally:
        await server.stop()
