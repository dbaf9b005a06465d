"""The open text and reasoning parts of an answer that is being folded (protocol 4.3)."""

from __future__ import annotations

from collections.abc import Collection

from ..wire.chunks import Chunk
from .calls import merged_metadata
from .parts import Part, state_of


class Run:
    """An open part; its text is joined only when somebody looks. Append to ``pieces``."""

    __slots__ = ("named", "part", "pieces")

    def __init__(self, part: Part, *, named: bool) -> None:
        text = part.get("text")
        self.part = part
        self.pieces: list[str] = [text] if isinstance(text, str) and text else []
        self.named = named

    def flush(self) -> None:
        """Put the text so far into the part."""
        if len(self.pieces) != 1:
            self.pieces[:] = ["".join(self.pieces)]
        self.part["text"] = self.pieces[0]


class Runs:
    """Finds the open part a chunk belongs to: by id when it has one, else the last part of its kind.

    ``text`` and ``reasoning`` map ids to open runs; they are changed, never exchanged.
    """

    __slots__ = ("_all", "_parts", "reasoning", "text")

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._all: list[Run] = []
        self.text: dict[str, Run] = {}
        self.reasoning: dict[str, Run] = {}

    def _named(self, kind: str) -> dict[str, Run]:
        return self.text if kind == "text" else self.reasoning

    def last_open(self, kind: str) -> Run | None:
        """The run of the last ``text`` or ``reasoning`` part, when that part is open."""
        part = next((part for part in reversed(self._parts) if part.get("type") == kind), None)
        if part is None or state_of(part) != "streaming":
            return None
        known = next((run for run in self._all if run.part is part), None)
        return known or self._track(part, None)

    def _track(self, part: Part, id: object) -> Run:
        named = isinstance(id, str)
        run = Run(part, named=named)
        self._all.append(run)
        if isinstance(id, str):
            self._named(part["type"])[id] = run
        return run

    def begin(self, kind: str, id: object) -> Run:
        """Open a part at the end."""
        part: Part = {"type": kind, "text": "", "state": "streaming"}
        self._parts.append(part)
        return self._track(part, id)

    def find(self, kind: str, id: object) -> Run:
        """Where a delta goes. An unknown id opens a part, unless the last one was opened without an id."""
        run = self._named(kind).get(id) if isinstance(id, str) else None
        if run is None:
            run = self.last_open(kind)
            if run is None or (isinstance(id, str) and run.named):
                run = self.begin(kind, id)
        return run

    def start(self, chunk: Chunk) -> None:
        """``text-start`` and ``reasoning-start``."""
        _note_provider(self.begin(_kind(chunk), chunk.get("id")), chunk)

    def delta(self, chunk: Chunk) -> None:
        """``text-delta`` and ``reasoning-delta``."""
        delta = chunk.get("delta")
        if isinstance(delta, str):
            run = self.find(_kind(chunk), chunk.get("id"))
            run.pieces.append(delta)
            _note_provider(run, chunk)

    def end(self, chunk: Chunk) -> None:
        """``text-end`` and ``reasoning-end``; signatures of reasoning usually come with it."""
        kind, id = _kind(chunk), chunk.get("id")
        run = self._named(kind).get(id) if isinstance(id, str) else None
        if run is None:
            last = self.last_open(kind)
            run = last if last is not None and not (isinstance(id, str) and last.named) else None
        if run is None:
            return
        _note_provider(run, chunk)
        if isinstance(chunk.get("citations"), list):
            run.part["citations"] = chunk["citations"]
        self.close(run)

    def flush(self) -> None:
        """Put the text so far into every open part."""
        for run in self._all:
            run.flush()

    def close_all(self) -> None:
        """End every open part, also those of the base that nobody wrote to."""
        for run in list(self._all):
            self.close(run)
        for part in self._parts:
            if part.get("type") in {"text", "reasoning"} and state_of(part) == "streaming":
                part["state"] = "done"

    def forget(self, gone: Collection[int]) -> None:
        """Drop the runs of removed parts, given by ``id()`` of the part."""
        for run in [run for run in self._all if id(run.part) in gone]:
            self.close(run)

    def close(self, run: Run) -> None:
        """End an open part."""
        run.flush()
        run.part["state"] = "done"
        self._all.remove(run)
        named = self._named(run.part["type"])
        for id in [id for id, other in named.items() if other is run]:
            del named[id]


def _kind(chunk: Chunk) -> str:
    return "text" if chunk["type"].startswith("text-") else "reasoning"


def _note_provider(run: Run, chunk: Chunk) -> None:
    if isinstance(chunk.get("providerMetadata"), dict):
        part = run.part
        part["providerMetadata"] = merged_metadata(part.get("providerMetadata"), chunk["providerMetadata"])
