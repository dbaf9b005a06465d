"""What the chat frames do to a session (protocol 3.2 to 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from ..core import dialect
from ..core.reconcile import Merge, Row, reconcile
from ..core.turn_queue import Ticket
from ..errors import BadRequest, Busy, CuttyError, ShuttingDown, StaleEpoch, StoreError, TooLarge
from ..ids import new_request_id
from ..ports.store import ClearMessages, DeleteTurns, DropChunks, Op, PutTurn
from ..stream.live import Ending
from ..wire import client, server
from ..wire.chunks import UIMessage
from ..wire.server import ResponseFrames
from ..wire.turn_record import Kind, TurnRecord, encode_turn
from .answer import changes_messages, fit
from .audience import Audience
from .connection import Connection
from .session import Session
from .submission import Submission
from .transcript import merge_ops, trim_ops

log = structlog.get_logger("cutty_agent.chat")

KEPT_RECORDS = 32
"""Closed turns whose outcome stays known for late acknowledgements (protocol 3.11, Stream store)."""


async def request(actor: Session, conn: Connection, frame: client.ChatRequest) -> None:
    """``cf_agent_use_chat_request``. Every well-formed id gets exactly one terminal frame, whatever happens."""
    new: Submission | None = None
    try:
        if frame.init.method.upper() != "POST" or frame.init.body is None:
            raise BadRequest(
                f"The chat request has method {frame.init.method!r} and "
                f"{'no body' if frame.init.body is None else 'a body'}.",
                remedy='Send init.method "POST" and init.body as JSON text.',
            )
        body, rest = client.decode_body(frame.init.body)
        # Nobody but the newer SDKs sends a trigger: the whole table is for those that do not (protocol 5.5).
        if body.trigger is None or conn.explicit or frame.url is not None:
            spoken = dialect.detect_frame(
                frame, dialect_body(body), labelled=conn.opening.labelled, override=conn.opening.dialect
            )
            if spoken is not None:
                conn.speak(spoken)
        else:
            conn.speak("v5")
        new = submission(frame.id, body, rest)
        await accept(actor, new, owner=conn)
    except StaleEpoch:
        raise
    except CuttyError as error:
        refuse(conn, frame.id, error, new)
    except Exception:
        log.exception("request.crashed", turn=frame.id, **actor.names)
        crash = CuttyError("The request could not be processed.", remedy="Please try again.")
        refuse(conn, frame.id, crash, new)


def dialect_body(body: client.ChatBody) -> dict[str, Any]:
    """The keys of a request body that tell dialects apart."""
    seen: dict[str, Any] = {}
    for key in ("messages", "message", "id"):
        value = getattr(body, key)
        if value is not msgspec.UNSET:
            seen[key] = value
    if body.trigger is not None:
        seen["trigger"] = body.trigger
    return seen


def submission(request_id: str, body: client.ChatBody, rest: dict[str, Any] | None) -> Submission:
    """A chat request body as a submission (protocol 3.2 and 6.1)."""
    messages: Sequence[msgspec.Raw] = [] if body.messages is msgspec.UNSET else body.messages
    whole = True
    if body.messages is msgspec.UNSET:
        if body.message is msgspec.UNSET:
            raise BadRequest(
                "The chat request has neither messages nor message.",
                remedy='Send "messages", the list of UI messages, or "message", the newest one.',
            )
        messages, whole = [body.message], False
    kind: Kind = "regenerate" if body.trigger == "regenerate-message" else "submit"
    for key in ("message", "id", "messageId"):
        if rest is not None:
            rest.pop(key, None)
    return Submission(request_id, kind, messages, whole, body=rest or None, client_tools=body.clientTools)


def refuse(conn: Connection, request_id: str, error: CuttyError, new: Submission | None = None) -> None:
    """The terminal frame of a request that was not accepted; nothing was changed."""
    text = f"Invalid request: {error}" if isinstance(error, BadRequest) else str(error)
    ending = Ending("error", _trailing_user_ids(new.messages) if new is not None else (), text)
    Audience([conn]).end(request_id, ResponseFrames(request_id), ending, only=conn)


def refuse_frame(conn: Connection, error: client.BadFrame) -> None:
    """Tell the sender of a malformed frame; a chat request with an id gets its terminal frame."""
    if error.type == "cf_agent_use_chat_request" and error.request_id:
        refuse(conn, error.request_id, error)
    elif conn.speaker is None or conn.speaker.dialect != "raw":
        conn.send(error.as_dict())


async def accept(actor: Session, new: Submission, *, owner: Connection | None) -> Ticket | None:
    """Store a request's messages and its marker, then queue its turn (protocol 3.4, steps 1 to 4).

    ``None`` when the ``drop`` strategy turned it away or its id was accepted before.

    Raises:
        CuttyError: too many waiting turns, a message or history above its limit, a failing store. Nothing was
            changed and no terminal frame was sent.
    """
    runner = actor.runner
    if not new.request_id or len(new.request_id) > 256:
        raise BadRequest(
            f"The request id has {len(new.request_id)} characters; the limit is 1 to 256.",
            remedy="Send a short unique id with each request.",
        )
    if new.request_id in actor.records:
        _again(actor, new.request_id, owner)
        return None
    if runner.stopping:
        raise ShuttingDown("The server is stopping.", remedy="Send the message again after reconnecting.")
    if runner.queue.refuses(new.kind, actor.concurrency):
        _drop(actor, new, owner)
        return None
    if len(runner.queue.waiting) >= actor.settings.limits.queued_turns:
        raise Busy(
            f"{len(runner.queue.waiting)} turns of this session are waiting; limits.queued_turns is "
            f"{actor.settings.limits.queued_turns}.",
            remedy="Wait for an answer before sending more.",
        )
    generation = runner.queue.generation
    async with actor.transcript.lock:
        merge, rows, ops = _merged(actor, new)
        trailing = new.message_ids if new.message_ids is not None else tuple(merge.trailing_user_ids)
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
            progress_ms=actor.clock.now_ms(),
        )
        ops.append(PutTurn(record.request_id, encode_turn(record), open=True))
        if actor.failed:
            ops.append(DropChunks(tuple(actor.failed)))
        old = _old_records(actor)
        if old:
            ops.append(DeleteTurns(old))
        try:
            await actor.commit(ops)
        except StoreError:
            actor.disowned.add(new.request_id)
            raise
        actor.transcript.rows = rows
    actor.failed.clear()
    for request_id in old:
        actor.records.pop(request_id, None)
    actor.records[record.request_id] = record
    if owner is not None:
        actor.owners[record.request_id] = owner
    ticket = Ticket(record.request_id, record.kind, record.message_ids, record.own)
    if generation != runner.queue.generation:  # cleared meanwhile, and with that this request
        runner.say_unstarted(ticket, "skipped")
        return None
    if merge.put or merge.delete:
        actor.audience.transcript(actor.transcript.rows, without=owner)
    try:
        await runner.close_unstarted(runner.push(ticket, actor.concurrency), "skipped")
    except StoreError as error:
        # This turn is stored and will run after the reload that follows, and so will those it was to supersede.
        log.warning("turn.not_superseded", error=str(error), **actor.names)
    return ticket


def _merged(actor: Session, new: Submission) -> tuple[Merge, list[Row], list[Op]]:
    limits = actor.settings.limits
    running = actor.runner.running
    being_written = running.stream.fold.message_id if running is not None else None
    # Another tab may echo the half-written answer it has seen live; that message is ours and not finished.
    incoming = [raw for raw in new.messages if being_written is None or not _has_id(raw, being_written)]
    if len(incoming) < len(new.messages) and new.message_ids is None:
        new.message_ids = _trailing_user_ids(new.messages)
    merge = reconcile(
        actor.transcript.rows,
        incoming,
        delete_missing=new.whole and new.kind != "server",
        trust_client=new.trusted or actor.agent.trust_client_history,
        keep=actor.runner.queue.unread,
        by_id=actor.transcript.by_id,
    )
    alters = changes_messages(actor.agent)
    for at, row in enumerate(merge.put):
        if len(row.body) > limits.message_bytes:
            raise TooLarge(
                f"The message {row.id} has {len(row.body)} bytes; limits.message_bytes is {limits.message_bytes}.",
                remedy="Send a shorter message, or upload files elsewhere and send their address.",
            )
        if not alters:
            continue
        fitted = fit(actor.agent, row.message(), limits.message_bytes)
        if fitted.body != row.body:
            merge.put[at] = fitted
            merge.rows[:] = [fitted if old is row else old for old in merge.rows]
    if len(merge.rows) > limits.history_messages:
        raise TooLarge(
            f"The conversation has {len(merge.rows)} messages; limits.history_messages is "
            f"{limits.history_messages}.",
            remedy="Start a new session, or clear this one.",
        )
    rows, trimmed = trim_ops(merge.rows, actor.agent.max_persisted_messages)
    return merge, rows, [*merge_ops(merge), *trimmed]


def _has_id(raw: msgspec.Raw | bytes, message_id: str) -> bool:
    if message_id.encode() not in bytes(raw):
        return False
    message = msgspec.json.decode(raw)
    return isinstance(message, dict) and message.get("id") == message_id


def _old_records(actor: Session) -> tuple[str, ...]:
    if len(actor.records) < 2 * KEPT_RECORDS:
        return ()
    closed = [record.request_id for record in actor.records.values() if record.outcome is not None]
    return tuple(closed[:-KEPT_RECORDS])


def _again(actor: Session, request_id: str, owner: Connection | None) -> None:
    """A request id that was accepted before: never a second turn; one that ended gets its end again."""
    record = actor.records[request_id]
    if record.outcome is not None and owner is not None:
        ending = Ending(record.outcome, record.message_ids, record.error)
        actor.audience.end(request_id, ResponseFrames(request_id), ending, only=owner)


def _drop(actor: Session, new: Submission, owner: Connection | None) -> None:
    """``drop``: the owner's list goes back to what the server has, the message being streamed included."""
    ending = Ending("skipped", _trailing_user_ids(new.messages))
    if owner is not None:
        bodies = [row.body for row in actor.transcript.rows]
        running = actor.runner.running
        if running is not None and not running.stream.fold.empty:
            live = Row.of(running.stream.fold.message())
            bodies = [row.body for row in actor.transcript.with_row(live)]
        owner.push(server.transcript(bodies))
        actor.audience.end(new.request_id, ResponseFrames(new.request_id), ending, only=owner)
    actor.runner.unwatched(new.request_id, ending)


