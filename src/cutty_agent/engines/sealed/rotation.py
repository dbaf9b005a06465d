"""Rotation of keys: everything that is kept is encrypted anew with the first key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from ...errors import StoreError
from ...ids import Address
from ...ports.store import (
    AppendChunks,
    DropChunks,
    Lifetime,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionRow,
    SessionStore,
    Snapshot,
)
from .contents import Contents, sealed_bytes
from .keyring import Keyring

PAGE: Final = 500

BATCH_BYTES: Final = 4 * 1024 * 1024
"""A commit is closed when its bodies are this large, or when it has :data:`BATCH_OPS` operations."""

BATCH_OPS: Final = 512


class Resealed(msgspec.Struct):
    """What a rotation has done so far. ``left`` are sessions that could not be opened, each with the reason; what is
    encrypted in them stays as it was."""

    sessions: int = 0
    rewritten_sessions: int = 0
    messages: int = 0
    states: int = 0
    values: int = 0
    turns: int = 0
    chunks: int = 0
    left: list[tuple[Address, str]] = []

    @property
    def rewritten(self) -> int:
        """Bodies that were encrypted anew."""
        return self.messages + self.states + self.values + self.turns + self.chunks


async def reseal(
    inner: SessionStore, keyring: Keyring, progress: Callable[[Resealed], None] = lambda done: None
) -> Resealed:
    """Encrypt everything in ``inner`` (the store below a ``SealedStore``) with the first key of the keyring.

    For a store that no server uses: each session is claimed, which stops its owner. Times and expiry of sessions do
    not change. Every commit replaces bodies by the same bodies under another key, all or none, so an interruption at
    any point loses nothing and a second run does the rest. Sessions
    that the keyring cannot open are left as they are and named in the result. ``progress`` is called after each session.

    Afterwards old pages of the store's files may still hold what was there before: see ``SessionStore.scrub``.

    Raises:
        StoreUnavailable: the store itself failed; what was done until then stays done.
    """
    done = Resealed()
    after: Address | None = None
    while page := await inner.sessions(after=after, limit=PAGE):
        for row in page:
            await _session(inner, keyring, row, done)
            progress(done)
        after = page[-1].address
    return done


async def _session(inner: SessionStore, keyring: Keyring, row: SessionRow, done: Resealed) -> None:
    # Claimed and written "in" the moment of its last activity, the session keeps its times.
    dead = row.expires_ms <= row.active_ms
    found = await inner.claim(
        row.address,
        owner=None,
        now_ms=row.active_ms,
        lifetime=Lifetime(idle_ms=row.expires_ms - row.active_ms),
        create=False,
        expired=dead,
    )
    done.sessions += 1
    contents = Contents(keyring, row.address)
    chunks = {turn.id: await inner.chunks(row.address, turn.id) for turn in found.turns}
    try:
        ops = list(_stale(contents, found, chunks))
    except StoreError as error:
        done.left.append((row.address, error.sentence))
        return
    for batch in _batches(ops):
        await inner.commit(
            row.address, found.epoch, contents.seal(batch), now_ms=row.active_ms, expires_ms=row.expires_ms
        )
        for op in batch:
            _count(done, op)
    done.rewritten_sessions += bool(ops)


def _stale(contents: Contents, found: Snapshot, chunks: dict[str, list[bytes]]) -> Iterator[Op]:
    """Operations that put what is not under the first key where it is, opened."""
    for message in contents.messages(row for row in found.messages if not contents.is_current(row.body)):
        yield PutMessage(message.id, message.body)
    if found.state is not None and not contents.is_current(found.state):
        yield PutState(contents.state(found.state))
    old = {key: body for key, body in found.values.items() if not contents.is_current(body)}
    for key, value in contents.values(old).items():
        yield PutValue(key, value)
    for turn in contents.turns(row for row in found.turns if not contents.is_current(row.record)):
        yield PutTurn(turn.id, turn.record, turn.open)
    for id, bodies in chunks.items():
        if not all(map(contents.is_current, bodies)):
            yield DropChunks((id,))
            yield AppendChunks(id, 0, tuple(contents.chunks(id, bodies)))


def _batches(ops: list[Op]) -> Iterator[list[Op]]:
    """The operations in order, in commits of bounded size; chunks are never apart from the drop before them."""
    batch: list[Op] = []
    size = 0
    for op in ops:
        if (len(batch) >= BATCH_OPS or size >= BATCH_BYTES) and not isinstance(op, AppendChunks):
            yield batch
            batch, size = [], 0
        batch.append(op)
        size += sealed_bytes((op,))
    if batch:
        yield batch


def _count(done: Resealed, op: Op) -> None:
    match op:
        case PutMessage():
            done.messages += 1
        case PutState():
            done.states += 1
        case PutValue():
            done.values += 1
        case PutTurn():
            done.turns += 1
        case AppendChunks(bodies=bodies):
            done.chunks += len(bodies)
        case _:
            pass
