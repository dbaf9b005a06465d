"""An operator's tail: sees what visitors see, is not seen by the agent, never slows the session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from cutty_agent.admin.observer import LIMIT_BYTES, Tail
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.agent.turn import Turn
from cutty_agent.clock import SystemClock
from cutty_agent.config import Settings
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from cutty_agent.session.gate import SessionGate
from cutty_agent.session.registry import Registry
from cutty_agent.wire.principal import NOBODY

ADDRESS = Address("chat", "watched")

hooks: list[str] = []
present: list[int] = []


class Chat(ChatAgent):
    async def on_connect(self, connection: object) -> None:
        hooks.append("connect")

    async def on_close(self, connection: object) -> None:
        hooks.append("close")

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        present.append(len(self.connections))
        gate = GATES.get(turn.text)
        yield "first "
        if gate is not None:
            await gate.wait()
        for _ in range(int(turn.text) if turn.text.isdigit() else 1):
            yield "x" * 1000
        yield " last"


GATES: dict[str, asyncio.Event] = {}


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Registry]:
    hooks.clear()
    present.clear()
    registry = Registry(MemoryStore(), {"chat": Chat}, Settings(), SystemClock())
    yield registry
    await registry.close(grace_s=1)


async def ask(registry: Registry, text: str) -> None:
    """A whole turn."""
    message = {"id": f"u-{text}", "role": "user", "parts": [{"type": "text", "text": text}]}
    answer = await SessionGate(registry).submit(ADDRESS, NOBODY, json.dumps({"message": message}).encode())
    async for _ in answer.bodies():
        pass


async def frames(lines: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    async for piece in lines:
        for line in piece.splitlines():
            yield json.loads(line)


async def until_done(found: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    seen = []
    async for frame in found:
        seen.append(frame)
        if frame.get("done"):
            return seen
    raise AssertionError(f"the tail ended early: {seen}")


def text_of(seen: list[dict[str, Any]]) -> str:
    chunks = [
        json.loads(frame["body"])
        for frame in seen
        if frame["type"] == "cf_agent_use_chat_response" and frame["body"] and not frame.get("error")
    ]
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


async def test_it_follows_a_turn_and_the_agent_does_not_notice(registry: Registry) -> None:
    open_tails: set[Tail] = set()
    lines = Tail(registry, ADDRESS, open_tails).lines()
    found = frames(lines)
    hello = await anext(found)
    assert hello == {"type": "tail", "agent": "chat", "id": "watched", "awake": False, "running": None}
    assert len(open_tails) == 1
    asking = asyncio.create_task(ask(registry, "hi"))
    seen = await until_done(found)
    await asking
    assert text_of(seen) == "first " + "x" * 1000 + " last"
    assert seen[-1]["outcome"] == "completed"
    [transcript, *_] = [frame for frame in seen if frame["type"] == "cf_agent_chat_messages"]
    assert transcript["messages"][0]["id"] == "u-hi"
    await lines.aclose()
    assert (hooks, present) == ([], [0])
    assert registry.sockets == 0
    assert not open_tails
    assert registry.slots[ADDRESS].connections == []


async def test_an_answer_under_way_is_told_from_its_beginning(registry: Registry) -> None:
    gate = GATES["wait"] = asyncio.Event()
    asking = asyncio.create_task(ask(registry, "wait"))
    first = frames(Tail(registry, ADDRESS, set()).lines())
    async for frame in first:  # until something of the answer was shown
        if frame["type"] == "cf_agent_use_chat_response" and "first" in frame["body"]:
            break
    found = frames(Tail(registry, ADDRESS, set()).lines())
    hello = await anext(found)
    assert hello["awake"] is True
    assert hello["running"] is not None
    gate.set()
    seen = await until_done(found)
    await asking
    assert text_of(seen) == "first " + "x" * 1000 + " last"
    assert [frame["seq"] for frame in seen if "seq" in frame] == list(
        range(len([frame for frame in seen if "seq" in frame]))
    )


async def test_a_reader_that_is_slow_misses_nothing_and_keeps_little(registry: Registry) -> None:
    tail = Tail(registry, ADDRESS, set())
    found = frames(tail.lines())
    await anext(found)
    await ask(registry, "2000")  # 2 MB while nobody reads
    assert tail._backlog.buffered < 1_000_000
    seen = await until_done(found)
    assert text_of(seen) == "first " + "x" * 2_000_000 + " last"


async def test_a_reader_that_does_not_read_is_dropped(registry: Registry) -> None:
    tail = Tail(registry, ADDRESS, set())
    found = frames(tail.lines())
    await anext(found)
    for turn in range(4):
        await ask(registry, str(3000 + turn))
        assert tail._backlog.buffered <= LIMIT_BYTES
    last: dict[str, Any] = {}
    async for frame in found:
        last = frame
    assert (last["type"], last["code"]) == ("end", 1013)
    await ask(registry, "still works")


async def test_closing_ends_it(registry: Registry) -> None:
    tail = Tail(registry, ADDRESS, set())
    found = frames(tail.lines())
    await anext(found)
    tail.close(1012, "The server is stopping")
    assert [frame async for frame in found] == [
        {"type": "end", "code": 1012, "reason": "The server is stopping"}
    ]
    assert ADDRESS not in registry.slots
