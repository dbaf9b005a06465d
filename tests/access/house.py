"""A server with an access rule, its agent, and a session that is shared with a reader and a writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from access.asgi import Answer, Frame, Socket, Sockets, ask
from access.callers import AUDIENCE, COOKIES, OPERATOR, bearer, token
from cutty_agent import App, ChatAgent, Turn
from cutty_agent.agent.base import rpc
from cutty_agent.agent.host import Connection
from cutty_agent.clock import Clock
from cutty_agent.config import Settings
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from unit.access_lab import SECRET

CANARY = "canary-9f2c"
"""In everything that is the owner's: no stranger may ever be sent it."""

PLENTY = 1_000_000
"""A rate that these tests do not reach."""


class Chat(ChatAgent):
    """Answers with the canary; asked to ``wait`` it leaves a tool call and an approval open until it is stopped."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
        if turn.text == "wait":
            yield {"type": "tool-input-available", "toolCallId": "c1", "toolName": "look", "input": {}}
            yield {"type": "tool-input-available", "toolCallId": "c2", "toolName": "pay", "input": {}}
            yield {"type": "tool-approval-request", "approvalId": "a2", "toolCallId": "c2"}
            await asyncio.Event().wait()
        yield f"{CANARY} answers {turn.text}"

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        heard = message if isinstance(message, str) else message.decode("utf-8", "replace")
        self.broadcast({"type": "heard", "text": heard[:100]})

    async def on_request(self, request: Request) -> Response | None:
        return JSONResponse({"own": CANARY, "method": request.method})

    @rpc(read_only=True)
    async def look(self) -> str:
        return CANARY

    @rpc
    async def rename(self) -> None:
        self.broadcast({"type": "renamed"})


class House:
    """A running application and who talks to it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.connect = Sockets(app)
        self._made = 0

    async def ask(self, method: str, path: str, who: dict[str, str] | None = None, **more: Any) -> Answer:
        return await ask(self.app, method, path, headers=who or {}, **more)

    async def session(self) -> str:
        """The path of a new session of ada's: a turn was answered, rita may read and walt may write."""
        self._made += 1
        path, ada = f"/agents/chat/s{self._made}", bearer(token("ada"))
        await self.expect(200, "POST", path, ada, body=said(CANARY))
        for friend, mode in (("rita", "read"), ("walt", "write")):
            share = {"mode": mode, "principal": f"user:{friend}"}
            await self.expect(201, "POST", f"{path}/shares", ada, body=share)
        return path

    async def expect(self, status: int, method: str, path: str, who: dict[str, str], **more: Any) -> Answer:
        answer = await self.ask(method, path, who, **more)
        assert answer.status == status, (method, path, answer)
        return answer

    async def seen_by_ada(self, path: str) -> object:
        """All that could have been changed by somebody, as the owner and the operator see it."""
        ada = bearer(token("ada"))
        return [
            (await self.ask("GET", f"{path}/{part}", ada)).json() for part in ("get-messages", "shares")
        ] + [
            {name: value for name, value in (await self.row(path)).items() if name not in VOLATILE},
            (await self.ask("GET", f"{operators(path)}/state", bearer(OPERATOR))).body,
        ]

    async def row(self, path: str) -> Frame:
        answer = await self.expect(200, "GET", operators(path), bearer(OPERATOR))
        found: Frame = answer.json()
        return found

    def awake(self, path: str) -> bool:
        """Whether the session is in memory."""
        assert self.app.house is not None
        slot = self.app.house.registry.slots.get(Address(*path.split("/")[2:4]))
        return slot is not None and slot.actor is not None

    async def owner(self, path: str) -> Socket:
        return await self.connect(path, bearer(token("ada"))).greeted()


VOLATILE = {"awake", "sockets", "active_ms"}


def operators(path: str) -> str:
    """The operator's address of a session."""
    return path.replace("/agents/", "/admin/sessions/")


def said(text: str, id: str = "u1") -> Frame:
    """The body of a chat request."""
    return {"messages": [message(text, id)], "trigger": "submit-message"}


def message(text: str, id: str = "u1") -> Frame:
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}


UNLIMITED = (
    "requests_per_minute",
    "principal_requests_per_minute",
    "address_requests_per_minute",
    "address_connects_per_minute",
    "frames_per_second",
    "frames_burst",
    "runaway_turns_per_minute",
    "runaway_wakes_per_minute",
)


def rules(*, visitors: bool = True, **access: Any) -> dict[str, Any]:
    """Users are known by their tokens, and visitors too unless told otherwise."""
    jwt = {"secret": SECRET, "audience": AUDIENCE, "leeway_s": 0}
    return {"jwt": jwt, "visitors": visitors, "secret": COOKIES, **access}


@asynccontextmanager
async def house(
    *,
    access: dict[str, Any] | None = None,
    store: MemoryStore | None = None,
    clock: Clock | None = None,
    agent: type[ChatAgent] = Chat,
    lifetimes: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[House]:
    """A server on a store in memory, or on the embedded one when ``data`` names a directory. ``access`` are its rules,
    by default :func:`rules`."""

    async def opened() -> MemoryStore:
        return store or MemoryStore()

    settings["limits"] = {**dict.fromkeys(UNLIMITED, PLENTY), **settings.get("limits", {})}
    settings["lifetimes"] = {"idle_s": 600.0, "flush_s": 0.0, "grace_s": 0.0, **(lifetimes or {})}
    settings["access"] = rules() if access is None else access
    own = None if "data" in settings else opened
    app = App({"chat": agent}, Settings(admin_token=OPERATOR, **settings), open_store=own, clock=clock)
    async with app.running():
        made = House(app)
        try:
            yield made
        finally:
            await made.connect.close()
