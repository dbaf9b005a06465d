"""One awake session: takes events in order, and is the host of the agent instance."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog

from ..agent.base import overrides
from ..core import access
from ..errors import CuttyError, Forbidden, StaleEpoch, StoreError
from ..ids import new_request_id
from ..ports.store import Lifetime, PutOwner
from ..stream.live import Ending
from ..wire import client, server
from ..wire.card import Grant, Mode
from ..wire.chunks import UIMessage
from ..wire.response import ResponseFrames
from . import chat, handshake, rpc, sharing, state
from .acceptance import accept
from .connection import Connection
from .session import Session
from .submission import Submission
from .takeover import begin_anew
from .transcript import Messages

log = structlog.get_logger("cutty_agent.session")


class Actor(Session):
    """Lives from a wake-up to a sleep. Events come through :meth:`post` and are handled one after another by a
    task that exists only while there are events; hooks of the author run beside it in :meth:`lane`, also one
    after another, so that a slow hook never delays a stop."""

    __slots__ = ("_draining", "_inbox", "_share_ends")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inbox: deque[tuple[Connection, bytes | str | None]] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._share_ends: asyncio.TimerHandle | None = None
        self.runner.begin_anew = partial(begin_anew, self)
        self.continuation.submit = lambda new, owner: self.later(self._continue(new, owner))

    async def _continue(self, new: Submission, owner: Connection | None) -> None:
        try:
            await accept(self, new, owner=owner)
        except CuttyError as error:
            log.warning("continuation.refused", turn=new.request_id, error=str(error), **self.names)
            ending = Ending("error", new.message_ids or (), str(error))
            self.runner.unwatched(new.request_id, ending)
            self.audience.end(new.request_id, ResponseFrames(new.request_id, continuation=True), ending)
            self.rested()  # those who wait for it are told so

    # -- life

    async def start(self) -> None:
        """Attach the agent; called before any traffic."""
        self.agent._host = self
        if self.state_body is None and self.agent.initial_state is not None:
            await self.set_state(self.agent.initial_state)
        await self.agent.on_start()
        self._review_shares()

    @property
    def busy(self) -> bool:
        """Whether putting the session to sleep now would interrupt something."""
        return bool(
            not self.runner.idle
            or self.engaged
            or self._inbox
            or self._draining
            or self.working
            or self.continuation.soon
            or (self.continuation.request_id is not None and self.connections())
            or self.transcript.lock.locked()
        )

    async def shut_down(self, *, grace_s: float) -> None:
        """Finish or park the running turn, then stop every task of this session."""
        await self.runner.shut_down(grace_s=grace_s)
        if self._draining is not None:
            self._draining.cancel()
        await self.stop_working()

    def abandon(self) -> None:
        """This memory of the session is given up: store and show nothing more."""
        if self._share_ends is not None:
            self._share_ends.cancel()
            self._share_ends = None
        self.runner.abandon()

    async def expire_now(self) -> None:
        """Store that this session has come to its end."""
        self.journal.lifetime = Lifetime(0, 0)
        await self.commit([])

    def adopt(self, owner: str, lifetime: Lifetime) -> None:
        """From now on the session is ``owner``'s; when that cannot be stored, everybody is sent to load it anew."""
        self.card = msgspec.structs.replace(self.card, owner=owner)
        self.journal.lifetime = lifetime
        self.later(self._store_owner(owner))

    async def _store_owner(self, owner: str) -> None:
        try:
            await self.commit([PutOwner(owner)])
        except StoreError:
            self.broken()
            raise

    def dismiss(self) -> None:
        """Let go of everything. The parts of a session know each other, and such circles would stay in memory
        until the garbage collector's rarest round."""
        if self._share_ends is not None:
            self._share_ends.cancel()
        self.agent._host = None
        for part in (self.runner, self.continuation, self):
            for cls in type(part).__mro__:
                for name in vars(cls).get("__slots__", ()):
                    delattr(part, name)

    def wants_readonly(self, conn: Connection) -> bool:
        """Whether the author's agent lets this client only look on; also when its hook fails."""
        if not overrides(self.agent, "connection_readonly"):
            return False
        try:
            return bool(self.agent.connection_readonly(conn))
        except Exception:
            log.exception("agent.hook_failed", connection=conn.id, **self.names)
            return True

    # -- events

    def post(self, conn: Connection, text: bytes | str | None) -> None:
        """A connection joined (``None``) or sent a frame. Handled in order."""
        self._inbox.append((conn, text))
        if self._draining is None:
            # In a context of its own: a turn may go on in this task, and must not find itself in another's trace.
            self._draining = self.loop.create_task(self._drain(), context=contextvars.Context())

    def lost(self, conn: Connection) -> None:
        """A connection is gone."""
        if conn.greeted and overrides(self.agent, "on_close"):
            self.lane(lambda: self.agent.on_close(conn))

    async def _drain(self) -> None:
        runner = self.runner
        runner.at_hand = True
        try:
            while self._inbox:
                conn, text = self._inbox.popleft()
                if text is None:
                    sharing.review(
                        self, conn, self.wants_readonly
                    )  # its share may have ended since it was let in
                    if not conn.closed:
                        handshake.greet(self, conn)
                        if overrides(self.agent, "on_connect"):
                            self.lane(partial(self.agent.on_connect, conn))
                    continue
                conn.waiting -= 1
                conn.waiting_bytes -= len(text)
                if conn.heeded:
                    try:
                        await self._handle(conn, text)
                    except Exception as error:
                        self._tell_failure(conn, error)
                if self._inbox:
                    runner.kick()
        except BaseException:
            runner.kick()
            raise
        finally:
            self._draining, runner.at_hand = None, False
        await runner.work_here()

    def _tell_failure(self, conn: Connection, error: Exception) -> None:
        """A frame was refused, or could not be dealt with."""
        match error:
            case StaleEpoch():
                self.broken()
                conn.close(1012, "This session is now served elsewhere; reconnect")
            case client.BadFrame():
                log.info(
                    "frame.refused",
                    kind=error.type,
                    error=error.sentence,
                    connection=conn.id,
                    **self.names,
                )
                chat.refuse_frame(conn, error)
            case CuttyError():
                log.warning("frame.failed", error=str(error), connection=conn.id, **self.names)
                conn.send(error.as_dict())
            case _:
                log.exception("frame.crashed", connection=conn.id, **self.names)

    async def _handle(self, conn: Connection, text: bytes | str) -> None:
        cut = self.echo.cut(text)
        frame = client.decode_frame(cut.short)
        if cut.repeat is not None and not isinstance(frame, client.ChatRequest):
            frame = client.decode_frame(text)  # what an application sends is its own, whatever it looks like
        if conn.readonly and isinstance(frame, _CHANGES):
            _refuse_reader(conn, frame)
            return
        match frame:
            case client.ChatRequest():
                await chat.request(self, conn, frame, cut=cut)
            case client.ResumeRequest():
                conn.speak("v5")
                handshake.probe(self, conn, frame.probeId)
            case client.ResumeAck():
                conn.speak("v5")
                handshake.acknowledge(self, conn, frame.id)
            case client.ChatCancel():
                await chat.cancel(self, frame.id)
            case client.ChatClear():
                await chat.clear(self, conn)
            case client.SetMessages():
                await chat.set_messages(self, frame.messages, owner=conn)
            case client.ToolResult() | client.ToolApproval():
                conn.speak("v5")
                await chat.settle_tool(self, conn, frame)
            case client.Minimal():
                await chat.minimal(self, conn, frame)
            case client.StateUpdate():
                await state.update(self, conn, frame)
            case client.Rpc():
                self.later(self._held_by(conn, len(text), partial(rpc.call, self, conn, frame))())
            case client.AppFrame():
                message = frame.text.decode("utf-8", "replace")
                self._to_agent(conn, message)

    def binary(self, conn: Connection, data: bytes) -> None:
        """A binary frame is the application's (protocol 8.48)."""
        if conn.right in {"write", "own"}:
            self._to_agent(conn, data)

    def _to_agent(self, conn: Connection, message: str | bytes) -> None:
        self.lane(self._held_by(conn, len(message), partial(self.agent.on_message, conn, message)))

    def _held_by(
        self, conn: Connection, size: int, work: Callable[[], Coroutine[Any, Any, object]]
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """``work`` on a frame, which is one of those that wait until the author's method has dealt with it."""
        conn.waiting += 1
        conn.waiting_bytes += size

        async def counted() -> None:
            try:
                await work()
            finally:
                conn.waiting -= 1
                conn.waiting_bytes -= size

        return counted

    # -- the host of the agent (agent.host.Host)

    @property
    def state(self) -> Any:
        """The state as last stored, decoded anew, so that changing it changes nothing."""
        return None if self.state_body is None else msgspec.json.decode(self.state_body)

    async def set_state(self, value: Any) -> None:
        """Store and broadcast a new state."""
        await self.wholly(state.replace(self, msgspec.json.encode(value), source=None))

    @property
    def owner(self) -> str:
        """The principal the session belongs to."""
        return self.card.owner

    @property
    def shares(self) -> dict[str, Grant]:
        """Who else may enter, by grantee."""
        return dict(self.card.grants)

    async def share(self, grantee: str | None, mode: Mode, *, for_s: float | None = None) -> str:
        """Let a principal in, or with ``None`` whoever has the secret that is returned."""
        return await self.wholly(self._share(grantee, mode, for_s))

    async def _share(self, grantee: str | None, mode: Mode, for_s: float | None) -> str:
        shared = await sharing.share(self, grantee, mode, for_s=for_s)
        self._review_shares()
        return shared

    async def unshare(self, grantee: str) -> bool:
        """End a share and close its sockets."""
        return await self.wholly(self._unshare(grantee))

    async def _unshare(self, grantee: str) -> bool:
        ended = await sharing.unshare(self, grantee)
        self._review_shares()
        return ended

    def _review_shares(self) -> None:
        """See to it that open sockets may do what the card says, now and when the next share ends by itself."""
        for conn in self.audience:
            if conn.visitor:
                sharing.review(self, conn, self.wants_readonly)
        for answer in self.following():
            if access.right(self.card, answer.who, self.clock.now_ms()) is None:
                answer.let_go()
        if self._share_ends is not None:
            self._share_ends.cancel()
        left_s = sharing.next_end_s(self)
        self._share_ends = None if left_s is None else self.loop.call_later(left_s, self._review_shares)

    def messages(self) -> Sequence[UIMessage]:
        """The transcript, oldest first."""
        return Messages(self.transcript.rows)

    def connections(self) -> list[Any]:
        """Clients with an open socket."""
        return [conn for conn in self.audience if conn.visitor]

    def broadcast(self, message: str | bytes | dict[str, Any], *, without: Iterable[str] = ()) -> None:
        """Send an application frame to every client but those with these ids."""
        skipped = frozenset(without)
        for conn in self.audience:
            if conn.id not in skipped:
                conn.send(message)

    async def save_messages(self, messages: Sequence[UIMessage]) -> str:
        """Store messages and queue a turn on them."""
        return await self.wholly(chat.server_turn(self, messages))

    def abort(self, request_id: str | None) -> None:
        """Stop one turn, or all."""
        self.later(chat.abort(self, request_id))


_CHANGES = (
    client.ChatRequest,
    client.ChatCancel,
    client.ChatClear,
    client.SetMessages,
    client.ToolResult,
    client.ToolApproval,
    client.Minimal,
    client.StateUpdate,
    client.AppFrame,
)
"""Frames of those who take part. What a method does is its own affair, so readers may call only the marked ones."""

READONLY = "Connection is readonly"
"""The sentence of the protocol (2.4)."""


def _refuse_reader(conn: Connection, frame: client.ClientFrame | client.Minimal | client.AppFrame) -> None:
    error = Forbidden(f"{READONLY}.", remedy="Ask the owner of this session for a share that may write.")
    match frame:
        case client.StateUpdate():
            conn.push(server.state_error(READONLY))
        case client.ChatRequest():
            chat.refuse(conn, frame.id, error)
        case client.Minimal():
            chat.refuse(conn, new_request_id(), error)
        case _:
            chat.say(conn, error)
