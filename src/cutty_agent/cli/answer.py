"""One answer as it is heard over any number of connections: each word once, however often it is replayed."""

from __future__ import annotations

from typing import Any, Literal, Protocol

Channel = Literal["text", "reasoning"]


class Listener(Protocol):
    """What becomes of an answer while it comes."""

    def text(self, channel: Channel, text: str) -> None:
        """More of the answer, or of the reasoning before it."""
        ...

    def tool(self, name: str, call: dict[str, Any]) -> None:
        """A tool call has a result: ``input``, ``state``, and ``output`` or ``errorText``."""
        ...

    def remark(self, text: str) -> None:
        """Something about the connection."""
        ...


class Hearing:
    """Folds the chunks of an answer and tells a listener what is new.

    A replay starts the answer again from its beginning; what was told before is passed over. ``message_id`` is the
    id of the answer once it is known.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._told: dict[Channel, str] = {"text": "", "reasoning": ""}
        self._at: dict[Channel, int] = {"text": 0, "reasoning": 0}
        self._calls: dict[str, dict[str, Any]] = {}
        self._done: set[str] = set()
        self.message_id: str | None = None

    @property
    def text(self) -> str:
        """The answer as told so far."""
        return self._told["text"]

    def again(self) -> None:
        """A replay begins."""
        self._at = {"text": 0, "reasoning": 0}

    def chunk(self, chunk: dict[str, Any]) -> None:
        """One UI message chunk, replayed or new."""
        kind = chunk.get("type")
        match kind:
            case "start":
                if isinstance(chunk.get("messageId"), str):
                    self.message_id = chunk["messageId"]
            case "text-start" | "reasoning-start":
                channel: Channel = "text" if kind == "text-start" else "reasoning"
                if self._at[channel]:
                    self._hear(channel, "\n\n")
            case "text-delta":
                self._hear("text", str(chunk.get("delta", "")))
            case "reasoning-delta":
                self._hear("reasoning", str(chunk.get("delta", "")))
            case "tool-input-available":
                self._calls[str(chunk.get("toolCallId"))] = chunk
            case "tool-output-available":
                self._settled({**chunk, "state": "output-available"})
            case "tool-output-error":
                self._settled({**chunk, "state": "output-error"})
            case "tool-approval-request":
                self._settled({**chunk, "state": "approval-requested"})

    def message(self, message: dict[str, Any]) -> None:
        """The whole answer as it is stored: tells what is still missing of it."""
        self.again()
        for part in message.get("parts") or ():
            kind = str(part.get("type", ""))
            if kind in {"text", "reasoning"}:
                self.chunk({"type": f"{kind}-start"})
                self.chunk({"type": f"{kind}-delta", "delta": part.get("text", "")})
            elif kind == "dynamic-tool" or kind.startswith("tool-"):
                name = part.get("toolName") or kind.removeprefix("tool-")
                self._settled({**part, "toolName": name})

    def _hear(self, channel: Channel, text: str) -> None:
        told, at = self._told[channel], self._at[channel]
        known = told[at : at + len(text)]
        if text.startswith(known):
            news = text[len(known) :]
        else:  # the answer was begun anew and runs differently
            self._listener.remark("The answer was begun again.")
            self._told[channel] = told[:at]
            news = text
        self._at[channel] = at + len(text)
        if news:
            self._told[channel] += news
            self._listener.text(channel, news)

    def _settled(self, chunk: dict[str, Any]) -> None:
        call_id = str(chunk.get("toolCallId"))
        if call_id in self._done:
            return
        call = {**self._calls.get(call_id, {}), **chunk}
        if str(call["state"]).startswith("output-"):
            self._done.add(call_id)
        elif call.get("state") != "approval-requested":
            return
        self._listener.tool(str(call.get("toolName", "tool")), call)
