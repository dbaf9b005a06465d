"""The operator's API under ``/admin/``: JSON, for whoever holds the operator's token."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ..core import addressing
from ..errors import BadRequest, CuttyError, NotFound, TooLarge, Unauthorized
from ..ids import Address, check_session_id
from ..ports.store import SessionRow, SessionStore
from ..session.audit import Audit
from ..session.gate import SessionGate
from ..session.registry import Registry
from . import report
from .observer import Tail
from .operations import Operations
from .token import check_bearer

log = structlog.get_logger("cutty_agent.admin")

SESSIONS = "admin/sessions"
PRINCIPALS = "admin/principals"

MAX_BODY = 64 * 1024
"""Bytes of a request body."""

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
        operations: Operations,
        audit: Audit,
        *,
        token: str | None,
        resolve: Callable[[str], str | None],
    ) -> None:
        self._gate = gate
        self._registry = registry
        self._store = store
        self._operations = operations
        self._audit = audit
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
            self._audit.refused("", None, peer=client or "", detail="The operator's API, without its token.")
            raise

    async def _route(self, request: Request) -> Response:
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("ascii", "replace").partition("?")[0]
        path = path.removeprefix(request.scope.get("root_path", ""))
        method = "GET" if request.method == "HEAD" else request.method
        general = _GENERAL.get((method, path.removeprefix("/admin/").rstrip("/")))
        if general is not None:
            return await general(self, request)
        if path.startswith(f"/{PRINCIPALS}/"):
            return await self._principal(request, method, path)
        found = addressing.parse(path, SESSIONS)
        handler = None
        if found is not None and len(found.rest) <= 1:
            handler = _ROUTES.get((method, found.rest[0] if found.rest else ""))
        if found is None or handler is None:
            raise NotFound(
                f"{request.method} is not answered at this path.",
                remedy=f"GET /{SESSIONS} lists sessions; GET or DELETE /{SESSIONS}/{{agent}}/{{id}}, "
                f"and {', '.join(sorted({name for _, name in _ROUTES if name}))} below it; see GET /openapi.json.",
            )
        agent = self._resolve(found.agent_segment) or found.agent_segment
        return await handler(self, request, Address(agent, found.session))

    async def _principal(self, request: Request, method: str, path: str) -> Response:
        """Everything below ``/admin/principals/{id}``."""
        # Decoded after it is taken apart: a user's id may hold a slash.
        owner, _, action = path.removeprefix(f"/{PRINCIPALS}/").rstrip("/").partition("/")
        handler = _PRINCIPAL_ROUTES.get((method, action))
        if handler is None:
            raise NotFound(
                f"{request.method} is not answered at this path.",
                remedy=f"GET /{PRINCIPALS}/{{id}}/export, or DELETE /{PRINCIPALS}/{{id}}; a / in the id is %2F.",
            )
        return await handler(self, request, unquote(owner))

    async def export_principal(self, request: Request, owner: str) -> Response:
        """``GET /admin/principals/{id}/export``: all sessions it owns, as a ZIP."""
        return archive_response(await self._operations.export_owner(owner, peer=_peer(request)), owner)

    async def erase_principal(self, request: Request, owner: str) -> Response:
        """``DELETE /admin/principals/{id}``: erase every session it owns; answers a receipt."""
        return _json(msgspec.to_builtins(await self._operations.erase_owner(owner, peer=_peer(request))))

    async def sessions(self, request: Request) -> Response:
        """``GET /admin/sessions?agent=&owner=&parked=&idle=&after=&limit=``: a page in the order of addresses.

        ``idle`` is a number of seconds without activity. ``after`` is ``agent/id``, the ``next`` of the page before;
        ``next`` is null on the last page.
        """
        query = request.query_params
        agent = query.get("agent") or None
        limit = _limit(query.get("limit"))
        idle = _number(query.get("idle"), "idle")
        page = await self._store.sessions(
            agent=(self._resolve(agent) or agent) if agent else None,
            owner=query.get("owner") or None,
            parked=query.get("parked") in {"1", "true", "yes"},
            idle_since_ms=None if idle is None else self._registry.clock.now_ms() - round(idle * 1000),
            after=_after(query.get("after")),
            limit=limit,
        )
        last = str(page[-1].address) if len(page) == limit else None
        listed = [{**report.row(row), **report.presence(self._registry, row.address)} for row in page]
        return _json({"sessions": listed, "next": last})

    async def audit(self, request: Request) -> Response:
        """``GET /admin/audit?action=&actor=&session=agent/id&before=&limit=``: the audit log, newest first."""
        query = request.query_params
        before = _number(query.get("before"), "before")
        limit = _limit(query.get("limit"))
        rows = await self._store.audit(
            before=None if before is None else int(before),
            action=query.get("action") or None,
            actor=query.get("actor"),
            address=_after(query.get("session")),
            limit=limit,
        )
        listed = [{"seq": row.seq, **msgspec.to_builtins(row.entry)} for row in rows]
        return _json({"entries": listed, "next": rows[-1].seq if len(rows) == limit else None})

    async def sweep(self, request: Request) -> Response:
        """``GET /admin/sweep``: what has been removed because it expired, since the start."""
        return _json(msgspec.to_builtins(self._registry.sweeper.swept))

    async def sweep_now(self, request: Request) -> Response:
        """``POST /admin/sweep``: remove what has expired now."""
        await self._audit.acted("sessions.swept", peer=_peer(request))
        return _json(msgspec.to_builtins(await self._registry.sweeper.sweep()))

    async def purge(self, request: Request) -> Response:
        """``POST /admin/purge`` with ``{"older_than": seconds, "agent"?, "dry_run"?}``: JSON lines of progress."""
        wanted = await _body(
            request, _Purge, 'Send {"older_than": seconds, "agent": …, "dry_run": true or false}.'
        )
        agent = (self._resolve(wanted.agent) or wanted.agent) if wanted.agent else None
        steps = await self._operations.purge(
            older_than_ms=round(wanted.older_than * 1000),
            agent=agent,
            dry_run=wanted.dry_run,
            peer=_peer(request),
        )

        async def lines() -> AsyncIterator[bytes]:
            async for step in steps:
                yield msgspec.json.encode(step) + b"\n"

        return StreamingResponse(
            lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"}
        )

    async def revoke(self, request: Request) -> Response:
        """``POST /admin/revocations`` with ``{"key": "user:anna" or a token's jti, "seconds"?}``."""
        wanted = await _body(request, _Revoke, 'Send {"key": "user:…" or a token\'s jti, "seconds": …}.')
        until = (
            None if wanted.seconds is None else self._registry.clock.now_ms() + round(wanted.seconds * 1000)
        )
        closed = await self._operations.revoke(wanted.key, until, peer=_peer(request))
        return _json({"revoked": wanted.key, "closed": closed})

    async def show(self, request: Request, address: Address) -> Response:
        """``GET /admin/sessions/{agent}/{id}``: the row, who is there, what runs, and the newest turn records."""
        row = await self._row(address)
        card = await self._store.card(address)
        return _json(
            {
                **report.row(row),
                "shares": msgspec.to_builtins(card.grants) if card is not None else {},
                **report.presence(self._registry, address),
                **report.activity(self._registry, address),
                "turns": report.turns(await self._store.turns(address)),
            }
        )

    async def messages(self, request: Request, address: Address) -> Response:
        """``GET …/messages``: the stored transcript as a JSON array."""
        stored = await self._store.messages(address)
        if stored is None:
            raise _unknown(address)
        await self._audit.acted("session.read", address, peer=_peer(request))
        body = b"[" + b",".join(row.body for row in stored.messages) + b"]"
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    async def state(self, request: Request, address: Address) -> Response:
        """``GET …/state``: the stored state; 204 when there is none."""
        await self._row(address)
        body = await self._store.state(address)
        if body is None:
            return Response(status_code=204)
        await self._audit.acted("session.read", address, peer=_peer(request))
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    async def tail(self, request: Request, address: Address) -> Response:
        """``GET …/tail``: live frames as JSON lines, until the caller leaves or is too slow."""
        if address not in self._registry.slots:
            await self._row(address)
        await self._audit.acted("session.tailed", address, peer=_peer(request))
        return StreamingResponse(
            Tail(self._registry, address, self._tails).lines(),
            media_type="application/x-ndjson",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def stop(self, request: Request, address: Address) -> Response:
        """``POST …/stop``: stop all turns of the session."""
        await self._row(address)
        await self._audit.acted("session.stopped", address, peer=_peer(request))
        return _json({"stopped": await self._gate.stop(address, None, None)})

    async def park(self, request: Request, address: Address) -> Response:
        """``POST …/park`` with ``{"reason"?}``: let no turn of the session run."""
        wanted = await _body(request, _Park, 'Send {"reason": "…"}, or nothing.')
        await self._operations.park(address, wanted.reason, peer=_peer(request))
        return _json({"parked": wanted.reason})

    async def unpark(self, request: Request, address: Address) -> Response:
        """``POST …/unpark``: let it run again."""
        await self._operations.park(address, None, peer=_peer(request))
        return _json({"parked": None})

    async def expire(self, request: Request, address: Address) -> Response:
        """``POST …/expire``: end the session now, its agent winding it up."""
        await self._row(address)
        await self._operations.expire(address, peer=_peer(request))
        return _json({"expired": True})

    async def export(self, request: Request, address: Address) -> Response:
        """``GET …/export``: all that is stored of it, as a ZIP."""
        pieces = await self._operations.export_session(address, peer=_peer(request))
        return archive_response(pieces, address.session)

    async def erase(self, request: Request, address: Address) -> Response:
        """``DELETE /admin/sessions/{agent}/{id}``: erase it; answers a receipt. Its sockets are closed for good."""
        receipt = await self._operations.erase_session(address, peer=_peer(request))
        return _json({"deleted": True, **msgspec.to_builtins(receipt)})

    async def _row(self, address: Address) -> SessionRow:
        page = await self._store.sessions(agent=address.agent, after=report.just_before(address), limit=1)
        if not page or page[0].address != address:
            raise _unknown(address)
        return page[0]


class _Purge(msgspec.Struct, forbid_unknown_fields=True):
    older_than: float
    agent: str | None = None
    dry_run: bool = False


class _Revoke(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    seconds: float | None = None


class _Park(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = "An operator parked this session."


_Handler = Callable[[AdminEndpoints, Request, Address], Awaitable[Response]]

_ROUTES: dict[tuple[str, str], _Handler] = {
    ("GET", ""): AdminEndpoints.show,
    ("DELETE", ""): AdminEndpoints.erase,
    ("GET", "messages"): AdminEndpoints.messages,
    ("GET", "state"): AdminEndpoints.state,
    ("GET", "tail"): AdminEndpoints.tail,
    ("GET", "export"): AdminEndpoints.export,
    ("POST", "stop"): AdminEndpoints.stop,
    ("POST", "park"): AdminEndpoints.park,
    ("POST", "unpark"): AdminEndpoints.unpark,
    ("POST", "expire"): AdminEndpoints.expire,
}
"""Of one session, by method and last segment."""

_GENERAL: dict[tuple[str, str], Callable[[AdminEndpoints, Request], Awaitable[Response]]] = {
    ("GET", "sessions"): AdminEndpoints.sessions,
    ("GET", "audit"): AdminEndpoints.audit,
    ("GET", "sweep"): AdminEndpoints.sweep,
    ("POST", "sweep"): AdminEndpoints.sweep_now,
    ("POST", "purge"): AdminEndpoints.purge,
    ("POST", "revocations"): AdminEndpoints.revoke,
}
"""Of the installation, by method and path below ``/admin/``."""

_PRINCIPAL_ROUTES: dict[tuple[str, str], Callable[[AdminEndpoints, Request, str], Awaitable[Response]]] = {
    ("GET", "export"): AdminEndpoints.export_principal,
    ("DELETE", ""): AdminEndpoints.erase_principal,
}
"""Of one principal, by method and what follows its id."""

B = TypeVar("B", bound=msgspec.Struct)


async def _body(request: Request, type: type[B], remedy: str) -> B:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise TooLarge(f"The request body is larger than {MAX_BODY} bytes.", remedy=remedy)
    try:
        return msgspec.json.decode(body or b"{}", type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The request body is not valid: {error}.", remedy=remedy) from error


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def archive_response(pieces: AsyncIterator[bytes], name: str) -> Response:
    """A ZIP to be saved under a file name made of ``name``."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "-" for each in name)[
        :100
    ]
    return StreamingResponse(
        pieces,
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{plain}.zip"', "cache-control": "no-store"},
    )


def _json(value: dict[str, Any]) -> Response:
    return Response(
        msgspec.json.encode(value), media_type="application/json", headers={"cache-control": "no-store"}
    )


def _limit(given: str | None) -> int:
    number = _number(given, "limit")
    return DEFAULT_PAGE if number is None else int(number)  # its range is the store's to check


def _number(given: str | None, field: str) -> float | None:
    if not given:
        return None
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRequest(f"{field} is {given[:20]!r}.", remedy=f"Give a number for {field}.")
    return number


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
