"""A request for a turn, whichever way it came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..core.reconcile import Known
from ..wire.principal import NOBODY, Principal
from ..wire.turn_record import Kind
from .echo import Cut


class Submission(msgspec.Struct):
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

    @property
    def known(self) -> Known | None:
        """What stands before ``messages`` in what was sent."""
        return self.frame.known if self.frame is not None else None
