"""The demo model: the same turn gives the same chunks, and nothing but the transcript is known."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.agent import demo as module
from cutty_agent.agent.demo import MAX_WORDS, demo
from cutty_agent.agent.turn import Turn
from cutty_agent.errors import ModelError
from cutty_agent.ids import Address
from cutty_agent.wire.chunks import Chunk, UIMessage

ASKED = [
    *(
        "hello",
        "help",
        "weather in Oslo",
        "what's the weather?",
        "think about squid",
        "count to 12",
        "show markdown",
    ),
    *("tell me a long story", "my name is Ada", "what is my name?", ""),
]


def user(text: str, id: str = "u1") -> UIMessage:
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}


def assistant(*parts: dict[str, Any]) -> UIMessage:
    return {"id": "a1", "role": "assistant", "parts": [*parts]}


def turn(*messages: UIMessage | str, **options: Any) -> Turn:
    asked = [user(one, f"u{at}") if isinstance(one, str) else one for at, one in enumerate(messages)]
    return Turn(session=Address("chat", "s"), request_id="r1", messages=asked, **options)


async def collect(stream: AsyncIterator[Chunk]) -> list[Chunk]:
    return [chunk async for chunk in stream]


async def record(stream: AsyncIterator[Chunk], seen: list[Chunk]) -> None:
    """Like collect, but what came before an error is kept."""
    async for chunk in stream:
        seen += [chunk]


async def answer(*messages: UIMessage | str) -> str:
    return text_of(await collect(demo(turn(*messages), delay_s=0)))


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


def check_protocol(chunks: list[Chunk]) -> None:
    """The rules of a strict reader (protocol 4.2)."""
    assert chunks[0]["type"] == "start"
    assert chunks[-1]["type"] == "finish"
    opened: set[str] = set()
    seen: set[str] = set()
    called: set[str] = set()
    in_step = False
    for chunk in chunks[1:-1]:
        match chunk["type"]:
            case "start-step":
                assert not in_step
                in_step = True
            case "finish-step":
                assert in_step
                assert not opened
                in_step = False
            case "text-start" | "reasoning-start":
                assert in_step
                assert chunk["id"] not in seen
                seen.add(chunk["id"])
                opened.add(chunk["id"])
            case "text-delta" | "reasoning-delta":
                assert chunk["id"] in opened
                assert chunk["delta"]
            case "text-end" | "reasoning-end":
                opened.remove(chunk["id"])
            case "tool-input-start" | "tool-input-available":
                called.add(chunk["toolCallId"])
            case "tool-input-delta" | "tool-output-available":
                assert chunk["toolCallId"] in called
            case other:
                pytest.fail(f"unexpected chunk {other}")
    assert not in_step
    assert not opened


@pytest.mark.parametrize("text", ASKED)
async def test_the_same_turn_gives_the_same_chunks_in_protocol_order(text: str) -> None:
    first = await collect(demo(turn(text), delay_s=0))
    check_protocol(first)
    assert await collect(demo(turn(text), delay_s=0)) == first


@given(text=st.text(max_size=80))
def test_whatever_is_said_gets_an_answer(text: str) -> None:
    async def ask() -> None:
        chunks = await collect(demo(turn(text), delay_s=0))
        check_protocol(chunks)
        assert text_of(chunks)

    asyncio.run(ask())


async def test_it_says_what_it_is_and_counts_messages() -> None:
    first, third = await answer("hello"), await answer("a", assistant(), "b", "hello")
    assert "demo model" in first
    assert "message number 1 of this session" in first
    assert "message number 3 of this session" in third
    assert "“hello”" in first
    assert len(await answer("x" * 5000)) < 600


async def test_a_name_is_known_only_in_its_own_session() -> None:
    ada = ["my name is Ada Lovelace. Nice, isn't it?", "and now?", "What is my name?"]
    bob = ["hi", "what's my name?"]
    told, untold = await asyncio.gather(answer(*ada), answer(*bob))
    assert "Your name is Ada Lovelace." in told
    assert "I do not know" in untold
    assert "Ada Lovelace" not in untold
    assert "Nice to meet you, Ada Lovelace!" in await answer(ada[0])
    assert "Your name is Eve." in await answer("my name is Ada", "no, my name is Eve", "who am I?")


async def test_the_weather_comes_from_a_tool_and_is_openly_invented() -> None:
    chunks = await collect(demo(turn('weather in São "Paulo"?'), delay_s=0))
    by_type = {chunk["type"]: chunk for chunk in chunks}
    deltas = "".join(chunk["inputTextDelta"] for chunk in chunks if chunk["type"] == "tool-input-delta")
    assert by_type["tool-input-available"]["toolName"] == "get_weather"
    assert json.loads(deltas) == by_type["tool-input-available"]["input"] == {"city": 'São "Paulo"'}
    report = by_type["tool-output-available"]["output"]
    assert report["invented"] is True
    assert f"{report['celsius']} °C" in text_of(chunks)
    assert "invented" in text_of(chunks)
    assert await answer("weather in Oslo") != (await answer("weather in Rome")).replace("Rome", "Oslo")


async def test_long_answers_have_the_length_asked_for() -> None:
    assert (await answer("count to 50")).split() == [str(number) for number in range(1, 51)]
    assert len((await answer("tell me a story of 77 words")).split()) == 77
    assert (await answer("tell me a long story")).endswith(".")
    assert len((await answer("count to 999999999")).split()) == MAX_WORDS


async def test_help_lists_what_really_works() -> None:
    offered = re.findall(r"`([^`]+)`", module.HELP)
    assert len(offered) >= 7
    for command in set(offered) - {"fail"}:
        assert "message number" not in await answer(command), (
            f"help offers {command!r}, which is not understood"
        )
    with pytest.raises(ModelError):
        await answer("fail")


async def test_markdown_shows_every_form() -> None:
    shown = await answer("show markdown")
    for form in ("## ", "| ", "1. ", "```python\n", "](https://", "> "):
        assert form in shown


async def test_a_failure_comes_after_some_text() -> None:
    chunks: list[Chunk] = []
    with pytest.raises(ModelError, match="as it was asked to"):
        await record(demo(turn("fail"), delay_s=0), chunks)
    assert text_of(chunks)


@pytest.mark.parametrize(
    "text", ["tell me a long story", "weather in Oslo", "think about squid", "count to 99"]
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99, 1])
async def test_a_cut_off_answer_ends_up_word_for_word(text: str, share: float) -> None:
    whole = await collect(demo(turn(text), delay_s=0))
    cut = whole[: int(len(whole) * share)]
    kept = [{"type": "text", "text": text_of(cut)}]
    if any(chunk["type"] == "reasoning-start" for chunk in cut):
        kept.insert(0, {"type": "reasoning", "text": ""})
    if any(chunk["type"] == "tool-output-available" for chunk in cut):
        kept.insert(0, {"type": "tool-get_weather", "toolCallId": "c", "state": "output-available"})
    rest = await collect(demo(turn(text, assistant(*kept), continuation=True), delay_s=0))
    check_protocol(rest)
    assert text_of(cut) + text_of(rest) == text_of(whole)
    tools = [chunk["type"] for chunk in (*cut, *rest)].count("tool-output-available")
    assert tools == ("weather" in text)


async def test_usage_counts_words() -> None:
    asked = turn("count to 50")
    await collect(demo(asked, delay_s=0))
    assert (asked.usage.input_tokens, asked.usage.output_tokens, asked.usage.requests) == (3, 50, 1)
    assert asked.usage.model == "demo"


async def test_the_pace_is_one_pause_a_word_and_none_at_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(delay: float) -> None:
        pauses.append(delay)

    monkeypatch.setattr("cutty_agent.agent.demo.asyncio.sleep", pause)
    await collect(demo(turn("count to 5"), delay_s=0))
    assert pauses == []
    await collect(demo(turn("count to 5"), delay_s=0.25))
    assert pauses == [0.25] * 5


async def test_a_stop_ends_it_between_two_words() -> None:
    said = asyncio.Event()

    async def consume() -> None:
        async for chunk in demo(turn("count to 50"), delay_s=60):
            if chunk["type"] == "text-delta":
                said.set()

    task = asyncio.create_task(consume())
    await asyncio.wait_for(said.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
