"""A request for a turn, whichever way it came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..wire.principal import NOBODY, Principal
from ..wire.turn_record import Kind


class Submission(msgspec.Struct):
    """A request for a turn, whichever way it came in. ``messages`` are JSON texts; ``whole`` says that they may be
    the client's entire transcript, so that what is missing may have to go (protocol 3.11, Delete). ``principal`` is
    who asks, and ``peer`` from which network address. ``adopts``: in a new session, what the client says was said before
    is believed (core.adoption)."""

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
