"""A server that is asked to stop: sockets leave at once, short answers finish, long ones go on after the start."""

from __future__ import annotations

import asyncio
import signal

import pytest
from msgspec import json

from cutty_agent.engines.embedded.readonly import open_readonly
from cutty_agent.ids import Address
from cutty_agent.wire.turn_record import decode_turn
from faults.conftest import MakeServer
from faults.numbered import word
from faults.process import Server
from faults.visitor import Visitor, is_chunk, visit
from faults.witness import text_of

pytestmark = pytest.mark.faults

ADDRESS = Address("chat", "s")


def answer(tag: str, count: int) -> list[str]:
    return "".join(word(tag, at) for at in range(count)).split()


async def asked(visitor: Visitor, tag: str, words: int) -> None:
    """The answer has begun."""
    await visitor.ask(tag, words)
    await visitor.until(lambda frame: is_chunk(frame) and "text-delta" in frame["body"])


async def stopped(server: Server, visitor: Visitor, *signals: signal.Signals) -> tuple[int, float]:
    """Send the signals, each once the socket is closed; exit code and seconds until the end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    server.ready.clear()
    server.process.send_signal(signals[0])
    assert await visitor.closed() == 1012
    assert loop.time() - began < 1.0
    for number in signals[1:]:
        server.process.send_signal(number)
    code = await server.ended()
    return code, loop.time() - began


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_an_answer_shorter_than_the_grace_is_finished(
    make_server: MakeServer, how: signal.Signals
) -> None:
    server = make_server(NUMBERED_PAUSE_MS="20", CUTTY_LIFETIMES__GRACE_S="8")
    await server.start()
    async with visit(server, "s") as visitor:
        await asked(visitor, "q", 75)
        code, took = await stopped(server, visitor, how)
    assert code == 0, server.log()
    assert 0.5 < took < 8
    with open_readonly(server.data) as store:
        stored = store.messages(ADDRESS)
        assert stored is not None
        messages = [json.decode(row.body) for row in stored.messages]
        assert [message["id"] for message in messages][:1] == ["q"]
        assert text_of(messages[1]).split() == answer("q", 75)
        assert len(messages) == 2
        assert [decode_turn(turn.record).outcome for turn in store.turns(ADDRESS)] == ["completed"]
        assert store.check() == []
    assert server.errors() == []


async def test_a_longer_answer_and_those_behind_it_go_on_after_the_next_start(
    make_server: MakeServer,
) -> None:
    server = make_server(NUMBERED_PAUSE_MS="20", CUTTY_LIFETIMES__GRACE_S="0.5")
    await server.start()
    async with visit(server, "s") as visitor:
        await asked(visitor, "q", 150)
        await visitor.ask("behind", 5)
        await visitor.until(lambda frame: "q:9 " in frame.get("body", ""))
        code, took = await stopped(server, visitor, signal.SIGTERM)
        seen = len(visitor.words())
    assert code == 0, server.log()
    assert took < 0.5 + 3
    with open_readonly(server.data) as store:
        assert [turn.open for turn in store.turns(ADDRESS)] == [True, True]
        kept = b"".join(store.chunks(ADDRESS, "r-q"))
        assert b"q:%d " % (seen - 1) in kept
        assert b"q:149 " not in kept
    await server.start()
    async with visit(server, "s") as visitor:
        await visitor.rest()
    status, body = await server.get("/agents/chat/s/get-messages")
    assert status == 200
    messages = json.decode(body)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert text_of(messages[1]).split() == answer("q", 150)
    assert text_of(messages[3]).split() == answer("behind", 5)
    assert await server.stop() == 0
    assert server.errors() == []


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_waiting(make_server: MakeServer, second: signal.Signals) -> None:
    server = make_server(NUMBERED_PAUSE_MS="20", CUTTY_LIFETIMES__GRACE_S="60")
    await server.start()
    async with visit(server, "s") as visitor:
        await asked(visitor, "q", 2000)
        code, took = await stopped(server, visitor, signal.SIGTERM, second)
        seen = visitor.words()
    assert code == 0, server.log()
    assert took < 5
    with open_readonly(server.data) as store:
        assert [turn.open for turn in store.turns(ADDRESS)] == [True]
        assert store.check() == []
        stored = [json.decode(body) for body in store.chunks(ADDRESS, "r-q")]
    words = "".join(chunk.get("delta", "") for chunk in stored).split()
    assert seen == answer("q", len(seen))
    assert words == answer("q", len(words))
    assert len(words) >= len(seen)
    assert server.errors() == []


async def follow(server: Server, tag: str, words: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request over HTTP, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    post(server, writer, tag, words)
    return reader, writer


def post(server: Server, writer: asyncio.StreamWriter, tag: str, words: int) -> None:
    message = {"id": tag, "role": "user", "parts": [{"type": "text", "text": f"{tag} {words}"}]}
    body = json.encode({"messages": [message], "trigger": "submit-message"})
    head = f"POST /agents/chat/s HTTP/1.1\r\nHost: {server.url}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


async def test_who_follows_over_http_hears_the_end_within_the_grace(
    make_server: MakeServer,
) -> None:
    server = make_server(NUMBERED_PAUSE_MS="20", CUTTY_LIFETIMES__GRACE_S="3")
    await server.start()
    reader, writer = await follow(server, "q", 75)
    heard = await reader.readuntil(b"q:9 ")
    late, kept = await asyncio.open_connection("127.0.0.1", server.port)
    kept.write(f"GET /health HTTP/1.1\r\nHost: {server.url}\r\n\r\n".encode())
    assert b"200" in await late.readuntil(b"\r\n\r\n")
    behind, also = await follow(server, "behind", 20)  # waits for its turn, so it says nothing yet
    async with visit(server, "s") as visitor:
        server.ready.clear()
        server.process.send_signal(signal.SIGTERM)
        assert await visitor.closed() == 1012
    post(server, kept, "late", 5)
    assert b"HTTP/1.1 503" in await late.readuntil(b"\r\n\r\n")
    heard += await reader.readuntil(b"[DONE]")
    assert b'"finish"' in heard
    assert b"q:74" in heard
    told = await behind.read()
    assert told.startswith(b"HTTP/1.1 200"), told
    assert b'{"type":"abort"}' in told  # it is stored, and answered after the next start
    assert await server.ended() == 0
    for each in (writer, also, kept):
        each.close()
    await server.start()
    async with visit(server, "s") as visitor:
        await visitor.rest()
    status, body = await server.get("/agents/chat/s/get-messages")
    assert status == 200
    answers = [text_of(each).split() for each in json.decode(body) if each["role"] == "assistant"]
    assert answers == [answer("q", 75), answer("behind", 20)]
    assert await server.stop() == 0
    assert server.errors() == []


async def test_who_follows_a_longer_answer_over_http_is_let_go_and_can_resume_it(
    make_server: MakeServer,
) -> None:
    server = make_server(NUMBERED_PAUSE_MS="20", CUTTY_LIFETIMES__GRACE_S="0.5")
    await server.start()
    reader, writer = await follow(server, "q", 150)
    await reader.readuntil(b"q:9 ")
    server.ready.clear()
    server.process.send_signal(signal.SIGTERM)
    rest = await reader.read()
    assert b"abort" not in rest  # it was not
    assert b"[DONE]" not in rest
    assert await server.ended() == 0
    writer.close()
    await server.start()
    status, body = await server.get("/agents/chat/s/stream")
    assert status == 200
    assert b"q:149" in body
    assert b"[DONE]" in body
    assert await server.stop() == 0
    assert server.errors() == []
