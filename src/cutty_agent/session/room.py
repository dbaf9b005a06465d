"""What an awake session holds, and the services its parts share."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from weakref import WeakSet

import msgspec
import structlog

from ..agent.chat import ChatAgent
from ..clock import Clock
from ..config import Settings
from ..core import reconcile
from ..core.turn_queue import concurrency
from ..errors import StoreError
from ..ids import Address
from ..ports.store import Op, Park, PutGrant, Snapshot
from ..wire import server
from ..wire.card import Grant
from ..wire.turn_record import TurnRecord, decode_turn
from .audience import Audience
from .connection import Connection
from .echo import Echo
from .followed import Answer
from .journal import Journal
from .limiter import Limiter
from .pricing import Pricing
from .telemetry import Telemetry
from .tracing import TurnRoots
from .transcript import Transcript

log = structlog.get_logger("cutty_agent.session")

T = TypeVar("T")


class Room:
    """Transcript, state, turn records and audience of one session from a wake-up to a sleep.

    ``rested`` is called when the turn queue came to rest; ``broken`` when the store refused a write, so that
    memory and store may differ and the session must be loaded anew. ``failed`` holds the retained terminal
    errors, oldest first; ``owners`` the connections that wait for a terminal frame; ``disowned`` the requests
    whose clients were told of a failure although the store may hold them: they must not run. ``card`` says whose it is.
    ``fresh``: it has just been made, and no turn was ever accepted. ``engaged`` counts those who wait for the store, or
    for the author's agent, and go on with this memory afterwards: until then it must not sleep.
    """

    __slots__ = (
        "_counted",
        "_followers",
        "_lane",
        "_lane_task",
        "_tasks",
        "address",
        "agent",
        "audience",
        "broken",
        "card",
        "clock",
        "concurrency",
        "disowned",
        "echo",
        "engaged",
        "failed",
        "fresh",
        "journal",
        "limiter",
        "loop",
        "metrics",
        "names",
        "owners",
        "pricing",
        "records",
        "recovering",
        "rested",
        "roots",
        "settings",
        "state_body",
        "transcript",
        "values",
    )

    def __init__(
        self,
        agent: ChatAgent,
        snapshot: Snapshot,
        journal: Journal,
        connections: list[Connection],
        settings: Settings,
        clock: Clock,
        limiter: Limiter,
        pricing: Pricing,
        telemetry: Telemetry,
        *,
        rested: Callable[[], None],
        broken: Callable[[], None],
    ) -> None:
        # Kept, because asking for the running loop is a system call each time.
        self.loop = asyncio.get_running_loop()
        self.address: Address = journal.address
        self.card = snapshot.card
        self.fresh = snapshot.created
        self.agent = agent
        self.journal = journal
        self.settings = settings
        self.clock = clock
        self.limiter = limiter
        self.pricing = pricing
        self.metrics = telemetry.metrics
        self.roots = TurnRoots(telemetry.tracing, self.address)
        self.values = snapshot.values
        self._counted: dict[str, str] = {}
        self.names = {"agent": self.address.agent, "session": self.address.session}
        self.concurrency = concurrency(agent.message_concurrency)
        self.audience = Audience(connections)
        self.transcript = Transcript(reconcile.load([message.body for message in snapshot.messages]))
        self.echo = Echo(self.transcript)
        self.state_body = self._readable(snapshot.state)
        self.records: dict[str, TurnRecord] = {}
        self.failed: dict[str, TurnRecord] = {}
        self.owners: dict[str, Connection] = {}
        self.disowned: set[str] = set()
        self.recovering = False
        self.engaged = 0
        self.rested = rested
        self.broken = broken
        self._followers: WeakSet[Answer] | None = None
        self._lane: deque[Callable[[], Awaitable[object]]] = deque()
        self._lane_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        for stored in snapshot.turns:
            self._load_record(stored.record)

    def _readable(self, body: bytes | None) -> bytes | None:
        """The stored state; a corrupt row counts as none and heals at the next write (protocol 2.4)."""
        if body is None:
            return None
        try:
            msgspec.json.decode(body)
        except msgspec.DecodeError:
            log.warning("state.unreadable", **self.names)
            return None
        return body

    def _load_record(self, body: bytes) -> None:
        try:
            record = decode_turn(body)
        except msgspec.MsgspecError:
            log.warning("turn.record_unreadable", **self.names)
            return
        self.records[record.request_id] = record
        if record.outcome is not None:
            self._note_failure(record)

    # -- the card

    async def grant(self, grantee: str, grant: Grant | None) -> None:
        """Share the session with a grantee, or end that share; durable when this returns."""
        await self.commit([PutGrant(grantee, grant)])
        grants = {**self.card.grants}
        if grant is None:
            grants.pop(grantee, None)
        else:
            grants[grantee] = grant
        self.card = msgspec.structs.replace(self.card, grants=grants)

    async def park(self, reason: str | None) -> None:
        """Let no turn of this session run until somebody says otherwise (``None``); durable when this returns."""
        await self.commit([Park(reason)])
        self.card = msgspec.structs.replace(self.card, parked=reason)
        if reason is None:
            log.info("session.unparked", **self.names)
        else:
            log.warning("session.parked", reason=reason, **self.names)

    # -- turns

    async def commit(self, ops: Sequence[Op]) -> None:
        """Make a change durable. When the store fails, nobody knows whether it did: the caller tells its client,
        then the session is loaded anew."""
        self.engaged += 1
        try:
            await self.journal.commit(ops)
        except StoreError:
            self.loop.call_soon(self.broken)
            raise
        finally:
            self.engaged -= 1

    def count_turn(self, request_id: str, principal: str, *, accepted: bool = False) -> None:
        """Count a turn that runs or waits, until it has ended. ``accepted``: it was let in before a restart.

        Raises:
            LimitReached: too many of this caller, or of all, run or wait.
        """
        self.limiter.begin_turn(principal, accepted=accepted)
        self._counted[request_id] = principal

    def uncount_turn(self, request_id: str) -> None:
        """A turn runs and waits no more; one that was not counted is ignored."""
        self.roots.give_up(request_id, "skipped")  # without effect when it has come to its end
        principal = self._counted.pop(request_id, None)
        if principal is not None:
            self.limiter.end_turn(principal)

    def uncount_turns(self) -> None:
        """This memory of the session is given up; what still runs or waits is counted again when it is loaded."""
        self.roots.give_up_all("interrupted")
        for request_id in list(self._counted):
            self.uncount_turn(request_id)

    def closed(self, record: TurnRecord) -> None:
        """A turn ended and is stored as such."""
        self.records[record.request_id] = record
        self.metrics.turn_ended(self.address.agent, record)
        self.roots.end(record)
        self.uncount_turn(record.request_id)
        self._note_failure(record)

    def _note_failure(self, record: TurnRecord) -> None:
        if record.outcome == "error":
            self.failed[record.request_id] = record
        elif record.outcome in {"completed", "aborted"}:
            self.failed.clear()

    def say_recovering(self, active: bool, request_id: str | None = None) -> None:
        """Tell every client when recovery begins and ends."""
        if active != self.recovering:
            self.recovering = active
            self.audience.everyone(server.recovering(active, request_id))

    # -- followers over HTTP

    def follow(self, answer: Answer) -> None:
        """Somebody follows a turn of this session over HTTP."""
        self._followers = self._followers or WeakSet()
        self._followers.add(answer)

    def following(self) -> list[Answer]:
        """The turns that are followed over HTTP."""
        return list(self._followers or ())

    # -- work beside the events

    @property
    def working(self) -> bool:
        """Whether a hook or task of this session runs or waits."""
        return bool(self._lane or self._lane_task or self._tasks)

    def lane(self, hook: Callable[[], Awaitable[object]]) -> None:
        """Run a hook of the author after those before it; its errors are logged only."""
        self._lane.append(hook)
        if self._lane_task is None:
            # In a context of its own: the task may outlive the turn whose span is the current one here.
            self._lane_task = self.loop.create_task(self._run_lane(), context=contextvars.Context())

    async def _run_lane(self) -> None:
        try:
            while self._lane:
                try:
                    await self._lane.popleft()()
                except Exception:
                    log.exception("agent.hook_failed", **self.names)
        finally:
            self._lane_task = None

    async def wholly(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end, also when whoever waits for it is cancelled: what was stored must not be missing in
        memory."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits has it; nobody does when that one was cancelled

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Run something beside the events, concurrently; its errors are logged only."""
        task = self.loop.create_task(self._beside(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beside(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception:
            log.exception("session.task_failed", **self.names)

    async def stop_working(self) -> None:
        """Cancel the hooks and tasks of this session."""
        tasks = [task for task in (self._lane_task, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)
