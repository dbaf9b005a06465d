"""The operator's API under ``/admin/``: who may come in, and which function answers what."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Final
from urllib.parse import unquote

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ..core import addressing
from ..errors import CuttyError, Forbidden, NotFound, Unauthorized
from ..ids import Address
from ..ports.identity import Credentials, Identified
from ..ports.store import SessionStore
from ..session.audit import Audit
from ..session.gate import SessionGate
from ..session.registry import Registry
from ..wire.principal import OPERATOR, Principal
from . import analytics_api, bridge, sessions_api, settings_view, upkeep
from .desk import Asked, Desk, Scope, json
from .operations import Operations
from .token import is_token, shown_token, wrong_token

log = structlog.get_logger("cutty_agent.admin")

SESSIONS = "admin/sessions"
PRINCIPALS = "admin/principals"

VIEW: Final = "cutty:view"
ACT: Final = "cutty:act"
"""Scopes of a token that lets its user look, or act too."""

Identify = Callable[[Credentials], Identified | Awaitable[Identified]]


class AdminEndpoints:
    """Everything under ``/admin/``, for the holder of the operator's ``token``, and for users of the application whose
    tokens have the scopes :data:`VIEW` or :data:`ACT`. Without a ``token`` and ``identify`` nothing is served.

    ``resolve`` gives the registered name of an agent segment; sessions of agents that are no longer registered are
    found under the name they were stored with. ``identify`` tells whose a token is, where there is an access rule.
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
        identify: Identify | None = None,
    ) -> None:
        self._desk = Desk(gate, registry, store, operations, audit, resolve)
        self._token = token
        self._identify = identify

    def hang_up(self) -> None:
        """End every open tail."""
        for tail in list(self._desk.tails):
            tail.close(1012, "The server is stopping")

    async def __call__(self, request: Request) -> Response:
        """Answer one request; every error is JSON with a code, a sentence and a remedy."""
        try:
            return await self._route(await self._enter(request))
        except CuttyError as error:
            headers = {"cache-control": "no-store"}
            if isinstance(error, Unauthorized):
                headers["www-authenticate"] = "Bearer"
            return JSONResponse(error.as_dict(), status_code=error.status, headers=headers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            log.exception("request.crashed", path=request.url.path[:200])
            crash = CuttyError("The request could not be processed.", remedy="The server's log says why.")
            return JSONResponse(crash.as_dict(), status_code=crash.status)

    # -- who may come in

    async def _enter(self, request: Request) -> Asked:
        if self._token is None and self._identify is None:
            raise NotFound(
                "The operator's API is off: this server has a store of its own and no operator's token.",
                remedy="Set CUTTY_ADMIN_TOKEN and start the server again.",
            )
        actor = ""
        try:
            shown = shown_token(request.headers.get("authorization"))
            if self._token is not None and is_token(shown, self._token):
                return Asked(request, OPERATOR, frozenset(("view", "act")))
            who = await self._who(request, shown)
            actor = who.id
            return Asked(request, who.id, _scopes(who))
        except Unauthorized:
            self._refused(request, actor)
            raise

    async def _who(self, request: Request, shown: str) -> Principal:
        """The user of the application a token names. Cookies do not count here: another site's page sends them too."""
        if self._identify is None:
            raise wrong_token()
        peer = request.client.host if request.client is not None else ""
        headers = {"authorization": f"Bearer {shown}"}
        found = self._identify(
            Credentials(headers=headers, query={}, peer=peer, secure=request.url.scheme == "https")
        )
        who = (await found if inspect.isawaitable(found) else found).principal
        if not who.signed_in:
            raise wrong_token()
        return who

    def _refused(self, request: Request, actor: str) -> None:
        client = request.client.host if request.client else None
        log.warning("admin.refused", client=client, method=request.method, path=request.url.path[:200])
        detail = f"The operator's API, without its {'scope' if actor else 'token'}."
        self._desk.audit.refused(actor, None, peer=client or "", detail=detail)

    # -- which function answers

    async def _route(self, asked: Asked) -> Response:
        request = asked.request
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("ascii", "replace").partition("?")[0]
        path = path.removeprefix(request.scope.get("root_path", ""))
        method = "GET" if request.method == "HEAD" else request.method
        name = path.removeprefix("/admin/").rstrip("/")
        general = _GENERAL.get((method, name))
        if general is not None:
            self._allow(asked, method, name)
            return await general(self._desk, asked)
        if path.startswith(f"/{PRINCIPALS}/"):
            return await self._principal(asked, method, path)
        found = addressing.parse(path, SESSIONS)
        handler = None
        if found is not None and len(found.rest) <= 1:
            name = found.rest[0] if found.rest else ""
            handler = _ROUTES.get((method, name))
        if found is None or handler is None:
            raise NotFound(
                f"{request.method} is not answered at this path.",
                remedy=f"GET /{SESSIONS} lists sessions; GET or DELETE /{SESSIONS}/{{agent}}/{{id}}, "
                f"and {', '.join(sorted({name for _, name in _ROUTES if name}))} below it; see GET /openapi.json.",
            )
        self._allow(asked, method, name)
        agent = self._desk.agent(found.agent_segment) or found.agent_segment
        return await handler(self._desk, asked, Address(agent, found.session))

    async def _principal(self, asked: Asked, method: str, path: str) -> Response:
        """Everything below ``/admin/principals/{id}``."""
        # Decoded after it is taken apart: a user's id may hold a slash.
        owner, _, name = path.removeprefix(f"/{PRINCIPALS}/").rstrip("/").partition("/")
        handler = _PRINCIPAL_ROUTES.get((method, name))
        if handler is None:
            raise NotFound(
                f"{asked.request.method} is not answered at this path.",
                remedy=f"GET /{PRINCIPALS}/{{id}}/export, or DELETE /{PRINCIPALS}/{{id}}; a / in the id is %2F.",
            )
        self._allow(asked, method, name)
        return await handler(self._desk, asked, unquote(owner))

    def _allow(self, asked: Asked, method: str, name: str) -> None:
        """Whatever changes something, or takes a copy away, needs the scope to act."""
        if method == "GET" and name != "export":
            return
        try:
            asked.must_act()
        except Forbidden:
            self._refused(asked.request, asked.actor)
            raise


def _scopes(who: Principal) -> frozenset[Scope]:
    """What a user may do; who may act may look as well.

    Raises:
        Unauthorized: nothing, so that its token is no better than none.
    """
    if ACT in who.scopes:
        return frozenset(("view", "act"))
    if VIEW in who.scopes:
        return frozenset(("view",))
    raise Unauthorized(
        "You are signed in, and not as an operator.", remedy=f"Use a token whose scopes hold {VIEW} or {ACT}."
    )


async def _me(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/me``: who you are here, and what you may do."""
    scopes = [scope for scope in ("view", "act") if scope in asked.scopes]
    return json({"actor": asked.actor, "scopes": scopes, "version": version("cutty-agent")})


_Handler = Callable[[Desk, Asked, Address], Awaitable[Response]]

_ROUTES: dict[tuple[str, str], _Handler] = {
    ("GET", ""): sessions_api.show,
    ("DELETE", ""): sessions_api.erase,
    ("GET", "turns"): sessions_api.turns,
    ("GET", "messages"): sessions_api.messages,
    ("GET", "state"): sessions_api.state,
    ("PUT", "state"): sessions_api.set_state,
    ("GET", "tail"): sessions_api.tail,
    ("GET", "export"): sessions_api.export,
    ("POST", "stop"): sessions_api.stop,
    ("POST", "park"): sessions_api.park,
    ("POST", "unpark"): sessions_api.unpark,
    ("POST", "expire"): sessions_api.expire,
}
"""Of one session, by method and last segment."""

_GENERAL: dict[tuple[str, str], Callable[[Desk, Asked], Awaitable[Response]]] = {
    ("GET", "me"): _me,
    ("GET", "overview"): analytics_api.overview,
    ("GET", "usage"): analytics_api.usage,
    ("GET", "sessions"): sessions_api.browse,
    ("GET", "limits"): settings_view.limits,
    ("GET", "config"): settings_view.config,
    ("GET", "audit"): upkeep.audit,
    ("GET", "bridge"): bridge.uses,
    ("GET", "sweep"): upkeep.sweep,
    ("POST", "sweep"): upkeep.sweep_now,
    ("POST", "purge"): upkeep.purge,
    ("POST", "revocations"): upkeep.revoke,
}
"""Of the installation, by method and path below ``/admin/``."""

_PRINCIPAL_ROUTES: dict[tuple[str, str], Callable[[Desk, Asked, str], Awaitable[Response]]] = {
    ("GET", "export"): upkeep.export_principal,
    ("DELETE", ""): upkeep.erase_principal,
}
"""Of one principal, by method and what follows its id."""
