"""Every form that a handler may return or yield."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace as Fake
from typing import Any

import httpx
import pytest
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel
from pydantic_ai.ui.vercel_ai import response_types as vercel
from starlette.responses import PlainTextResponse, StreamingResponse

from cutty_agent.agent.output import stream_of, to_chunks
from cutty_agent.errors import ModelError
from cutty_agent.wire.chunks import TextDelta, ToolOutputAvailable

SSE = b'data: {"type":"text-delta","id":"t","delta":"h\xc3\xa9"}\n\ndata: [DONE]\n\n'
DELTA = {"type": "text-delta", "id": "t", "delta": "hé"}


async def collect(result: object) -> list[object]:
    return [item async for item in stream_of(result)]


async def record(stream: AsyncIterator[object], seen: list[object]) -> None:
    """Like collect, but what came before an error is kept."""
    async for item in stream:
        seen += [item]


def openai_chunk(*choices: dict[str, Any]) -> ChatCompletionChunk:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return ChatCompletionChunk.model_validate({**head, "choices": [{"index": 0, **c} for c in choices]})


def ai(content: object, type: str = "AIMessageChunk") -> Fake:
    return Fake(type=type, content=content)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("plain", "plain"),
        (None, []),
        (DELTA, [DELTA]),
        ({"type": "data-x", "data": None, "own": 1}, [{"type": "data-x", "data": None, "own": 1}]),
        (TextDelta(id="t", delta="hé"), [DELTA]),
        (
            ToolOutputAvailable(tool_call_id="c", output={"a": None}),
            [{"type": "tool-output-available", "toolCallId": "c", "output": {"a": None}}],
        ),
        (vercel.TextDeltaChunk(id="t", delta="hé"), [DELTA]),
        (
            vercel.ToolOutputAvailableChunk(tool_call_id="c", output={"a": None}),
            [{"type": "tool-output-available", "toolCallId": "c", "output": {"a": None}}],
        ),
        (
            vercel.ToolOutputAvailableChunk(tool_call_id="c", output=None),
            [{"type": "tool-output-available", "toolCallId": "c", "output": None}],
        ),
        (vercel.StartChunk(), [{"type": "start"}]),
        (vercel.DoneChunk(), []),
        (openai_chunk({"delta": {"content": "hi"}}), "hi"),
        (openai_chunk({"delta": {"role": "assistant"}}), ""),
        (openai_chunk(), ""),
        ({"choices": [{"delta": {"content": "raw"}}]}, "raw"),
        ({"choices": [{"delta": None}]}, ""),
        (ai("hi"), "hi"),
        (ai([{"type": "text", "text": "a"}, {"type": "tool_use", "id": "1"}, "b"]), "ab"),
        ((ai("hi"), {"langgraph_node": "n"}), "hi"),
        (("messages", (ai("hi"), {})), "hi"),
        ((ai("a result", type="tool"), {}), ""),
        (ai("my own words", type="human"), ""),
    ],
)
def test_items(item: object, expected: object) -> None:
    assert to_chunks(item) == expected


class Invoice(BaseModel):
    total: int


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (5, "int"),
        ({"a": 1}, "dict"),
        (b"x", "bytes"),
        ((1, 2), "tuple"),
        ([], "list"),
        (Invoice(total=1), "Invoice"),
    ],
)
def test_other_items_are_named_with_what_is_accepted(item: object, name: str) -> None:
    with pytest.raises(TypeError, match=rf"produced a \S*{name}, .*ChatCompletionChunk.*LangGraph"):
        to_chunks(item)


async def later() -> str:
    return "awaited"


async def words() -> AsyncIterator[str]:
    yield "a"
    yield "b"


@pytest.mark.parametrize(
    ("result", "items"),
    [
        (lambda: None, []),
        (lambda: "whole", ["whole"]),
        (lambda: DELTA, [DELTA]),
        (lambda: TextDelta(id="t", delta="x"), [TextDelta(id="t", delta="x")]),
        (lambda: ["a", None, DELTA], ["a", None, DELTA]),
        (lambda: (word for word in ("a", "b")), ["a", "b"]),
        (words, ["a", "b"]),
        (later, ["awaited"]),
        (lambda: SSE, [DELTA]),
        (lambda: [SSE[:38], SSE[38:]], [DELTA]),
        (lambda: [b"plain ", b"bytes"], ["plain ", "bytes"]),
        (lambda: [b"h\xc3", b"i"], ["h\ufffdi"]),
        (lambda: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=SSE), [DELTA]),
        (
            lambda: httpx.Response(200, headers={"content-type": "text/plain"}, content=b"data: 1"),
            ["data: 1"],
        ),
        (lambda: PlainTextResponse("hello"), ["hello"]),
        (lambda: StreamingResponse(iter([SSE[:39], SSE[39:]]), media_type="text/event-stream"), [DELTA]),
        (lambda: StreamingResponse(iter([SSE.decode()]), media_type="text/event-stream"), [DELTA]),
        (lambda: 5, [5]),
    ],
)
async def test_results(result: Any, items: list[object]) -> None:
    assert await collect(result()) == items


async def test_an_error_response_is_an_error() -> None:
    with pytest.raises(ModelError, match="HTTP 503"):
        await collect(httpx.Response(503, content=b"secret stack trace"))


async def test_an_error_of_the_handler_comes_through() -> None:
    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise KeyError("mine")

    def broken_too() -> Iterator[str]:
        yield "a"
        raise KeyError("mine")

    for source in (broken(), broken_too()):
        seen: list[object] = []
        with pytest.raises(KeyError, match="mine"):
            await record(stream_of(source), seen)
        assert seen == ["a"]


class Recorded:
    """An async source that remembers being closed, as an SDK's stream does."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            yield "x"
            await asyncio.sleep(0)

    async def close(self) -> None:
        self.closed = True


async def test_closing_reaches_every_kind_of_source() -> None:
    ended: list[str] = []

    async def generator() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
        finally:
            await asyncio.sleep(0)
            ended.append("async")

    def sync() -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            ended.append("sync")

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"some text"

        async def aclose(self) -> None:
            ended.append("response")

    recorded = Recorded()
    for source in (generator(), sync(), recorded, httpx.Response(200, stream=Body())):
        stream: Any = stream_of(source)
        assert await anext(stream) in {"x", "some text"}
        await stream.aclose()
    assert ended == ["async", "sync", "response"]
    assert recorded.closed


async def test_a_stop_during_a_blocking_step_closes_the_iterator_when_the_step_ends() -> None:
    go_on, stepping = threading.Event(), threading.Event()
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def blocking() -> Iterator[str]:
        try:
            yield "first"
            stepping.set()
            assert go_on.wait(10)
            yield "second"
        finally:
            loop.call_soon_threadsafe(closed.set)

    async def consume() -> None:
        async for _ in stream_of(blocking()):
            pass

    task = asyncio.create_task(consume())
    assert await asyncio.to_thread(stepping.wait, 10)  # the loop lives while the step blocks
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not closed.is_set()
    go_on.set()
    await asyncio.wait_for(closed.wait(), 10)
