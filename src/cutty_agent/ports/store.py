"""The seam between sessions and what keeps them: one durable write path, fenced by an epoch."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from ..ids import Address


class PutMessage(msgspec.Struct, frozen=True):
    """Insert a message after all others, or replace the body of the one with this id in its place.

    ``body`` is the JSON text of the whole UI message, UTF-8.
    """

    id: str
    body: bytes


class DeleteMessages(msgspec.Struct, frozen=True):
    """Remove the messages with these ids; unknown ids are ignored."""

    ids: tuple[str, ...]


class ClearMessages(msgspec.Struct, frozen=True):
    """Remove every message of the session."""


class PutState(msgspec.Struct, frozen=True):
    """Replace the state (JSON text); ``None`` removes the row, which is not the same as JSON ``null``."""

    body: bytes | None


class PutValue(msgspec.Struct, frozen=True):
    """Set one entry of the session's key-value space; ``None`` removes it."""

    key: str
    body: bytes | None


class PutTurn(msgspec.Struct, frozen=True):
    """Insert a turn record after all others, or replace the one with this id in its place.

    ``open`` marks a turn that was accepted and has not ended: after a crash it is found by
    :meth:`SessionStore.interrupted`. ``record`` is opaque to the store.
    """

    id: str
    record: bytes
    open: bool


class DeleteTurns(msgspec.Struct, frozen=True):
    """Remove these turn records and their chunks; unknown ids are ignored."""

    ids: tuple[str, ...]


class AppendChunks(msgspec.Struct, frozen=True):
    """Append chunk bodies to the stream of a turn; the first has index ``first``, the rest follow.

    A body is the JSON text of one UI message chunk and holds no raw newline. Appends of one turn come in
    order and without gaps.
    """

    turn: str
    first: int
    bodies: tuple[bytes, ...]


class DropChunks(msgspec.Struct, frozen=True):
    """Remove the stored chunks of these turns, keeping the records."""

    turns: tuple[str, ...]


Op = (
    PutMessage
    | DeleteMessages
    | ClearMessages
    | PutState
    | PutValue
    | PutTurn
    | DeleteTurns
    | AppendChunks
    | DropChunks
)


class StoredMessage(msgspec.Struct, frozen=True):
    """A message as it lies in the store, in transcript order."""

    id: str
    body: bytes


class StoredTurn(msgspec.Struct, frozen=True):
    """A turn record as it lies in the store, in the order of first insertion."""

    id: str
    record: bytes
    open: bool


class Snapshot(msgspec.Struct, frozen=True):
    """What a claim returns: the right to write, and the session as it is.

    ``epoch`` is larger than that of every earlier claim of this session. ``created`` is true when the claim
    made the session. Chunks are not part of it (see :meth:`SessionStore.chunks`).
    """

    epoch: int
    created: bool
    created_ms: int
    messages: list[StoredMessage]
    state: bytes | None
    values: dict[str, bytes]
    turns: list[StoredTurn]


class SessionRow(msgspec.Struct, frozen=True):
    """One line of a session list. Times are milliseconds since 1970 UTC."""

    address: Address
    created_ms: int
    active_ms: int
    messages: int
    open_turns: int


class SessionStore(Protocol):
    """Keeps sessions. Every method may raise ``StoreUnavailable``."""

    def claim(self, address: Address, *, now_ms: int) -> Awaitable[Snapshot]:
        """Take the sole right to write a session, making it if it does not exist, and load it.

        Durable when awaited: the new epoch fences every earlier owner, also across a restart.
        """
        ...

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        """Apply all ``ops`` in order, all or none; durable when awaited.

        The operations are queued in the moment of the call, before anything is awaited, so two commits of one
        session are applied in the order of the calls. Cancelling the awaiting task does not undo or interrupt
        the commit. The session's ``active_ms`` becomes ``now_ms``.

        Raises:
            StaleEpoch: a later claim exists, or the session was deleted; nothing was changed.
            StoreUnavailable: for example a full disk; nothing was changed.
        """
        ...

    def chunks(self, address: Address, turn: str) -> Awaitable[list[bytes]]:
        """All stored chunk bodies of a turn in order; empty when there are none."""
        ...

    def messages(self, address: Address) -> Awaitable[list[StoredMessage] | None]:
        """The stored transcript without claiming the session; ``None`` when it does not exist."""
        ...

    def turns(self, address: Address) -> Awaitable[list[StoredTurn]]:
        """The turn records in the order of first insertion, without claiming the session; empty when there are
        none."""
        ...

    def interrupted(self) -> Awaitable[list[Address]]:
        """Sessions that have an open turn, in no particular order."""
        ...

    def sessions(
        self, *, agent: str | None = None, after: Address | None = None, limit: int = 100
    ) -> Awaitable[list[SessionRow]]:
        """A page of sessions ordered by address, those greater than ``after``; ``1 <= limit <= 1000``."""
        ...

    def delete(self, address: Address) -> Awaitable[bool]:
        """Remove a session and all of its rows, fencing its owner; false when there was none.

        A later claim of the same address makes a new session, whose epoch is still larger than that of every
        owner the deleted one had.
        """
        ...

    def check(self) -> Awaitable[list[str]]:
        """Problems an integrity check finds; empty when the store is sound."""
        ...

    def close(self) -> Awaitable[None]:
        """Finish what is queued, then close. Later calls raise ``StoreUnavailable``. Idempotent."""
        ...
