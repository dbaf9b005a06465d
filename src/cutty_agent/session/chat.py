"""What the chat frames do to a session (protocol 3.2 to 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from ..core import dialect
from ..core.parts import Part
from ..errors import BadRequest, CuttyError, StaleEpoch
from ..ids import new_request_id
from ..ports.store import ClearMessages, DeleteTurns, PutTurn
from ..stream.live import Ending, LiveStream
from ..wire import client, server
from ..wire.chunks import UIMessage
from ..wire.response import ResponseFrames
from ..wire.turn_record import Kind, encode_turn
from .acceptance import accept, merged
from .answer import fit
from .audience import Audience
from .connection import Connection
from .echo import Cut
from .running import Running
from .session import Session
from .submission import Submission

log = structlog.get_logger("cutty_agent.chat")


async def request(
    session: Session, conn: Connection, frame: client.ChatRequest, *, cut: Cut | None = None
) -> None:
    """``cf_agent_use_chat_request``. Every well-formed id gets exactly one terminal frame, whatever happens.
    ``cut``: what the frame was read from."""
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
        new = submission(frame.id, body, rest, own=body.trigger is not None)
        new.principal, new.peer = conn.principal, conn.opening.peer
        new.frame = cut
        await accept(session, new, owner=conn)
    except StaleEpoch:
        raise
    except CuttyError as error:
        refuse(conn, frame.id, error, new)
    except Exception:
        log.exception("request.crashed", turn=frame.id, **session.names)
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


def submission(
    request_id: str, body: client.ChatBody, rest: dict[str, Any] | None, *, own: bool = False
) -> Submission:
    """A chat request body as a submission (protocol 3.2 and 6.1). ``own``: every key but those of the protocol is the
    application's; otherwise some are what the AI SDK sends over HTTP."""
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
    used: tuple[str, ...] = () if whole else ("message",)
    for key in used if own else ("message", "id", "messageId"):
        if rest is not None:
            rest.pop(key, None)
    return Submission(request_id, kind, messages, whole, body=rest or None, client_tools=body.clientTools)


def refuse(conn: Connection, request_id: str, error: CuttyError, new: Submission | None = None) -> None:
    """The terminal frame of a request that was not accepted; nothing was changed."""
    text = f"Invalid request: {error}" if isinstance(error, BadRequest) else str(error)
    ending = Ending("error", new.trailing_user_ids() if new is not None else (), text)
    Audience([conn]).end(request_id, ResponseFrames(request_id), ending, only=conn)


def refuse_frame(conn: Connection, error: client.BadFrame) -> None:
    """Tell the sender of a malformed frame; a chat request with an id gets its terminal frame."""
    if error.type == "cf_agent_use_chat_request" and error.request_id:
        refuse(conn, error.request_id, error)
    else:
        say(conn, error)


def say(conn: Connection, error: CuttyError) -> None:
    """An error that ends no request; a bare front end would show it as text, so it gets none."""
    if conn.speaker is None or conn.speaker.dialect != "raw":
        conn.send(error.as_dict())


async def minimal(session: Session, conn: Connection, frame: client.Minimal) -> None:
    """The dialect of protocol 5.3: append one user message and answer it under an id of our own."""
    conn.speak("raw")
    request_id = new_request_id()
    context = frame.context if isinstance(frame.context, dict) else {}
    message = _user_message(frame.message, context)
    new = Submission(request_id, "submit", [msgspec.json.encode(message)], whole=False)
    new.principal, new.peer = conn.principal, conn.opening.peer
    try:
        await accept(session, new, owner=conn)
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


async def server_turn(session: Session, messages: Sequence[UIMessage]) -> str:
    """A turn the application starts itself; its messages are trusted. Returns the request id."""
    request_id = new_request_id()
    bodies = [msgspec.json.encode(message) for message in messages]
    await accept(session, Submission(request_id, "server", bodies, whole=False, trusted=True), owner=None)
    return request_id


async def cancel(session: Session, request_id: str) -> bool:
    """Stop a turn, running or waiting; false for an id that is unknown or finished."""
    if session.runner.stop(request_id):
        return True
    ticket = session.runner.queue.cancel(request_id)
    if ticket is not None:
        await session.runner.close_unstarted([ticket], "aborted")
        session.rested()
        return True
    if request_id == session.continuation.request_id:
        _give_up_continuation(session)
        return True
    return False


async def abort(session: Session, request_id: str | None) -> bool:
    """Stop one turn, or all of them and what is to follow them; false when there is nothing to stop."""
    if request_id is not None:
        return await cancel(session, request_id)
    wanted = session.continuation.request_id is not None
    _give_up_continuation(session)
    waiting = list(session.runner.queue.waiting)
    session.runner.queue.waiting.clear()
    ran = session.runner.stop()
    await session.runner.close_unstarted(waiting, "aborted")
    session.rested()
    return ran or wanted or bool(waiting)


