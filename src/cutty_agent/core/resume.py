"""The resume handshake as decisions (protocol 3.9): what to answer a probe, what to send after an ACK."""

from __future__ import annotations

import enum

import msgspec


class Stream(msgspec.Struct, frozen=True):
    """What the session is doing, as the handshake sees it.

    ``active`` is the id of the running stream; ``owned_elsewhere`` is true when that stream is a continuation
    whose owner is another connected client. ``accepted`` is a turn that was accepted and has no stream yet,
    ``accepted_is_continuation`` and ``accepted_owned_elsewhere`` describe that turn. ``failed`` is the newest retained terminal error.
    """

    active: str | None = None
    owned_elsewhere: bool = False
    accepted: str | None = None
    accepted_is_continuation: bool = False
    accepted_owned_elsewhere: bool = False
    failed: str | None = None


class Answer(enum.Enum):
    """What to send to the client that probed."""

    RESUMING = "resuming"
    PENDING = "pending"
    OWNED = "continuation-owned"
    IDLE = "idle"


class Decision(msgspec.Struct, frozen=True):
    """``exclude``: no live chunks of ``id`` to this connection until its ACK. ``park``: it waits for news."""

    answer: Answer
    id: str | None = None
    exclude: bool = False
    park: bool = False


def decide(stream: Stream) -> Decision:
    """The decision table of protocol 3.9, first match wins."""
    if stream.active is not None:
        if stream.owned_elsewhere:
            return Decision(Answer.OWNED)
        return Decision(Answer.RESUMING, stream.active, exclude=True)
    waits = Decision(Answer.PENDING, stream.accepted, park=True)
    if stream.accepted is not None and stream.accepted_is_continuation:
        return Decision(Answer.OWNED) if stream.accepted_owned_elsewhere else waits
    if stream.failed is not None:
        return Decision(Answer.RESUMING, stream.failed)
    if stream.accepted is not None:
        return waits
    return Decision(Answer.IDLE)
