"""A local server that speaks OpenAI's streaming chat completions, driven by the text of the newest message."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-canary-never-shown"
PROVIDER_TEXT = f"Incorrect API key provided: {KEY}"


class OpenAIServer:
    """What tests see of the server: where it is, what it was asked, and whether a caller hung up.

    Commands in the newest user message: ``call NAME {json}`` calls a tool, ``error STATUS`` refuses, ``hang``
    sends one word and then nothing, ``break`` sends one word and cuts the connection; other text is repeated word
    by word. After a tool result the answer quotes it.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.disconnected = threading.Event()

    async def completions(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("authorization", ""))
        last = body["messages"][-1]
        command = _text(last)
        if last["role"] == "user" and command.startswith("error "):
            status = int(command.split()[1])
            error = {"message": PROVIDER_TEXT, "type": "test", "code": str(status)}
            return JSONResponse({"error": error}, status, headers={"x-should-retry": "false"})
        return StreamingResponse(self._stream(last, command, request), media_type="text/event-stream")

    async def _stream(self, last: dict[str, Any], command: str, request: Request) -> AsyncIterator[str]:
        yield _event({"role": "assistant", "content": ""})
        if last["role"] == "tool":
            for word in ("The tool said: ", command):
                yield _event({"content": word})
        elif command.startswith("call "):
            for delta in _calls(command):
                yield _event({"tool_calls": [delta]})
            yield _event({}, finish="tool_calls")
        elif command in {"hang", "break"}:
            yield _event({"content": "Wait… "})
            if command == "break":
                raise ConnectionResetError
            try:
                await asyncio.Event().wait()
            finally:
                self.disconnected.set()
        else:
            for word in command.split(" "):
                yield _event({"content": f"{word} "})
                await asyncio.sleep(0)  # lets the answers of several callers mix on the wire
        if not command.startswith("call ") or last["role"] == "tool":
            yield _event({}, finish="stop")
        yield _event(None, usage={"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18})
        yield "data: [DONE]\n\n"


def _calls(command: str) -> Iterator[dict[str, Any]]:
    """``call a {"x": 1} + b {}``: the deltas of parallel tool calls, the arguments in two pieces each."""
    for index, call in enumerate(command.removeprefix("call ").split(" + ")):
        name, _, arguments = call.partition(" ")
        arguments, half = arguments or "{}", len(arguments) // 2
        start = {"name": name, "arguments": arguments[:half]}
        yield {"index": index, "id": f"call_{name}_{index}", "type": "function", "function": start}
        yield {"index": index, "function": {"arguments": arguments[half:]}}


def _event(delta: dict[str, Any] | None, *, finish: str | None = None, usage: Any = None) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "local-model-1"}
    return f"data: {json.dumps({**chunk, 'choices': choices, 'usage': usage})}\n\n"


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


@contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    state = OpenAIServer()
    app = Starlette(routes=[Route("/v1/chat/completions", state.completions, methods=["POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    state.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()  # the socket listens already, so the first request waits for the server in its backlog
    try:
        yield state
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
        assert not thread.is_alive(), "the OpenAI-compatible server did not stop"
