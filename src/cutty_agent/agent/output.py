"""What a handler may return or yield, and how each form becomes chunks (protocol 4.5)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from typing import Any

from ..errors import ModelError
from ..wire.chunks import Chunk
from .sse import BodyDecoder, Decoder, SseDecoder, TextDecoder

ACCEPTED = (
    "a str, a dict with a 'type', a typed chunk of cutty_agent, a chunk of pydantic_ai.ui.vercel_ai, "
    "an OpenAI ChatCompletionChunk, a LangChain message chunk, a LangGraph (message, metadata) pair, or None"
)

_END: Any = object()
_MAY_BE_NULL = frozenset({"input", "output", "data"})


async def stream_of(result: object) -> AsyncIterator[object]:
    """The items of what a handler returned, one by one; give each to :func:`to_chunks`.

    Accepted are async and sync iterables, an awaitable of an accepted form, one item, ``None``, a response of
    httpx or Starlette, and iterables of bytes. Bodies of events become their chunks, other bodies text. A sync
    iterator is advanced in a worker thread: a blocking one would stop every session of the server. Closing the
    returned generator closes the source, a sync iterator as soon as its running step ends.

    Raises:
        ModelError: a response has an error status.
        TooLarge: a line of an event stream is above its limit.
    """
    while inspect.isawaitable(result):
        result = await result
    if result is None:
        return
    if _is_response(result):
        items = _body(result)
    elif _is_stream(result):
        items = _decoded(_steps(result))
    else:
        yield result  # one item; to_chunks says what is wrong with it
        return
    try:
        async for item in items:
            yield item
    finally:
        await _close(items)


def to_chunks(item: object) -> str | list[Chunk]:
    """One produced item as a text delta (``str``, may be empty) or as chunks in wire form.

    Raises:
        TypeError: the sentence names the type and what is accepted.
    """
    if isinstance(item, str):
        return item
    if item is None:
        return []
    if isinstance(item, dict):
        if isinstance(item.get("type"), str):
            return [item]
        if isinstance(item.get("choices"), list):
            return _text_of_choices(item["choices"])
    elif isinstance(item, tuple):
        if _is_pair(item):
            return to_chunks(item[1]) if item[0] == "messages" else _text_of_message(item[0])
    elif callable(as_chunk := getattr(item, "as_chunk", None)):
        return [as_chunk()]
    elif callable(getattr(item, "encode", None)) and callable(getattr(item, "model_dump", None)):
        chunk = wire_form(item)
        return [] if chunk["type"] == "done" else [chunk]
    elif isinstance(choices := getattr(item, "choices", None), list):
        return _text_of_choices(choices)
    elif _is_message(item):
        return _text_of_message(item)
    kind = type(item)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    raise TypeError(
        f"The handler of this agent produced a {name}, which is not a part of an answer. Yield {ACCEPTED}."
    )


def wire_form(chunk: Any) -> Chunk:
    """A chunk model of pydantic_ai.ui.vercel_ai on the wire: absent fields left out, nulls inside values kept."""
    dumped: Chunk = chunk.model_dump(mode="json", by_alias=True)
    return {key: value for key, value in dumped.items() if value is not None or key in _MAY_BE_NULL}


def _is_response(value: object) -> bool:
    return hasattr(value, "headers") and hasattr(value, "status_code")


def _is_stream(value: object) -> bool:
    if isinstance(value, str | dict) or _is_pair(value):
        return False
    if callable(getattr(value, "model_dump", None)) and not isinstance(value, AsyncIterable):
        return False  # a pydantic model is an iterable of its fields
    return isinstance(value, AsyncIterable | Iterable)


def _is_pair(value: object) -> bool:
    """``(message, metadata)`` as LangGraph streams it, or ``("messages", (message, metadata))``."""
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    first, second = value
    return _is_pair(second) if first == "messages" else _is_message(first) and isinstance(second, Mapping)


def _is_message(value: object) -> bool:
    """A LangChain message or chunk of one."""
    return isinstance(getattr(value, "type", None), str) and isinstance(
        getattr(value, "content", None), str | list
    )


def _text_of_message(message: Any) -> str:
    if message.type not in {"AIMessageChunk", "ai"}:
        return ""  # LangGraph streams the messages of visitors and tools too; they are not the answer
    if isinstance(message.content, str):
        return message.content
    texts = (
        block if isinstance(block, str) else block.get("text", "") if block.get("type") == "text" else ""
        for block in message.content
    )
    return "".join(texts)


def _text_of_choices(choices: Sequence[Any]) -> str:
    """The text of an OpenAI chunk, parsed by its SDK or not; ``""`` for roles, tool calls and usage."""
    if not choices:
        return ""
    delta = _field(choices[0], "delta")
    text = _field(delta, "content") if delta is not None else None
    return text if isinstance(text, str) else ""


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


async def _body(response: Any) -> AsyncIterator[object]:
    """A response of httpx (``aiter_bytes``) or of Starlette (``body_iterator`` or ``body``)."""
    try:
        if response.status_code >= 400:
            raise ModelError(
                f"The service behind this agent answered with HTTP {response.status_code}.",
                remedy="Try again; if it stays, the log of that service has the cause.",
            )
        if hasattr(response, "aiter_bytes"):
            body: object = response.aiter_bytes()
        else:
            body = getattr(response, "body_iterator", None) or [response.body]
        events = response.headers.get("content-type", "").startswith("text/event-stream")
        items = _decoded(_steps(body), SseDecoder() if events else TextDecoder())
        try:
            async for item in items:
                yield item
        finally:
            await _close(items)
    finally:
        await _close(response)


async def _decoded(pieces: AsyncIterator[object], decoder: Decoder | None = None) -> AsyncIterator[object]:
    """The pieces with their bytes decoded; with a ``decoder`` given, text is a part of the body too."""
    body = decoder
    try:
        async for piece in pieces:
            if isinstance(piece, bytes | bytearray | memoryview):
                body = body or BodyDecoder()
                for item in body.feed(bytes(piece)):
                    yield item
            elif decoder and isinstance(piece, str):
                for item in decoder.feed(piece.encode()):
                    yield item
            else:
                yield piece
        for item in body.finish() if body else ():
            yield item
    finally:
        await _close(pieces)


async def _steps(source: Any) -> AsyncIterator[object]:
    if isinstance(source, bytes | bytearray | memoryview):
        yield source
    elif isinstance(source, AsyncIterable):
        iterator = aiter(source)
        try:
            async for item in iterator:
                yield item
        finally:
            await _close(iterator)
            if source is not iterator:
                await _close(
                    source
                )  # the OpenAI SDK's stream holds the HTTP connection, its iterator does not
    elif isinstance(source, Sequence):
        for item in source:
            yield item
    else:
        async with aclosing(_threaded(iter(source))) as items:
            async for item in items:
                yield item


async def _threaded(iterator: Iterator[object]) -> AsyncGenerator[object]:
    step: asyncio.Future[object] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, iterator, _END))
            item = await asyncio.shield(step)  # a thread cannot be interrupted, only left to end its step
            if item is _END:
                return
            yield item
    finally:
        if step is None or step.done():
            _close_sync(iterator)
        else:
            step.add_done_callback(lambda ended: _close_sync(iterator, ended))


def _close_sync(iterator: Iterator[object], ended: asyncio.Future[object] | None = None) -> None:
    if ended is not None and not ended.cancelled():
        ended.exception()  # nobody waits for the last step any more; asyncio would report its error as lost
    if callable(close := getattr(iterator, "close", None)):
        close()


async def _close(source: Any) -> None:
    """Close a generator or response; the sync ``close`` of an async source is awaited when it asks for it."""
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if callable(close) and inspect.isawaitable(closing := close()):
        await closing
