"""What is read after a restart is what was read before it; and what each recovery policy makes of a kill."""

from __future__ import annotations

import pytest
from msgspec import json

from faults.conftest import MakeServer
from faults.numbered import word
from faults.visitor import Frame, is_chunk, visit
from faults.witness import text_of

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_messages_state_and_order_are_the_same_after_a_restart(
    make_server: MakeServer, how: str
) -> None:
    server = make_server()
    await server.start()
    state = {"title": "Ünïcode ☂", "n": [0, None, False, 1.5], "nested": {"a": ""}}
    async with visit(server, "s", label="a") as visitor, visit(server, "s", label="b") as other:
        await visitor.send(type="cf_agent_state", state=state)
        for n in range(5):
            await visitor.ask(f"q{n}", n + 1)
            await other.ask(f"z{n}", n + 1)
        for _ in range(10):
            assert (await visitor.end())["outcome"] == "completed"
    before = await server.get("/agents/chat/s/get-messages")
    if how == "stop":
        assert await server.stop() == 0
    else:
        await server.kill()
    await server.start()
    assert await server.get("/agents/chat/s/get-messages") == before
    messages = json.decode(before[1])
    assert [message["role"] for message in messages] == ["user", "assistant"] * 10
    for question, answer in zip(messages[::2], messages[1::2], strict=True):
        assert text_of(answer).split()[0] == word(question["id"], 0).strip()
    async with visit(server, "s") as visitor:
        frame = await visitor.until(lambda frame: frame["type"] == "cf_agent_state")
        assert frame["state"] == state
        await visitor.rest()
        assert [frame for frame in visitor.frames if is_chunk(frame)] == []
    assert await server.get("/agents/chat/s/get-messages") == before
    assert await server.stop() == 0
    assert server.errors() == []


def holds(frame: Frame, message: str) -> bool:
    """Whether a frame is a transcript with this message."""
    return frame["type"] == "cf_agent_chat_messages" and message in [row["id"] for row in frame["messages"]]


@pytest.mark.parametrize("agent", ["chat", "patient", "resigned"])
async def test_a_killed_answer_is_continued_retried_or_kept(make_server: MakeServer, agent: str) -> None:
    server = make_server(NUMBERED_PAUSE_MS="20")
    await server.start()
    async with (
        visit(server, "s", agent=agent, label="a") as visitor,
        visit(server, "s", agent=agent, label="b") as other,
    ):
        await other.until(lambda frame: frame["type"] == "cf_agent_identity")
        await visitor.ask("q", 60)
        await visitor.until(lambda frame: is_chunk(frame) and '"delta":"q:19 "' in frame["body"])
        await visitor.ask("behind", 5)
        # Other windows are shown a message when it is stored: only from then on must a kill not lose it.
        await other.until(lambda frame: holds(frame, "behind"))
        await server.kill()
        await visitor.closed()
        seen = visitor.words()
    await server.start()
    async with visit(server, "s", agent=agent) as visitor:
        await visitor.rest()
    messages = json.decode((await server.get(f"/agents/{agent}/s/get-messages"))[1])
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    words = text_of(messages[1]).split()
    assert words == [f"q:{at}" for at in range(len(words))]
    assert words[: len(seen)] == seen
    if agent == "resigned":
        assert len(seen) <= len(words) < 60
    else:
        assert len(words) == 60
    assert text_of(messages[3]).split() == [f"behind:{at}" for at in range(5)]
    assert await server.stop() == 0
    assert server.errors() == []
