"""One awake session: takes events in order, owns the transcript and the state, hosts the agent instance."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from ..agent.chat import ChatAgent
from ..clock import Clock
from ..config import Settings
from ..core import reconcile
from ..core.turn_queue import concurrency
from ..errors import CuttyError, StaleEpoch
from ..ids import Address
from ..ports.store import PutState, Snapshot
from ..wire import client, server
from ..wire.chunks import UIMessage
from ..wire.turn_record import TurnRecord, decode_turn
from . import chat, handshake, rpc, state
from .audience import Audience
from .connection import Connection
from .continuation import Continuation
from .journal import Journal
from .runner import Runner
from .transcript import Messages, Transcript

if TYPE_CHECKING:
    from .registry import Slot

log = structlog.get_logger("cutty_agent.session")


class Actor:
    """Lives from a wake-up to a sleep. Events come through :meth:`post` and are handled one after another by a
    task that exists only while there are events; hooks of the author run beside it in :meth:`lane`, also one
    after another, so that a slow hook never delays a stop."""

    def __init__(
        self,
        slot: Slot,
        agent: ChatAgent,
        snapshot: Snapshot,
        journal: Journal,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self.slot = slot
        self.address: Address = slot.address
        self.agent = agent
        self.journal = journal
        self.settings = settings
        self.clock = clock
        self.names = {"agent": slot.address.agent, "session": slot.address.session}
        self.concurrency = concurrency(agent.message_concurrency)
        self.audience = Audience(slot.connections)
        self.transcript = Transcript(reconcile.load([message.body for message in snapshot.messages]))
        self.records: dict[str, TurnRecord] = {}
        self.failed: dict[str, TurnRecord] = {}
        self.owners: dict[str, Connection] = {}
        self.recovering = False
        self.state_body = state.load(snapshot.state, agent)
        self.runner = Runner(self)
        self.continuation = Continuation(self)
        self._inbox: deque[tuple[Connection, bytes | str | None]] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._lane: deque[Callable[[], Awaitable[object]]] = deque()
        self._lane_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        for stored in snapshot.turns:
            self._load_record(stored.record)

    def _load_record(self, body: bytes) -> None:
        try:
            record = decode_turn(body)
        except msgspec.MsgspecError:
            log.warning("turn.record_unreadable", **self.names)
            return
        self.records[record.request_id] = record
        if record.outcome is not None:
            self._note_failure(record)

    # -- life

    async def start(self) -> None:
        """Attach the agent; called before any traffic."""
        self.agent._host = self
        if self.state_body is None and self.agent.initial_state is not None:
            await self.set_state(self.agent.initial_state)
        await self.agent.on_start()

    @property
    def busy(self) -> bool:
        """Whether putting the session to sleep now would interrupt something."""
        return bool(
            not self.runner.idle
            or self._inbox
            or self._draining
            or self._lane
            or self._lane_task
            or self._tasks
        )

    async def shut_down(self, *, grace_s: float) -> None:
        """Finish or park the running turn, then stop every task of this session."""
        await self.runner.shut_down(grace_s=grace_s)
        tasks = [task for task in (self._draining, self._lane_task, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)

    def fail(self) -> None:
        """The store refused a write, so memory and store may differ: load the session anew at the next event."""
        self.slot.registry.forget(self.slot, self)

    # -- events

    def post(self, conn: Connection, text: bytes | str | None) -> None:
        """A connection joined (``None``) or sent a frame. Handled in order."""
        self._inbox.append((conn, text))
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    def lost(self, conn: Connection) -> None:
        """A connection is gone."""
        if conn.greeted:
            self.lane(lambda: self.agent.on_close(conn))

    async def _drain(self) -> None:
        try:
            while self._inbox:
                conn, text = self._inbox.popleft()
                if text is None:
                    if not conn.closed:
                        handshake.greet(self, conn)
                        self.lane(lambda conn=conn: self.agent.on_connect(conn))  # type: ignore[misc]
                    continue
                conn.waiting -= 1
                if not conn.closed:
                    await self._guarded(conn, text)
        finally:
            self._draining = None

    async def _guarded(self, conn: Connection, text: bytes | str) -> None:
        try:
            await self._handle(conn, text)
        except StaleEpoch:
            self.fail()
            conn.close(1012, "This session is now served elsewhere; reconnect")
        except client.BadFrame as error:
            log.info("frame.refused", kind=error.type, error=error.sentence, connection=conn.id, **self.names)
            chat.refuse_frame(conn, error)
        except CuttyError as error:
            log.warning("frame.failed", error=str(error), connection=conn.id, **self.names)
            conn.send(error.as_dict())
        except Exception:
            log.exception("frame.crashed", connection=conn.id, **self.names)

    async def _handle(self, conn: Connection, text: bytes | str) -> None:
        frame = client.decode_frame(text)
        match frame:
            case client.ChatRequest():
                await chat.request(self, conn, frame)
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
                self.later(rpc.call(self, conn, frame))
            case client.AppFrame():
                message = frame.text.decode("utf-8", "replace")
                self.lane(lambda: self.agent.on_message(conn, message))

    # -- work beside the events

    def lane(self, hook: Callable[[], Awaitable[object]]) -> None:
        """Run a hook of the author after those before it; its errors are logged only."""
        self._lane.append(hook)
        if self._lane_task is None:
            self._lane_task = asyncio.get_running_loop().create_task(self._run_lane())

    async def _run_lane(self) -> None:
        try:
            while self._lane:
                try:
                    await self._lane.popleft()()
                except Exception:
                    log.exception("agent.hook_failed", **self.names)
        finally:
            self._lane_task = None

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the events, concurrently; its errors are logged only."""
        task = asyncio.get_running_loop().create_task(self._beside(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("session.task_failed", **self.names)

    # -- turns, as the runner reports them

    def closed(self, record: TurnRecord) -> None:
        """A turn ended and is stored as such."""
        self.records[record.request_id] = record
        self._note_failure(record)

    def _note_failure(self, record: TurnRecord) -> None:
        if record.outcome == "error":
            self.failed[record.request_id] = record
        elif record.outcome in {"completed", "aborted"}:
            self.failed.clear()

    def after_turn(self) -> None:
        """The queue came to rest, or waits for a quiet period."""
        self.slot.registry.touch(self.slot)
        if self.runner.queue.idle:
            self.continuation.turn_ended()
            if self.continuation.request_id is None:
                self.audience.release()

    def say_recovering(self, active: bool, request_id: str | None = None) -> None:
        """Tell every client when recovery begins and ends."""
        if active != self.recovering:
            self.recovering = active
            self.audience.everyone(server.recovering(active, request_id))

    # -- the host of the agent (agent.host.Host)

    @property
    def state(self) -> Any:
        """The state as last stored, decoded anew, so that changing it changes nothing."""
        return None if self.state_body is None else msgspec.json.decode(self.state_body)

    async def set_state(self, value: Any) -> None:
        """Store and broadcast a new state."""
        await state.replace(self, msgspec.json.encode(value), source=None)

    async def store_state(self, body: bytes) -> None:
        """Make a state durable."""
        await self.journal.commit([PutState(body)])
        self.state_body = body

    def messages(self) -> Sequence[UIMessage]:
        """The transcript, oldest first."""
        return Messages(self.transcript.rows)

    def connections(self) -> list[Any]:
        """Clients with an open socket."""
        return list(self.audience)

    def broadcast(self, message: str | bytes | dict[str, Any], *, without: Iterable[str] = ()) -> None:
        """Send an application frame to every client but those with these ids."""
        skipped = frozenset(without)
        for conn in self.audience:
            if conn.id not in skipped:
                conn.send(message)

    async def save_messages(self, messages: Sequence[UIMessage]) -> str:
        """Store messages and queue a turn on them."""
        return await chat.server_turn(self, messages)

    def abort(self, request_id: str | None) -> None:
        """Stop one turn, or all."""
        self.later(chat.abort(self, request_id))
