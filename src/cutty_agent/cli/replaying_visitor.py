"""The visitor of a recorded conversation: answers again what the agent leaves to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ..app import App
from ..core.parts import Part, calls_of, state_of, tool_name
from ..core.tools import pending
from ..ids import Address
from ..ports.door import Opening
from ..wire.chunks import UIMessage
from ..wire.principal import NOBODY

MAX_ROUNDS: Final = 50
"""How often one answer may wait for the visitor."""

_ENDED: Final = "cf_agent_use_chat_response"


class Visitor:
    """A socket of the session (ports.outlet.Outlet) that gives the recorded results and approvals."""

    congested = False
    buffered = 0

    def __init__(self, app: App, address: Address) -> None:
        self._app = app
        self._address = address
        self._news = asyncio.Event()
        self._ends = 0
        self._closed = False
        self._link = app.connect(self, Opening(address, "replay"))

    def send(self, frame: bytes) -> None:
        """A frame of the session."""
        found = msgspec.json.decode(frame)
        if isinstance(found, dict) and found.get("type") == _ENDED and found.get("done"):
            self._ends += 1
            self._news.set()

    def send_many(self, frames: Iterable[bytes]) -> None:
        """Several."""
        for frame in frames:
            self.send(frame)

    def close(self, code: int, reason: str) -> None:
        """The session lets go."""
        self._closed = True
        self._news.set()

    async def answer(self, recorded: UIMessage) -> None:
        """Give what the answer waits for, as it was given when it was recorded, until it waits for nothing more that
        was."""
        for _ in range(MAX_ROUNDS):
            stored = msgspec.json.decode(await self._app.gate.messages(self._address, NOBODY, "v5"))
            last = stored[-1] if stored and stored[-1].get("role") == "assistant" else None
            frames = self._frames(last, recorded)
            if not frames or self._closed:
                return
            before = self._ends
            for frame in frames:
                self._link.receive(msgspec.json.encode(frame))
            while self._ends == before and not self._closed:
                self._news.clear()
                await self._news.wait()

    def leave(self) -> None:
        """The socket is gone."""
        self._link.lost()

    def _frames(self, message: UIMessage | None, recorded: UIMessage) -> list[dict[str, Any]]:
        known = dict(calls_of(recorded))
        waiting = [part["toolCallId"] for part in pending(message)] if message is not None else []
        frames = [_frame(known[call]) for call in waiting if call in known]
        return [frame for frame in frames if frame is not None]


def _frame(part: Part) -> dict[str, Any] | None:
    approval, state = part.get("approval"), state_of(part)
    call = {"toolCallId": part["toolCallId"], "toolName": tool_name(part), "autoContinue": True}
    if isinstance(approval, dict):
        if not isinstance(approval.get("approved"), bool):
            return None
        return {"type": "cf_agent_tool_approval", **call, "approved": approval["approved"]}
    if state == "output-available":
        return {"type": "cf_agent_tool_result", **call, "output": part.get("output")}
    if state == "output-error":
        return {
            "type": "cf_agent_tool_result",
            **call,
            "state": state,
            "errorText": str(part.get("errorText", "")),
        }
    return None
