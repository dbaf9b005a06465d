"""How an answer looks in the terminal while it comes."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from .answer import Channel
from .conversation import Ending
from .terminal import complain, note, printable
from .transcript import tool_text
from .wrapping import Wrapping


class Voice:
    """Writes an answer word by word. On a terminal also reasoning and tool calls, and nothing a terminal obeys;
    elsewhere only the text, as it is."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._console = Console(highlight=False, soft_wrap=True)
        self._wrapping = Wrapping(self._console.width)
        self._channel: Channel | None = None
        self._at_margin = True

    def text(self, channel: Channel, text: str) -> None:
        """More of the answer or the reasoning."""
        if not self._terminal:
            if channel == "text":
                self._write(text, "")
            return
        if self._channel != channel:
            if self._channel is not None:
                self._margin()
                self._console.print()
            text = text.lstrip("\n")
            self._channel = channel
        self._write(self._wrapping.feed(printable(text)), self._style)

    def tool(self, name: str, call: dict[str, Any]) -> None:
        """A tool call has a result."""
        if self._terminal:
            self._margin()
            self._console.print(tool_text(name, call))

    def remark(self, text: str) -> None:
        """Something about the connection, on standard error."""
        if self._terminal:
            self._margin()
        note(text)

    def finish(self, ending: Ending | None) -> None:
        """End the last line; say on standard error when the answer is not whole."""
        self._margin()
        if ending is None:
            return
        match ending.outcome:
            case "error":
                complain(ending.error or "The answer failed.")
            case "aborted":
                note("Stopped.")
            case "skipped":
                complain("The message was not answered: it was cleared, or a newer one took its place.")

    @property
    def _style(self) -> str:
        return "dim italic" if self._channel == "reasoning" else ""

    def _margin(self) -> None:
        self._write(self._wrapping.flush(), self._style)
        if not self._at_margin:
            self._write("\n", "")
        self._wrapping = Wrapping(self._console.width)

    def _write(self, text: str, style: str) -> None:
        if not text:
            return
        if self._terminal:
            self._console.print(Text(text, style), end="")
            self._console.file.flush()
        else:
            sys.stdout.write(text)
            sys.stdout.flush()
        self._at_margin = text.endswith("\n")
