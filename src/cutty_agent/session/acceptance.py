"""Taking a request in: its messages and its marker are stored before anything else happens (protocol 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from ..core.adoption import adopted
from ..core.reconcile import Merge, Row, reconcile
from ..core.turn_queue import Ticket
from ..errors import BadRequest, Busy, SessionParked, ShuttingDown, StoreError, TooLarge
from ..ports.store import DeleteTurns, DropChunks, Op, PutTurn
from ..stream.live import Ending
from ..wire import server
from ..wire.response import ResponseFrames
from ..wire.turn_record import TurnRecord, encode_turn
from .answer import changes_messages, fit
from .connection import Connection
from .session import Session
from .submission import Submission
from .transcript import merge_ops, trim_ops

log = structlog.get_logger("cutty_agent.chat")

KEPT_RECORDS = 32
"""Closed turns whose outcome stays known for late acknowledgements (protocol 3.11, Stream store)."""


async def accept(session: Session, new: Submission, *, owner: Connection | None) -> Ticket | None:
    """Store a request's messages and its marker, then queue its turn (protocol 3.4, steps 1 to 4).

    ``None`` when the ``drop`` strategy turned it away or its id was accepted before.

    Raises:
        CuttyError: too many waiting turns, a message or history above its limit, a failing store. Nothing was
            changed and no terminal frame was sent.
    """
    runner = session.runner
    if not new.request_id or len(new.request_id) > 256:
        raise BadRequest(
            f"The request id has {len(new.request_id)} characters; the limit is 1 to 256.",
            remedy="Send a short unique id with each request.",
        )
    if new.request_id in session.records:
        _again(session, new.request_id, owner)
        return None
    if runner.stopping:
        raise ShuttingDown("The server is stopping.", remedy="Send the message again after reconnecting.")
    if session.card.parked is not None:
        raise _parked(session.card.parked)
    session.limiter.request(session.address, new.principal.id, new.peer)
    reason = session.limiter.note_turn(session.address)
    if reason is not None:
        await session.park(reason)
        raise _parked(reason)
    if runner.queue.refuses(new.kind, session.concurrency):
        _drop(session, new, owner)
        return None
    _check_queue(session)
    generation = runner.queue.generation
    lock = session.transcript.lock
    await lock.acquire()  # by hand: "async with" costs two coroutines more, in each turn
    try:
        _check_queue(session)  # others came in while this one waited for the lock
        merge, rows, ops = merged(session, new, owner=owner)
        if merge.sent is None:
            new.check_last()
        session.count_turn(new.request_id, new.principal.id)
        trailing = new.message_ids if new.message_ids is not None else tuple(merge.trailing_user_ids)
        if not trailing:
            new.go_on(rows)
        now_ms = session.clock.now_ms()
        record = TurnRecord(
            new.request_id,
            new.kind,
            message_ids=trailing,
            own=tuple(merge.new_user_ids),
            body=new.body,
            client_tools=new.client_tools,
            base=new.base,
            attempts=new.attempts,
            interruptions=new.interruptions,
            progress_ms=now_ms,
            by=new.principal.id,
            accepted_ms=now_ms,
            trace=session.roots.begin(new.request_id, new.kind),
        )
        ops.append(PutTurn(record.request_id, encode_turn(record), open=True))
        if session.failed:
            ops.append(DropChunks(tuple(session.failed)))
        old = _old_records(session)
        if old:
            ops.append(DeleteTurns(old))
        try:
            await session.commit(ops)
        except StoreError:
            session.disowned.add(new.request_id)
            session.uncount_turn(new.request_id)
            raise
        session.transcript.rows = rows
        session.fresh = False
        if new.frame is not None and new.whole:
            session.echo.note(new.frame, new.messages, merge)
    finally:
        lock.release()
    session.failed.clear()
    for request_id in old:
        session.records.pop(request_id, None)
    session.records[record.request_id] = record
    if owner is not None:
        session.owners[record.request_id] = owner
    ticket = Ticket(record.request_id, record.kind, record.message_ids, record.own)
    if generation != runner.queue.generation:  # cleared meanwhile, and with that this request
        session.uncount_turn(new.request_id)
        runner.say_unstarted(ticket, "skipped")
        return None
    if merge.put or merge.delete:
        session.audience.transcript(session.transcript.rows, without=owner)
    try:
        await runner.close_unstarted(runner.push(ticket, session.concurrency), "skipped")
    except StoreError as error:
        # This turn is stored and will run after the reload that follows, and so will those it was to supersede.
        log.warning("turn.not_superseded", error=str(error), **session.names)
    return ticket


def _check_queue(session: Session) -> None:
    waiting, limit = len(session.runner.queue.waiting), session.settings.limits.queued_turns
    if waiting >= limit:
        raise Busy(
            f"{waiting} turns of this session are waiting; limits.queued_turns is {limit}.",
            remedy="Wait for an answer before sending more.",
        )


def _parked(reason: str) -> SessionParked:
    return SessionParked(reason, remedy="An operator can let this session run again.")


def merged(
    session: Session, new: Submission, *, owner: Connection | None = None
) -> tuple[Merge, Sequence[Row], list[Op]]:
    """What a submission's messages make of the transcript: the merge, the rows after it, and the operations that
    store it; ``owner`` sent it. Call it under the transcript's lock.

    Raises:
        TooLarge: a message or the conversation is above its limit. Nothing was changed.
    """
    limits = session.settings.limits
    running = session.runner.running
    being_written = running.stream.fold.message_id if running is not None else None
    # Another tab may echo the half-written answer it has seen live; that message is ours and not finished.
    incoming = [raw for raw in new.messages if being_written is None or not _has_id(raw, being_written)]
    incoming = _untrimmed(session, incoming)
    keep = session.runner.queue.unread
    running = session.runner.current
    if running is not None and session.owners.get(running.ticket.request_id) is not owner:
        # Who did not ask it may not have seen the question that is being answered, nor mean to take it away.
        keep = keep.union(running.ticket.own, *(each.own for each in running.ticket.merged))
    if being_written is not None and len(incoming) < len(new.messages):
        keep |= {being_written}  # it was sent, so it is not missing
        if new.message_ids is None:
            new.message_ids = new.trailing_user_ids()
    adopts = new.adopts and session.fresh and not session.transcript.rows
    merge = reconcile(
        session.transcript.rows,
        adopted(incoming) if adopts else incoming,
        delete_missing=new.whole and new.kind != "server",
        trust_client=new.trusted or adopts or session.agent.trust_client_history,
        keep=keep,
        by_id=session.transcript.by_id,
        known=new.known,
    )
    alters = changes_messages(session.agent)
    for at, row in enumerate(merge.put):
        if len(row.body) > limits.message_bytes:
            raise TooLarge(
                f"The message {row.id} has {len(row.body)} bytes; limits.message_bytes is {limits.message_bytes}.",
                remedy="Send a shorter message, or upload files elsewhere and send their address.",
            )
        if not alters:
            continue
        fitted = fit(session.agent, row.message(), limits.message_bytes)
        if fitted.body != row.body:
            fitted.seen = row.seen
            merge.put[at] = fitted
            merge = msgspec.structs.replace(merge, rows=[fitted if old is row else old for old in merge.rows])
    if alters:
        # A client sends its own copies again and again; what is stored of them already is no change.
        merge.put[:] = [row for row in merge.put if not _stored(session, row)]
    if len(merge.rows) > limits.history_messages:
        raise TooLarge(
            f"The conversation has {len(merge.rows)} messages; limits.history_messages is "
            f"{limits.history_messages}.",
            remedy="Start a new session, or clear this one.",
        )
    if merge.put and (size := session.transcript.size_after(merge)) > limits.history_bytes:
        raise TooLarge(
            f"The conversation has {size} bytes; limits.history_bytes is {limits.history_bytes}.",
            remedy="Start a new session, or clear this one.",
        )
    rows, trimmed = trim_ops(merge.rows, session.agent.max_persisted_messages)
    return merge, rows, [*merge_ops(merge), *trimmed]


def _untrimmed(session: Session, incoming: list[msgspec.Raw | bytes]) -> list[msgspec.Raw | bytes]:
    """The messages without those that were trimmed away: a client still has them, before the first that is kept."""
    if session.agent.max_persisted_messages is None:
        return incoming
    for at, raw in enumerate(incoming):
        if _id_of(raw) in session.transcript.by_id:
            return incoming[at:]
    return incoming


def _id_of(raw: msgspec.Raw | bytes) -> str | None:
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    id = message.get("id") if isinstance(message, dict) else None
    return id if isinstance(id, str) else None


def _stored(session: Session, row: Row) -> bool:
    known = session.transcript.find(row.id)
    return known is not None and known.body == row.body


def _has_id(raw: msgspec.Raw | bytes, message_id: str) -> bool:
    return message_id.encode() in bytes(raw) and _id_of(raw) == message_id


def _old_records(session: Session) -> tuple[str, ...]:
    if len(session.records) < 2 * KEPT_RECORDS:
        return ()
    closed = [record.request_id for record in session.records.values() if record.outcome is not None]
    return tuple(closed[:-KEPT_RECORDS])


def _again(session: Session, request_id: str, owner: Connection | None) -> None:
    """A request id that was accepted before: never a second turn; one that ended gets its end again."""
    record = session.records[request_id]
    old = session.owners.get(request_id)
    if record.outcome is None and owner is not None and old is not None and old.closed:
        session.owners[request_id] = owner  # the same client on a new socket
    if record.outcome is not None and owner is not None:
        ending = Ending(record.outcome, record.message_ids, record.error)
        session.audience.end(request_id, ResponseFrames(request_id), ending, only=owner)


def _drop(session: Session, new: Submission, owner: Connection | None) -> None:
    """``drop``: the owner's list goes back to what the server has, the message being streamed included."""
    ending = Ending("skipped", new.trailing_user_ids())
    if owner is not None:
        bodies = [row.body for row in session.transcript.rows]
        running = session.runner.running
        if running is not None and not running.stream.fold.empty:
            live = Row.of(running.stream.fold.message())
            bodies = [row.body for row in session.transcript.with_row(live)]
        owner.push(server.transcript(bodies))
        session.audience.end(new.request_id, ResponseFrames(new.request_id), ending, only=owner)
    session.runner.unwatched(new.request_id, ending)
