"""Runs the turns of one session, one at a time, from the queue to the terminal frame."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from ..core.fold import Fold
from ..core.turn_queue import Concurrency, Ticket, TurnQueue
from ..ids import new_message_id
from ..ports.store import AppendChunks, Op, PutTurn
from ..stream.live import Ending, LiveStream
from ..wire.response import Outcome, ResponseFrames
from ..wire.turn_record import TurnRecord, encode_turn
from .accounting import settle
from .conclusion import conclude
from .handling import handle
from .merging import collapse
from .room import Room
from .running import Finished, Parked, Running

log = structlog.get_logger("cutty_agent.turn")


class Runner:
    """Owns the turn queue and the one task that works on it; the task exists only while there is work.

    ``begin_anew`` is what happens to a turn whose handler stalled. ``at_hand``: whoever takes events in calls
    :meth:`work_here` or :meth:`kick` when it has dealt with this one.
    """

    __slots__ = (
        "_task",
        "_timer",
        "_watchers",
        "at_hand",
        "begin_anew",
        "finished",
        "finished_at",
        "queue",
        "room",
        "running",
        "stopping",
    )

    def __init__(self, room: Room) -> None:
        self.room = room
        self.queue = TurnQueue()
        self.running: Running | None = None
        self.finished: Finished | None = None
        self.finished_at = 0.0
        self.stopping = False
        self.at_hand = False
        self.begin_anew: Callable[[Running], Awaitable[None]] = _impossible
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watchers: dict[str, list[asyncio.Future[LiveStream | Ending]]] = {}

    # -- what the session asks for

    @property
    def idle(self) -> bool:
        """Nothing runs, waits or is being wound up."""
        return self._task is None and self.queue.idle

    @property
    def current(self) -> Running | None:
        """The turn that runs, unless the conversation it belongs to was cleared."""
        running = self.running
        return running if running is not None and running.ticket.generation == self.queue.generation else None

    def push(self, ticket: Ticket, rule: Concurrency) -> list[Ticket]:
        """Queue an accepted turn; returns those it supersedes."""
        superseded = self.queue.push(ticket, rule, now=self.room.clock.monotonic())
        if not self.at_hand:
            self.kick()
        return superseded

    def kick(self) -> None:
        """See to it that the queue is worked on."""
        if self._task is None and not self.stopping and self.queue.waiting:
            # In a context of its own: whoever asked for this turn must not find it in another's trace.
            self._task = self.room.loop.create_task(self._work(), context=contextvars.Context())

    async def work_here(self) -> None:
        """Work on the queue in the task that calls, which has nothing else to do: a task less for most turns."""
        if self._task is None and not self.stopping and self.queue.waiting:
            self._task = asyncio.current_task(self.room.loop)
            await self._work()

    def watch(self, request_id: str) -> asyncio.Future[LiveStream | Ending]:
        """The stream of an accepted turn once it starts, or its ending when it ends without one."""
        future: asyncio.Future[LiveStream | Ending] = self.room.loop.create_future()
        running = self.running
        if running is not None and running.ticket.request_id == request_id and running.stream.ending is None:
            future.set_result(running.stream)
        else:
            self._watchers.setdefault(request_id, []).append(future)
        return future

    def unwatched(self, request_id: str, outcome: LiveStream | Ending) -> None:
        """Tell those who watch this request what became of it."""
        for future in self._watchers.pop(request_id, ()):
            if not future.done():
                future.set_result(outcome)

    def stop(self, request_id: str | None = None) -> bool:
        """Stop the running turn (of this id); false when it is not running."""
        running = self.running
        if running is None or request_id not in {None, running.ticket.request_id}:
            return False
        running.stopped = True
        self._interrupt(running)
        return True

    def discard(self) -> None:
        """The conversation was cleared: stop the running turn and keep nothing of it."""
        if self.running is not None:
            self.running.stream.discard()
            self.stop()
        self.finished = None

    def expire_replay(self, now: float, after_s: float) -> None:
        """Drop the chunks of the last finished stream once they are older than ``after_s`` seconds."""
        if self.finished is not None and now - self.finished_at > after_s:
            self.finished = None

    async def shut_down(self, *, grace_s: float) -> None:
        """Let the running turn finish within ``grace_s`` seconds, else park it; waiting turns stay in the store."""
        self.stopping = True
        if self._timer is not None:
            self._timer.cancel()
        task = self._task
        if task is not None:
            if grace_s > 0:
                await asyncio.wait([task], timeout=grace_s)
            if not task.done():
                self.park()
                await asyncio.wait([task], timeout=5.0)
        self._unwatch_all()
        self.room.uncount_turns()

    def park(self) -> None:
        """Interrupt the running turn; it stays open in the store with what it has shown."""
        if self.running is not None:
            self.running.parked = True
            self._interrupt(self.running)

    def abandon(self) -> None:
        """The session is loaded anew elsewhere: stop at once, and store and show nothing more."""
        self.stopping = True
        if self._timer is not None:
            self._timer.cancel()
        if self.running is not None:
            self.running.stream.discard()
            self.running.parked = True
            self._interrupt(self.running)
        self._unwatch_all()
        self.room.uncount_turns()

    def _unwatch_all(self) -> None:
        """Nobody will see these turns start here; they stay in the store and are recovered."""
        for request_id in list(self._watchers):
            self.unwatched(request_id, Ending("recovering", ()))

    def _interrupt(self, running: Running) -> None:
        running.interrupted = True
        running.stream.look()
        if running.producing and self._task is not None:
            self._task.cancel()

    # -- the work

    async def _work(self) -> None:
        try:
            while not self.stopping:
                head = self.queue.start(now=self.room.clock.monotonic())
                if isinstance(head, Ticket):
                    try:
                        await self._run(head)
                    finally:
                        self.running = None
                        self.queue.finish()
                    continue
                if isinstance(head, float):
                    self._timer = self.room.loop.call_later(head, self.kick)
                break
        except Parked:
            self.stopping = True
        except Exception:
            log.exception("turn.lost", **self.room.names)
            self.room.broken()
        finally:
            self._task = None
            self.room.rested()

    async def _run(self, ticket: Ticket) -> None:
        room = self.room
        record = room.records[ticket.request_id]
        base = room.transcript.find(record.base) if record.base is not None else None
        fold = Fold(
            base.id if base else new_message_id(room.clock.now_ms()),
            base=base.message() if base else None,
        )
        stream = LiveStream(
            ticket.request_id,
            fold,
            continuation=base is not None,
            append=lambda first, bodies: room.journal.commit(
                [AppendChunks(ticket.request_id, first, bodies)]
            ),
            publish=self._publish,
            pause_s=room.settings.lifetimes.flush_s,
            limit_bytes=room.settings.limits.answer_bytes,
            loop=room.loop,
        )
        running = self.running = Running(ticket, record, stream, base)
        self.finished = None
        self.unwatched(ticket.request_id, stream)
        try:
            if ticket.merged:
                await collapse(room, ticket)
            with room.roots.running(ticket.request_id):
                ending = await handle(
                    room, running, unread=self.queue.unread, interrupt=lambda: self._interrupt(running)
                )
                if ending.outcome == "recovering":
                    await self.begin_anew(running)
                else:
                    await conclude(room, self.queue, running, ending)
        finally:
            settle(room, running)
            if stream.ending is None:
                # The session is loaded anew, and whoever follows this must not wait for ever.
                stream.end(Ending("recovering", ticket.message_ids))
        if ticket.generation == self.queue.generation:
            self.finished, self.finished_at = Finished.of(stream), room.clock.monotonic()
        if room.echo.unprepared:
            room.loop.call_soon(room.echo.prepare)  # behind what is being sent

    async def close_unstarted(self, tickets: list[Ticket], outcome: Outcome) -> None:
        """End accepted turns that never ran; a ``skipped`` end goes to the owner only, an ``aborted`` one to all."""
        if not tickets:
            return
        room = self.room
        ops: list[Op] = []
        closed: list[TurnRecord] = []
        for ticket in tickets:
            record = room.records.get(ticket.request_id)
            if record is not None:
                done = msgspec.structs.replace(record, outcome=outcome)
                closed.append(done)
                ops.append(PutTurn(done.request_id, encode_turn(done), open=False))
        if ops:
            await room.commit(ops)
        for done in closed:
            room.closed(done)
        for ticket in tickets:
            self.say_unstarted(ticket, outcome)

    def say_unstarted(self, ticket: Ticket, outcome: Outcome) -> None:
        """The terminal frame of a turn that never ran."""
        room = self.room
        ending = Ending(outcome, ticket.message_ids)
        owner = room.owners.pop(ticket.request_id, None)
        frames = ResponseFrames(ticket.request_id)
        if outcome != "skipped":
            room.audience.end(ticket.request_id, frames, ending)
        elif owner is not None and not owner.closed:
            room.audience.end(ticket.request_id, frames, ending, only=owner)
        self.unwatched(ticket.request_id, ending)

    def _publish(self, stream: LiveStream, first: int, end: int) -> None:
        if first == 0:
            if self.running is not None:
                self.running.first_ms = self.room.clock.now_ms()
            self.room.say_recovering(False)
            self.room.audience.begin(stream)
        self.room.audience.chunks(stream, first, end)
        self.room.roots.committed(stream.request_id, end - first)


async def _impossible(running: Running) -> None:
    raise RuntimeError(f"turn {running.ticket.request_id} stalled, and nobody can begin it anew")