def _trailing_user_ids(messages: Sequence[msgspec.Raw | bytes]) -> tuple[str, ...]:
    ids: list[str] = []
    for raw in reversed(messages):
        try:
            message = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            break
        if not isinstance(message, dict) or message.get("role") != "user":
            break
        ids.append(str(message.get("id", "")))
    return tuple(reversed(ids))


async def minimal(actor: Session, conn: Connection, frame: client.Minimal) -> None:
    """The dialect of protocol 5.3: append one user message and answer it under an id of our own."""
    conn.speak("raw")
    request_id = new_request_id()
    context = frame.context if isinstance(frame.context, dict) else {}
    message = _user_message(frame.message, context)
    try:
        await accept(
            actor, Submission(request_id, "submit", [msgspec.json.encode(message)], whole=False), owner=conn
        )
    except StaleEpoch:
        raise
    except CuttyError as error:
        refuse(conn, request_id, error)


def _user_message(text: str, metadata: dict[str, Any]) -> UIMessage:
    return {
        "id": f"msg-{new_request_id()}",
        "role": "user",
        "metadata": metadata,
        "parts": [{"type": "text", "text": text}],
    }


async def server_turn(actor: Session, messages: Sequence[UIMessage]) -> str:
    """A turn the application starts itself; its messages are trusted. Returns the request id."""
    request_id = new_request_id()
    bodies = [msgspec.json.encode(message) for message in messages]
    await accept(actor, Submission(request_id, "server", bodies, whole=False, trusted=True), owner=None)
    return request_id


