"""What the chat client does with servers that close, forget and refuse; on a scripted server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.http11 import Request, Response

from cutty_agent.cli.answer import Channel
from cutty_agent.cli.conversation import Conversation, Ending
from cutty_agent.cli.operator import NoServer, Refused
from cutty_agent.ids import Address

Script = Callable[[ServerConnection], Awaitable[None]]


class Ear:
    def __init__(self) -> None:
        self.heard = ""
        self.remarks: list[str] = []

    def text(self, channel: Channel, text: str) -> None:
        self.heard += text

    def tool(self, name: str, call: dict[str, Any]) -> None:
        raise AssertionError("no tool was called")

    def remark(self, text: str) -> None:
        self.remarks.append(text)


@asynccontextmanager
async def server(*scripts: Script, transcript: Callable[[], list[Any]] = list) -> AsyncIterator[str]:
    """One script for each connection; the last one serves all that follow."""
    left = list(scripts)

    async def handle(socket: ServerConnection) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(socket)

    def http(socket: ServerConnection, request: Request) -> Response | None:
        if request.path.endswith("/get-messages"):
            return socket.respond(HTTPStatus.OK, json.dumps(transcript()))
        return None

    async with serve_sockets(handle, "127.0.0.1", 0, process_request=http) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"


def talk(url: str, patience_s: float = 30.0) -> Conversation:
    return Conversation(url, Address("chat", "s"), patience_s=patience_s)


def frame(type: str, **fields: object) -> str:
    return json.dumps({"type": type, **fields})


async def read(socket: ServerConnection, type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await socket.recv())
    assert found["type"] == type
    return found


def closes(code: int, reason: str) -> Script:
    async def script(socket: ServerConnection) -> None:
        await socket.close(code, reason)

    return script


async def send_answer(socket: ServerConnection, request_id: str, words: list[str], *, replay: bool) -> None:
    chunks = [{"type": "start", "messageId": "assistant_1"}, {"type": "text-start", "id": "t"}]
    chunks += [{"type": "text-delta", "id": "t", "delta": word} for word in words]
    for chunk in chunks:
        body = json.dumps(chunk)
        await socket.send(
            frame("cf_agent_use_chat_response", id=request_id, body=body, done=False, replay=replay)
        )


def done(request_id: str, **fields: object) -> str:
    return frame("cf_agent_use_chat_response", id=request_id, body="", done=True, **fields)


@pytest.mark.parametrize("code", [1008, 4404, 4410])
async def test_a_final_close_is_not_tried_again(code: int) -> None:
    async with server(closes(code, "No such agent")) as url:
        with pytest.raises(Refused, match="No such agent"):
            await talk(url).ask("hi", Ear())


async def test_a_server_that_stays_busy_is_given_up_with_its_reason() -> None:
    ear = Ear()
    async with server(closes(1013, "Too many sockets")) as url:
        with pytest.raises(NoServer, match="Too many sockets"):
            await talk(url, patience_s=0.3).ask("hi", ear)
    assert ear.remarks == []


async def test_nothing_listens() -> None:
    with pytest.raises(NoServer, match="cutty-agent serve"):
        await talk("http://127.0.0.1:1").ask("hi", Ear())


async def test_a_question_that_never_arrived_is_asked_again_under_its_id() -> None:
    asked: list[dict[str, Any]] = []

    async def loses(socket: ServerConnection) -> None:
        asked.append(await read(socket, "cf_agent_use_chat_request"))
        await socket.send(frame("cf_agent_identity"))

    async def answers(socket: ServerConnection) -> None:
        probe = await read(socket, "cf_agent_stream_resume_request")
        await socket.send(frame("cf_agent_stream_resume_none", reason="idle", probeId=probe["probeId"]))
        asked.append(await read(socket, "cf_agent_use_chat_request"))
        await send_answer(socket, asked[-1]["id"], ["hello"], replay=False)
        await socket.send(done(asked[-1]["id"], outcome="completed"))

    ear = Ear()
    async with server(loses, answers) as url:
        assert await talk(url).ask("hi", ear) == Ending("completed")
    assert asked[0] == asked[1]
    assert ear.heard == "hello"


async def test_an_answer_that_ended_while_away_is_looked_up() -> None:
    stored: list[dict[str, Any]] = []

    async def half(socket: ServerConnection) -> None:
        request = await read(socket, "cf_agent_use_chat_request")
        stored.append(json.loads(request["init"]["body"])["message"])
        stored.append(
            {"id": "assistant_1", "role": "assistant", "parts": [{"type": "text", "text": "one two three"}]}
        )
        await send_answer(socket, request["id"], ["one ", "tw"], replay=False)

    async def idle(socket: ServerConnection) -> None:
        await read(socket, "cf_agent_stream_resume_request")
        await socket.send(frame("cf_agent_stream_resume_none", reason="idle"))
        await socket.wait_closed()

    ear = Ear()
    async with server(half, idle, transcript=lambda: stored) as url:
        assert await talk(url).ask("hi", ear) == Ending("completed")
    assert ear.heard == "one two three"
    assert len(ear.remarks) == 1


async def test_an_answer_that_goes_on_under_another_id_is_followed() -> None:
    async def half(socket: ServerConnection) -> None:
        request = await read(socket, "cf_agent_use_chat_request")
        await send_answer(socket, request["id"], ["one ", "two "], replay=False)

    async def recovered(socket: ServerConnection) -> None:
        await read(socket, "cf_agent_stream_resume_request")
        for _ in range(2):  # once unasked and once as the answer
            await socket.send(frame("cf_agent_stream_resuming", id="other"))
        assert (await read(socket, "cf_agent_stream_resume_ack"))["id"] == "other"
        await send_answer(socket, "other", ["one two ", "three"], replay=True)
        await socket.send(done("unrelated", outcome="completed"))
        await socket.send(done("other", outcome="completed"))
        await socket.wait_closed()

    ear = Ear()
    async with server(half, recovered) as url:
        assert await talk(url).ask("hi", ear) == Ending("completed")
    assert ear.heard == "one two three"


async def test_other_answers_and_odd_frames_are_passed_over() -> None:
    async def busy(socket: ServerConnection) -> None:
        request = await read(socket, "cf_agent_use_chat_request")
        await send_answer(socket, "somebody-elses", ["not this"], replay=False)
        for odd in ("", "[]", "null", "nonsense", '{"type":7}', frame("cf_agent_use_chat_response")):
            await socket.send(odd)
        await socket.send(done("somebody-elses", error=True, messageIds=["x"]))
        await send_answer(socket, request["id"], ["this"], replay=False)
        await socket.send(
            frame("cf_agent_use_chat_response", id=request["id"], body="It broke", done=False, error=True)
        )
        await socket.send(done(request["id"], outcome="error"))
        await socket.wait_closed()

    ear = Ear()
    async with server(busy) as url:
        assert await talk(url).ask("hi", ear) == Ending("error", "It broke")
    assert ear.heard == "this"
