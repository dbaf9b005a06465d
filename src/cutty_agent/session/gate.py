"""The only door into a session, for sockets and for HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from ..core import access
from ..core.addressing import DEFAULT_SESSION
from ..core.dialect import detect, read_request
from ..core.rows import Row, load
from ..core.v4_message import text_content, to_v4_message
from ..errors import Busy, NotFound
from ..ids import Address, new_request_id, new_session_id
from ..ports.door import Link, Opening
from ..ports.outlet import Outlet
from ..ports.store import Removed
from ..stream.live import Ending, LiveStream
from ..wire.card import Grant, Mode
from ..wire.client import Dialect, decode_body
from ..wire.principal import Principal
from . import chat, handshake
from .acceptance import accept
from .actor import Actor
from .connection import Connection
from .default_session import DefaultSession
from .followed import Answer
from .links import SocketLink, WaitingLink
from .registry import Registry
from .rights import Rights

log = structlog.get_logger("cutty_agent.connection")


def _with_content(row: Row) -> bytes:
    """The JSON text of a message with ``content`` added; stored messages have none of their own."""
    return b'%b,"content":%b}' % (row.body[:-1], msgspec.json.encode(text_content(row.message())))


class SessionGate(Rights):
    """Implements ports.door.Door, and the HTTP side of the same sessions."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._hung_up = False
        self._default = DefaultSession(registry.telemetry.warnings)

    def hang_up(self) -> None:
        """Let go of everybody who follows an answer over HTTP; the server is about to stop."""
        self._hung_up = True
        for slot in self._registry.slots.values():
            if slot.actor is not None:
                for answer in slot.actor.following():
                    if not answer.over:
                        answer.let_go()

    # -- sockets

    def connect(self, outlet: Outlet, opening: Opening) -> Link:
        """Attach a socket; the session wakes behind it."""
        if opening.identifying is None:
            return self._connect(outlet, opening)
        limits = self._registry.settings.limits
        try:
            self._check_sockets()
        except Busy:
            if asyncio.iscoroutine(opening.identifying):
                opening.identifying.close()
            raise
        registry = self._registry
        registry.unidentified += 1

        def known() -> None:
            registry.unidentified -= 1

        return WaitingLink(
            outlet, opening, self._connect, known, frames=limits.early_frames, frame_bytes=limits.frame_bytes
        )

    def _check_sockets(self) -> None:
        registry, limits = self._registry, self._registry.settings.limits
        sockets = registry.sockets + registry.unidentified
        if sockets >= limits.sockets:
            registry.limiter.count_refusal("sockets")
            raise Busy(
                f"This server has {sockets} open sockets; limits.sockets is {limits.sockets}.",
                remedy="Try again later.",
            )

    def _connect(self, outlet: Outlet, opening: Opening) -> Link:
        registry, limits = self._registry, self._registry.settings.limits
        address = self.address(opening.address, opening.principal, peer=opening.peer, origin=opening.origin)
        if address != opening.address:
            opening = msgspec.structs.replace(opening, address=address)
        self._check(address)
        self._check_sockets()
        registry.limiter.connect(opening.principal.id, opening.peer)
        conn = Connection(outlet, opening, limit_bytes=limits.unread_bytes, laggards=registry.behind)
        registry.attach(conn)
        if opening.old:
            registry.audit.used(opening.principal.id, peer=opening.peer, detail=opening.old)
        log.info(
            "connection.opened",
            agent=address.agent,
            session=address.session,
            connection=opening.label,
            principal=opening.principal.id,
        )
        return SocketLink(registry, registry.slot(address), conn)

    # -- names

    def address(self, asked: Address, who: Principal, *, peer: str = "", origin: str = "") -> Address:
        """The address a caller means: where there is a rule, ``default`` is a session of its own. ``peer`` and ``origin``
        are where it comes from.

        Raises:
            NotFound: the id names another user, and the rule about that is on.
        """
        if not who.id:
            self._default.used(asked, peer=peer, origin=origin)
            return asked
        if asked.session == DEFAULT_SESSION:
            return Address(asked.agent, access.own_default(who))
        if self._registry.settings.access.user_ids:
            try:
                access.check_user_id(asked.session, who)
            except NotFound:
                self._registry.audit.refused(who.id, asked, detail="The id names another user.")
                raise
        return asked

    async def mint(self, agent: str, who: Principal) -> Address:
        """Make a session whose id nobody could guess.

        Raises:
            UnknownAgent: no such agent; NotFound: the caller may own no session.
        """
        address = Address(agent, new_session_id())
        self._check(address)
        slot = self._registry.slot(address)
        await self._registry.actor(slot, who, create=True)
        return address

    # -- HTTP

    async def messages(self, address: Address, who: Principal, dialect: Dialect | None = None) -> bytes:
        """The transcript as a JSON array: ``parts``, and their text as ``content`` unless the caller says what it
        speaks (protocol 5.5). A session that does not exist and may be made has an empty one."""
        self._check(address, stopping=False)
        actor = self._awake(address)
        if actor is None:
            rows = await self._stored(address, who)
        elif self._registry.admission.adoptable(actor.card, who):
            rows = []  # as for one that sleeps: looking is not taking
        else:
            self._allow(actor.card, who, address, "read")
            rows = actor.transcript.rows
        if dialect == "v5":
            return b"[" + b",".join(row.body for row in rows) + b"]"
        if dialect == "v4":
            return msgspec.json.encode([to_v4_message(row.message()) for row in rows])
        return b"[" + b",".join(map(_with_content, rows)) + b"]"

    async def _stored(self, address: Address, who: Principal) -> list[Row]:
        stored = await self._registry.store.messages(address)
        if stored is None or access.expired(stored.card, self._registry.clock.now_ms()):
            self._check_makeable()
            return []
        if self._registry.admission.adoptable(stored.card, who):
            return []  # it becomes the caller's with its first socket or request
        self._allow(stored.card, who, address, "read")
        return load([row.body for row in stored.messages])

    async def submit(
        self, address: Address, who: Principal, body: bytes, *, adopting: bool = False
    ) -> Answer:
        """``POST``: start a turn (protocol 6.1); it shows live on the session's sockets.

        ``adopting``: the address was chosen here, so that the session may be made whoever makes ids otherwise; and the
        texts of a conversation that began elsewhere come with its first turn.

        Raises:
            CuttyError: the body is not a chat request, or a limit refuses it. Nothing was changed.
        """
        parsed, rest = decode_body(body)
        dialect: Dialect = (
            "v4" if detect(read_request(chat.dialect_body(parsed), labelled=True)) == "v4" else "v5"
        )
        request_id = new_request_id()
        new = chat.submission(request_id, parsed, rest)
        new.adopts = adopting
        actor = await self._enter(address, who, "write", create=True if adopting else None)
        new.principal = who  # its network address was counted with the HTTP request
        watch = actor.runner.watch(request_id)
        try:
            await actor.wholly(accept(actor, new, owner=None))
        except BaseException:
            actor.runner.unwatched(request_id, Ending("error", ()))
            raise
        return await self._followed(actor, Answer(request_id, dialect=dialect, who=who), watch)

    async def _followed(self, actor: Actor, answer: Answer, watch: Awaitable[LiveStream | Ending]) -> Answer:
        """The answer once its turn has begun or will not. Whoever waits for it may already have to let go."""
        actor.follow(answer)
        if self._hung_up:
            answer.let_go()
        match await watch:
            case Ending() as ending:
                return Answer(answer.request_id, ending=ending, dialect=answer.dialect)
            case stream:
                answer.stream = stream
        return answer

    async def resume(self, address: Address, who: Principal, dialect: Dialect = "v5") -> Answer | None:
        """The running turn from its first chunk, also one that is accepted and has not begun; ``None`` when idle."""
        actor = await self._present(address, who, "read")
        if actor is None and self._registry.recovering:
            turns = await self._registry.store.turns(address)
            if any(turn.open for turn in turns):  # behind others that a restart cut off
                actor = await self._enter(address, who, "read")
        request_id = None if actor is None else handshake.accepted(actor)
        if actor is None or request_id is None:
            return None
        watch = actor.runner.watch(request_id)
        answer = await self._followed(actor, Answer(request_id, dialect=dialect, who=who), watch)
        return None if answer.stream is None else answer

    async def request(self, address: Address, who: Principal, request: Request) -> Response | None:
        """Give a request to the session's agent; ``None`` when the agent has no answer. Those who may only look on
        may ``GET`` and ``HEAD``."""
        self._check(address)
        if not self._registry.answers_requests(address.agent):
            await self._present(
                address, who, "read"
            )  # who may not enter learns nothing; nobody makes it by asking
            return None
        actor = await self._enter(address, who, "read" if request.method in {"GET", "HEAD"} else "write")
        actor.engaged += 1
        try:
            return await actor.agent.on_request(request)
        finally:
            actor.engaged -= 1

    async def stop(self, address: Address, who: Principal | None, request_id: str | None) -> bool:
        """Stop a turn, or all turns, of a session; false when nothing ran. ``None`` is the operator."""
        actor = await self._present(address, who, "write")
        return False if actor is None else await chat.abort(actor, request_id)

    async def clear(self, address: Address, who: Principal) -> None:
        """Forget the conversation of a session."""
        actor = await self._enter(address, who, "write")
        await actor.wholly(chat.clear(actor, None))

    # -- shares

    async def share(
        self, address: Address, who: Principal, grantee: str | None, mode: Mode, *, for_s: float | None = None
    ) -> str:
        """Let a principal in, or with ``None`` whoever has the secret that is returned; the owner's to do."""
        actor = await self._enter(address, who, "own")
        shared = await actor.share(grantee, mode, for_s=for_s)
        await self._registry.audit.acted(
            "session.shared", address, actor=who.id, detail=f"{grantee or 'a link'} may {mode}."
        )
        return shared

    async def shares(self, address: Address, who: Principal) -> dict[str, Grant]:
        """Who else may enter, by grantee; the owner's to see. Nobody, where there is no session."""
        actor = await self._present(address, who, "own")
        if actor is not None:
            return actor.shares
        card = await self._registry.store.card(address)
        return {} if card is None else dict(card.grants)

    async def unshare(self, address: Address, who: Principal, grantee: str) -> bool:
        """End a share; the owner's to do. False when there is none."""
        actor = await self._enter(address, who, "own")
        ended = await actor.unshare(grantee)
        if ended:
            await self._registry.audit.acted(
                "session.unshared", address, actor=who.id, detail="A share was ended."
            )
        return ended

    # -- the end

    async def delete(self, address: Address) -> Removed:
        """Remove a session with all it has; its sockets are closed with a terminal code."""
        return await self._registry.erase(address)

    async def expire(self, address: Address) -> None:
        """End a session now: out of reach at once, wound up by its agent, then removed.

        Raises:
            NotFound: there is no such session; UnknownAgent: nor an agent that could wind it up.
        """
        self._check(address)
        actor = await self._registry.actor(self._registry.slot(address), None, create=False)
        await actor.expire_now()
        self._registry.end(self._registry.slot(address), 4410, "This session has expired; start a new one")
        await self._registry.sweeper.wind_up(address)

    async def park(self, address: Address, reason: str | None) -> None:
        """Let no turn of a session run, or (``None``) let it run again; running turns are stopped.

        Raises:
            NotFound: there is no such session; UnknownAgent: nor an agent whose turns could run.
        """
        self._check(address)
        actor = await self._registry.actor(self._registry.slot(address), None, create=False)
        await actor.wholly(actor.park(reason))
        if reason is not None:
            await chat.abort(actor, None)