def _give_up_continuation(session: Session) -> None:
    """A continuation that is wanted and not yet queued will not come; those who wait for it are told so."""
    request_id = session.continuation.request_id
    if request_id is not None:
        session.continuation.cancel()
        session.runner.unwatched(request_id, Ending("aborted", ()))
        if session.runner.queue.idle:
            session.audience.release()


async def clear(session: Session, conn: Connection | None) -> None:
    """Forget the conversation: messages, streams, records and what waits (protocol 3.6)."""
    runner = session.runner
    _give_up_continuation(session)
    dropped = runner.queue.clear()
    runner.discard()
    async with session.transcript.lock:
        await session.commit([ClearMessages(), DeleteTurns(tuple(session.records))])
        session.transcript.rows = []
    running = runner.running
    session.failed.clear()
    for request_id in session.records:
        if running is None or request_id != running.ticket.request_id:
            session.uncount_turn(request_id)
    session.records = {} if running is None else {running.ticket.request_id: running.record}
    session.audience.everyone(server.CHAT_CLEAR, without=conn)
    for ticket in dropped:
        runner.say_unstarted(ticket, "skipped")
    session.audience.release()
    log.info("session.cleared", **session.names)


async def set_messages(
    session: Session, messages: Sequence[msgspec.Raw | bytes], *, owner: Connection | None
) -> None:
    """Upsert messages without a turn; rows that are not in the list stay (protocol 3.6)."""
    async with session.transcript.lock:
        _, rows, ops = merged(session, Submission("", "submit", messages, whole=False))
        if not ops:
            return
        await session.commit(ops)
        session.transcript.rows = rows
    session.audience.transcript(session.transcript.rows, without=owner)


async def settle_tool(
    session: Session, conn: Connection, frame: client.ToolResult | client.ToolApproval
) -> None:
    """A client tool's outcome or an approval (protocol 3.7); unknown or settled calls are ignored."""
    running = session.runner.current
    within: LiveStream | None = None
    if running is not None and not running.folded and running.stream.fold.tool(frame.toolCallId) is not None:
        within = running.stream
        body = await _settle_live(session, running, frame)
    else:
        limit = session.settings.limits.message_bytes
        body = await session.transcript.settle(
            session.commit, frame, lambda message: fit(session.agent, message, limit)
        )
    if body is None:
        log.info("tool.ignored", call=frame.toolCallId, connection=conn.id, **session.names)
        return
    _tell_update(session, body)
    if frame.autoContinue:
        wanted = session.continuation
        wanted.give_up = lambda: _give_up_continuation(session)
        wanted.fail = lambda calls: session.later(_fail_calls(session, calls))
        wanted.ask(conn, frame.clientTools if isinstance(frame, client.ToolResult) else None, within=within)
    else:
        session.continuation.turn_ended()  # it may be what the continuation another one asked for was waiting for


async def _settle_live(
    session: Session, running: Running, frame: client.ToolResult | client.ToolApproval
) -> bytes | None:
    """Settle a call of the answer that is being written; the message so far, ``None`` when nothing changed. Its record
    keeps what was said until the answer is stored, because a crash must not take it back (protocol 3.10)."""
    fold = running.stream.fold
    if not fold.settle(frame):
        return None
    body = msgspec.json.encode(fold.message())
    if isinstance(frame, client.ToolResult):
        frame = msgspec.structs.replace(frame, clientTools=None)
    record = msgspec.structs.replace(running.record, settled=(*running.record.settled, frame))
    running.record = session.records[record.request_id] = record
    # Queued in this moment, so before the commit that ends the turn.
    await session.commit([PutTurn(record.request_id, encode_turn(record), open=True)])
    return body


def _tell_update(session: Session, body: bytes) -> None:
    update = server.message_updated(body)
    for conn in session.audience:
        if conn.speaker is None:
            conn.push(update)


async def _fail_calls(session: Session, calls: Sequence[Part]) -> None:
    """End calls that nobody answered in time, so that what is wanted behind them can go on."""
    if session.runner.stopping:
        return
    limit = session.settings.limits.message_bytes
    text = f"The tool did not answer within {session.settings.lifetimes.tool_answer_s:g} seconds."
    for part in calls:
        frame = client.ToolResult(part["toolCallId"], state="output-error", errorText=text)
        body = await session.transcript.settle(
            session.commit, frame, lambda message: fit(session.agent, message, limit)
        )
        if body is not None:
            log.info("tool.not_answered", call=frame.toolCallId, **session.names)
            _tell_update(session, body)
    session.continuation.turn_ended()
