"""Breaks streamed text between words, for a terminal that would break it anywhere."""

from __future__ import annotations

import re

from rich.cells import cell_len

LONGEST_WORD = 40
"""A word that grows beyond this many characters is written before it has ended."""

_PIECE = re.compile(r"\n|[^\S\n]+|\S+")
_UNFINISHED = re.compile(r"[^\S\n]*\S*\Z")
_FENCE = ("```", "~~~")


class Wrapping:
    """Takes text in any pieces and gives it back in whole words, with line breaks where a line gets too long.

    Code between fences and rows of tables are left as they are: a break would change what they say.
    """

    def __init__(self, width: int, *, column: int = 0) -> None:
        """``width`` in cells; the first line has ``column`` cells already."""
        self._width = max(20, width)
        self._column = column
        self._held = ""
        self._line = ""
        self._code = False
        self._in_word = False

    def feed(self, text: str) -> str:
        """What can be written now; a word that may still go on is held back, with the blanks before it."""
        text = self._held + text
        held = _UNFINISHED.search(text)
        cut = held.start() if held and len(held[0]) <= LONGEST_WORD else len(text)
        self._held = text[cut:]
        return self._break(text[:cut])

    def flush(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._break(held)

    def _break(self, text: str) -> str:
        out: list[str] = []
        for piece in _PIECE.findall(text):
            if piece == "\n":
                if self._line.lstrip().startswith(_FENCE):
                    self._code = not self._code
                self._column, self._line = 0, ""
                out.append(piece)
                continue
            size = cell_len(piece)
            kept = self._code or self._line.lstrip().startswith("|")
            joined = self._in_word and not out  # the rest of a word that was too long to wait for
            may_break = self._column and not (piece.isspace() or kept or joined)
            if may_break and self._column + size > self._width:
                while out and out[-1].isspace() and out[-1] != "\n":
                    out.pop()
                out.append("\n")
                self._column = 0
            out.append(piece)
            self._column += size
            self._line += piece
        if text:
            self._in_word = not text[-1].isspace()
        return "".join(out)
