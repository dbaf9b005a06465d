"""What an operator is told about sessions, as JSON-ready dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import BadRequest
from ..ids import Address
from ..ports.store import SessionRow, StoredTurn
from ..wire.principal import NEVER_MS
from ..wire.turn_record import decode_turn

if TYPE_CHECKING:  # a command that reads the data directory needs no sessions
    from ..session.registry import Registry

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
    """Whether a session is in memory, how many visitors are connected, and the turn that runs."""
    slot = registry.slots.get(address)
    return {
        "awake": slot is not None and slot.actor is not None,
        "sockets": sum(conn.visitor for conn in slot.connections) if slot is not None else 0,
        "running": activity(registry, address)["running"],
    }


def activity(registry: Registry, address: Address) -> dict[str, Any]:
    """The turn that runs and those that wait, by their ids; nothing while the session sleeps."""
    slot = registry.slots.get(address)
    if slot is None or slot.actor is None:
        return {"running": None, "queued": []}
    runner = slot.actor.runner
    running = runner.running.ticket.request_id if runner.running is not None else None
    return {"running": running, "queued": [ticket.request_id for ticket in runner.queue.waiting]}


def lifetime(registry: Registry, found: SessionRow) -> dict[str, Any]:
    """When a session was made, was active and ends, and the rule behind it: seconds, ``None`` for no end."""
    slot = registry.slots.get(found.address)
    if slot is not None and slot.actor is not None:
        rule = slot.actor.journal.lifetime
    else:
        factory = registry.agents.get(found.address.agent)
        rule = registry.admission.lifetime(found.owner, factory().lifetimes if factory is not None else {})
    return {
        "created_ms": found.created_ms,
        "active_ms": found.active_ms,
        "expires_ms": found.expires_ms if found.expires_ms < NEVER_MS else None,
        "idle_s": rule.idle_ms / 1000 if rule.idle_ms < NEVER_MS else None,
        "max_age_s": rule.age_ms / 1000 if rule.age_ms < NEVER_MS else None,
    }


def connections(registry: Registry, address: Address) -> list[dict[str, Any]]:
    """Who is connected, the longest first; operators who only watch are not among them."""
    slot = registry.slots.get(address)
    return [
        {
            "id": conn.id,
            "principal": conn.principal.id,
            "peer": conn.opening.peer,
            "right": conn.right,
            "dialect": conn.speaker.dialect if conn.speaker is not None else "v5",
            "since_ms": conn.since_ms,
            "buffered": conn.outlet.buffered,
        }
        for conn in (slot.connections if slot is not None else ())
        if conn.visitor
    ]


def turns(stored: Sequence[StoredTurn]) -> list[dict[str, Any]]:
    """The newest turn records, oldest first, without what the visitor sent along with them."""
    return turn_page(stored, None, SHOWN_TURNS)[0]


def turn_page(
    stored: Sequence[StoredTurn], before: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The newest records in front of the turn ``before``, oldest first, and the ``before`` that shows older ones.

    Raises:
        BadRequest: there is no turn ``before``.
    """
    end = len(stored)
    if before is not None:
        end = next((at for at, turn in enumerate(stored) if turn.id == before), -1)
        if end < 0:
            raise BadRequest(
                f"There is no turn {before[:80]!r}.", remedy='Send the "next" of a page as before.'
            )
    start = max(0, end - limit)
    return [_turn(turn) for turn in stored[start:end]], stored[start].id if start else None


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
        "spans": [
            {
                "kind": span.kind,
                "name": span.name,
                "start_ms": span.start_ms,
                "end_ms": span.end_ms,
                **({"error": span.error} if span.error else {}),
            }
            for span in record.spans
        ],
    }


def just_before(address: Address) -> Address:
    """Where a page must start so that its first row can only be this session or a later one.

    No session id holds a character above ``~``, so nothing lies between the two.
    """
    head, last = address.session[:-1], address.session[-1]
    return Address(address.agent, f"{head}{chr(ord(last) - 1)}\U0010ffff")
