"""The composition root: joins agents, engine, sessions and transports, and is an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from .admin.api import AdminEndpoints
from .admin.token import kept_token
from .agent.chat import ChatAgent
from .clock import Clock, SystemClock
from .config import Settings, load
from .core.addressing import aliases, kebab
from .engines.embedded.store import open_store
from .errors import CuttyError, ShuttingDown
from .ports.door import Link, Opening
from .ports.outlet import Outlet
from .ports.store import SessionStore
from .session.gate import SessionGate
from .session.registry import AgentFactory, Registry
from .transport import asgi_websocket
from .transport.http import AgentEndpoints, error_response
from .transport.opening import Entrance
from .transport.pages import Pages
from .transport.websocket_protocol import websocket_protocol
from .transport.websocket_settings import WebSocketSettings

log = structlog.get_logger("cutty_agent.app")

StoreFactory = Callable[[], Awaitable[SessionStore]]


class App:
    """A server of sessions for some agents.

    ``agents`` are :class:`ChatAgent` subclasses, or factories with the name they are reached by; never ready
    instances, because an instance belongs to one session. ``open_store`` replaces the embedded engine.
    Run it with ``cutty-agent serve module:app``, with any ASGI server, or mounted in another application; the
    lifespan of the outer application must then include :meth:`running`.
    """

    def __init__(
        self,
        agents: Sequence[type[ChatAgent]] | Mapping[str, AgentFactory],
        settings: Settings | None = None,
        *,
        open_store: StoreFactory | None = None,
        clock: Clock | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings or load()
        self.agents = _named(agents)
        self.info = dict(info or {})
        self._open_store = open_store or self._embedded
        self._clock = clock or SystemClock()
        self._names = {alias: name for name in self.agents for alias in _spellings(name, agents)}
        self._gate: SessionGate | None = None
        self._registry: Registry | None = None
        self._operator: AdminEndpoints | None = None
        self.store: SessionStore | None = None
        self.ready = False
        self._hurried = False
        self._web = Starlette(routes=self._routes())

    # -- life

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the store, recover what a crash cut off, serve; at the end finish or park turns and close."""
        store = self.store = await self._open_store()
        try:
            token = self._operators_token()
        except BaseException:
            await store.close()
            raise
        registry = self._registry = Registry(store, self.agents, self.settings, self._clock)
        gate = self._gate = SessionGate(registry)
        self._operator = AdminEndpoints(gate, registry, store, token=token, resolve=self._names.get)
        recovery = asyncio.create_task(registry.recover())
        recovery.add_done_callback(_report)
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            recovery.cancel()
            await registry.close(grace_s=0.0 if self._hurried else self.settings.lifetimes.grace_s)
            await store.close()
            self._gate = self._registry = self._operator = self.store = None

    @property
    def entrance(self) -> Entrance:
        """The rules for coming in, as the settings say."""
        return Entrance(
            resolve=self._names.get,
            origins=frozenset(self.settings.allow_origins),
            allow_default=self.settings.allow_default,
        )

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
        return await open_store(self.settings.data)

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
            Route("/agents/{path:path}", self._agents, methods=_METHODS),
            Route("/admin/{path:path}", self._admin, methods=_METHODS),
            Mount("/", Pages()),
        ]

    async def _agents(self, request: Request) -> Response:
        if self._gate is None:
            return error_response(_not_running())
        endpoints = AgentEndpoints(self._gate, self.entrance, body_bytes=self.settings.limits.body_bytes)
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
