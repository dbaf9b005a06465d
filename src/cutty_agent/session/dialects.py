"""What a connection of an older dialect is sent instead of canonical frames (protocol 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..core.raw import RawStream
from ..core.reconcile import Row
from ..core.v4 import V4Stream
from ..core.v4_message import to_v4_message, with_content
from ..stream.live import Ending
from ..wire import server
from ..wire.client import Dialect

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Speaker:
    """Translates for one connection. One request at a time has a translator, made at its first chunk."""

    __slots__ = ("_request_id", "_stream", "dialect")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect
        self._request_id: str | None = None
        self._stream: V4Stream | RawStream | None = None

    def begin(self, request_id: str) -> None:
        """A stream starts, or is replayed from its beginning."""
        self._request_id = request_id
        self._stream = V4Stream() if self.dialect == "v4" else RawStream()

    def chunks(self, request_id: str, bodies: Sequence[bytes]) -> list[bytes]:
        """Frames for canonical chunk bodies."""
        stream = self._for(request_id)
        return [
            _frame(request_id, body, done=False) for chunk in bodies for body in stream.frames(_decode(chunk))
        ]

    def ending(self, request_id: str, ending: Ending) -> list[bytes]:
        """The terminal frames of a request."""
        if self._request_id == request_id:
            stream = self._for(request_id)
            self._stream = None
        else:  # a turn that never ran ends beside the one that is being translated
            stream = V4Stream() if self.dialect == "v4" else RawStream()
        return [
            _frame(request_id, body, done=done) for body, done in stream.end(ending.outcome, ending.error)
        ]

    def transcript(self, rows: Sequence[Row]) -> bytes:
        """``cf_agent_chat_messages`` in the shapes this dialect reads."""
        shape = to_v4_message if self.dialect == "v4" else with_content
        return server.transcript([_encode(shape(row.message())) for row in rows])

    def _for(self, request_id: str) -> V4Stream | RawStream:
        if self._stream is None or self._request_id != request_id:
            self.begin(request_id)
        assert self._stream is not None
        return self._stream


def speaker(dialect: Dialect | None) -> Speaker | None:
    """The translator for a dialect; the canonical one needs none."""
    return None if dialect is None or dialect == "v5" else Speaker(dialect)


def _frame(request_id: str, body: str, *, done: bool) -> bytes:
    return _encode({"type": "cf_agent_use_chat_response", "id": request_id, "body": body, "done": done})
