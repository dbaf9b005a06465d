"""A lost network, a reload and a dead server in the middle of an answer: no word is lost and none comes twice."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from e2e.cable import Cable
from e2e.chat_page import ChatPage, NewProfile, Profile
from e2e.demo_answers import counted, greeting, recalled
from e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

END = "58 59 60"
ASKED_AND_ANSWERED = [("user", "count to 60"), ("assistant", counted(60))]
INTRODUCED = [("user", "my name is Ada"), ("assistant", greeting("Ada"))]


@pytest.mark.parametrize("back", ["in mid-answer", "after the end"])
async def test_a_network_that_is_cut_and_comes_back(
    back: str, new_profile: NewProfile, slow_server: Server
) -> None:
    """Once the connections break and the browser knows of nothing, once it is told that it is offline as well."""
    await asyncio.gather(
        _lose_network(await new_profile(), slow_server, told=False, back=back),
        _lose_network(await new_profile(), slow_server, told=True, back=back),
    )


async def _lose_network(profile: Profile, server: Server, *, told: bool, back: str) -> None:
    async with Cable(server.port) as cable:
        tab = await profile.tab(cable.address)
        session = await tab.session_id()
        await tab.send("count to 60")
        await tab.reads("1 2 3 4 5")

        (before,) = tab.sockets
        cable.cut()
        await tab.until(lambda: before.closed, "the end of the socket")
        await profile.context.set_offline(told)
        await tab.is_in("offline" if told else "reconnecting")
        await expect(tab.page.get_by_test_id("offline" if told else "reconnecting")).to_be_visible()
        assert await _partial(tab)
        if back == "after the end":
            await server.logged("turn.ended", session)

        cable.mend()
        await profile.context.set_offline(False)
        await tab.reads(END)
        await tab.is_in("ready")
        assert await tab.messages() == ASKED_AND_ANSWERED
        if back == "in mid-answer":
            _resumed(tab)
        await _agrees_with_the_server(tab, server, session)

        await tab.ask("my name is Ada")
        assert await tab.messages() == [*ASKED_AND_ANSWERED, *INTRODUCED]


async def test_what_is_sent_while_offline_is_delivered_and_the_old_answer_completed(
    profile: Profile, slow_server: Server
) -> None:
    async with Cable(slow_server.port) as cable:
        tab = await profile.tab(cable.address)
        session = await tab.session_id()
        await tab.send("count to 60")
        await tab.reads("1 2 3 4 5")
        (before,) = tab.sockets
        cable.cut()
        await tab.until(lambda: before.closed, "the end of the socket")
        await profile.context.set_offline(True)
        await tab.is_in("offline")
        await slow_server.logged("turn.ended", session)
        await tab.send("my name is Ada")
        await tab.picture("offline")

        cable.mend()
        await profile.context.set_offline(False)
        await tab.reads(greeting("Ada"))
        await tab.is_in("ready")
        await expect(tab.part('[data-role="assistant"]').first).to_contain_text(END)
        assert await tab.messages() == [*ASKED_AND_ANSWERED, *INTRODUCED]
        await _agrees_with_the_server(tab, slow_server, session)


async def test_a_reload_in_mid_answer_goes_on_where_it_was(profile: Profile, slow_server: Server) -> None:
    tab = await profile.tab(slow_server.address)
    session = await tab.session_id()
    await tab.send("count to 60")
    await tab.reads("1 2 3 4 5")
    await tab.page.reload()
    await tab.is_in("answering")
    assert await _partial(tab)
    await tab.is_in("ready")

    assert await tab.session_id() == session
    assert await tab.messages() == ASKED_AND_ANSWERED
    _resumed(tab)
    await _agrees_with_the_server(tab, slow_server, session)


async def test_a_killed_server_comes_back_with_everything_and_completes_the_answer(
    profile: Profile, own_server: Server
) -> None:
    tab = await profile.tab(own_server.address)
    session = await tab.session_id()
    await tab.ask("my name is Ada")
    await tab.send("count to 60")
    await tab.reads("1 2 3 4 5")

    await own_server.kill()
    await expect(tab.page.get_by_test_id("reconnecting")).to_be_visible()
    await tab.picture("reconnecting")
    await own_server.start()
    await tab.reads(END)  # The page has reconnected by itself.
    await tab.is_in("ready")

    told = [*INTRODUCED, *ASKED_AND_ANSWERED]
    assert await tab.messages() == told
    await expect(tab.answer.locator("p")).to_have_count(1)  # Nothing shows where it was cut.
    await _agrees_with_the_server(tab, own_server, session)
    assert await tab.ask("what is my name?") == recalled("Ada")
    await tab.reload()
    await tab.counts(6)
    assert (await tab.messages())[:4] == told
    assert await tab.session_id() == session


async def _partial(tab: ChatPage) -> bool:
    """Whether the newest answer is there in part, from its first word on."""
    text = (await tab.answer.inner_text()).strip()
    return counted(60).startswith(text) and 0 < len(text) < len(counted(60))


def _resumed(tab: ChatPage) -> None:
    """The newest socket brought the beginning as a replay and the rest live, and together that is the answer once."""
    replayed, live = (tab.sockets[-1].deltas(replayed=replayed) for replayed in (True, False))
    assert replayed
    assert live
    assert "".join(replayed + live) == counted(60)


async def _agrees_with_the_server(tab: ChatPage, server: Server, session: str) -> None:
    stored = [
        (message["role"], " ".join("".join(part.get("text", "") for part in message["parts"]).split()))
        for message in await server.stored(session)
    ]
    assert stored == await tab.messages()
    assert [message["id"] for message in await server.stored(session)] == await tab.message_ids()
