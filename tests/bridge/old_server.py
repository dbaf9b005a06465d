"""An application with the old addresses, and clients that use them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.config import load
from unit.access_lab import SECRET, signed

PAGE = "https://app.example.com"
RULE = {"jwt": {"secret": SECRET}}
OPERATOR = "the-token-of-the-operator-in-tests-only"


class Chat(ChatAgent):
    """Tells what it has been told in this session."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        yield "heard: "
        yield "|".join(text_of(message) for message in self.messages if message["role"] == "user")


def text_of(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


class OldServer:
    """A running application; every :meth:`browser` has a cookie jar of its own."""

    def __init__(self, app: App) -> None:
        self.app = app

    def browser(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://server", headers=headers)

    async def sessions(self) -> list[str]:
        """The ids of all sessions there are."""
        assert self.app.store is not None
        return [row.address.session for row in await self.app.store.sessions(limit=1000)]

    async def uses(self) -> list[tuple[str, str, str, str, int]]:
        """What was counted: action, actor, peer, detail, count."""
        assert self.app.store is not None
        assert self.app.house is not None
        await self.app.house.registry.audit.close()  # writes what is gathered
        rows = await self.app.store.audit(action="bridge.", limit=1000)
        found = [row.entry for row in reversed(rows)]
        return [(each.action, each.actor, each.peer, each.detail, each.count) for each in found]


@asynccontextmanager
async def old_server(
    directory: Path, *, agent: type[ChatAgent] = Chat, **settings: Any
) -> AsyncIterator[OldServer]:
    given = {"bridge": "on", "allow_origins": [PAGE], "admin_token": OPERATOR, **settings}
    app = App([agent], load(data=directory, **given))
    async with app.running():
        yield OldServer(app)


def v5(*said: str, chat: str | None = None, **more: Any) -> dict[str, Any]:
    """A request body of AI SDK 5: the visitor's and the assistant's messages in turn."""
    messages = [
        {
            "id": f"m-{text}",
            "role": "assistant" if at % 2 else "user",
            "parts": [{"type": "text", "text": text}],
        }
        for at, text in enumerate(said)
    ]
    body = {"messages": messages, "trigger": "submit-message", **more}
    return body if chat is None else {"id": chat, **body}


def v4(*said: str, chat: str = "TpvAMb3eICY6pjNg") -> dict[str, Any]:
    """The same of AI SDK 4, which sends no ids of messages."""
    messages = [
        {
            "role": "assistant" if at % 2 else "user",
            "content": text,
            "parts": [{"type": "text", "text": text}],
        }
        for at, text in enumerate(said)
    ]
    return {"id": chat, "messages": messages}


def answer(response: httpx.Response) -> str:
    """The text of an answer in either dialect."""
    assert response.status_code == 200, response.text
    if response.headers.get("x-vercel-ai-data-stream") == "v1":
        return "".join(json.loads(line[2:]) for line in response.text.splitlines() if line.startswith("0:"))
    events = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    return "".join(json.loads(event).get("delta", "") for event in events)


def bearer(name: str) -> dict[str, str]:
    """What a user who has signed in shows."""
    return {"authorization": f"Bearer {signed(SECRET, sub=name)}"}


def signed_in(server: OldServer, name: str) -> httpx.AsyncClient:
    """The browser of a user who has signed in."""
    return server.browser(**bearer(name))


async def ask(http: httpx.AsyncClient, body: dict[str, Any], path: str = "/api/chat", **more: Any) -> str:
    """The text of the answer to a request."""
    return answer(await http.post(path, json=body, **more))
