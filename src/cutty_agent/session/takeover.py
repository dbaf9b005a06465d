"""What becomes of a turn whose handler stalled: the same as after a crash, with everybody looking on."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from ..core.turn_queue import Ticket
from ..stream.live import Ending
from .conclusion import conclude
from .recovery import recover_one
from .running import Running
from .session import Session

log = structlog.get_logger("cutty_agent.recovery")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def begin_anew(session: Session, running: Running) -> None:
    """The handler of the running turn stalled: what it has shown is kept, and the turn goes on as after a crash, under a
    new id and before those that wait.

    Raises:
        StoreError: nobody knows what is stored; the session is to be loaded anew.
    """
    stream, ticket, queue = running.stream, running.ticket, session.runner.queue
    log.warning(
        "turn.stalled",
        turn=ticket.request_id,
        after_ms=session.agent.stream_stall_timeout_ms,
        chunks=stream.made,
        **session.names,
    )
    await stream.park()
    async with session.transcript.lock:
        cleared = ticket.generation != queue.generation
        running.folded = not cleared
        waiting = list(queue.waiting)
        if not stream.bodies and not cleared:  # it may run again under its own id, and is counted again then
            session.roots.give_up(ticket.request_id, "recovering", error="stalled")
            session.uncount_turn(ticket.request_id)
        if not cleared:
            chunks = [_decode(body) for body in stream.bodies]
            await recover_one(session, session.records[ticket.request_id], chunks)
        follow = next((each for each in queue.waiting if each not in waiting), None)
    if cleared:
        await conclude(session, queue, running, Ending("aborted", ticket.message_ids))
        return
    if follow is not None:
        queue.waiting.remove(follow)
    _tell(session, running, follow)
    if follow is None:
        return
    if ticket.generation != queue.generation:
        session.uncount_turn(follow.request_id)
        session.runner.say_unstarted(follow, "skipped")  # the conversation was cleared meanwhile
    elif running.stopped:
        await session.runner.close_unstarted([follow], "aborted")
    else:
        queue.waiting.appendleft(follow)


def _tell(session: Session, running: Running, follow: Ticket | None) -> None:
    """What everybody sees of a turn that stalled: its end, and that it goes on."""
    stream, request_id = running.stream, running.ticket.request_id
    if follow is not None and follow.request_id == request_id:  # nothing of it was seen yet
        stream.end(Ending("recovering", running.ticket.message_ids))
        stream.successor = session.runner.watch(follow.request_id)
        return
    record = session.records.get(request_id)
    ending = Ending(
        (record.outcome if record is not None else None) or "aborted",
        running.ticket.message_ids,
        record.error if record is not None else None,
    )
    owner = session.owners.pop(request_id, None)
    session.audience.transcript(session.transcript.rows, without=owner)
    session.audience.end(request_id, stream.frames, ending)
    stream.end(ending)
    if follow is not None:
        if follow.kind == "continuation":
            stream.successor = session.runner.watch(follow.request_id)
        session.recovering = False  # nobody was told yet
        session.say_recovering(True, follow.request_id)
