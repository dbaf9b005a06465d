"""The stored conversation of one session, in memory while it is awake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Any, overload

import msgspec

from ..core.reconcile import Merge, Row
from ..core.repair import repair
from ..core.rows import Grown
from ..core.tools import apply_approval, apply_result, find_call
from ..ports.store import DeleteMessages, Op, PutMessage
from ..wire import client
from ..wire.chunks import UIMessage


class Messages(Sequence[UIMessage]):
    """Rows as messages, decoded on access; a handler that reads the last few of 5,000 pays for those."""

    __slots__ = ("_count", "_rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._count = len(rows)  # a transcript may grow in place

    @property
    def last_id(self) -> str | None:
        """Id of the newest message, ``None`` when there is none."""
        return self._rows[self._count - 1].id if self._count else None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[UIMessage]:
        return (row.message() for row in islice(self._rows, self._count))

    def __reversed__(self) -> Iterator[UIMessage]:
        return (self._rows[place].message() for place in range(self._count - 1, -1, -1))

    @overload
    def __getitem__(self, at: int) -> UIMessage: ...
    @overload
    def __getitem__(self, at: slice) -> list[UIMessage]: ...
    def __getitem__(self, at: Any) -> Any:
        places = range(self._count)[at]
        if isinstance(places, range):
            return [self._rows[place].message() for place in places]
        return self._rows[places].message()


class Transcript:
    """Rows in order. A change is computed, committed and applied under :attr:`lock`, so memory equals storage.

    ``edition`` counts the changes that did more than add rows at the end; ``size`` is the bytes of all rows, kept
    because the limit on it is looked at with every message.
    """

    __slots__ = ("_open", "_rows", "by_id", "edition", "lock", "size")

    def __init__(self, rows: list[Row]) -> None:
        self._rows: list[Row] = []
        self._open = False
        self.edition = 0
        self.size = 0
        self.by_id: dict[str, Row] = {}
        self.lock = asyncio.Lock()
        self.rows = rows

    @property
    def rows(self) -> list[Row]:
        """The conversation, oldest first. Set another list, or this one :class:`Grown`; do not change it."""
        return self._rows

    @rows.setter
    def rows(self, rows: Sequence[Row]) -> None:
        if type(rows) is Grown and rows.before is self._rows:
            added = rows.added
            self._rows += added  # nearly always; nothing here may cost more with a longer conversation
        else:
            added = self._rows = list(rows)
            self.edition += 1
            self.size = 0
            self.by_id = {}
            self._open = False
        by_id, size = self.by_id, self.size
        for row in added:
            by_id[row.id] = row
            size += len(row.body)
            if row.role == "assistant" and row.open_calls:
                self._open = True
        self.size = size

    def find(self, message_id: str) -> Row | None:
        """The row of a message."""
        return self.by_id.get(message_id)

    def size_after(self, merge: Merge) -> int:
        """The bytes of all rows once this merge of them is stored."""
        size, by_id = self.size, self.by_id
        for row in merge.put:
            old = by_id.get(row.id)
            size += len(row.body) - (len(old.body) if old is not None else 0)
        for id in merge.delete:
            size -= len(by_id[id].body)
        return size

    def with_row(self, row: Row) -> Sequence[Row]:
        """The rows as they are once ``row`` is stored: in its place, or after all others."""
        if row.id not in self.by_id:
            return Grown(self.rows, [row])
        for at in range(len(self.rows) - 1, -1, -1):
            if self.rows[at].id == row.id:
                return [*self.rows[:at], row, *self.rows[at + 1 :]]
        return Grown(self.rows, [row])

    def for_model(
        self, client_tools: Collection[str], *, without: Collection[str], last: str | None = None
    ) -> Messages:
        """What a handler reads: the rows but ``without``, up to the message ``last`` that it goes on with, mended
        where a model would stumble (protocol 3.10)."""
        rows = [row for row in self.rows if row.id not in without] if without else self.rows
        if last is not None:
            behind = newer(rows, last)
            rows = rows[: len(rows) - len(behind)]
        if not self._open:
            return Messages(rows)
        rows = list(rows)
        for at, row in enumerate(rows):
            if row.role == "assistant" and row.open_calls:
                mended, changed = repair([row.message()], client_tools, continuing=at == len(rows) - 1)
                if changed:
                    rows[at] = Row.of(mended[0])
        return Messages(rows)

    async def settle(
        self,
        commit: Callable[[Sequence[Op]], Awaitable[None]],
        frame: client.ToolResult | client.ToolApproval,
        fit: Callable[[UIMessage], Row],
    ) -> bytes | None:
        """Store a tool's outcome or an approval in the message that has the call, as ``fit`` lets it be stored; its new
        JSON text, ``None`` when nothing changed."""
        async with self.lock:
            for at in range(len(self.rows) - 1, -1, -1):
                row = self.rows[at]
                if row.role != "assistant" or msgspec.json.encode(frame.toolCallId) not in row.body:
                    continue
                if find_call(row.message(), frame.toolCallId) is None:
                    continue
                if isinstance(frame, client.ToolApproval):
                    message = apply_approval(row.message(), frame.toolCallId, frame.approved)
                else:
                    message = apply_result(
                        row.message(),
                        frame.toolCallId,
                        output=frame.output,
                        state=frame.state,
                        error_text=frame.errorText,
                    )
                if message is None:
                    return None
                new = fit(message)
                await commit([PutMessage(new.id, new.body)])
                self.rows = [*self.rows[:at], new, *self.rows[at + 1 :]]
                return new.body
        return None


def newer(rows: Sequence[Row], last_read: str | None) -> frozenset[str]:
    """Ids of the rows behind the last one a turn has read; they came while it ran."""
    ids: list[str] = []
    for row in reversed(rows):
        if row.id == last_read:
            break
        ids.append(row.id)
    return frozenset(ids)


def place(transcript: Transcript, row: Row, ahead_of: Collection[str]) -> tuple[Sequence[Row], list[Op]]:
    """Store an answer: in its place when it is known, else at the end but before the messages ``ahead_of``.

    Those were sent while the answer was written; it belongs to what stood before them.
    """
    behind = [old for old in transcript.rows if old.id in ahead_of] if ahead_of else []
    if not behind or transcript.find(row.id) is not None:
        return transcript.with_row(row), [PutMessage(row.id, row.body)]
    rows = [*(old for old in transcript.rows if old.id not in ahead_of), row, *behind]
    ops: list[Op] = [DeleteMessages(tuple(old.id for old in behind))]
    return rows, [*ops, *(PutMessage(put.id, put.body) for put in [row, *behind])]


def merge_ops(merge: Merge) -> list[Op]:
    """The operations that store a merge."""
    ops: list[Op] = [PutMessage(row.id, row.body) for row in merge.put]
    if merge.delete:
        ops.append(DeleteMessages(merge.delete))
    return ops


def trim_ops(rows: Sequence[Row], most: int | None) -> tuple[Sequence[Row], list[Op]]:
    """Keep the newest ``most`` rows (protocol 3.11, Trim)."""
    if most is None or len(rows) <= most:
        return rows, []
    gone = rows[: len(rows) - most]
    return rows[len(rows) - most :], [DeleteMessages(tuple(row.id for row in gone))]
