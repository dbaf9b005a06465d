"""Everything a server answers over HTTP: sessions, the operator's API, pages, and what it says of itself."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from .agent.chat import AgentFactory
from .config import Settings
from .errors import CuttyError, MethodNotAllowed, ShuttingDown
from .house import House
from .ports.identity import Identified
from .transport.bridge import Bridge
from .transport.caller import check_host, credentials
from .transport.endpoints import Reception, error_response
from .transport.http import AgentEndpoints
from .transport.opening import Entrance
from .transport.pages import Pages, not_found

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Premises(Protocol):
    """What the site asks of its application, each time anew: settings may change before it runs."""

    settings: Settings
    info: dict[str, Any]
    house: House | None

    @property
    def agents(self) -> Mapping[str, AgentFactory]:
        """The agents by their names."""
        ...

    @property
    def entrance(self) -> Entrance:
        """The rules for coming in."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        ...


class Site:
    """The routes of one application."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self.web = Starlette(routes=self._routes(), exception_handlers={HTTPException: _odd_request})

    def _routes(self) -> list[Route | Mount]:
        bridged: list[Route] = []
        if self._premises.settings.bridge != "off":
            messages = "/api/v1/agent/chat/{session}/messages"
            bridged = [
                Route("/api/chat", self._bridged(Bridge.chat), methods=METHODS),
                Route("/api/chat/{chat}/stream", self._bridged(Bridge.stream), methods=METHODS),
                Route(messages, self._bridged(Bridge.history), methods=METHODS),
            ]
        return [
            Route("/health", self._health),
            Route("/ready", self._readiness),
            Route("/info.json", self._info),
            Route("/openapi.json", self._openapi),
            Route("/metrics", self._figures),
            Route("/agents/{path:path}", self._agents, methods=METHODS),
            Route("/admin/{path:path}", self._admin, methods=METHODS),
            *bridged,
            Mount("/", Pages(greet=self._greet)),
        ]

    # -- sessions

    def _reception(self, house: House) -> Reception:
        return Reception(
            house.gate,
            self._premises.entrance,
            body_bytes=self._premises.settings.limits.body_bytes,
            rate=house.registry.limiter.http,
        )

    async def _agents(self, request: Request) -> Response:
        house = self._premises.house
        if house is None:
            return error_response(not_running())
        endpoints = AgentEndpoints(
            self._reception(house), ticket=house.identity.ticket, owners=house.operations
        )
        return await endpoints(request)

    def _bridged(
        self, answer: Callable[[Bridge, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            house, settings = self._premises.house, self._premises.settings
            agent = self._premises.entrance.resolve(settings.bridge_agent)
            if house is None or agent is None:
                return error_response(not_running())
            bridge = Bridge(self._reception(house), agent, only_minted=settings.access.ids == "minted")
            return await answer(bridge, request)

        return endpoint

    # -- the operator's

    async def _admin(self, request: Request) -> Response:
        house = self._premises.house
        return error_response(not_running()) if house is None else await house.operator(request)

    async def _figures(self, request: Request) -> Response:
        house = self._premises.house
        if house is None:
            return error_response(not_running())
        try:
            check_host(request.headers.get("host"), self._premises.entrance.hosts)
        except CuttyError as error:
            return error_response(error)
        return house.metrics.response(request)

    # -- of itself

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readiness(self, request: Request) -> Response:
        house = self._premises.house
        if self._premises.ready and house is not None and not house.registry.stopping:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "starting or stopping"}, status_code=503)

    async def _info(self, request: Request) -> Response:
        described = [
            {"name": name, "title": name.replace("-", " ").title(), **self._premises.info}
            for name in self._premises.agents
        ]
        return JSONResponse({"version": version("cutty-agent"), "agents": described})

    async def _openapi(self, request: Request) -> Response:
        # Large tables, which few ever ask for.
        from .admin import openapi as operators_part
        from .transport import openapi

        return JSONResponse(openapi.document(version("cutty-agent"), operators_part.PART))

    def _greet(self, request: Request) -> str | None:
        """The cookie of a new visitor, where visitors are given one."""
        house, access = self._premises.house, self._premises.settings.access
        if house is None or not access.visitors:
            return None
        client = request.client
        shown = credentials(
            dict(request.headers),
            "",
            peer=client.host if client is not None else "",
            secure=request.url.scheme == "https",
            proxies=access.proxies,
        )
        try:
            found = house.identity.identify(shown)
        except CuttyError:
            return None
        if isinstance(found, Identified):
            return found.cookie
        if inspect.iscoroutine(found):
            found.close()  # the page is nobody's secret: what takes time is asked when a session is opened
        return None


async def _odd_request(request: Request, error: Exception) -> Response:
    """What no route takes, such as a line break in the path or a method that none of our own pages has."""
    if isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status:
        return error_response(
            MethodNotAllowed(
                f"{request.method} is not answered at this path.",
                allow=[method for method in (error.headers or {}).get("Allow", "").split(", ") if method],
                remedy="GET /openapi.json says what is.",
            )
        )
    return not_found(request)


def not_running() -> ShuttingDown:
    """What everybody is told before the start and after the end."""
    return ShuttingDown("The server is starting or stopping.", remedy="Try again in a moment.")