async def cancel(actor: Session, request_id: str) -> None:
    """Stop a turn, running or waiting; an unknown or finished id is no error."""
    if actor.runner.stop(request_id):
        return
    ticket = actor.runner.queue.cancel(request_id)
    if ticket is not None:
        await actor.runner.close_unstarted([ticket], "aborted")
    elif request_id == actor.continuation.request_id:
        _give_up_continuation(actor)


async def abort(actor: Session, request_id: str | None) -> None:
    """Stop one turn, or all of them."""
    if request_id is not None:
        await cancel(actor, request_id)
        return
    waiting = list(actor.runner.queue.waiting)
    actor.runner.queue.waiting.clear()
    actor.runner.stop()
    await actor.runner.close_unstarted(waiting, "aborted")


def _give_up_continuation(actor: Session) -> None:
    """A continuation that is wanted and not yet queued will not come; those who wait for it are told so."""
    request_id = actor.continuation.request_id
    if request_id is not None:
        actor.continuation.cancel()
        actor.runner.unwatched(request_id, Ending("aborted", ()))
        if actor.runner.queue.idle:
            actor.audience.release()


async def clear(actor: Session, conn: Connection | None) -> None:
    """Forget the conversation: messages, streams, records and what waits (protocol 3.6)."""
    runner = actor.runner
    _give_up_continuation(actor)
    dropped = runner.queue.clear()
    runner.discard()
    async with actor.transcript.lock:
        await actor.commit([ClearMessages(), DeleteTurns(tuple(actor.records))])
        actor.transcript.rows = []
    running = runner.running
    actor.failed.clear()
    actor.records = {} if running is None else {running.ticket.request_id: running.record}
    actor.audience.everyone(server.CHAT_CLEAR, without=conn)
    for ticket in dropped:
        runner.say_unstarted(ticket, "skipped")
    actor.audience.release()
    log.info("session.cleared", **actor.names)


