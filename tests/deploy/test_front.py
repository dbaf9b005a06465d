"""Through nginx and Caddy, with the shipped configurations, everything is as without them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from deploy.front import Front
from faults.numbered import word
from faults.process import Server
from faults.visitor import Visitor, is_chunk, visit

pytestmark = [pytest.mark.deploy, pytest.mark.asyncio(loop_scope="session")]

CLIENT_PATIENCE_S = 4.0
"""How long the clients wait for the 101 (protocol 1.6)."""


def answer(tag: str, count: int) -> list[str]:
    return "".join(word(tag, at) for at in range(count)).split()


def question(tag: str, words: int) -> dict[str, Any]:
    """A body of the AI SDK."""
    message = {"id": tag, "role": "user", "parts": [{"type": "text", "text": f"{tag} {words}"}]}
    return {"id": "chat", "trigger": "submit-message", "messages": [message]}


def deltas(lines: list[str]) -> list[str]:
    """The words of an event stream."""
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta").split()


async def some_words(visitor: Visitor, count: int) -> None:
    """The answer has come so far."""
    while len(visitor.words()) < count:
        await visitor.until(is_chunk)


async def test_a_chat_over_a_socket(front: Front, session: str) -> None:
    # As a page that this server serves: its origin is the host of the request, with the port.
    async with visit(front, session, origin=f"http://{front.url}") as visitor:
        await visitor.ask("q", 50)
        end = await visitor.end()
    assert end["outcome"] == "completed"
    assert visitor.words() == answer("q", 50)


async def test_a_hundred_sockets_at_once_open_in_time(front: Front, session: str) -> None:
    loop = asyncio.get_running_loop()

    async def opened(number: int) -> float:
        began = loop.time()
        async with visit(front, f"{session}-{number}"):
            return loop.time() - began

    took = await asyncio.gather(*(opened(number) for number in range(100)))
    assert max(took) < CLIENT_PATIENCE_S


@pytest_asyncio.fixture(loop_scope="session")
async def slow(front: Front, tmp_path: Path) -> AsyncIterator[tuple[Server, Front]]:
    """Another server and another such front: 20 words take two seconds and fit into every proxy's first buffer."""
    server = Server(tmp_path / "data", env={"NUMBERED_PAUSE_MS": "100"})
    await server.start()
    folder = tmp_path / "front"
    folder.mkdir()
    another = type(front)(folder, server.port)
    await another.start()
    yield server, another
    await another.stop()
    await server.bury()


async def test_an_event_stream_comes_word_by_word(slow: tuple[Server, Front]) -> None:
    """Whoever has the first word can still stop the answer."""
    server, front = slow
    lines: list[str] = []
    stopped: object = None
    async with (
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
        client.stream("POST", f"http://{front.url}/agents/chat/s", json=question("q", 20)) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            lines.append(line)
            if stopped is None and "text-delta" in line:
                stopped = (await client.post(f"http://{server.url}/agents/chat/s/stop")).json()["stopped"]
    assert stopped, "the answer had ended when its first word arrived"
    assert "data: [DONE]" in lines
    shown = deltas(lines)
    assert shown == answer("q", len(shown))
    assert 1 <= len(shown) < 20


async def test_who_is_cut_off_comes_back_to_every_word(front: Front, session: str) -> None:
    async with visit(front, session) as first:
        await first.ask("q", 100)
        await some_words(first, 10)
        first.socket.transport.abort()
    assert first.words() == answer("q", len(first.words()))
    assert 10 <= len(first.words()) < 100
    async with visit(front, session) as second:
        await second.rest()
    assert second.words() == answer("q", 100)


async def test_an_event_stream_that_is_cut_off_is_resumed(front: Front, session: str) -> None:
    address = f"http://{front.url}/agents/chat/{session}"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        async with client.stream("POST", address, json=question("q", 100)) as response:
            async for line in response.aiter_lines():
                if "text-delta" in line:
                    break
        resumed = await client.get(f"{address}/stream")
    assert resumed.status_code == 200
    assert deltas(resumed.text.splitlines()) == answer("q", 100)


async def test_a_reload_in_mid_answer_loses_no_word(front: Front, session: str) -> None:
    """What a client does: when its socket is closed it comes back and resumes."""
    async with visit(front, session) as first:
        await first.ask("q", 150)
        await some_words(first, 10)
        await front.reload()
        code = None if await ended(first) else await first.closed()
    assert first.words() == answer("q", len(first.words()))
    if code is not None:
        assert code in {1000, 1001, 1006, 1012}, "the published clients come back after these (protocol 1.6)"
    async with visit(front, session) as second:
        if code is not None:
            await second.rest()
            assert second.words() == answer("q", 150)
        await second.ask("again", 5)
        await second.end()
    assert second.words()[-5:] == answer("again", 5)


async def ended(visitor: Visitor) -> bool:
    """Read on to the end of the answer; whether the socket lived so long."""
    try:
        await visitor.end()
    except ConnectionClosed:
        return False
    return visitor.words() == answer("q", 150)


async def test_large_bodies_pass_and_larger_ones_are_refused(front: Front, session: str) -> None:
    address = f"http://{front.url}/agents/chat/{session}"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        passed = await client.post(address, json={**question("q", 3), "attached": "x" * (30 << 20)})
        assert deltas(passed.text.splitlines()) == answer("q", 3)
        refused = await client.post(address, json={**question("r", 3), "attached": "x" * (33 << 20)})
    assert refused.status_code == 413


async def test_large_messages_pass_a_socket(front: Front, session: str) -> None:
    async with visit(front, session) as visitor:
        body = json.dumps({**question("q", 3), "attached": "x" * (20 << 20)})
        await visitor.send(type="cf_agent_use_chat_request", id="r-q", init={"method": "POST", "body": body})
        assert (await visitor.end())["outcome"] == "completed"
    assert visitor.words() == answer("q", 3)


async def test_the_page_is_served(server: Server, front: Front) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        page = await client.get(f"http://{front.url}/")
        health = await client.get(f"http://{front.url}/health")
    assert page.status_code == 200
    assert page.content == (await server.get("/"))[1]
    assert health.json() == {"status": "ok"}


async def test_the_operators_api_is_for_this_machine(front: Front) -> None:
    answers = {}
    for source in ("127.0.0.1", "127.0.0.9"):
        transport = httpx.AsyncHTTPTransport(local_address=source)
        async with httpx.AsyncClient(trust_env=False, transport=transport) as client:
            answers[source] = (await client.get(f"http://{front.url}/admin/sessions")).status_code
    assert answers == {"127.0.0.1": 401, "127.0.0.9": 403}
