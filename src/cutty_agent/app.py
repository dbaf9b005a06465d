"""The composition root: joins agents, engine, sessions and transports, and is an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from opentelemetry.trace import TracerProvider
from starlette.types import Receive, Scope, Send

from .access.rule import Given, has_rule
from .admin.token import kept_token
from .agent.chat import AgentFactory, ChatAgent
from .clock import Clock, SystemClock
from .config import Settings, check_access, load
from .core.addressing import aliases, kebab
from .core.turn_queue import concurrency
from .engines.embedded.store import open_store
from .engines.sealed import Keyring, SealedStore
from .errors import ConfigError, CuttyError
from .house import House, known_callers
from .ports.door import Link, Opening
from .ports.identity import Credentials, Identified
from .ports.outlet import Outlet
from .ports.store import SessionStore
from .session.gate import SessionGate
from .session.metrics import Metrics
from .session.telemetry import Telemetry
from .site import Site, not_running
from .transport import asgi_websocket
from .transport.old_addresses import OldAddresses
from .transport.opening import Entrance
from .transport.websocket_protocol import websocket_protocol
from .transport.websocket_settings import WebSocketSettings

log = structlog.get_logger("cutty_agent.app")

StoreFactory = Callable[[], Awaitable[SessionStore]]


class App:
    """A server of sessions for some agents.

    ``agents`` are :class:`ChatAgent` subclasses, or factories with the name they are reached by; never ready
    instances, because an instance belongs to one session. ``open_store`` replaces the embedded engine;
    ``tracer_provider`` makes the OpenTelemetry spans instead of the process's.
    Run it with ``cutty-agent serve module:app``, with any ASGI server, or mounted in another application; the
    lifespan of the outer application must then include :meth:`running`.
    """

    def __init__(
        self,
        agents: Sequence[type[ChatAgent]] | Mapping[str, AgentFactory],
        settings: Settings | None = None,
        *,
        identity: Given = None,
        open_store: StoreFactory | None = None,
        clock: Clock | None = None,
        info: Mapping[str, Any] | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        self.settings = settings or load()
        self.identity_given = identity
        self.bound_hosts: frozenset[str] | None = None
        self.agents = _named(agents)
        self.info = dict(info or {})
        self.house: House | None = None
        self.ready = False
        self._open_store = open_store or self._embedded
        self._clock = clock or SystemClock()
        self._names = {alias: name for name in self.agents for alias in _spellings(name, agents)}
        self._tracer_provider = tracer_provider
        self._telemetry = Telemetry(provider=tracer_provider)
        self._web = Site(self).web

    # -- life

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the store, recover what a crash cut off, serve; at the end finish or park turns and close."""
        check_access(self.settings)
        self._check_bridge()
        metrics = Metrics() if self.settings.metrics != "off" else None
        telemetry = self._telemetry = Telemetry(metrics, self._tracer_provider)
        store = await self._open_store()
        try:
            embedded = self._open_store == self._embedded
            directory = self.settings.data if embedded else None
            token = self.settings.admin_token
            if token is None and directory is not None:
                token = kept_token(directory)
            identity, ruled = await known_callers(
                store, self.settings, self._clock, self.identity_given, directory
            )
            house = House(
                store,
                identity,
                self.agents,
                self.settings,
                self._clock,
                telemetry,
                token=token,
                ruled=ruled,
                resolve=self._names.get,
            )
            self.house = house
            async with house.lived_in():
                self.ready = True
                try:
                    yield
                finally:
                    self.ready = False
        finally:
            await store.close()
            self.house = None

    @property
    def store(self) -> SessionStore | None:
        """Where sessions are kept; ``None`` while the application does not run."""
        return self.house.store if self.house is not None else None

    def _check_bridge(self) -> None:
        agent = self.settings.bridge_agent
        if self.settings.bridge != "off" and agent not in self._names:
            raise ConfigError(
                f"bridge_agent is {agent[:40]!r}, and there is no such agent.",
                remedy=f"Name one of {', '.join(sorted(self.agents))} in CUTTY_BRIDGE_AGENT.",
            )

    @property
    def ruled(self) -> bool:
        """Whether there is an access rule: callers are told apart, and sessions belong to them."""
        return has_rule(self.settings.access, self.identity_given)

    @property
    def entrance(self) -> Entrance:
        """The rules for coming in, as the settings say."""
        access = self.settings.access
        return Entrance(
            resolve=self._names.get,
            origins=frozenset(self.settings.allow_origins),
            # Where there is a rule, "default" is a session of the caller's own.
            allow_default=self.settings.allow_default or self.ruled or self.settings.bridge != "off",
            identify=self.identify,
            hosts=frozenset(each.lower() for each in access.hosts) if access.hosts else self.bound_hosts,
            proxies=access.proxies,
            old=OldAddresses(self.settings.bridge, own_default=self.ruled, used=self._used),
        )

    def _used(self, actor: str, peer: str, detail: str, action: str) -> None:
        """Count a use of an old address."""
        if self.house is not None:
            self.house.audit.used(actor, peer=peer, detail=detail, action=action)

    def identify(self, credentials: Credentials) -> Identified | Awaitable[Identified]:
        """Who is calling (ports.identity.Identity).

        Raises:
            Unauthorized: the caller does not show who it is.
            ShuttingDown: the application is not running.
        """
        return self._lived_in().identity.identify(credentials)

    async def revoke(self, key: str, *, until_ms: int | None = None) -> int:
        """Refuse a principal (``user:anna``) or a token (its ``jti``) from now on, also on sockets that are open; how
        many of those were closed."""
        return await self._lived_in().operations.revoke(key, until_ms)

    def _lived_in(self) -> House:
        if self.house is None:
            raise not_running()
        return self.house

    @property
    def gate(self) -> SessionGate:
        """The door to the sessions.

        Raises:
            ShuttingDown: the application is not running.
        """
        return self._lived_in().gate

    def connect(self, outlet: Outlet, opening: Opening) -> Link:
        """Let a socket in (ports.door.Door)."""
        return self.gate.connect(outlet, opening)

    async def _embedded(self) -> SessionStore:
        # A wrong key is told before the directory is touched.
        keyring = Keyring.parse(self.settings.encryption.keys)
        store = await open_store(
            self.settings.data,
            analytics=self.settings.analytics,
            meter=self._telemetry,
            apart=self.settings.writer == "process",
        )
        # Also without keys: rows that are sealed must not pass for damaged ones.
        return SealedStore(store, keyring)

    async def wind_down(self) -> None:
        """Take nothing new and finish or park what runs, while responses that are open are still sent."""
        if self.house is not None:
            await self.house.wind_down()

    def hang_up(self) -> None:
        """End open event streams and tails; call it when the server is about to stop and waits for its responses."""
        if self.house is not None:
            self.house.hang_up()

    def hurry(self) -> None:
        """While stopping: park running answers now instead of waiting for them; the next start goes on with them."""
        if self.house is not None:
            self.house.hurry()

    # -- ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request, one WebSocket, or the lifespan."""
        if scope["type"] == "websocket":
            await asgi_websocket.serve(
                scope, receive, send, door=self, entrance=self.entrance, settings=self.socket_settings
            )
        elif scope["type"] == "lifespan":
            await _lifespan(self, receive, send)
        else:
            await self._web(scope, receive, send)

    @property
    def socket_settings(self) -> WebSocketSettings:
        """Limits of one socket."""
        return WebSocketSettings(max_message=self.settings.limits.frame_bytes)

    def websocket_class(self) -> type[asyncio.Protocol]:
        """For uvicorn's ``ws=`` setting: sockets under ASGI, at a fraction of its cost."""
        return websocket_protocol(self, self.entrance, self.socket_settings)


def _named(agents: Sequence[type[ChatAgent]] | Mapping[str, AgentFactory]) -> dict[str, AgentFactory]:
    if isinstance(agents, Mapping):
        for factory in agents.values():
            if isinstance(factory, type):
                _check_agent(factory)
        return {kebab(name): factory for name, factory in agents.items()}
    for agent in agents:
        if not isinstance(agent, type):
            raise TypeError(
                f"App got an instance of {type(agent).__name__}; pass the class: an instance belongs to one session."
            )
        _check_agent(agent)
    return {kebab(agent.__name__): agent for agent in agents}


def _check_agent(agent: type) -> None:
    if not issubclass(agent, ChatAgent):
        raise TypeError(
            f"App got {agent.__name__}, which is no ChatAgent; derive it from cutty_agent.ChatAgent."
        )
    try:
        concurrency(agent.message_concurrency)
    except ValueError as error:
        raise ValueError(f"{agent.__name__}: {error}") from None


def _spellings(name: str, agents: Sequence[type[ChatAgent]] | Mapping[str, AgentFactory]) -> set[str]:
    written = agents if isinstance(agents, Mapping) else [agent.__name__ for agent in agents]
    return {name}.union(*(aliases(each) for each in written if kebab(each) == name))


async def _lifespan(app: App, receive: Receive, send: Send) -> None:
    await receive()
    try:
        async with app.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except CuttyError as error:
        log.error("server.not_started", error=str(error), code=error.code)
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.shutdown.complete"})
