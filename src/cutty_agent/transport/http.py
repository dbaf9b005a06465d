"""Sessions over plain HTTP (protocol 1.5 and 6), beside their sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..core.addressing import DEFAULT_SESSION
from ..errors import MethodNotAllowed, NotFound, UnknownAgent
from ..ids import Address, new_session_id
from ..session.archive_response import archive_response
from ..wire.card import Mode
from ..wire.principal import NEVER_MS, Principal
from .answer_stream import answer_stream, resumed
from .endpoints import Call, Reception, Visit, decoded
from .opening import named_dialect

TicketMaker = Callable[[Principal, Address, str | None], tuple[str, int]]
"""Makes a ticket for a principal, a session and an origin: the secret, and the millisecond in which it ends."""


class OwnersPart(Protocol):
    """What the owner of a session may have done with it, beside talking."""

    async def export_session(
        self, address: Address, *, actor: str = ..., peer: str = ...
    ) -> AsyncIterator[bytes]:
        """All that is stored of the session, as the pieces of a ZIP."""
        ...

    async def erase_session(self, address: Address, *, actor: str = ..., peer: str = ...) -> msgspec.Struct:
        """Remove the session; returns a receipt."""
        ...


class _StopBody(msgspec.Struct):
    requestId: str | None = None


class _ShareBody(msgspec.Struct, forbid_unknown_fields=True):
    mode: Mode
    principal: str | None = None
    seconds: float | None = None


class AgentEndpoints:
    """Everything under ``/{prefix}/``. One method per route; decisions are the session's."""

    def __init__(self, reception: Reception, *, ticket: TicketMaker, owners: OwnersPart) -> None:
        self._reception = reception
        self._gate = reception.gate
        self._entrance = reception.entrance
        self._ticket = ticket
        self._owners = owners

    async def __call__(self, request: Request) -> Response:
        """Answer a request below the prefix; every error is JSON with a code, a sentence and a remedy."""
        return await self._reception.answer(request, self._route)

    async def _route(self, visit: Visit) -> Response:
        request, path = visit.request, visit.path
        minting = self._minted_by(path)
        if minting is not None:
            mint = _AGENT_ROUTES.get(request.method)
            if mint is None:
                raise MethodNotAllowed(
                    f"{request.method} is not answered at this path.",
                    allow=("POST",),
                    remedy="POST makes a new session.",
                )
            return await mint(self, visit, await self._reception.call(visit, Address(minting, "")))
        query = request.url.query
        address, _, rest = self._entrance.address(path, query, visit.headers)
        old = self._entrance.old.look(request.method, path, query, visit.headers, visit.peer, root=visit.root)
        method = "GET" if request.method == "HEAD" else request.method
        handler = _ROUTES.get((method, rest[-1] if rest else ""))
        if handler is None and len(rest) == 1:
            handler = _OWN_ROUTES.get((method, rest[0]))
        if handler is None and len(rest) == 2:
            handler = _NAMED_ROUTES.get((method, rest[0]))
        if address.session == DEFAULT_SESSION and self._entrance.old.no_shared_room:
            call = await self._of_its_own(visit, address.agent, rest)
        else:
            call = await self._reception.call(visit, address, rest)
        if old is not None:
            self._entrance.old.count(call.who.id, call.peer, old)
        return await (handler or AgentEndpoints.application)(self, call)

    async def _of_its_own(self, visit: Visit, agent: str, rest: tuple[str, ...]) -> Call:
        """A request to ``default`` where that is nobody's session: what it sends begins one that its browser keeps,
        what it looks at is a session that does not exist."""
        call = await self._reception.call(visit, Address(agent, ""), rest)
        if visit.request.method == "POST":
            address = await self._gate.mint(agent, call.who)
            visit.keep_session(address)
        else:
            address = Address(agent, new_session_id())
        return msgspec.structs.replace(call, address=address)

    def _minted_by(self, path: str) -> str | None:
        """The agent of a path ``/{prefix}/{agent}``, which makes sessions."""
        root = f"/{self._entrance.prefix}/"
        segment = path.removeprefix(root).rstrip("/")
        if not path.startswith(root) or not segment or "/" in segment:
            return None
        agent = self._entrance.resolve(segment)
        if agent is None:
            raise UnknownAgent(
                f"There is no agent {segment[:40]!r}.",
                remedy="Check the agent's name in the path; GET /info.json lists them.",
            )
        return agent

    async def mint(self, visit: Visit, call: Call) -> Response:
        """``POST /agents/{agent}``: a new session with an id of 128 random bits, kept in a cookie too."""
        address = await self._gate.mint(call.address.agent, call.who)
        url = f"{visit.root}/{self._entrance.prefix}/{address.agent}/{address.session}"
        visit.keep_session(address)
        return JSONResponse(
            {"id": address.session, "agent": address.agent, "url": url},
            status_code=201,
            headers={"location": url, "cache-control": "no-store"},
        )

    async def submit(self, call: Call) -> Response:
        """``POST /agents/{agent}/{session}``: a turn, answered as an event stream."""
        body = await self._reception.body(call.request)
        return answer_stream(await self._gate.submit(call.address, call.who, body))

    async def messages(self, call: Call) -> Response:
        """``GET …/get-messages``: the transcript as a JSON array."""
        dialect = named_dialect(call.request.query_params)
        body = await self._gate.messages(call.address, call.who, dialect)
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    async def stream(self, call: Call) -> Response:
        """``GET …/stream``: the running turn from its first chunk, or 204."""
        return resumed(call.request, await self._gate.resume(call.address, call.who))

    async def session(self, call: Call) -> Response:
        """``GET /agents/{agent}/{session}``: with ``?chatId=`` the running answer for AI SDK 4 (protocol 6.3)."""
        if "chatId" not in call.request.query_params:
            return await self.application(call)
        return resumed(call.request, await self._gate.resume(call.address, call.who, "v4"))

    async def application(self, call: Call) -> Response:
        """Everything else is the agent's own (protocol 1.5)."""
        response = await self._gate.request(call.address, call.who, call.request)
        if response is None:
            known = ", ".join(sorted({name for _, name in {**_ROUTES, **_OWN_ROUTES} if name}))
            raise NotFound(
                f"{call.request.method} is not answered at this path.",
                remedy=f"POST a chat request to the session itself, or use one of {known} below it.",
            )
        return response

    async def stop(self, call: Call) -> Response:
        """``POST …/stop``: stop one turn (``{"requestId": …}``) or all of the session."""
        body = await self._reception.body(call.request)
        wanted = (
            decoded(body, _StopBody, 'Send no body, or {"requestId": "…"}.').requestId
            if body.strip()
            else None
        )
        return JSONResponse({"stopped": await self._gate.stop(call.address, call.who, wanted)})

    async def ticket(self, call: Call) -> Response:
        """``POST …/ticket``: a secret that opens this session once, for pages that must not put a token in a URL."""
        secret, ends_ms = self._ticket(call.who, call.asked, call.request.headers.get("origin"))
        return JSONResponse(
            {"ticket": secret, "expires": ends_ms}, status_code=201, headers={"cache-control": "no-store"}
        )

    async def shares(self, call: Call) -> Response:
        """``GET …/shares``: who else may enter; the owner's to see."""
        shares = await self._gate.shares(call.address, call.who)
        listed = [
            {
                "grantee": grantee,
                "mode": grant.mode,
                "created": grant.created_ms,
                "expires": grant.expires_ms if grant.expires_ms < NEVER_MS else None,
            }
            for grantee, grant in sorted(shares.items())
        ]
        return JSONResponse({"shares": listed}, headers={"cache-control": "no-store"})

    async def share(self, call: Call) -> Response:
        """``POST …/shares`` with ``{"mode": "read"|"write", "principal"?: "user:bob", "seconds"?: 3600}``: let a
        principal in, or, when none is named, whoever has the link that is returned."""
        remedy = (
            'Send {"mode": "read" or "write", "principal": "user:…" or nothing for a link, "seconds": …}.'
        )
        body = decoded(await self._reception.body(call.request), _ShareBody, remedy)
        shared = await self._gate.share(call.address, call.who, body.principal, body.mode, for_s=body.seconds)
        answer = {"mode": body.mode, "principal": body.principal}
        if body.principal is None:
            root = call.request.scope.get("root_path", "")
            path = (
                f"{root}/{self._entrance.prefix}/{call.address.agent}/{quote(call.address.session, safe='')}"
            )
            answer |= {"secret": shared, "url": f"{path}?share={shared}"}
        return JSONResponse(answer, status_code=201, headers={"cache-control": "no-store"})

    async def unshare(self, call: Call) -> Response:
        """``DELETE …/shares/{grantee}``: end a share, by its grantee or by a link's secret."""
        if not await self._gate.unshare(call.address, call.who, call.rest[-1]):
            raise NotFound("There is no such share.", remedy="GET …/shares lists those there are.")
        return JSONResponse({"ended": True})

    async def export(self, call: Call) -> Response:
        """``GET …/export``: all that is stored of the session, as a ZIP; the owner's to have."""
        await self._gate.own(call.address, call.who)
        pieces = await self._owners.export_session(call.address, actor=call.who.id, peer=call.peer)
        return archive_response(pieces, call.address.session)

    async def erase(self, call: Call) -> Response:
        """``DELETE /agents/{agent}/{session}``: erase the session for good; the owner's to do. Answers a receipt."""
        await self._gate.own(call.address, call.who)
        receipt = await self._owners.erase_session(call.address, actor=call.who.id, peer=call.peer)
        return Response(msgspec.json.encode(receipt), media_type="application/json")


