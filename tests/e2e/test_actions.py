"""What a visitor can do with a conversation: stop, answer again, edit, clear, copy."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from e2e.chat_page import NewProfile, Profile
from e2e.demo_answers import counted, greeting, recalled
from e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_stop_keeps_the_partial_answer_and_answer_again_replaces_it(
    profile: Profile, slow_server: Server
) -> None:
    tab = await profile.tab(slow_server.address)
    session = await tab.session_id()
    await tab.ask("my name is Ada")
    await tab.send("count to 30")
    await tab.reads("1 2 3 4 5")
    await tab.click("stop")
    await tab.is_in("ready")
    ended = await slow_server.logged("turn.ended", session, count=2)
    assert ended[-1]["outcome"] == "aborted"

    await tab.reload()
    await tab.counts(4)
    partial = (await tab.answer.inner_text()).strip()
    assert partial.startswith("1 2 3 4 5")
    assert counted(30).startswith(partial)
    assert len(partial) < len(counted(30))
    assert (await slow_server.stored(session))[-1]["parts"][-1]["text"].strip() == partial
    before = await tab.message_ids()

    await tab.is_in("ready")
    await tab.click("regenerate")
    await tab.reads(counted(30))
    await tab.is_in("ready")
    for reloaded in (False, True):
        if reloaded:
            await tab.reload()
            await tab.counts(4)
        assert (await tab.messages())[2:] == [("user", "count to 30"), ("assistant", counted(30))]
        after = await tab.message_ids()
        assert after[:3] == before[:3]
        assert after[3] != before[3]
    assert await tab.ask("what is my name?") == recalled("Ada")


async def test_what_is_sent_during_an_answer_waits_for_its_end_and_can_be_taken_back(
    profile: Profile, slow_server: Server
) -> None:
    tab = await profile.tab(slow_server.address)
    await tab.send("count to 30")
    await tab.reads("1 2 3")
    await tab.composer.fill("count to 2")
    await tab.composer.press("Enter")
    await expect(tab.button("waiting")).to_contain_text("count to 2")
    await expect(tab.composer).to_have_value("")
    await tab.click("take-back")
    await expect(tab.button("waiting")).to_have_count(0)
    await expect(tab.composer).to_have_value("count to 2")
    await expect(tab.composer).to_be_focused()
    await tab.composer.press("Enter")
    await tab.composer.fill("and please")
    await tab.composer.press("Enter")
    await expect(tab.button("waiting")).to_contain_text("and please")
    assert await tab.part().count() == 2  # nothing came between

    await tab.counts(4)
    await expect(tab.button("waiting")).to_have_count(0)
    await tab.is_in("ready")
    assert await tab.messages() == [
        ("user", "count to 30"),
        ("assistant", counted(30)),
        ("user", "count to 2 and please"),
        ("assistant", counted(2)),
    ]


async def test_stop_lets_go_what_waits_for_the_end_of_the_answer(
    profile: Profile, slow_server: Server
) -> None:
    tab = await profile.tab(slow_server.address)
    await tab.send("count to 500")
    await tab.reads("1 2 3")
    await tab.composer.fill("count to 3")
    await tab.composer.press("Enter")
    await expect(tab.button("waiting")).to_contain_text("count to 3")
    await tab.composer.press("Escape")
    await tab.counts(4)
    await tab.is_in("ready")
    said = await tab.messages()
    assert said[2:] == [("user", "count to 3"), ("assistant", counted(3))]
    assert len(said[1][1]) < len(counted(500))


async def test_an_edited_message_is_answered_anew_without_what_came_after_it(
    profile: Profile, server: Server
) -> None:
    tab = await profile.tab(server.address)
    await tab.ask("my name is Ada")
    await tab.ask("count to 3")
    await tab.part('[data-role="user"]').first.hover()
    await tab.button("edit-message").first.click()
    await expect(tab.button("edit-field")).to_be_focused()
    assert await tab.button("edit-field").input_value() == "my name is Ada"
    await tab.button("edit-field").fill("my name is Grace")
    await tab.picture("edit")
    await tab.click("edit-save")
    await tab.reads(greeting("Grace"))
    await tab.is_in("ready")
    assert await tab.ask("what is my name?") == recalled("Grace")

    expected = [
        ("user", "my name is Grace"),
        ("assistant", greeting("Grace")),
        ("user", "what is my name?"),
        ("assistant", recalled("Grace")),
    ]
    assert await tab.messages() == expected
    await tab.reload()
    await tab.counts(4)
    assert await tab.messages() == expected
    assert "Ada" not in str(await server.stored(await tab.session_id()))


async def test_clear_empties_every_window_of_the_session(new_profile: NewProfile, server: Server) -> None:
    mine = await (await new_profile()).tab(server.address)
    session = await mine.session_id()
    window = await (await new_profile()).tab(f"{server.address}/?session={session}")
    await mine.ask("my name is Ada")
    await window.counts(2)

    await mine.click("clear")
    await expect(mine.button("clear-dialog")).to_be_visible()
    await mine.picture("clear-dialog")
    await mine.click("clear-cancel")
    await expect(mine.button("clear-dialog")).to_be_hidden()
    await mine.counts(2)
    await mine.click("clear")
    await mine.click("clear-confirm")
    await expect(mine.composer).to_be_focused()

    for tab in (mine, window):
        await tab.counts(0)
        await expect(tab.page.get_by_test_id("welcome")).to_be_visible()
    assert await server.stored(session) == []
    await asyncio.gather(mine.is_in("ready"), window.is_in("ready"))
    assert (await window.ask("what is my name?")).startswith("I do not know.")
    await mine.counts(2)
    assert await mine.messages() == await window.messages()


async def test_a_message_and_a_code_block_can_be_copied(new_profile: NewProfile, server: Server) -> None:
    profile = await new_profile(permissions=["clipboard-read", "clipboard-write"])
    tab = await profile.tab(server.address)
    await tab.ask("show markdown")
    stored = await server.stored(await tab.session_id())

    async def copied(button: str) -> str:
        await tab.click(button)
        await expect(tab.button(button).last).to_have_attribute("data-result", "copied")
        text: str = await tab.page.evaluate("navigator.clipboard.readText()")
        return text

    assert await copied("copy-message") == stored[-1]["parts"][-1]["text"]
    assert await copied("copy-code") == 'def greet(name: str) -> str:\n    return f"Hello, {name}!"'
