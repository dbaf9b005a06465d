"""The composition root: joins agents, engine, sessions and transports, and is an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import structlog
from opentelemetry.trace import TracerProvider
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from .access.rule import Given, has_rule
from .access.rule import identity as access_identity
from .admin import openapi as operators_part
from .admin.api import AdminEndpoints
from .admin.exposition import MetricsEndpoint
from .admin.gauges import Gauges
from .admin.operations import Operations
from .admin.token import kept_token
from .agent.chat import AgentFactory, ChatAgent
from .clock import Clock, SystemClock
from .config import Settings, check_access, load
from .core.addressing import aliases, kebab
from .engines.embedded.store import open_store
from .engines.sealed import Keyring, SealedStore
from .errors import ConfigError, CuttyError, MethodNotAllowed, ShuttingDown
from .ports.door import Link, Opening
from .ports.identity import Credentials, Identified, Identity
from .ports.outlet import Outlet
from .ports.store import SessionStore
from .session.audit import Audit
from .session.gate import SessionGate
from .session.limiter import Limiter
from .session.metrics import Metrics
from .session.pricing import Pricing
from .session.registry import Registry
from .session.standing import SessionsStanding
from .session.telemetry import Telemetry
from .session.watchdog import Watchdog
from .transport import asgi_websocket, openapi
from .transport.bridge import Bridge
from .transport.caller import check_host, credentials
from .transport.endpoints import Reception, error_response
from .transport.http import AgentEndpoints
from .transport.old_addresses import OldAddresses
from .transport.opening import Entrance
from .transport.pages import Pages, not_found
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
        self._given = identity
        self._identity: Identity | None = None
        self.bound_hosts: frozenset[str] | None = None
        self.agents = _named(agents)
        self.info = dict(info or {})
        self._open_store = open_store or self._embedded
        self._clock = clock or SystemClock()
        self._names = {alias: name for name in self.agents for alias in _spellings(name, agents)}
        self._gate: SessionGate | None = None
        self._registry: Registry | None = None
        self._operator: AdminEndpoints | None = None
        self._operations: Operations | None = None
        self._tracer_provider = tracer_provider
        self._telemetry = Telemetry(provider=tracer_provider)
        self._metrics: MetricsEndpoint | None = None
        self.store: SessionStore | None = None
        self.ready = False
        self._hurried = False
        self._web = Starlette(routes=self._routes(), exception_handlers={HTTPException: _odd_request})

    # -- life

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the store, recover what a crash cut off, serve; at the end finish or park turns and close."""
        metrics = Metrics() if self.settings.metrics != "off" else None
        telemetry = self._telemetry = Telemetry(metrics, self._tracer_provider)
        store = self.store = await self._open_store()
        audit: Audit | None = None
        try:
            token = self._operators_token()
            identity = self._identity = await self._who(store)
            audit = Audit(store, self._clock)
            limiter = Limiter(self.settings.limits, self._clock, store)
            pricing = Pricing(self._clock, model=self.settings.model)
            registry = self._registry = Registry(
                store,
                self.agents,
                self.settings,
                self._clock,
                audit=audit,
                limiter=limiter,
                pricing=pricing,
                telemetry=telemetry,
            )
        except BaseException:
            await store.close()
            raise
        telemetry.metrics.watch(SessionsStanding(registry))
        gate = self._gate = SessionGate(registry)
        operations = self._operations = Operations(gate, registry, store, audit, identity, self._clock)
        self._operator = AdminEndpoints(
            gate,
            registry,
            store,
            operations,
            audit,
            token=token,
            resolve=self._names.get,
            identify=identity.identify if self.ruled else None,
        )
        gauges = Gauges(registry)
        self._metrics = MetricsEndpoint(
            telemetry.metrics, audit, self.settings.metrics, token=token, open_here=not self.ruled
        )
        watchdog = Watchdog(telemetry.metrics, telemetry.warnings)
        watchdog.start()
        recovery = asyncio.create_task(registry.recover())
        recovery.add_done_callback(_report)
        registry.sweeper.start()
        if self.settings.analytics:
            gauges.start()
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            recovery.cancel()
            await registry.sweeper.stop()
            await registry.close(grace_s=0.0 if self._hurried else self.settings.lifetimes.grace_s)
            if self.settings.analytics:
                await gauges.stop()
            await watchdog.stop()
            await audit.close()
            await store.close()
            self._gate = self._registry = self._operator = self._operations = self._identity = self.store = (
                None
            )

    async def _who(self, store: SessionStore) -> Identity:
        """What tells who is calling, with the revocations that are in force."""
        check_access(self.settings)
        self._check_bridge()
        own = self._open_store == self._embedded
        return access_identity(
            self.settings.access,
            self._clock,
            given=self._given,
            directory=self.settings.data if own else None,
            revocations=await store.revocations(now_ms=self._clock.now_ms()),
        )

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
        return has_rule(self.settings.access, self._given)

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
        if self._registry is not None:
            self._registry.audit.used(actor, peer=peer, detail=detail, action=action)

    def identify(self, credentials: Credentials) -> Identified | Awaitable[Identified]:
        """Who is calling (ports.identity.Identity).

        Raises:
            Unauthorized: the caller does not show who it is.
            ShuttingDown: the application is not running.
        """
        if self._identity is None:
            raise _not_running()
        return self._identity.identify(credentials)

    async def revoke(self, key: str, *, until_ms: int | None = None) -> int:
        """Refuse a principal (``user:anna``) or a token (its ``jti``) from now on, also on sockets that are open; how
        many of those were closed."""
        if self._operations is None:
            raise _not_running()
        return await self._operations.revoke(key, until_ms)

    @property
    def gate(self) -> SessionGate:
        """The door to the sessions.

        Raises:
            ShuttingDown: the application is not running.
        """
        if self._gate is None:
            raise _not_running()
        return self._gate

    def connect(self, outlet: Outlet, opening: Opening) -> Link:
        """Let a socket in (ports.door.Door)."""
        return self.gate.connect(outlet, opening)

    async def _embedded(self) -> SessionStore:
        keyring = Keyring.parse(
            self.settings.encryption.keys
        )  # a wrong key is told before the directory is touched
        store = await open_store(self.settings.data, analytics=self.settings.analytics, meter=self._telemetry)
        return SealedStore(
            store, keyring
        )  # also without keys: rows that are sealed must not pass for damaged ones

    def hang_up(self) -> None:
        """End open event streams and tails; call it when the server is about to stop and waits for its responses."""
        if self._gate is not None:
            self._gate.hang_up()
        if self._operator is not None:
            self._operator.hang_up()

    def hurry(self) -> None:
        """While stopping: park running answers now instead of waiting for them; the next start goes on with them."""
        self._hurried = True
        if self._registry is not None:
            self._registry.hurry()

    def _operators_token(self) -> str | None:
        if self.settings.admin_token is not None or self._open_store != self._embedded:
            return self.settings.admin_token
        return kept_token(self.settings.data)

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

    def _routes(self) -> list[Route | Mount]:
        return [
            Route("/health", self._health),
            Route("/ready", self._readiness),
            Route("/info.json", self._info),
            Route("/openapi.json", self._openapi),
            Route("/metrics", self._figures),
            Route("/agents/{path:path}", self._agents, methods=_METHODS),
            Route("/admin/{path:path}", self._admin, methods=_METHODS),
            *self._old_routes(),
            Mount("/", Pages(greet=self._greet)),
        ]

    def _old_routes(self) -> list[Route]:
        if self.settings.bridge == "off":
            return []
        return [
            Route("/api/chat", self._bridged(Bridge.chat), methods=_METHODS),
            Route("/api/v1/agent/chat/{session}/messages", self._bridged(Bridge.history), methods=_METHODS),
        ]

    def _bridged(
        self, answer: Callable[[Bridge, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if self._gate is None or self._registry is None:
                return error_response(_not_running())
            agent = self._names[self.settings.bridge_agent]
            only_minted = self.settings.access.ids == "minted"
            reception = self._reception(self._gate, self._registry)
            return await answer(Bridge(reception, agent, only_minted=only_minted), request)

        return endpoint

    def _reception(self, gate: SessionGate, registry: Registry) -> Reception:
        return Reception(
            gate,
            self.entrance,
            body_bytes=self.settings.limits.body_bytes,
            rate=registry.limiter.http,
        )

    def _greet(self, request: Request) -> str | None:
        """The cookie of a new visitor, where visitors are given one."""
        if self._identity is None or not self.settings.access.visitors:
            return None
        client = request.client
        shown = credentials(
            dict(request.headers),
            "",
            peer=client.host if client is not None else "",
            secure=request.url.scheme == "https",
            proxies=self.settings.access.proxies,
        )
        try:
            found = self._identity.identify(shown)
        except CuttyError:
            return None
        if isinstance(found, Identified):
            return found.cookie
        if inspect.iscoroutine(found):
            found.close()  # the page is nobody's secret: what takes time is asked when a session is opened
        return None

    async def _agents(self, request: Request) -> Response:
        if self._gate is None:
            return error_response(_not_running())
        assert self._identity is not None
        assert self._operations is not None
        assert self._registry is not None
        endpoints = AgentEndpoints(
            self._reception(self._gate, self._registry),
            ticket=self._identity.ticket,
            owners=self._operations,
        )
        return await endpoints(request)

    async def _admin(self, request: Request) -> Response:
        if self._operator is None:
            return error_response(_not_running())
        return await self._operator(request)

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readiness(self, request: Request) -> Response:
        if self.ready and self._registry is not None and not self._registry.stopping:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "starting or stopping"}, status_code=503)

    async def _info(self, request: Request) -> Response:
        described = [
            {"name": name, "title": name.replace("-", " ").title(), **self.info} for name in self.agents
        ]
        return JSONResponse({"version": version("cutty-agent"), "agents": described})

    async def _figures(self, request: Request) -> Response:
        if self._metrics is None:
            return error_response(_not_running())
        try:
            check_host(request.headers.get("host"), self.entrance.hosts)
        except CuttyError as error:
            return error_response(error)
        return self._metrics.response(request)

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(openapi.document(version("cutty-agent"), operators_part.PART))


async def _odd_request(request: Request, error: Exception) -> Response:
    """What no route takes, such as a line break in the path or a method that none of our own pages has."""
    if isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status:
        return error_response(
            MethodNotAllowed(
                f"{request.method} is not answered at this path.", remedy="GET /openapi.json says what is."
            )
        )
    return not_found(request)


def _not_running() -> ShuttingDown:
    return ShuttingDown("The server is starting or stopping.", remedy="Try again in a moment.")


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _named(agents: Sequence[type[ChatAgent]] | Mapping[str, AgentFactory]) -> dict[str, AgentFactory]:
    if isinstance(agents, Mapping):
        return {kebab(name): factory for name, factory in agents.items()}
    for agent in agents:
        if not isinstance(agent, type):
            raise TypeError(
                f"App got an instance of {type(agent).__name__}; pass the class: an instance belongs to one session."
            )
    return {kebab(agent.__name__): agent for agent in agents}


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


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("recovery.failed", exc_info=task.exception())
