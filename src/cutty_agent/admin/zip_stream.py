"""A ZIP file that is written while it is sent: nothing of it is kept."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

PIECE_BYTES: Final = 64 * 1024
"""Output is handed on when there is this much of it."""

PORTION_BYTES: Final = 512 * 1024
"""Input is compressed in portions of at most this size."""

LARGE_BYTES: Final = 1024**3
"""A member that may grow above this is written in the form for members beyond 4 GiB, which old programs cannot read."""

_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST = datetime(2107, 12, 31, tzinfo=UTC)


class ZipStream:
    """Members in, compressed bytes out. The same members at the same moment give the same bytes."""

    def __init__(self, now_ms: int) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        made_at = min(max(datetime.fromtimestamp(now_ms / 1000, UTC), _EARLIEST), _LATEST)
        self._made_at = (
            made_at.year,
            made_at.month,
            made_at.day,
            made_at.hour,
            made_at.minute,
            made_at.second,
        )

    def member(
        self, path: str, pieces: Iterable[bytes], *, at_most: int | None = None, stored: bool = False
    ) -> Iterator[bytes]:
        """Write one member, piece by piece; yields what there is to send.

        ``at_most`` is how large it may be, ``None`` when that is not known. With ``stored`` it is not compressed.
        """
        info = zipfile.ZipInfo(path, self._made_at)
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.create_system = 3  # Unix, so that the mode below counts, whatever this runs on
        info.external_attr = 0o100600 << 16
        large = at_most is None or at_most > LARGE_BYTES
        with self._zip.open(info, "w", force_zip64=large) as member:
            for portion in _portions(pieces):
                member.write(portion)
                if self._sink.size >= PIECE_BYTES:
                    yield self._sink.take()

    def end(self) -> Iterator[bytes]:
        """Write the directory of the archive; it is complete then."""
        self._zip.close()
        yield self._sink.take()


def _portions(pieces: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """The same bytes in portions that are worth compressing, and not so large that much output comes at once.

    Each call of the compressor gives up the interpreter lock and waits for it again.
    """
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) <= PIECE_BYTES:
            small.append(piece)
            size += len(piece)
        if size >= PIECE_BYTES or (small and len(piece) > PIECE_BYTES):
            yield b"".join(small)
            small, size = [], 0
        if len(piece) > PIECE_BYTES:
            view = memoryview(piece)
            yield from (view[start : start + PORTION_BYTES] for start in range(0, len(view), PORTION_BYTES))
    if small:
        yield b"".join(small)


class _Sink:
    """What ``zipfile`` writes to when it cannot go back: it then puts sizes after each member."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes, /) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken
