"""The only door into a session, for sockets and for HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from ..agent.base import overrides
from ..core.dialect import detect, read_request
from ..core.rows import Row, load
from ..core.v4_message import text_content, to_v4_message
from ..errors import Busy, ShuttingDown, UnknownAgent
from ..ids import Address, new_request_id
from ..ports.door import Opening
from ..ports.outlet import Outlet
from ..stream.live import Ending, LiveStream
from ..wire.client import Dialect, decode_body
from . import chat, handshake
from .acceptance import accept
from .connection import Connection
from .registry import Registry, Slot

log = structlog.get_logger("cutty_agent.connection")


class SocketLink:
    """The session's end of one socket (ports.door.Link)."""

    __slots__ = ("_conn", "_registry", "_slot")

    def __init__(self, registry: Registry, slot: Slot, conn: Connection) -> None:
        self._registry = registry
        self._slot = slot
        self._conn = conn

    def receive(self, text: bytes | str) -> None:
        """A text frame; a client that floods a session that cannot keep up is closed."""
        conn = self._conn
        if conn.closed:
            return
        registry = self._registry
        conn.waiting += 1
        if conn.waiting > registry.settings.limits.early_frames:
            log.warning("connection.floods", connection=conn.id, session=conn.address.session)
            conn.close(
                1013,
                f"More than limits.early_frames = {registry.settings.limits.early_frames} frames wait; send slower",
            )
            return
        registry.post(self._slot, conn, text)

    def receive_binary(self, data: bytes) -> None:
        """A binary frame is the application's."""
        actor = self._slot.actor
        if actor is not None and not self._conn.closed:
            conn = self._conn
            actor.lane(lambda: actor.agent.on_message(conn, data))

    def writable(self) -> None:
        """The peer reads again."""
        self._conn.writable()

    def lost(self) -> None:
        """The socket is gone."""
        conn = self._conn
        self._registry.detach(conn)
        log.info(
            "connection.closed",
            agent=conn.address.agent,
            session=conn.address.session,
            connection=conn.id,
        )


class Answer(msgspec.Struct, frozen=True):
    """A turn followed over HTTP: its id, its chunks as they become durable, and how it ends.

    ``leaving`` is set when the server is about to stop: whoever follows lets go, and can resume later.
    """

    request_id: str
    stream: LiveStream | None
    ending: Ending | None = None
    leaving: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    dialect: Dialect = "v5"

    async def bodies(self) -> AsyncIterator[list[bytes]]:
        """Batches of chunk bodies from the first on, until the turn has ended."""
        if self.stream is not None:
            async for batch in self.stream.follow():
                yield batch

    def ended(self) -> Ending | None:
        """How it ended; ``None`` before :meth:`bodies` is exhausted."""
        return self.stream.ending if self.stream is not None else self.ending


def _with_content(row: Row) -> bytes:
    """The JSON text of a message with ``content`` added; stored messages have none of their own."""
    return b'%b,"content":%b}' % (row.body[:-1], msgspec.json.encode(text_content(row.message())))


class SessionGate:
    """Implements ports.door.Door, and the HTTP side of the same sessions."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._leaving = asyncio.Event()

    def hang_up(self) -> None:
        """Let go of everybody who follows an answer over HTTP; the server is about to stop."""
        self._leaving.set()

    # -- sockets

    def connect(self, outlet: Outlet, opening: Opening) -> SocketLink:
        """Attach a socket; the session wakes behind it."""
        registry, limits = self._registry, self._registry.settings.limits
        self._check(opening.address)
        if registry.sockets >= limits.sockets:
            raise Busy(
                f"This server has {registry.sockets} open sockets; limits.sockets is {limits.sockets}.",
                remedy="Try again later.",
            )
        slot = registry.slot(opening.address)
        if len(slot.connections) >= limits.sockets_per_session:
            raise Busy(
                f"This session has {len(slot.connections)} open sockets; limits.sockets_per_session is "
                f"{limits.sockets_per_session}.",
                remedy="Close some of its windows.",
            )
        conn = Connection(outlet, opening, limit_bytes=limits.unread_bytes, laggards=registry.behind)
        registry.attach(conn)
        log.info(
            "connection.opened",
            agent=opening.address.agent,
            session=opening.address.session,
            connection=opening.label,
        )
        return SocketLink(registry, slot, conn)

    # -- HTTP

    async def messages(self, address: Address, dialect: Dialect | None = None) -> bytes:
        """The transcript as a JSON array: ``parts``, and their text as ``content`` unless the caller says what it
        speaks (protocol 5.5)."""
        self._check(address, stopping=False)
        slot = self._registry.slots.get(address)
        if slot is not None and slot.actor is not None:
            rows = slot.actor.transcript.rows
        else:
            rows = load([row.body for row in await self._registry.store.messages(address) or []])
        if dialect == "v5":
            return b"[" + b",".join(row.body for row in rows) + b"]"
        if dialect == "v4":
            return msgspec.json.encode([to_v4_message(row.message()) for row in rows])
        return b"[" + b",".join(map(_with_content, rows)) + b"]"

    async def submit(self, address: Address, body: bytes) -> Answer:
        """``POST``: start a turn (protocol 6.1); it shows live on the session's sockets.

        Raises:
            CuttyError: the body is not a chat request, or a limit refuses it. Nothing was changed.
        """
        self._check(address)
        parsed, rest = decode_body(body)
        dialect: Dialect = (
            "v4" if detect(read_request(chat.dialect_body(parsed), labelled=True)) == "v4" else "v5"
        )
        actor = await self._registry.actor(self._registry.slot(address))
        request_id = new_request_id()
        new = chat.submission(request_id, parsed, rest)
        watch = actor.runner.watch(request_id)
        try:
            await accept(actor, new, owner=None)
        except BaseException:
            actor.runner.unwatched(request_id, Ending("error", ()))
            raise
        outcome = await watch
        if isinstance(outcome, Ending):
            return Answer(request_id, None, outcome, dialect=dialect)
        return Answer(request_id, outcome, leaving=self._leaving, dialect=dialect)

    async def resume(self, address: Address, dialect: Dialect = "v5") -> Answer | None:
        """The running turn from its first chunk, also one that is accepted and has not begun; ``None`` when idle."""
        self._check(address)
        slot = self._registry.slots.get(address)
        if slot is None or (slot.actor is None and slot.waking is None):
            return None
        actor = await self._registry.actor(slot)
        request_id = handshake.accepted(actor)
        if request_id is None:
            return None
        outcome = await actor.runner.watch(request_id)
        if isinstance(outcome, Ending):
            return None
        return Answer(request_id, outcome, leaving=self._leaving, dialect=dialect)

    async def request(self, address: Address, request: Request) -> Response | None:
        """Give a request to the session's agent; ``None`` when the agent has no answer."""
        self._check(address)
        actor = await self._registry.actor(self._registry.slot(address))
        if not overrides(actor.agent, "on_request"):
            return None
        return await actor.agent.on_request(request)

    async def stop(self, address: Address, request_id: str | None) -> bool:
        """Stop a turn, or all turns, of a session; false when nothing ran."""
        self._check(address)
        slot = self._registry.slots.get(address)
        if slot is None or (slot.actor is None and slot.waking is None):
            return False
        actor = await self._registry.actor(slot)
        if actor.runner.queue.idle:
            return False
        await chat.abort(actor, request_id)
        return True

    async def clear(self, address: Address) -> None:
        """Forget the conversation of a session."""
        self._check(address)
        actor = await self._registry.actor(self._registry.slot(address))
        await chat.clear(actor, None)

    async def delete(self, address: Address) -> bool:
        """Remove a session with all it has; its sockets are closed with a terminal code. False when unknown."""
        slot = self._registry.slots.get(address)
        if slot is not None:
            if slot.actor is not None:
                slot.actor.runner.discard()
                await slot.actor.runner.shut_down(grace_s=0)
            for conn in list(slot.connections):
                conn.close(4410, "This session was deleted")
            slot.actor = None
            self._registry.awake.pop(slot, None)
            slot.disowned.clear()
        return await self._registry.store.delete(address)

    def _check(self, address: Address, *, stopping: bool = True) -> None:
        if stopping and self._registry.stopping:
            raise ShuttingDown("The server is stopping.", remedy="Try again in a moment.")
        if address.agent not in self._registry.agents:
            raise UnknownAgent(
                f"There is no agent {address.agent!r}.",
                remedy=f"Known agents: {', '.join(sorted(self._registry.agents))}.",
            )
