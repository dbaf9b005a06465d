"""What an operator is told about sessions, as JSON-ready dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..ids import Address
from ..ports.store import SessionRow, StoredTurn
from ..session.registry import Registry
from ..wire.principal import NEVER_MS
from ..wire.turn_record import decode_turn

SHOWN_TURNS = 50
"""The newest turn records that are told."""


def row(found: SessionRow) -> dict[str, Any]:
    """One line of a session list. Times are milliseconds since 1970 UTC."""
    return {
        "agent": found.address.agent,
        "id": found.address.session,
        "created_ms": found.created_ms,
        "active_ms": found.active_ms,
        "messages": found.messages,
        "open_turns": found.open_turns,
        "owner": found.owner,
        "expires_ms": found.expires_ms if found.expires_ms < NEVER_MS else None,
        "parked": found.parked,
        "turns": found.turns,
        "errors": found.errors,
        "input_tokens": found.input_tokens,
        "output_tokens": found.output_tokens,
        "cost_nano": found.cost_nano,
    }


def presence(registry: Registry, address: Address) -> dict[str, Any]:
    """Whether a session is in memory, and how many visitors are connected."""
    slot = registry.slots.get(address)
    return {
        "awake": slot is not None and slot.actor is not None,
        "sockets": sum(conn.visitor for conn in slot.connections) if slot is not None else 0,
    }


def activity(registry: Registry, address: Address) -> dict[str, Any]:
    """The turn that runs and those that wait, by their ids; nothing while the session sleeps."""
    slot = registry.slots.get(address)
    if slot is None or slot.actor is None:
        return {"running": None, "queued": []}
    runner = slot.actor.runner
    running = runner.running.ticket.request_id if runner.running is not None else None
    return {"running": running, "queued": [ticket.request_id for ticket in runner.queue.waiting]}


def turns(stored: Sequence[StoredTurn]) -> list[dict[str, Any]]:
    """The newest turn records, oldest first, without what the visitor sent along with them."""
    return [_turn(turn) for turn in stored[-SHOWN_TURNS:]]


def _turn(stored: StoredTurn) -> dict[str, Any]:
    try:
        record = decode_turn(stored.record)
    except msgspec.MsgspecError:
        return {"id": stored.id, "open": stored.open, "error": "This record cannot be read."}
    return {
        "id": stored.id,
        "kind": record.kind,
        "open": stored.open,
        "outcome": record.outcome,
        "error": record.error,
        "message_ids": list(record.message_ids),
        "attempts": record.attempts,
        "interruptions": record.interruptions,
        "progress_ms": record.progress_ms,
        "by": record.by,
        "accepted_ms": record.accepted_ms,
        "first_ms": record.first_ms,
        "ended_ms": record.ended_ms,
        "model": record.model,
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "cost_nano": record.cost_nano,
        "calls": record.calls,
        "tools": list(record.tools),
    }


def just_before(address: Address) -> Address:
    """Where a page must start so that its first row can only be this session or a later one.

    No session id holds a character above ``~``, so nothing lies between the two.
    """
    head, last = address.session[:-1], address.session[-1]
    return Address(address.agent, f"{head}{chr(ord(last) - 1)}\U0010ffff")
