"""Telling the dialects of clients apart (protocol 5.5): what a request is written in decides what is sent back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..wire.client import (
    AppFrame,
    ChatRequest,
    ClientFrame,
    Dialect,
    Minimal,
    ResumeAck,
    ResumeRequest,
    ToolApproval,
    ToolResult,
)


class Request(msgspec.Struct, frozen=True, gc=False):
    """What can be seen of a request.

    ``minimal``: a frame without ``type`` and with a string ``message`` (protocol 5.3). ``override``: the dialect
    the connection asked for. ``labelled``: it sent a ``_pk``. ``with_url``: the frame has a string ``url``.
    ``trigger``: the body has that key. ``with_id``: the body has a string ``id``. ``last``: the last message;
    earlier ones prove nothing, because a client echoes what a server once put into its history.
    """

    minimal: bool = False
    override: Dialect | None = None
    labelled: bool = True
    with_url: bool = False
    trigger: bool = False
    with_id: bool = False
    last: Mapping[str, Any] | None = None

    @property
    def content(self) -> bool:
        """The last message has a string ``content``."""
        return self.last is not None and isinstance(self.last.get("content"), str)

    @property
    def parts(self) -> bool:
        """The last message has ``parts``."""
        return self.last is not None and "parts" in self.last


Rule = Callable[[Request], Dialect | None]

TABLE: tuple[tuple[str, Rule], ...] = (
    ("minimal frame", lambda r: "raw" if r.minimal else None),
    ("explicit override", lambda r: r.override),
    ("trigger", lambda r: "v5" if r.trigger else None),
    ("url, or id with content", lambda r: "v4" if r.with_url or (r.with_id and r.content) else None),
    (
        "content without parts",
        lambda r: ("v4" if r.labelled else "raw") if r.content and not r.parts else None,
    ),
    ("content and parts", lambda r: "v4" if r.content and r.parts else None),
    ("otherwise", lambda r: "v5"),
)
"""The rows of protocol 5.5; the first that answers decides. A new dialect is a new row at its place."""


def detect(request: Request) -> Dialect:
    """The dialect a request is written in. It becomes the connection's own, also for broadcasts."""
    return next(dialect for _, rule in TABLE if (dialect := rule(request)) is not None)


def read_request(
    body: Mapping[str, Any] | None,
    *,
    labelled: bool,
    override: Dialect | None = None,
    with_url: bool = False,
) -> Request:
    """What :func:`detect` looks at, from a parsed request body. ``messages`` may hold :class:`msgspec.Raw`."""
    body = body if isinstance(body, Mapping) else {}
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list | tuple) and messages else body.get("message")
    return Request(
        override=override,
        labelled=labelled,
        with_url=with_url,
        trigger="trigger" in body,
        with_id=isinstance(body.get("id"), str),
        last=_message(last),
    )


def detect_frame(
    frame: ClientFrame | Minimal | AppFrame,
    body: Mapping[str, Any] | None = None,
    *,
    labelled: bool,
    override: Dialect | None = None,
) -> Dialect | None:
    """The dialect a frame reveals, or ``None`` when it says nothing: then what was known before stands.

    ``body`` is the parsed body of a chat request, and unused for other frames.
    """
    match frame:
        case Minimal():
            return detect(Request(minimal=True))
        case ChatRequest():
            with_url = frame.url is not None
            return detect(read_request(body, labelled=labelled, override=override, with_url=with_url))
        case ResumeRequest() | ResumeAck() | ToolResult() | ToolApproval():
            return override or "v5"
        case _:
            return override


def detect_opening(*, labelled: bool, by_query: bool, override: Dialect | None = None) -> Dialect | None:
    """What a connection says before its first request; ``None`` is unknown, to be served as v5.

    A socket without ``_pk`` that names its session in the query is a bare front end.
    """
    if override is not None:
        return override
    return "raw" if by_query and not labelled else None


def _message(value: object) -> Mapping[str, Any] | None:
    if isinstance(value, msgspec.Raw):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
    return value if isinstance(value, Mapping) else None