async def set_messages(
    actor: Session, messages: Sequence[msgspec.Raw | bytes], *, owner: Connection | None
) -> None:
    """Upsert messages without a turn; rows that are not in the list stay (protocol 3.6)."""
    async with actor.transcript.lock:
        _, rows, ops = _merged(actor, Submission("", "submit", messages, whole=False))
        if not ops:
            return
        await actor.commit(ops)
        actor.transcript.rows = rows
    actor.audience.transcript(rows, without=owner)


async def settle_tool(
    actor: Session, conn: Connection, frame: client.ToolResult | client.ToolApproval
) -> None:
    """A client tool's outcome or an approval (protocol 3.7); unknown or settled calls are ignored."""
    running = actor.runner.running
    fold = running.stream.fold if running is not None and not running.folded else None
    if fold is not None and fold.tool(frame.toolCallId) is not None:
        if isinstance(frame, client.ToolApproval):
            changed = fold.apply_approval(frame.toolCallId, frame.approved)
        else:
            changed = fold.apply_result(
                frame.toolCallId, output=frame.output, state=frame.state, error_text=frame.errorText
            )
        body = msgspec.json.encode(fold.message()) if changed else None
    else:
        body = await actor.transcript.settle(actor.commit, frame)
    if body is None:
        log.info("tool.ignored", call=frame.toolCallId, connection=conn.id, **actor.names)
        return
    update = server.message_updated(body)
    for other in actor.audience:
        if other.speaker is None:
            other.push(update)
    if frame.autoContinue:
        tools = frame.clientTools if isinstance(frame, client.ToolResult) else None
        actor.continuation.ask(conn, tools)
