"""What of a session is encrypted: the bodies that operations carry and rows hold, each bound to its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import msgspec

from ...errors import StoreCorrupt
from ...ids import Address
from ...ports.store import (
    AppendChunks,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    Snapshot,
    StoredMessage,
    StoredTurn,
)
from . import envelope
from .keyring import Cipher, Keyring

_NUMBER_BYTES = 4

_STATE = b"state\0"


class Contents:
    """Seals and opens the bodies of one session.

    A body is bound to session, kind and id (message, turn, key of a value): moved anywhere else it cannot be opened.
    Chunks carry their number inside, so that those of a turn cannot be exchanged, doubled or taken from the middle.
    Bodies without the mark of an envelope pass as they are: they are from before encryption was turned on.

    Opening raises ``KeyMissing`` for a key that is not there, and ``StoreCorrupt`` for what the key does not open.
    """

    __slots__ = ("_address", "_cipher", "_keyring")

    def __init__(self, keyring: Keyring, address: Address) -> None:
        self._keyring = keyring
        self._address = address
        self._cipher = keyring.sealing(address)

    # -- sealing

    def seal(self, ops: Sequence[Op]) -> Sequence[Op]:
        """The same operations with their bodies encrypted; unchanged when there is no key."""
        cipher = self._cipher
        return ops if cipher is None else [_sealed(cipher, op) for op in ops]

    def is_current(self, body: bytes) -> bool:
        """Whether a stored body (that of a chunk too) is as it would be written today."""
        if self._cipher is None:
            return not envelope.is_sealed(body)
        return body.startswith(self._cipher.head)

    # -- opening

    def messages(self, rows: Iterable[StoredMessage]) -> list[StoredMessage]:
        """The rows of a transcript with their bodies opened."""
        return [StoredMessage(row.id, self._open(row.body, "message", row.id)) for row in rows]

    def turns(self, rows: Iterable[StoredTurn]) -> list[StoredTurn]:
        """Turn records, opened."""
        return [StoredTurn(row.id, self._open(row.record, "turn", row.id), row.open) for row in rows]

    def state(self, body: bytes | None) -> bytes | None:
        """The state, opened."""
        return None if body is None else self._open(body, "state", "")

    def values(self, entries: dict[str, bytes]) -> dict[str, bytes]:
        """The key-value space, opened."""
        return {key: self._open(body, "value", key) for key, body in entries.items()}

    def snapshot(self, found: Snapshot) -> Snapshot:
        """Everything that a claim returned, opened."""
        return msgspec.structs.replace(
            found,
            messages=self.messages(found.messages),
            state=self.state(found.state),
            values=self.values(found.values),
            turns=self.turns(found.turns),
        )

    def chunks(self, turn: str, bodies: Iterable[bytes]) -> list[bytes]:
        """The chunk bodies of a turn, opened, their order checked."""
        opened: list[bytes] = []
        expected: int | None = None
        for body in bodies:
            if not envelope.is_sealed(body):
                opened.append(body)
                expected = None
                continue
            text = self._open(envelope.off_one_line(body), "chunk", turn)
            number = int.from_bytes(text[:_NUMBER_BYTES], "big")
            if expected not in {None, number}:
                raise self._corrupt("chunk", turn, f"chunk {number} stands where chunk {expected} belongs")
            expected = number + 1
            opened.append(text[_NUMBER_BYTES:])
        return opened

    def _open(self, body: bytes, kind: str, id: str) -> bytes:
        if not envelope.is_sealed(body):
            return body
        parts = envelope.parse(body)
        if parts is None:
            raise self._corrupt(kind, id, "it is damaged, or a later version of this program wrote it")
        text = self._keyring.opening(parts.key, self._address).open(parts, _place(kind, id))
        if text is None:
            raise self._corrupt(
                kind,
                id,
                f"the key {parts.key!r} does not open it: either this is not the key it was encrypted with, "
                "or what is stored was altered",
            )
        return text

    def _corrupt(self, kind: str, id: str, what: str) -> StoreCorrupt:
        of = f" {id}" if id else ""
        name = f"The chunks of turn{of}" if kind == "chunk" else f"The {kind}{of}"
        return StoreCorrupt(
            f"{name} of session {self._address} cannot be decrypted: {what}.",
            remedy="Give the key it was encrypted with, or restore a backup.",
        )


def sealed_bytes(ops: Iterable[Op]) -> int:
    """Bytes of the bodies of these operations."""
    return sum(len(body) for op in ops for body in _bodies(op))


def _bodies(op: Op) -> tuple[bytes, ...]:
    match op:
        case AppendChunks(bodies=bodies):
            return bodies
        case (
            PutMessage(body=bytes() as body) | PutState(body=bytes() as body) | PutValue(body=bytes() as body)
        ):
            return (body,)
        case PutTurn(record=record):
            return (record,)
        case _:
            return ()


def _sealed(cipher: Cipher, op: Op) -> Op:
    match op:
        case AppendChunks(turn=turn, first=first, bodies=bodies):
            place = _place("chunk", turn)
            nonces = os.urandom(envelope.NONCE_BYTES * len(bodies))
            sealed = (
                cipher.seal(
                    nonces[at * envelope.NONCE_BYTES : (at + 1) * envelope.NONCE_BYTES],
                    (first + at).to_bytes(_NUMBER_BYTES, "big") + body,
                    place,
                )
                for at, body in enumerate(bodies)
            )
            return AppendChunks(turn, first, tuple(map(envelope.on_one_line, sealed)))
        case PutMessage(id=id, body=body):
            return PutMessage(id, cipher.seal(_nonce(), body, _place("message", id)))
        case PutTurn(id=id, record=record, open=open):
            return PutTurn(id, cipher.seal(_nonce(), record, _place("turn", id)), open)
        case PutState(body=bytes() as state):
            return PutState(cipher.seal(_nonce(), state, _STATE))
        case PutValue(key=key, body=bytes() as value):
            return PutValue(key, cipher.seal(_nonce(), value, _place("value", key)))
        case _:
            return op


def _nonce() -> bytes:
    return os.urandom(envelope.NONCE_BYTES)


def _place(kind: str, id: str) -> bytes:
    # Lone surrogates are the inner store's to refuse.
    return f"{kind}\0{id}".encode("utf-8", "surrogatepass")
