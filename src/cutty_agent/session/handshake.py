"""Greeting a connection, and the resume handshake (protocol 2.2 and 3.9)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..core.rebuild import rebuild
from ..core.resume import Answer, Decision, Stream, decide
from ..stream.live import Ending, LiveStream
from ..wire import server
from ..wire.chunks import UIMessage
from ..wire.response import ResponseFrames
from .audience import terminal_frames
from .connection import Connection
from .session import Session


def greet(session: Session, conn: Connection) -> None:
    """Identity first, then state, MCP servers, and at most one word about what runs; when nothing does, what was missed."""
    conn.greeted = True
    state = session.state_body
    conn.push(
        server.identity(session.address.session, session.address.agent, state_follows=state is not None)
    )
    if state is not None:
        conn.push(server.state(state))
    conn.push(server.MCP_SERVERS)
    stream = active_stream(session)
    if stream is not None:
        conn.owes = stream.request_id
        conn.push(server.resuming(stream.request_id))
        return
    waiting = accepted(session)
    if waiting is not None:
        conn.parked = True
        if session.recovering:
            conn.push(server.recovering(True, waiting))
        conn.push(server.pending(waiting))
        return
    # Not only after the probe: a hook whose token was renewed comes with a new socket object and never probes.
    _heal(session, conn)


def probe(session: Session, conn: Connection, probe_id: str | None) -> None:
    """Answer ``cf_agent_stream_resume_request``; always."""
    stream = active_stream(session)
    waiting = accepted(session)
    failed = next(reversed(session.failed), None)
    decision: Decision = decide(
        Stream(
            active=stream.request_id if stream else None,
            owned_elsewhere=stream is not None and _owned_elsewhere(session, conn, stream.request_id),
            accepted=waiting,
            accepted_is_continuation=waiting is not None and _is_continuation(session, waiting),
            accepted_owned_elsewhere=waiting is not None and _owned_elsewhere(session, conn, waiting),
            failed=failed,
        )
    )
    match decision.answer:
        case Answer.RESUMING if decision.id is not None:
            # A socket that already acknowledged this stream will not do so again: excluding it would mute it.
            if decision.exclude and conn.acked != decision.id:
                conn.owes = decision.id
            conn.push(server.resuming(decision.id, probe_id))
        case Answer.PENDING:
            conn.parked = True
            conn.push(server.pending(decision.id, probe_id))
        case Answer.OWNED:
            conn.owes = None  # it will not acknowledge what it does not own, and sees the rest like everybody
            conn.push(server.resume_none("continuation-owned", probe_id))
        case _:
            conn.push(server.resume_none("idle", probe_id))
            _heal(session, conn)


def acknowledge(session: Session, conn: Connection, request_id: str) -> None:
    """The client is ready for the replay of ``request_id``."""
    running = session.runner.current
    if running is not None and running.ticket.request_id == request_id:
        conn.acked = request_id
        plain = running.base is not None
        prefix = _rebuild(running.stream, running.base.message() if running.base else None)
        conn.replay(running.stream, plain=plain, prefix=prefix)
        return
    if conn.owes == request_id:
        conn.owes = None
    if active_stream(session) is not None:
        return
    record = session.failed.get(request_id) or session.records.get(request_id)
    if record is None or record.outcome is None:
        frames = ResponseFrames(request_id)
        conn.push(frames.terminal(None, None, replay=True))
        return
    ending = Ending(record.outcome, record.message_ids, record.error)
    finished = session.runner.finished
    at_hand = finished is not None and finished.request_id == request_id
    base = session.transcript.find(record.base) if record.base is not None else None
    frames = ResponseFrames(request_id)
    if base is not None and (at_hand or record.outcome == "error"):
        # The chunks of a continuation alone would show as a message of their own; the stored one holds them too.
        _replay_ended(conn, frames, [], ending, prefix=_rebuilt(frames, base.message()))
    elif finished is not None and at_hand:
        _replay_ended(conn, frames, finished.bodies(), ending)
    elif record.outcome == "error":
        session.later(_replay_failed(session, conn, request_id, ending))
    else:
        _replay_ended(conn, frames, [], ending)


def _heal(session: Session, conn: Connection) -> None:
    """Give a client that was cut off the transcript: it may have missed the end of an answer."""
    if conn.missed:
        conn.missed = False
        conn.push(server.transcript([row.body for row in session.transcript.rows], connect=True))


def active_stream(session: Session) -> LiveStream | None:
    """The running stream once it has shown something; before that the turn counts as accepted."""
    running = session.runner.current
    return running.stream if running is not None and running.stream.shown else None


def accepted(session: Session) -> str | None:
    """The turn that runs without output yet, else the one that waits longest."""
    running = session.runner.current
    if running is not None:
        return running.ticket.request_id
    queue = session.runner.queue
    ticket = queue.running
    if ticket is None or ticket.generation != queue.generation:
        ticket = queue.waiting[0] if queue.waiting else None
    return ticket.request_id if ticket else session.continuation.request_id


def _is_continuation(session: Session, request_id: str) -> bool:
    record = session.records.get(request_id)
    return record is None or record.kind == "continuation"


def _owned_elsewhere(session: Session, conn: Connection, request_id: str) -> bool:
    wanted = session.continuation
    owner = wanted.owner if request_id == wanted.request_id else session.owners.get(request_id)
    return (
        _is_continuation(session, request_id) and owner is not None and owner is not conn and not owner.closed
    )


async def _replay_failed(session: Session, conn: Connection, request_id: str, ending: Ending) -> None:
    bodies = await session.journal.chunks(request_id)
    _replay_ended(conn, ResponseFrames(request_id), bodies, ending)


def _replay_ended(
    conn: Connection,
    frames: ResponseFrames,
    bodies: list[bytes],
    ending: Ending,
    *,
    prefix: Sequence[bytes] = (),
) -> None:
    if conn.speaker is not None:
        return
    for frame in prefix:
        conn.push(frame)
    for seq, body in enumerate(bodies):
        conn.push(frames.replay(body, seq))
    # An error terminal carries no replay flag, so that the client shows it (the ACK table of protocol 3.9).
    for frame in terminal_frames(frames, ending, replay=ending.error is None):
        conn.push(frame)


def _rebuild(stream: LiveStream, base: UIMessage | None) -> list[bytes]:
    """Chunks that show the message a continuation extends, so that the client sees one message (protocol 3.8)."""
    return [] if base is None else _rebuilt(stream.frames.plain, base)


def _rebuilt(frames: ResponseFrames, message: UIMessage) -> list[bytes]:
    return [frames.rebuilt(msgspec.json.encode(chunk)) for chunk in rebuild(message)]
