"""Turns that a crash or a shutdown cut off: found at wake-up by their open records (protocol 3.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from ..core.fold import Fold, continuation_chunk
from ..core.rebuild import JOINED
from ..core.reconcile import Row
from ..core.recovery import EXHAUSTED, Interrupted, Plan, plan
from ..core.tools import pending
from ..core.turn_queue import Ticket
from ..ids import new_message_id, new_request_id
from ..ports.store import DeleteTurns, DropChunks, Op, PutTurn
from ..wire.chunks import Chunk, UIMessage
from ..wire.turn_record import TurnRecord, encode_turn
from .answer import SAVE_FAILED, stored_answer
from .session import Session
from .transcript import place

log = structlog.get_logger("cutty_agent.recovery")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def recover(session: Session) -> None:
    """Bring every open turn to an end or to a new start, oldest first; before any traffic of the session.

    The partial answer of a turn is stored exactly once and its chunks are dropped in the same commit, which also
    opens the turn that follows, so a second crash at any moment finds either the old turn or the new one.
    """
    opened = [record for record in session.records.values() if record.outcome is None]
    try:
        for at, record in enumerate(opened):
            bodies = await session.journal.chunks(record.request_id)
            if at and not bodies and record.request_id not in session.disowned:
                _requeue(session, record)  # turns run one after another: this one was only waiting
            else:
                await recover_one(session, record, [_decode(body) for body in bodies])
    except BaseException:
        session.uncount_turns()  # this memory of the session will not be used
        raise


async def recover_one(session: Session, record: TurnRecord, chunks: list[Chunk]) -> None:
    """Bring one open turn to its end or to a new start, given what it has shown."""
    base = session.transcript.find(record.base) if record.base is not None else None
    fold = _refold(session, chunks, base)
    for said in record.settled:
        fold.settle(said)
    unusable = record.request_id in session.disowned
    cut_off = _last_text(fold.message()).get("state") == "streaming"
    try:
        partial = (
            stored_answer(session.agent, fold, session.settings.limits.message_bytes) if chunks else None
        )
    except Exception as error:  # too large, or the author's sanitize_message failed: it would fail again
        log.error("turn.not_storable", turn=record.request_id, error=str(error), **session.names)
        partial, unusable = None, True
    if unusable:
        # Its clients know that it failed; what they have been shown stays.
        rows, ops = _kept(session, record, partial)
        closed = msgspec.structs.replace(record, outcome="error", error=SAVE_FAILED)
        await session.journal.commit([*ops, PutTurn(closed.request_id, encode_turn(closed), open=False)])
        session.roots.interrupted(record, "give-up")
        session.metrics.recovered("give-up")
        session.transcript.rows = rows
        session.closed(closed)
        return
    decision = plan(
        Interrupted(
            streamed=partial is not None,
            attempts=record.attempts,
            interruptions=record.interruptions,
            progress_ms=record.progress_ms,
            waits_for_human=partial is not None and bool(pending(partial.message())),
        ),
        session.agent.recovery,
        session.agent.recovery_budget,
        now_ms=session.clock.now_ms(),
    )
    if not chunks and decision.action == "retry":
        # It had shown nothing: it runs under its own id. The counters bound a handler that kills the process.
        counted = msgspec.structs.replace(
            record,
            attempts=decision.attempts,
            interruptions=decision.interruptions,
            trace=session.roots.begin(record.request_id, record.kind, earlier=record.trace),
        )
        await session.journal.commit([PutTurn(counted.request_id, encode_turn(counted), open=True)])
        session.roots.interrupted(record, "retry")
        session.metrics.recovered("retry")
        session.records[counted.request_id] = counted
        _requeue(session, counted)
        return
    later = _later(session, record)
    kept = partial if decision.action != "retry" or base is not None else None
    if kept is not None and cut_off and decision.action == "continue":
        kept = _reopened(kept)
    rows, ops = _kept(session, record, kept)
    closed, follow = _outcome(record, decision, kept.id if kept is not None else None, session)
    ops += [DropChunks((record.request_id,)), PutTurn(closed.request_id, encode_turn(closed), open=False)]
    if follow is not None:
        ops.append(PutTurn(follow.request_id, encode_turn(follow), open=True))
        # New records go behind all others; those that waited behind this turn must stay behind what follows it.
        ops.append(DeleteTurns(tuple(each.request_id for each in later)))
        ops += [PutTurn(each.request_id, encode_turn(each), open=each.outcome is None) for each in later]
    await session.journal.commit(ops)
    session.roots.interrupted(record, decision.action)
    session.metrics.recovered(decision.action)
    session.transcript.rows = rows
    session.closed(closed)
    log.info(
        "turn.recovered",
        turn=record.request_id,
        action=decision.action,
        follow=follow.request_id if follow else None,
        **session.names,
    )
    if follow is not None:
        session.records[follow.request_id] = follow
        for each in later:
            session.records[each.request_id] = session.records.pop(each.request_id)
        session.recovering = True
        _requeue(session, follow)


def _reopened(row: Row) -> Row:
    """The message with its last text part open again: what follows goes on in it, in mid-sentence."""
    message = row.message()
    _last_text(message)["state"] = "streaming"
    return Row.of(message)


def _last_text(message: UIMessage) -> dict[str, Any]:
    return next((part for part in reversed(message["parts"]) if part.get("type") == "text"), {})


def _refold(session: Session, chunks: list[Chunk], base: Row | None) -> Fold:
    fold = Fold(new_message_id(session.clock.now_ms()), base=base.message() if base else None)
    if fold.open_text:
        fold.adopt_text(JOINED)
    for chunk in chunks:
        passed = continuation_chunk(fold, chunk) if base is not None else chunk
        if passed is not None:
            fold.apply(passed)
    return fold


def _kept(session: Session, record: TurnRecord, partial: Row | None) -> tuple[Sequence[Row], list[Op]]:
    """The transcript with the partial answer of this turn, before the messages of those behind it."""
    if partial is None:
        return session.transcript.rows, []
    return place(session.transcript, partial, {mid for each in _later(session, record) for mid in each.own})


def _later(session: Session, record: TurnRecord) -> list[TurnRecord]:
    """Turns accepted after this one. They had not started, though they may have been stopped; the answer to this
    one stands before the messages they brought."""
    records = list(session.records.values())
    return records[records.index(record) + 1 :]


def _outcome(
    record: TurnRecord, decision: Plan, message_id: str | None, session: Session
) -> tuple[TurnRecord, TurnRecord | None]:
    replace = msgspec.structs.replace
    match decision.action:
        case "give-up":
            return replace(record, outcome="error", error=EXHAUSTED), None
        case "keep":
            return replace(record, outcome="aborted", ended_ms=session.clock.now_ms(), settled=()), None
        case "park":
            return replace(record, outcome="completed"), None
    follow = TurnRecord(
        new_request_id(),
        "continuation" if decision.action == "continue" else record.kind,
        message_ids=record.message_ids,
        own=record.own,
        body=record.body,
        client_tools=record.client_tools,
        base=message_id if decision.action == "continue" else record.base,
        attempts=decision.attempts,
        interruptions=decision.interruptions,
        progress_ms=record.progress_ms if message_id is None else session.clock.now_ms(),
        by=record.by,
        accepted_ms=session.clock.now_ms(),
    )
    follow.trace = session.roots.begin(follow.request_id, follow.kind, earlier=record.trace)
    return replace(record, outcome="recovering", settled=()), follow


def _requeue(session: Session, record: TurnRecord) -> None:
    session.count_turn(record.request_id, record.by, accepted=True)
    session.roots.resume(record)
    queue = session.runner.queue
    queue.waiting.append(
        Ticket(record.request_id, record.kind, record.message_ids, record.own, queue.generation)
    )
