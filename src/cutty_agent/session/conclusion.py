"""The end of a turn: its answer is stored, shown whole, and the request gets its terminal frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog

from ..agent.base import overrides
from ..agent.chat import ChatAgent, ChatResponse
from ..core.reconcile import Row
from ..core.turn_queue import TurnQueue
from ..errors import CuttyError, StaleEpoch, StoreError
from ..ports.store import AppendChunks, DropChunks, Op, PutTurn
from ..stream.live import Ending
from ..wire.turn_record import encode_turn
from .accounting import closed, settle
from .answer import SAVE_FAILED, stored_answer
from .room import Room
from .running import Running
from .transcript import newer, place, trim_ops

log = structlog.get_logger("cutty_agent.turn")

_STATUS: dict[str, Literal["completed", "error", "aborted"]] = {"completed": "completed", "error": "error"}


async def conclude(room: Room, queue: TurnQueue, running: Running, ending: Ending) -> None:
    """Store the answer, then show it, then send the terminal frame: in this order (protocol 3.4)."""
    stream = running.stream
    await stream.seal()
    answer: Row | None = None
    broken = False
    if running.ticket.generation == queue.generation:
        try:
            answer = await _store(room, queue, running, ending)
        except Exception as error:
            log.error(
                "turn.not_stored",
                turn=running.ticket.request_id,
                error=str(error),
                exc_info=None if isinstance(error, CuttyError) else error,
                **room.names,
            )
            broken = isinstance(error, StoreError)
            known = isinstance(error, CuttyError) and not broken
            ending = Ending("error", ending.message_ids, str(error) if known else SAVE_FAILED)
            if isinstance(error, StaleEpoch):
                room.broken()  # first, because the turn goes on at its new owner: no end is to be told here
            elif broken and stream.shown:
                # Closing it would succeed where only a little room is left, and take away what was shown: loading the
                # session anew keeps that.
                _leave_failed(room, running, ending)
            else:
                await _close_failed(room, running, ending, counted=broken)
    else:
        ending = Ending("aborted", ending.message_ids)
        broken = not await _close_cleared(room, running, ending)
    if not broken:
        stream.show_rest()
    owner = room.owners.get(running.ticket.request_id)
    if answer is not None and running.ticket.generation == queue.generation:
        to_all = running.base is not None or running.ticket.kind == "server" or running.ticket.merged
        room.audience.transcript(room.transcript.rows, without=None if to_all else owner)
    room.say_recovering(False)
    room.audience.end(running.ticket.request_id, stream.frames, ending)
    stream.end(ending)
    room.owners.pop(running.ticket.request_id, None)
    log.info(
        "turn.ended",
        turn=running.ticket.request_id,
        outcome=ending.outcome,
        chunks=len(stream.bodies),
        connection=owner.id if owner is not None else None,
        **room.names,
    )
    if overrides(room.agent, "on_chat_response", of=ChatAgent):
        response = ChatResponse(
            running.ticket.request_id,
            _STATUS.get(ending.outcome, "aborted"),
            answer.message() if answer is not None else None,
            running.base is not None,
            ending.error,
        )
        room.lane(lambda: room.agent.on_chat_response(response))
    if broken:
        room.broken()


async def _store(room: Room, queue: TurnQueue, running: Running, ending: Ending) -> Row | None:
    record, stream = running.record, running.stream
    ops: list[Op] = []
    lock = room.transcript.lock
    await lock.acquire()  # by hand: "async with" costs two coroutines more, in each turn
    try:
        running.folded = True
        answer = stored_answer(room.agent, stream.fold, room.settings.limits.message_bytes)
        rows: Sequence[Row] = room.transcript.rows
        if answer is not None:
            rows, ops = place(room.transcript, answer, _ahead_of(room, queue, running))
        rows, trimmed = trim_ops(rows, room.agent.max_persisted_messages)
        ops += trimmed
        stored = stream.shown
        if stream.failed:  # a write of chunks went wrong, so nobody knows what of them is there
            ops.append(DropChunks((record.request_id,)))
            stored = 0
        if ending.outcome == "error":
            rest = tuple(stream.bodies[stored:])
            if rest:
                ops.append(AppendChunks(record.request_id, stored, rest))
        elif stored:
            ops.append(DropChunks((record.request_id,)))
        done, sums = closed(room, running, ending, answer)
        ops += [PutTurn(record.request_id, encode_turn(done), open=False), *sums]
        try:
            await room.journal.commit(ops)
        finally:
            settle(room, running, sums)
        room.transcript.rows = rows
    finally:
        lock.release()
    room.closed(done)
    return answer


def _ahead_of(room: Room, queue: TurnQueue, running: Running) -> frozenset[str]:
    """The messages an answer stands before: those that came while it was written."""
    rows = room.transcript.rows
    if running.last_read is None or room.transcript.find(running.last_read) is not None:
        return newer(rows, running.last_read)
    return queue.unread


async def _close_failed(room: Room, running: Running, ending: Ending, *, counted: bool) -> None:
    """Close the record of a turn whose answer could not be stored, so that it is not recovered as well. ``counted``: what
    it used may be in the store already."""
    done, sums = closed(room, running, ending, None)
    if counted:
        sums = []
    try:
        await room.journal.commit([PutTurn(done.request_id, encode_turn(done), open=False), *sums])
    except StoreError:
        _leave_failed(room, running, ending)
        return
    finally:
        settle(room, running, sums)
    room.closed(done)


async def _close_cleared(room: Room, running: Running, ending: Ending) -> bool:
    """Count what a turn has used whose conversation was cleared: nothing else of it is stored. False when the store
    does not answer."""
    done, sums = closed(room, running, ending, None)
    try:
        await room.journal.commit(sums)
    except StoreError as error:
        log.error("turn.not_counted", turn=done.request_id, error=str(error), **room.names)
        return False
    finally:
        settle(room, running, sums)
        room.closed(done)
    return True


def _leave_failed(room: Room, running: Running, ending: Ending) -> None:
    """Leave the record open in the store. Its clients are told that it failed, so it must not run again; whoever loads
    the session next stores what it had shown, and closes it."""
    done = msgspec.structs.replace(running.record, outcome="error", error=ending.error)
    log.warning("turn.left_open", turn=done.request_id, **room.names)
    room.disowned.add(done.request_id)
    room.closed(done)
