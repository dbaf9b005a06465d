"""Before: one address, one conversation. Everybody who posts to ``/api/chat`` shares it; that is the defect.

An ordinary little chat server as many applications have one. It reads the bodies of the AI SDK 4 (``content``) and
5 (``parts``) and answers with a UI message stream.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cutty.commands import Chunk, answer
from cutty.tokens import AGENT, APPLICATION, acting_for, user_of
from cutty.toolbox import Toolbox

PAUSE_S = float(os.environ.get("CUTTY_DEMO_DELAY_MS", "30")) / 1000

conversation: list[dict[str, Any]] = []
"""One list for the whole server: every user and every tab reads it and adds to it."""


async def chat(request: Request) -> Response:
    """Add the newest message to the conversation and answer it."""
    body = await request.json()
    said = body["messages"][-1]
    conversation.append({"id": said.get("id", str(uuid4())), "role": "user", "parts": [_text(said)]})
    user = user_of(str(body.get("token")), issuer=APPLICATION, audience=AGENT) or ""
    headers = {"x-vercel-ai-ui-message-stream": "v1", "cache-control": "no-cache"}
    return StreamingResponse(_stream(user), media_type="text/event-stream", headers=headers)


async def history(request: Request) -> Response:
    """The conversation; there is but one."""
    return JSONResponse(conversation)


async def _stream(user: str) -> AsyncIterator[str]:
    reply: dict[str, Any] = {"id": str(uuid4()), "role": "assistant", "parts": []}
    conversation.append(reply)
    said = [
        "".join(part["text"] for part in each["parts"]) for each in conversation if each["role"] == "user"
    ]
    async with Toolbox(acting_for(user)) as tools:
        async for chunk in answer(said, tools, call=str(uuid4()), pause_s=PAUSE_S):
            if chunk["type"] == "start":
                chunk = {**chunk, "messageId": reply["id"]}
            _keep(reply["parts"], chunk)
            yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


def _text(message: dict[str, Any]) -> dict[str, Any]:
    parts = message.get("parts") or [{"type": "text", "text": message.get("content", "")}]
    return {"type": "text", "text": "".join(part.get("text", "") for part in parts)}


def _keep(parts: list[dict[str, Any]], chunk: Chunk) -> None:
    match chunk["type"]:
        case "text-start":
            parts.append({"type": "text", "text": ""})
        case "text-delta":
            parts[-1]["text"] += chunk["delta"]
        case "tool-input-available":
            call = {"toolCallId": chunk["toolCallId"], "state": "input-available", "input": chunk["input"]}
            parts.append({"type": f"tool-{chunk['toolName']}", **call})
        case "tool-output-available":
            parts[-1] |= {"state": "output-available", "output": chunk["output"]}
        case "tool-output-error":
            parts[-1] |= {"state": "output-error", "errorText": chunk["errorText"]}


app = Starlette(
    routes=[Route("/api/chat", chat, methods=["POST"]), Route("/api/chat", history)],
    middleware=[
        Middleware(
            CORSMiddleware,
            allow_origins=os.environ.get("CUTTY_APP_ORIGINS", "http://localhost:8790").split(","),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    ],
)


def main() -> None:
    """Serve on loopback at ``CUTTY_BEFORE_PORT``, 8791 unless it says otherwise."""
    listening = socket.create_server(("127.0.0.1", int(os.environ.get("CUTTY_BEFORE_PORT", "8791"))))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    sys.stdout.write(f"The old chat server is ready at http://localhost:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
