"""What a turn costs: set aside before a model is called, and written down with its end."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..agent.usage import Usage
from ..core.budget import Amount
from ..core.reconcile import Row
from ..ports.store import AddUsage, Op, PutValue
from ..stream.live import Ending
from ..wire.turn_record import TurnRecord
from .room import Room
from .running import Running
from .spending import SPENT_KEY


async def reserve(room: Room, running: Running) -> None:
    """Set aside what the turn may consume, where there is a budget (``limiter.budgeted``).

    Raises:
        LimitReached: a budget of the day does not allow it.
    """
    estimate: Amount = room.pricing.estimate(
        room.address.agent, room.transcript.size, room.settings.limits.reserve_tokens
    )
    running.reservation = await room.limiter.reserve(
        room.address, room.card.owner, estimate, kept=room.values.get(SPENT_KEY)
    )


def closed(room: Room, running: Running, ending: Ending, answer: Row | None) -> tuple[TurnRecord, list[Op]]:
    """The record of an ended turn, with its figures, and the operations that add them to the sums."""
    now_ms, record = room.clock.now_ms(), running.record
    if not running.first_ms and running.stream.bodies:
        running.first_ms = now_ms  # a short answer is first shown with its end
    tokens_in = tokens_out = calls = cost_nano = 0
    model = ""
    if running.turn is not None:
        used = running.turn.usage
        tokens_in, tokens_out, calls, model = (
            used.input_tokens,
            used.output_tokens,
            used.requests,
            used.model or "",
        )
        cost_nano = _cost(room, used)
    tools = _tools(answer, running.base)
    done = msgspec.structs.replace(
        record,
        outcome=ending.outcome,
        error=ending.error,
        first_ms=running.first_ms,
        ended_ms=now_ms,
        model=model,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost_nano=cost_nano,
        calls=calls,
        tools=tools,
        settled=(),
    )
    ops: list[Op] = [
        AddUsage(
            room.card.owner,
            now_ms,
            ending.outcome,
            model,
            tokens_in,
            tokens_out,
            cost_nano,
            calls,
            len(tools),
            max(0, running.first_ms - record.accepted_ms)
            if running.first_ms and record.accepted_ms
            else None,
            max(0, now_ms - record.accepted_ms) if record.accepted_ms else 0,
            len(record.own) + (answer is not None and running.base is None),
        )
    ]
    if running.reservation is not None:
        kept = room.limiter.spent_value(running.reservation, tokens_in + tokens_out, cost_nano)
        if kept is not None:
            ops.append(kept)
    return done, ops


def settle(room: Room, running: Running, ops: Sequence[Op] = ()) -> None:
    """The turn is over, however that came: what it used counts, and the rest of what was set aside is given back. A
    second time changes nothing. ``ops`` are those of :func:`closed`, where they were to be stored."""
    if running.reservation is None:
        return
    tokens = cost_nano = 0
    if running.turn is not None:
        used = running.turn.usage
        tokens, cost_nano = used.input_tokens + used.output_tokens, _cost(room, used)
    room.limiter.settle(running.reservation, tokens, cost_nano)
    for op in ops:
        if isinstance(op, PutValue) and op.body is not None:
            room.values[op.key] = op.body


def _cost(room: Room, used: Usage) -> int:
    return room.pricing.cost(
        used.model or "",
        used.input_tokens,
        used.output_tokens,
        calls=used.requests,
        cache_read_tokens=used.cache_read_tokens,
        cache_write_tokens=used.cache_write_tokens,
        agent=room.address.agent,
    )


def _tools(answer: Row | None, base: Row | None) -> tuple[str, ...]:
    """The tools this answer used, without those of the message it goes on with."""
    if answer is None or b'"toolCallId"' not in answer.body:
        return ()
    before = set() if base is None else {call for call, _ in _calls(base)}
    return tuple(name for call, name in _calls(answer) if call not in before)


def _calls(row: Row) -> list[tuple[str, str]]:
    return [
        (str(part["toolCallId"]), str(part.get("toolName") or str(part["type"]).removeprefix("tool-")))
        for part in row.message()["parts"]
        if "toolCallId" in part
    ]
