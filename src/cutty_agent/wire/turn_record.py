"""A turn as it lies in the store: the durable marker behind recovery and late acknowledgements."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .client import ToolApproval, ToolResult
from .response import Outcome

Kind = Literal["submit", "regenerate", "continuation", "server"]


class Span(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A call of a model or a tool within a turn; times are milliseconds since 1970. ``end_ms`` is 0 for one that did not
    end, ``error`` what went wrong, without anybody's text."""

    kind: Literal["model", "tool"]
    name: str
    start_ms: int
    end_ms: int = 0
    error: str = ""


class TurnRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """One turn. ``message_ids`` are the trailing user messages of its request, ``own`` the user messages that were
    new with it; ``body`` and ``client_tools`` came with it and are used again by continuations and recovery.
    ``outcome`` is ``None`` while the turn is open. ``attempts``, ``interruptions`` and ``progress_ms``
    (milliseconds since 1970) are the recovery counters.
    ``base`` is the assistant message that a continuation extends. ``by`` is the principal who asked, empty for the
    server. ``accepted_ms``, ``first_ms`` (the first chunk) and ``ended_ms`` are milliseconds since 1970, 0 while
    unknown; the rest of the figures is what the models consumed, ``cost_nano`` in thousand-millionths of a US dollar,
    ``tools`` the names of the tools used, once for each use, ``spans`` the calls of models and tools in the order in
    which they began. ``trace`` names its OpenTelemetry span as in ``traceparent``, empty where there is none. ``settled``
    is what clients said about its calls while it ran; at its end that is in the answer."""

    request_id: str
    kind: Kind
    message_ids: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    body: dict[str, Any] | None = None
    client_tools: list[dict[str, Any]] | None = None
    base: str | None = None
    outcome: Outcome | None = None
    error: str | None = None
    attempts: int = 0
    interruptions: int = 0
    progress_ms: int = 0
    by: str = ""
    accepted_ms: int = 0
    first_ms: int = 0
    ended_ms: int = 0
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0
    calls: int = 0
    tools: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    trace: str = ""
    settled: tuple[ToolResult | ToolApproval, ...] = ()


encode_turn = msgspec.json.Encoder().encode
decode_turn = msgspec.json.Decoder(TurnRecord).decode
