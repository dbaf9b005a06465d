"""Every tab is a conversation of its own, and a window onto a session shows that session."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Playwright, expect

from e2e.chat_page import STORAGE_KEY, ChatPage, NewProfile, Profile, Said
from e2e.chromium import ARGUMENTS
from e2e.demo_answers import counted, greeting, recalled
from e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

NAMES = ("Ada", "Bela", "Cleo", "Dora", "Egon")
REMEMBER = f"""
    try {{ window.inherited = sessionStorage.getItem({STORAGE_KEY!r}) }}
    catch {{}} // The blank page a tab begins with has no storage.
"""
DUPLICATOR = Path(__file__).parent / "duplicator"


def conversation(name: str, number: int) -> Said:
    return [
        ("user", f"my name is {name}"),
        ("assistant", greeting(name)),
        ("user", f"count to {number}"),
        ("assistant", counted(number)),
        ("user", "what is my name?"),
        ("assistant", recalled(name)),
    ]


async def test_five_tabs_in_two_profiles_talk_at_once_and_never_see_each_other(
    new_profile: NewProfile, slow_server: Server
) -> None:
    began = len(slow_server.log)
    first, second = await new_profile(), await new_profile()
    homes = (first, first, first, second, second)
    tabs = list(await asyncio.gather(*(home.tab(slow_server.address) for home in homes)))
    numbers = [30 + at for at in range(len(tabs))]

    await asyncio.gather(*(tab.ask(f"my name is {name}") for tab, name in zip(tabs, NAMES, strict=True)))
    await asyncio.gather(*(tab.send(f"count to {number}") for tab, number in zip(tabs, numbers, strict=True)))
    await asyncio.gather(*(tab.reads("1 2 3") for tab in tabs))
    states = [await tab.page.get_by_test_id("status").get_attribute("data-state") for tab in tabs]
    assert states == ["answering"] * 5  # All five at the same moment.
    await asyncio.gather(*(tab.is_in("ready") for tab in tabs))
    await asyncio.gather(*(tab.ask("what is my name?") for tab in tabs))

    expected = [conversation(name, number) for name, number in zip(NAMES, numbers, strict=True)]
    assert [await tab.messages() for tab in tabs] == expected

    ids = [await tab.session_id() for tab in tabs]
    assert len(set(ids)) == 5
    assert all(re.fullmatch(r"session-\d{13}-[0-9a-v]{26}", each) for each in ids)
    assert [await tab.stored_id() for tab in tabs] == ids
    await tabs[4].click("debug-toggle")
    await expect(tabs[4].page.get_by_test_id("session-id")).to_have_text(ids[4])
    await tabs[4].picture("debug-panel")

    await asyncio.gather(*(tab.reload() for tab in tabs))
    await asyncio.gather(*(tab.counts(6) for tab in tabs))
    assert [await tab.messages() for tab in tabs] == expected
    assert [await tab.session_id() for tab in tabs] == ids

    # The log tells the same: these sessions and no other, each with the sockets of one tab, before and after.
    await asyncio.gather(*(slow_server.logged("connection.opened", each, count=2) for each in ids))
    opened = [record for record in slow_server.log[began:] if record["event"] == "connection.opened"]
    sessions_of = {record["connection"]: record["session"] for record in opened}
    assert len(sessions_of) == len(opened)
    for tab, session in zip(tabs, ids, strict=True):
        labels = [match[1] for socket in tab.sockets if (match := re.search(r"_pk=([^&]+)", socket.url))]
        assert {sessions_of.pop(label) for label in labels} == {session}
    assert sessions_of == {}


async def test_the_same_words_in_a_tab_and_over_plain_http_do_not_cross(
    new_profile: NewProfile, server: Server
) -> None:
    first, second = await new_profile(), await new_profile()
    tabs = [await home.tab(server.address) for home in (first, first, second)]
    plain = [f"plain-{number}-{id(tabs)}" for number in range(2)]
    sessions = [await tab.session_id() for tab in tabs] + plain
    canaries = [f"canary-{number}-{session[-6:]}" for number, session in enumerate(sessions)]

    def ask_all(*texts: str) -> list[asyncio.Future[str]]:
        asked = [tab.ask(text) for tab, text in zip(tabs, texts, strict=False)]
        said = [server.say(session, text) for session, text in zip(plain, texts[len(tabs) :], strict=True)]
        return [asyncio.ensure_future(each) for each in (*asked, *said)]

    await asyncio.gather(*ask_all(*(f"my name is {canary}" for canary in canaries)))
    answers = await asyncio.gather(*ask_all(*["what is my name?"] * 5))

    assert answers == [recalled(canary) for canary in canaries]
    for session, own in zip(sessions, canaries, strict=True):
        stored = str(await server.stored(session))
        assert [canary for canary in canaries if canary in stored] == [own]
    for tab, own in zip(tabs, canaries, strict=False):
        shown = await tab.page.content()
        assert [canary for canary in canaries if canary in shown] == [own]


@pytest.mark.parametrize("way", ["window.open", "duplicate tab"])
async def test_a_duplicated_tab_is_a_conversation_of_its_own(
    way: str, playwright: Playwright, chromium: str, server: Server, tmp_path: Path
) -> None:
    """Both copy the session storage: a page that opens itself again, and "Duplicate tab" of the tab strip.

    The second is the browser's own command, which only an extension may give, so this profile has one.
    """
    context = await playwright.chromium.launch_persistent_context(
        tmp_path,
        executable_path=chromium,
        args=[*ARGUMENTS, f"--disable-extensions-except={DUPLICATOR}", f"--load-extension={DUPLICATOR}"],
        ignore_default_args=["--disable-extensions"],
    )
    try:
        await context.add_init_script(REMEMBER)
        profile = Profile(context)
        original = await profile.tab(server.address)
        await original.ask("my name is Ada")
        kept = await original.session_id()

        async with context.expect_page() as opening:
            if way == "window.open":
                await original.page.evaluate("void window.open(location.href)")
            else:
                extension = (context.service_workers or [await context.wait_for_event("serviceworker")])[0]
                await extension.evaluate("address => self.duplicate(address)", original.page.url)
        copy = profile.adopt(await opening.value)
        await copy.is_in("ready")
        assert await copy.page.evaluate("window.inherited") == kept  # So it was a duplicate indeed.
        await expect(copy.page.get_by_test_id("welcome")).to_be_visible()
        own = await copy.stored_id()
        assert own is not None
        assert own != kept

        assert (await copy.ask("what is my name?")).startswith("I do not know.")
        await asyncio.gather(original.reload(), copy.reload())
        await original.counts(2)
        await copy.counts(2)
        assert await original.messages() == [("user", "my name is Ada"), ("assistant", greeting("Ada"))]
        assert [await original.stored_id(), await copy.stored_id()] == [kept, own]
        assert await original.session_id() == kept
        assert profile.problems() == []
    finally:
        await context.close()


async def test_a_window_onto_a_session_shows_the_other_one_live(
    new_profile: NewProfile, slow_server: Server
) -> None:
    mine = await (await new_profile()).tab(slow_server.address)
    session = await mine.session_id()
    window = await (await new_profile()).tab(f"{slow_server.address}/?session={session}")
    await expect(window.page.get_by_test_id("shared-badge")).to_be_visible()

    await mine.send("count to 60")
    await window.reads("1 2 3")
    assert (await window.messages())[0] == ("user", "count to 60")
    assert await mine.page.get_by_test_id("status").get_attribute("data-state") == "answering"
    assert await _whole(window) < len(counted(60))
    await asyncio.gather(mine.is_in("ready"), window.is_in("ready"))
    agreed = [("user", "count to 60"), ("assistant", counted(60))]
    assert await mine.messages() == await window.messages() == agreed
    assert await mine.message_ids() == await window.message_ids()

    await window.ask("my name is Ada")
    await mine.counts(4)
    await mine.is_in("ready")
    agreed += [("user", "my name is Ada"), ("assistant", greeting("Ada"))]
    assert await mine.messages() == await window.messages() == agreed
    await window.picture("shared-session")


async def test_another_tab_and_a_new_session_start_empty(profile: Profile, server: Server) -> None:
    tab = await profile.tab(server.address)
    await tab.ask("my name is Ada")
    first = await tab.session_id()
    async with profile.context.expect_page() as opening:
        await tab.click("open-tab")
    other = profile.adopt(await opening.value)
    await other.is_in("ready")
    await expect(other.page.get_by_test_id("welcome")).to_be_visible()
    assert await other.stored_id() != first

    await tab.click("new-session")
    await expect(tab.page.get_by_test_id("welcome")).to_be_visible()
    await tab.is_in("ready")
    assert (await tab.ask("what is my name?")).startswith("I do not know.")
    assert await tab.session_id() == await tab.stored_id() != first
    assert len(await server.stored(first)) == 2


async def _whole(tab: ChatPage) -> int:
    """Characters of the newest answer so far."""
    return len(await tab.answer.inner_text())
