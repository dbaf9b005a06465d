"""An application whose assistant asks the visitor's browser: for the time, and on demand for the zone after that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from cutty_agent import App, ChatAgent, Turn


class Chat(ChatAgent):
    """Calls ``getTime``, then ``getZone`` when the visitor wants both, then says what it was told."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
        last = turn.messages[-1]
        told: dict[str, Any] = {
            part["toolCallId"].split("-")[0]: part.get("output", part.get("errorText"))
            for part in last["parts"]
            if "toolCallId" in part
        }
        steps = "in steps" in turn.text
        if steps:
            yield {"type": "start-step"}
        if "time" not in told:
            yield "Let me see. "
            yield self._call("time", "getTime", turn)
        elif "zone" not in told and "zone" in turn.text:
            yield "And the zone. "
            yield self._call("zone", "getZone", turn)
        else:
            yield "It is " + " ".join(str(value) for value in told.values()) + "."
        if "slowly" in turn.text:  # long enough for the browser to answer before the end
            await asyncio.sleep(0.1)
        if steps:
            yield {"type": "finish-step"}

    def _call(self, key: str, name: str, turn: Turn) -> dict[str, Any]:
        call = f"{key}-{turn.request_id}"
        return {"type": "tool-input-available", "toolCallId": call, "toolName": name, "input": {}}


app = App([Chat])
