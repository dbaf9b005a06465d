"""The operator's API under ``/admin/``: JSON, for whoever holds the operator's token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ..core import addressing
from ..errors import BadRequest, CuttyError, NotFound, Unauthorized
from ..ids import Address, check_session_id
from ..ports.store import SessionRow, SessionStore
from ..session.gate import SessionGate
from ..session.registry import Registry
from . import report
from .observer import Tail
from .token import check_bearer

log = structlog.get_logger("cutty_agent.admin")

PREFIX = "admin/sessions"

DEFAULT_PAGE = 100
"""Sessions of a page when the caller names no ``limit``; at most 1000."""


class AdminEndpoints:
    """Everything under ``/admin/``. Without a ``token`` nothing is served.

    ``resolve`` gives the registered name of an agent segment; sessions of agents that are no longer registered are
    found under the name they were stored with.
    """

    def __init__(
        self,
        gate: SessionGate,
        registry: Registry,
        store: SessionStore,
        *,
        token: str | None,
        resolve: Callable[[str], str | None],
    ) -> None:
        self._gate = gate
        self._registry = registry
        self._store = store
        self._token = token
        self._resolve = resolve
        self._tails: set[Tail] = set()

    def hang_up(self) -> None:
        """End every open tail."""
        for tail in list(self._tails):
            tail.close(1012, "The server is stopping")

    async def __call__(self, request: Request) -> Response:
        """Answer one request; every error is JSON with a code, a sentence and a remedy."""
        try:
            self._check(request)
            return await self._route(request)
        except CuttyError as error:
            headers = {"cache-control": "no-store"}
            if isinstance(error, Unauthorized):
                headers["www-authenticate"] = "Bearer"
            return JSONResponse(error.as_dict(), status_code=error.status, headers=headers)

    def _check(self, request: Request) -> None:
        if self._token is None:
            raise NotFound(
                "The operator's API is off: this server has a store of its own and no operator's token.",
                remedy="Set CUTTY_ADMIN_TOKEN and start the server again.",
            )
        try:
            check_bearer(request.headers.get("authorization"), self._token)
        except Unauthorized:
            client = request.client.host if request.client else None
            log.warning("admin.refused", client=client, method=request.method, path=request.url.path[:200])
            raise

    async def _route(self, request: Request) -> Response:
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("ascii", "replace").partition("?")[0]
        path = path.removeprefix(request.scope.get("root_path", ""))
        if path.rstrip("/") == f"/{PREFIX}" and request.method in {"GET", "HEAD"}:
            return await self.sessions(request)
        found = addressing.parse(path, PREFIX)
        handler = None
        if found is not None and len(found.rest) <= 1:
            method = "GET" if request.method == "HEAD" else request.method
            handler = _ROUTES.get((method, found.rest[0] if found.rest else ""))
        if found is None or handler is None:
            raise NotFound(
                f"{request.method} is not answered at this path.",
                remedy=f"GET /{PREFIX} lists sessions; GET or DELETE /{PREFIX}/{{agent}}/{{id}}, "
                "and messages, tail (GET) and stop (POST) below it.",
            )
        agent = self._resolve(found.agent_segment) or found.agent_segment
        return await handler(self, Address(agent, found.session))

    async def sessions(self, request: Request) -> Response:
        """``GET /admin/sessions?agent=&after=&limit=``: a page in the order of addresses.

        ``after`` is ``agent/id``, the ``next`` of the page before; ``next`` is null on the last page.
        """
        query = request.query_params
        agent = query.get("agent") or None
        limit = _limit(query.get("limit"))
        page = await self._store.sessions(
            agent=(self._resolve(agent) or agent) if agent else None,
            after=_after(query.get("after")),
            limit=limit,
        )
        last = str(page[-1].address) if len(page) == limit else None
        listed = [{**report.row(row), **report.presence(self._registry, row.address)} for row in page]
        return _json({"sessions": listed, "next": last})

    async def show(self, address: Address) -> Response:
        """``GET /admin/sessions/{agent}/{id}``: the row, who is there, what runs, and the newest turn records."""
        row = await self._row(address)
        return _json(
            {
                **report.row(row),
                **report.presence(self._registry, address),
                **report.activity(self._registry, address),
                "turns": report.turns(await self._store.turns(address)),
            }
        )

    async def messages(self, address: Address) -> Response:
        """``GET …/messages``: the stored transcript as a JSON array."""
        rows = await self._store.messages(address)
        if rows is None:
            raise _unknown(address)
        body = b"[" + b",".join(row.body for row in rows) + b"]"
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    async def tail(self, address: Address) -> Response:
        """``GET …/tail``: live frames as JSON lines, until the caller leaves or is too slow."""
        if address not in self._registry.slots:
            await self._row(address)
        return StreamingResponse(
            Tail(self._registry, address, self._tails).lines(),
            media_type="application/x-ndjson",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def stop(self, address: Address) -> Response:
        """``POST …/stop``: stop all turns of the session."""
        await self._row(address)
        stopped = await self._gate.stop(address, None)
        log.info("admin.stop", agent=address.agent, session=address.session, stopped=stopped)
        return _json({"stopped": stopped})

    async def delete(self, address: Address) -> Response:
        """``DELETE /admin/sessions/{agent}/{id}``: remove it with all it has; its sockets are closed for good."""
        deleted = await self._gate.delete(address)
        log.info("admin.delete", agent=address.agent, session=address.session, deleted=deleted)
        if not deleted:
            raise _unknown(address)
        return _json({"deleted": True})

    async def _row(self, address: Address) -> SessionRow:
        page = await self._store.sessions(agent=address.agent, after=report.just_before(address), limit=1)
        if not page or page[0].address != address:
            raise _unknown(address)
        return page[0]


_Handler = Callable[[AdminEndpoints, Address], Awaitable[Response]]

_ROUTES: dict[tuple[str, str], _Handler] = {
    ("GET", ""): AdminEndpoints.show,
    ("DELETE", ""): AdminEndpoints.delete,
    ("GET", "messages"): AdminEndpoints.messages,
    ("GET", "tail"): AdminEndpoints.tail,
    ("POST", "stop"): AdminEndpoints.stop,
}


def _json(value: dict[str, Any]) -> Response:
    return Response(
        msgspec.json.encode(value), media_type="application/json", headers={"cache-control": "no-store"}
    )


def _limit(given: str | None) -> int:
    if not given:
        return DEFAULT_PAGE
    try:
        return int(given)  # its range is the store's to check
    except ValueError:
        raise BadRequest(f"limit is {given[:20]!r}.", remedy="Ask for 1 to 1000 sessions a page.") from None


def _after(given: str | None) -> Address | None:
    if not given:
        return None
    agent, slash, session = given.partition("/")
    if not slash or not agent:
        raise BadRequest(
            f"after is {given[:150]!r}.", remedy='Send the "next" of the page before, which is agent/id.'
        )
    return Address(agent, check_session_id(session))


def _unknown(address: Address) -> NotFound:
    return NotFound(
        f"There is no session {address}.",
        remedy="GET /admin/sessions (cutty-agent sessions ls) lists those there are.",
    )