_Handler = Callable[[AgentEndpoints, Call], Awaitable[Response]]

_ROUTES: dict[tuple[str, str], _Handler] = {
    ("POST", ""): AgentEndpoints.submit,
    ("GET", ""): AgentEndpoints.session,
    ("DELETE", ""): AgentEndpoints.erase,
    ("GET", "get-messages"): AgentEndpoints.messages,
    ("GET", "stream"): AgentEndpoints.stream,
    ("POST", "stop"): AgentEndpoints.stop,
}
"""By method and last segment of the path, at any depth (protocol 1.5)."""

_OWN_ROUTES: dict[tuple[str, str], _Handler] = {
    ("POST", "ticket"): AgentEndpoints.ticket,
    ("GET", "shares"): AgentEndpoints.shares,
    ("POST", "shares"): AgentEndpoints.share,
    ("GET", "export"): AgentEndpoints.export,
}
"""By method and the one segment below the session's; deeper paths are the application's."""

_NAMED_ROUTES: dict[tuple[str, str], _Handler] = {("DELETE", "shares"): AgentEndpoints.unshare}
"""By method and the first of two segments below the session's; the second names something."""

_AGENT_ROUTES: dict[str, Callable[[AgentEndpoints, Visit, Call], Awaitable[Response]]] = {
    "POST": AgentEndpoints.mint
}
"""Of an agent itself, by method."""
