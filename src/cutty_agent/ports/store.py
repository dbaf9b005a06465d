"""The seam between sessions and what keeps them: one durable write path, fenced by an epoch."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from ..ids import Address
from ..wire.card import Card, Grant
from ..wire.principal import NEVER_MS
from .analytics import Analytics
from .listing import SessionRow as SessionRow


class PutMessage(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Insert a message after all others, or replace the body of the one with this id in its place.

    ``body`` is the JSON text of the whole UI message, UTF-8.
    """

    id: str
    body: bytes


class DeleteMessages(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Remove the messages with these ids; unknown ids are ignored."""

    ids: tuple[str, ...]


class ClearMessages(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Remove every message of the session."""


class PutState(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Replace the state (JSON text); ``None`` removes the row, which is not the same as JSON ``null``."""

    body: bytes | None


class PutValue(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Set one entry of the session's key-value space; ``None`` removes it."""

    key: str
    body: bytes | None


class PutTurn(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Insert a turn record after all others, or replace the one with this id in its place.

    ``open`` marks a turn that was accepted and has not ended: after a crash it is found by
    :meth:`SessionStore.interrupted`. ``record`` is opaque to the store.
    """

    id: str
    record: bytes
    open: bool


class DeleteTurns(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Remove these turn records and their chunks; unknown ids are ignored."""

    ids: tuple[str, ...]


class AppendChunks(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Append chunk bodies to the stream of a turn; the first has index ``first``, the rest follow.

    A body is the JSON text of one UI message chunk and holds no raw newline. Appends of one turn come in
    order and without gaps.
    """

    turn: str
    first: int
    bodies: tuple[bytes, ...]


class DropChunks(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Remove the stored chunks of these turns, keeping the records."""

    turns: tuple[str, ...]


class PutOwner(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Give the session to another principal, for example to the user that a visitor has become."""

    owner: str


class PutGrant(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Share the session with a grantee, or replace that share; ``None`` ends it."""

    grantee: str
    grant: Grant | None


class Park(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Note why the session may not run for now (one sentence); ``None`` lets it run again."""

    reason: str | None


class AddUsage(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """What one ended turn consumed: added to the session's totals and to the sums of its day and hour (UTC), agent,
    owner and model, in the commit that ends the turn.

    ``at_ms`` is when it ended; ``cost_nano`` are thousand-millionths of a US dollar; ``calls`` requests to models;
    ``first_ms`` the milliseconds from acceptance to the first chunk, ``None`` when there was none; ``duration_ms``
    those to the end; ``outcome`` as in the terminal frame; ``messages`` those that are new with the turn.
    """

    owner: str
    at_ms: int
    outcome: str
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0
    calls: int = 0
    tools: int = 0
    first_ms: int | None = None
    duration_ms: int = 0
    messages: int = 0


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
    | PutOwner
    | PutGrant
    | Park
    | AddUsage
)


class Lifetime(msgspec.Struct, frozen=True, gc=False):
    """When a session ends: so long after its last activity, and so long after it was made, in milliseconds."""

    idle_ms: int = NEVER_MS
    age_ms: int = NEVER_MS

    def end_ms(self, created_ms: int, active_ms: int) -> int:
        """The earlier of both ends; ``NEVER_MS`` when there is none."""
        return min(created_ms + self.age_ms, active_ms + self.idle_ms, NEVER_MS)


FOREVER = Lifetime()


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
    card: Card
    messages: list[StoredMessage]
    state: bytes | None
    values: dict[str, bytes]
    turns: list[StoredTurn]


class StoredTranscript(msgspec.Struct, frozen=True):
    """Messages as they lie in the store, with the card that was there in the same moment."""

    card: Card
    messages: list[StoredMessage]


class Spent(msgspec.Struct, frozen=True):
    """Tokens (in and out together) and money (thousand-millionths of a US dollar) consumed so far."""

    tokens: int = 0
    cost_nano: int = 0


class AuditEntry(msgspec.Struct, frozen=True):
    """Something an operator did, or an access that was refused. Holds nobody's text and no token.

    ``actor`` is a principal's id or ``operator``; ``action`` a dotted name such as ``session.erased`` or
    ``access.refused``; ``detail`` one sentence; ``count`` how many times in a row it happened.
    """

    at_ms: int
    actor: str
    action: str
    agent: str = ""
    session: str = ""
    peer: str = ""
    detail: str = ""
    count: int = 1


class AuditRow(msgspec.Struct, frozen=True):
    """An entry as it lies in the store; ``seq`` grows with time."""

    seq: int
    entry: AuditEntry


class Removed(msgspec.Struct, frozen=True):
    """What a deletion took away: sessions, and what they held."""

    sessions: int = 0
    messages: int = 0
    turns: int = 0


class SessionStore(Analytics, Protocol):
    """Keeps sessions. Every method may raise ``StoreUnavailable``.

    A session whose ``expires_ms`` is not later than the ``now_ms`` of a call does not exist for that call, unless the
    call says that it is about such sessions. Its rows stay until :meth:`delete` or :meth:`delete_expired`.
    """

    def claim(
        self,
        address: Address,
        *,
        owner: str | None,
        now_ms: int,
        lifetime: Lifetime = FOREVER,
        create: bool = True,
        expired: bool = False,
    ) -> Awaitable[Snapshot]:
        """Take the sole right to write a session and load it; one that does not exist is made for ``owner``.

        The owner is compared in the same statement: a session of another owner is neither claimed nor loaded.
        ``None`` stands for the server itself, which may claim every session, and makes one without owner. The claim
        is activity: ``active_ms`` becomes ``now_ms``, and ``expires_ms`` follows from ``lifetime``. With ``expired``
        the claim is about an expired session, to wind it up: neither time changes. Durable when awaited: the new
        epoch fences every earlier owner, also across a restart.

        Raises:
            NotOwner: the session belongs to another principal; nothing was changed.
            SessionExpired: it has expired and ``expired`` is false, or the other way round; nothing was changed.
            NotFound: there is none, and ``create`` or ``expired`` forbids to make it.
        """
        ...

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        """Apply all ``ops`` in order, all or none; durable when awaited.

        The operations are queued in the moment of the call, before anything is awaited, so two commits of one
        session are applied in the order of the calls. Cancelling the awaiting task does not undo or interrupt
        the commit. The session's ``active_ms`` becomes ``now_ms``, its ``expires_ms`` what is given. The owner of a
        session may write it although it has expired: its last turn may be ending.

        Raises:
            StaleEpoch: a later claim exists, or the session was deleted; nothing was changed.
            StoreUnavailable: for example a full disk; nothing was changed.
        """
        ...

    def card(self, address: Address) -> Awaitable[Card | None]:
        """The card of a session, also of an expired one; ``None`` when it does not exist."""
        ...

    def chunks(self, address: Address, turn: str) -> Awaitable[list[bytes]]:
        """All stored chunk bodies of a turn in order; empty when there are none."""
        ...

    def messages(self, address: Address) -> Awaitable[StoredTranscript | None]:
        """The stored transcript without claiming the session, also of an expired one; the caller looks at the card
        before it shows anything. ``None`` when it does not exist."""
        ...

    def state(self, address: Address) -> Awaitable[bytes | None]:
        """The stored state without claiming the session; ``None`` when there is none."""
        ...

    def turns(self, address: Address) -> Awaitable[list[StoredTurn]]:
        """The turn records in the order of first insertion, without claiming the session; empty when there are
        none."""
        ...

    def interrupted(self) -> Awaitable[list[Address]]:
        """Sessions that have an open turn, in no particular order."""
        ...

    def sessions(
        self,
        *,
        agent: str | None = None,
        owner: str | None = None,
        idle_since_ms: int | None = None,
        parked: bool = False,
        after: Address | None = None,
        limit: int = 100,
    ) -> Awaitable[list[SessionRow]]:
        """A page of sessions ordered by address, those greater than ``after``; ``1 <= limit <= 1000``.

        The filters narrow it down: of one agent, of one owner, not active since a moment, parked ones only.
        """
        ...

    def expired(self, *, now_ms: int, limit: int) -> Awaitable[list[Address]]:
        """Sessions that have expired and are still there, those first that expired first; ``1 <= limit <= 1000``."""
        ...

    def delete(self, address: Address) -> Awaitable[Removed]:
        """Remove a session and all of its rows, fencing its owner; all counts are 0 when there was none.

        A later claim of the same address makes a new session, whose epoch is still larger than that of every
        owner the deleted one had. Sums of usage stay.
        """
        ...

    def delete_expired(self, addresses: Sequence[Address], *, now_ms: int) -> Awaitable[Removed]:
        """Remove those of these sessions that have (still) expired, in one small transaction."""
        ...

    def scrub(self) -> Awaitable[bool]:
        """See to it that nothing that was removed can be read from the store's files any more; false when that is not
        certain, for example because a reader still holds an old page. May take seconds for a large store."""
        ...

    def spent(self, *, day_ms: int, owner: str | None = None) -> Awaitable[Spent]:
        """What a principal, or with ``None`` the whole installation, consumed on the UTC day that holds ``day_ms``."""
        ...

    def note(self, entries: Sequence[AuditEntry]) -> Awaitable[None]:
        """Add entries to the audit log; durable when awaited."""
        ...

    def audit(
        self,
        *,
        before: int | None = None,
        action: str | None = None,
        actor: str | None = None,
        address: Address | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 100,
    ) -> Awaitable[list[AuditRow]]:
        """A page of the audit log, newest first, those with ``seq`` below ``before``; ``1 <= limit <= 1000``.

        ``action`` is a whole name, or its beginning when it ends with a dot; ``to_ms`` is exclusive.
        """
        ...

    def forget_audit(self, *, before_ms: int) -> Awaitable[int]:
        """Remove audit entries older than this moment; how many there were."""
        ...

    def revoke(self, key: str, *, until_ms: int, now_ms: int) -> Awaitable[None]:
        """Remember that a principal or token is revoked until then; forgets revocations that have ended."""
        ...

    def revocations(self, *, now_ms: int) -> Awaitable[dict[str, int]]:
        """The revocations in force: key to the millisecond in which they end."""
        ...

    def check(self) -> Awaitable[list[str]]:
        """Problems an integrity check finds; empty when the store is sound."""
        ...

    def close(self) -> Awaitable[None]:
        """Finish what is queued, then close. Later calls raise ``StoreUnavailable``. Idempotent."""
        ...
