"""The chunks of one stream, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import overload

import msgspec

from ..wire.response import ChunkFrames, ResponseFrames, quoted, quoted_deltas


class Deltas(msgspec.Struct, frozen=True, gc=False):
    """Chunks that are ``head``, a JSON string and ``}``; ``lines`` are the strings, each with a line break behind it."""

    head: bytes
    lines: bytes
    count: int

    def bodies(self) -> list[bytes]:
        """The chunks, one by one."""
        between = self.lines[:-1].replace(b"\n", b"}\n" + self.head)
        return (self.head + between + b"}").split(b"\n")


class Bodies:
    """The JSON texts of a stream's chunks. Deltas of a text wait together until somebody looks at them: most are sent
    once, all at once, and never seen one by one.

    ``size`` is the bytes of all. JSON text as the encoder writes it has no line breaks.
    """

    __slots__ = ("_count", "_single", "_together", "size")

    def __init__(self) -> None:
        self._single: list[bytes] = []
        self._together: list[bytes | Deltas] = []  # behind ``_single``; empty, or begins with deltas
        self._count = 0
        self.size = 0

    def append(self, body: bytes) -> None:
        """One chunk."""
        if self._together:
            self._together.append(body)
        else:
            self._single.append(body)
        self._count += 1
        self.size += len(body)

    def add(self, deltas: Deltas) -> None:
        """Chunks of a text."""
        self._together.append(deltas)
        self._count += deltas.count
        self.size += deltas.count * len(deltas.head) + len(deltas.lines)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._singly())

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        return self._singly()[at]

    def frames(self, frames: ResponseFrames, first: int, end: int) -> ChunkFrames:
        """The live frames of the chunks from ``first`` to before ``end``."""
        if end <= len(self._single):
            return frames.live(quoted(self._single[first:end]), first)
        if first > len(self._single) or end < self._count:
            return frames.live(quoted(self[first:end]), first)
        texts = quoted(self._single[first:])
        for each in self._together:
            texts += quoted_deltas(each.head, each.lines) if isinstance(each, Deltas) else quoted((each,))
        return frames.live(texts, first)

    def packed(self) -> tuple[bytes | Deltas, ...]:
        """The same in few pieces, for :func:`unpack`."""
        return (b"\n".join(self._single), *self._together)

    def _singly(self) -> list[bytes]:
        if self._together:
            together, self._together = self._together, []
            self._single += unpack(together)
        return self._single


def unpack(packed: tuple[bytes | Deltas, ...] | list[bytes | Deltas]) -> list[bytes]:
    """The chunks of :meth:`Bodies.packed`, one by one."""
    bodies: list[bytes] = []
    for each in packed:
        if isinstance(each, Deltas):
            bodies += each.bodies()
        elif each:
            bodies += each.split(b"\n")
    return bodies
