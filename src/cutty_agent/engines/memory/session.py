"""What the reference implementation keeps of one session."""

from __future__ import annotations

from ...ids import Address
from ...ports.store import (
    AddUsage,
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    DropChunks,
    Op,
    Park,
    PutGrant,
    PutMessage,
    PutOwner,
    PutState,
    PutTurn,
    PutValue,
    SessionRow,
    Snapshot,
    StoredMessage,
    StoredTurn,
)
from ...wire.card import Card, Grant
from ...wire.principal import NEVER_MS


class MemorySession:
    """One session. Dictionaries keep the order of first insertion, which is the order wanted."""

    def __init__(self, epoch: int, owner: str, now_ms: int, expires_ms: int = NEVER_MS) -> None:
        self.made = epoch
        self.epoch = epoch
        self.owner = owner
        self.created_ms = now_ms
        self.active_ms = now_ms
        self.expires_ms = expires_ms
        self.parked: str | None = None
        self.grants: dict[str, Grant] = {}
        self.messages: dict[str, bytes] = {}
        self.state: bytes | None = None
        self.values: dict[str, bytes] = {}
        self.turns: dict[str, StoredTurn] = {}
        self.chunks: dict[str, list[AppendChunks]] = {}
        self.used: list[AddUsage] = []

    def apply(self, op: Op) -> None:
        """Carry out one operation."""
        match op:
            case PutMessage(id=id, body=body):
                self.messages[id] = body
            case DeleteMessages(ids=ids):
                for id in ids:
                    self.messages.pop(id, None)
            case ClearMessages():
                self.messages.clear()
            case PutState(body=state):
                self.state = state
            case PutValue(key=key, body=None):
                self.values.pop(key, None)
            case PutValue(key=key, body=bytes() as value):
                self.values[key] = value
            case PutTurn(id=id, record=record, open=open):
                self.turns[id] = StoredTurn(id, record, open)
            case DeleteTurns(ids=ids):
                for id in ids:
                    self.turns.pop(id, None)
                    self.chunks.pop(id, None)
            case AppendChunks(turn=turn):
                self.chunks.setdefault(turn, []).append(op)
            case DropChunks(turns=turns):
                for turn in turns:
                    self.chunks.pop(turn, None)
            case PutOwner(owner=owner):
                self.owner = owner
            case PutGrant(grantee=grantee, grant=None):
                self.grants.pop(grantee, None)
            case PutGrant(grantee=grantee, grant=Grant() as grant):
                self.grants[grantee] = grant
            case Park(reason=reason):
                self.parked = reason
            case AddUsage():
                self.used.append(op)

    def expired(self, now_ms: int) -> bool:
        """Whether it has come to its end."""
        return self.expires_ms <= now_ms

    def snapshot(self, *, created: bool) -> Snapshot:
        """A copy: later commits do not show in it."""
        return Snapshot(
            epoch=self.epoch,
            created=created,
            card=self.card(),
            messages=self.transcript(),
            state=self.state,
            values=dict(self.values),
            turns=list(self.turns.values()),
        )

    def card(self) -> Card:
        """A copy."""
        return Card(
            self.owner, self.created_ms, self.active_ms, self.expires_ms, dict(self.grants), self.parked
        )

    def transcript(self) -> list[StoredMessage]:
        """The messages in order."""
        return [StoredMessage(id, body) for id, body in self.messages.items()]

    def row(self, address: Address) -> SessionRow:
        """Its line in a list."""
        return SessionRow(
            address=address,
            created_ms=self.created_ms,
            active_ms=self.active_ms,
            messages=len(self.messages),
            open_turns=sum(turn.open for turn in self.turns.values()),
            owner=self.owner,
            expires_ms=self.expires_ms,
            parked=self.parked,
            turns=len(self.used),
            errors=sum(used.outcome == "error" for used in self.used),
            input_tokens=sum(used.input_tokens for used in self.used),
            output_tokens=sum(used.output_tokens for used in self.used),
            cost_nano=sum(used.cost_nano for used in self.used),
        )
