"""A request for a turn, whichever way it came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..core.legacy import normalise
from ..core.parts import calls_of
from ..core.reconcile import Known, Row
from ..core.rows import UNREADABLE, read
from ..core.tools import settled
from ..errors import BadRequest
from ..wire.principal import NOBODY, Principal
from ..wire.turn_record import Kind
from .echo import Cut


class Submission(msgspec.Struct, gc=False):
    """A request for a turn, whichever way it came in. ``messages`` are JSON texts; ``whole`` says that they may be
    the client's entire transcript, so that what is missing may have to go (protocol 3.11, Delete). ``principal`` is
    who asks, and ``peer`` from which network address. ``adopts``: in a new session, what the client says was said before
    is believed (core.adoption). ``frame`` is the frame it came in, where the messages it repeats were cut away."""

    request_id: str
    kind: Kind
    messages: Sequence[msgspec.Raw | bytes]
    whole: bool = True
    trusted: bool = False
    adopts: bool = False
    body: dict[str, Any] | None = None
    client_tools: list[dict[str, Any]] | None = None
    base: str | None = None
    attempts: int = 0
    interruptions: int = 0
    message_ids: tuple[str, ...] | None = None
    principal: Principal = NOBODY
    peer: str = ""
    frame: Cut | None = None

    def trailing_user_ids(self) -> tuple[str, ...]:
        """Ids of the run of user messages the request ends with, as they were sent (``messageIds``, protocol 3.3)."""
        ids: list[str] = []
        for raw in reversed(self.messages):
            try:
                message = msgspec.json.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return tuple(reversed(ids))
            if not isinstance(message, dict) or message.get("role") != "user":
                return tuple(reversed(ids))
            ids.append(str(message.get("id", "")))
        for row in reversed(self.known.rows if self.known is not None else ()):
            if row.role != "user":
                break
            ids.append(row.id)
        return tuple(reversed(ids))

    def check_last(self) -> None:
        """See to it that the newest message could be read: without it the one before would be answered again.

        Raises:
            BadRequest: it is no UI message.
        """
        if not self.messages:
            return
        try:
            last = normalise(read(bytes(self.messages[-1])), 0)
        except UNREADABLE:
            last = None
        if last is None:
            raise BadRequest(
                "The last message is no UI message.",
                remedy='Send {"id": "…", "role": "user", "parts": [{"type": "text", "text": "…"}]}.',
            )

    def go_on(self, rows: Sequence[Row]) -> None:
        """Become a continuation when that is what the request means, given the transcript it is now part of.

        Clients of AI SDK 4 settle a tool call in their copy of the assistant message and send everything again; what
        they are sent then they show in that message (protocol 5.1). So it is the last one of the assistant, when it
        is also what was sent last and none of its calls is open.
        """
        row = next((row for row in reversed(rows) if row.role == "assistant"), None)
        if row is None or self.kind != "submit" or not self._ends_with(row):
            return
        message = row.message()
        if any(calls_of(message)) and settled(message):
            self.kind, self.base = "continuation", row.id

    def _ends_with(self, row: Row) -> bool:
        if not self.messages:
            return self.known is not None and bool(self.known.rows) and self.known.rows[-1].id == row.id
        try:
            sent = normalise(read(bytes(self.messages[-1])), 0)
        except UNREADABLE:
            return False
        if sent is None or sent["role"] != "assistant":
            return False
        theirs = {id for id, _ in calls_of(sent)}
        return sent["id"] == row.id or any(id in theirs for id, _ in calls_of(row.message()))

    @property
    def known(self) -> Known | None:
        """What stands before ``messages`` in what was sent."""
        return self.frame.known if self.frame is not None else None
