"""The live frames of a session as lines that a person can follow."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from .terminal import printable
from .transcript import part_text, tool_text
from .turns import OUTCOMES
from .wrapping import Wrapping

_STAMP = len("00:00:00  ")


class Follower:
    """Takes frames in order and prints them. ``refused`` is set when the server ended it for good."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._known: set[str] = set()
        self._line: str | None = None
        self._wrapping = Wrapping(console.width)
        self._tools: dict[str, dict[str, Any]] = {}
        self.refused: str | None = None

    def take(self, frame: dict[str, Any]) -> None:
        """Print one frame, or nothing when it says nothing new."""
        match frame.get("type"):
            case "tail":
                self._say(f"following {frame['agent']}/{frame['id']}; Ctrl+C ends it", "dim")
            case "cf_agent_use_chat_response":
                self._response(frame)
            case "cf_agent_chat_messages":
                self._messages(frame.get("messages") or [])
            case "cf_agent_chat_clear":
                self._known.clear()
                self._say("the conversation was cleared", "yellow")
            case "cf_agent_message_updated":
                self._updated(frame.get("message") or {})
            case "cf_agent_chat_recovering" if frame.get("recovering"):
                self._say("recovering an interrupted answer", "yellow")
            case "cf_agent_state":
                self._say(f"state {printable(msgspec.json.encode(frame.get('state')).decode())}", "dim")
            case "end":
                self.finish()
                self.refused = f"The server ended it: {frame.get('reason') or frame.get('code')}."

    def finish(self) -> None:
        """End a line that is being written."""
        if self._line is not None:
            self._put(self._wrapping.flush())
            self._console.print()
            self._line = None

    def _messages(self, messages: list[dict[str, Any]]) -> None:
        first = not self._known
        for at, message in enumerate(messages):
            message_id = str(message.get("id"))
            # Of the first transcript only the newest message is news; the others were there before.
            news = message_id not in self._known and (not first or at == len(messages) - 1)
            self._known.add(message_id)
            if news and message.get("role") == "user":
                self._stamp()
                self._console.print(Text("user  ", "bold cyan"), end="")
                texts = [shown for part in message.get("parts") or () if (shown := part_text(part))]
                self._console.print(Text("\n").join(texts))

    def _updated(self, message: dict[str, Any]) -> None:
        for part in message.get("parts") or ():
            call = part.get("toolCallId")
            if call is not None and part.get("state", "").startswith(("output-", "approval-")):
                name = str(part.get("toolName") or str(part.get("type", "")).removeprefix("tool-"))
                known = self._tools.get(call)
                if known is None or known.get("state") != part.get("state"):
                    self._tools[call] = dict(part)
                    self._stamp()
                    self._console.print(tool_text(name, part))

    def _response(self, frame: dict[str, Any]) -> None:
        body = str(frame.get("body") or "")
        if frame.get("error"):
            self._say(f"error  {printable(body)}", "red")
        elif body:
            try:
                chunk = msgspec.json.decode(body)
            except msgspec.DecodeError:
                return
            if isinstance(chunk, dict):
                self._chunk(chunk)
        if frame.get("done"):
            self._tools.clear()
            outcome = str(frame.get("outcome") or "done")
            self._say(outcome, OUTCOMES.get(outcome, "dim"))

    def _chunk(self, chunk: dict[str, Any]) -> None:
        kind = str(chunk.get("type"))
        if kind == "start" and chunk.get("messageId"):
            self._known.add(str(chunk["messageId"]))
        elif kind in {"text-delta", "reasoning-delta"}:
            self._write(kind.removesuffix("-delta"), printable(str(chunk.get("delta", ""))))
        elif kind in {"text-end", "reasoning-end"}:
            self.finish()
        elif kind == "tool-input-available":
            self._tools[str(chunk.get("toolCallId"))] = dict(chunk)
        elif kind in {"tool-output-available", "tool-output-error"}:
            call = {**self._tools.get(str(chunk.get("toolCallId")), {}), **chunk}
            state = "output-available" if kind == "tool-output-available" else "output-error"
            self._stamp()
            self._console.print(tool_text(str(call.get("toolName", "tool")), {**call, "state": state}))
        elif kind == "tool-approval-request":
            call = self._tools.get(str(chunk.get("toolCallId")), {})
            self._stamp()
            self._console.print(
                tool_text(str(call.get("toolName", "tool")), {**call, "state": "approval-requested"})
            )

    def _write(self, channel: str, text: str) -> None:
        if self._line != channel:
            self._stamp()
            self._line = channel
            name, style = ("thinks", "dim") if channel == "reasoning" else ("assistant", "bold green")
            self._console.print(Text(f"{name}  ", style), end="")
            self._wrapping = Wrapping(self._console.width, column=_STAMP + len(name) + 2)
        if self._console.is_terminal:
            text = self._wrapping.feed(text)
        self._put(text)

    def _put(self, text: str) -> None:
        self._console.print(Text(text, "dim italic" if self._line == "reasoning" else ""), end="")
        self._console.file.flush()

    def _say(self, text: str, style: str) -> None:
        self._stamp()
        self._console.print(Text(text, style))

    def _stamp(self) -> None:
        self.finish()
        self._console.print(Text(time.strftime("%H:%M:%S  "), "dim"), end="")
