"""Sessions over plain HTTP (protocol 1.5 and 6), beside their sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ..core import addressing
from ..errors import BadRequest, CuttyError, NotFound, TooLarge, UnknownAgent
from ..ids import Address
from ..session.gate import SessionGate
from .answer_stream import answer_stream
from .opening import Entrance, named_dialect
from .origin import check_origin, cors_headers

log = structlog.get_logger("cutty_agent.http")


class _StopBody(msgspec.Struct):
    requestId: str | None = None


class AgentEndpoints:
    """Everything under ``/{prefix}/``. One method per route; decisions are the session's."""

    def __init__(self, gate: SessionGate, entrance: Entrance, *, body_bytes: int) -> None:
        self._gate = gate
        self._entrance = entrance
        self._body_bytes = body_bytes

    async def __call__(self, request: Request) -> Response:
        """Answer a request below the prefix; every error is JSON with a code, a sentence and a remedy."""
        cors = cors_headers(
            request.headers.get("origin"),
            self._entrance.origins,
            request_headers=request.headers.get("access-control-request-headers"),
        )
        try:
            check_origin(request.headers.get("origin"), request.headers.get("host"), self._entrance.origins)
            if request.method == "OPTIONS":
                return Response(status_code=200, headers=cors)
            response = await self._route(request, cors)
        except CuttyError as error:
            response = error_response(error)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            log.exception("request.crashed", path=request.url.path)
            response = error_response(
                CuttyError("The request could not be processed.", remedy="Please try again.")
            )
        response.headers.update(cors)
        return response

    async def _route(self, request: Request, cors: dict[str, str]) -> Response:
        raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw_path.decode("ascii", "replace").partition("?")[0]
        root: str = request.scope.get("root_path", "")
        route = addressing.parse(
            path.removeprefix(root),
            self._entrance.prefix,
            query=request.url.query,
            session_header=request.headers.get("x-session-id"),
            allow_default=self._entrance.allow_default,
        )
        if route is None:
            raise NotFound(
                "This path names no session.",
                remedy=f"Use /{self._entrance.prefix}/{{agent}}/{{sessionId}}.",
            )
        agent = self._entrance.resolve(route.agent_segment)
        if agent is None:
            raise UnknownAgent(
                f"There is no agent {route.agent_segment[:40]!r}.",
                remedy="Check the agent's name in the path; GET /info.json lists them.",
            )
        address = Address(agent, route.session)
        last = route.rest[-1] if route.rest else ""
        handler = _ROUTES.get((request.method if request.method != "HEAD" else "GET", last))
        if handler is None:
            return await self.application(request, address)
        return await handler(self, request, address)

    async def submit(self, request: Request, address: Address) -> Response:
        """``POST /agents/{agent}/{session}``: a turn, answered as an event stream."""
        return answer_stream(await self._gate.submit(address, await self._body(request)))

    async def messages(self, request: Request, address: Address) -> Response:
        """``GET …/get-messages``: the transcript as a JSON array."""
        body = await self._gate.messages(address, named_dialect(request.query_params))
        return Response(body, media_type="application/json")

    async def stream(self, request: Request, address: Address) -> Response:
        """``GET …/stream``: the running turn from its first chunk, or 204."""
        answer = await self._gate.resume(address)
        return Response(status_code=204) if answer is None else answer_stream(answer)

    async def session(self, request: Request, address: Address) -> Response:
        """``GET /agents/{agent}/{session}``: with ``?chatId=`` the running answer for AI SDK 4 (protocol 6.3)."""
        if "chatId" not in request.query_params:
            return await self.application(request, address)
        answer = await self._gate.resume(address, "v4")
        return Response(status_code=204) if answer is None else answer_stream(answer)

    async def application(self, request: Request, address: Address) -> Response:
        """Everything else is the agent's own (protocol 1.5)."""
        response = await self._gate.request(address, request)
        if response is None:
            known = ", ".join(sorted({name for _, name in _ROUTES if name}))
            raise NotFound(
                f"{request.method} is not answered at this path.",
                remedy=f"POST a chat request to the session itself, or use one of {known} below it.",
            )
        return response

    async def stop(self, request: Request, address: Address) -> Response:
        """``POST …/stop``: stop one turn (``{"requestId": …}``) or all of the session."""
        body = await self._body(request)
        try:
            wanted = msgspec.json.decode(body, type=_StopBody).requestId if body.strip() else None
        except msgspec.MsgspecError as error:
            raise BadRequest(
                f"The body of stop is not valid: {error}.",
                remedy='Send no body, or {"requestId": "…"}.',
            ) from error
        return JSONResponse({"stopped": await self._gate.stop(address, wanted)})

    async def _body(self, request: Request) -> bytes:
        limit = self._body_bytes
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > limit:
                raise TooLarge(
                    f"The request body is larger than limits.body_bytes = {limit} bytes.",
                    remedy="Send less, or raise CUTTY_LIMITS__BODY_BYTES.",
                )
            pieces.append(piece)
        return b"".join(pieces)


_Handler = Callable[[AgentEndpoints, Request, Address], Awaitable[Response]]

_ROUTES: dict[tuple[str, str], _Handler] = {
    ("POST", ""): AgentEndpoints.submit,
    ("GET", ""): AgentEndpoints.session,
    ("GET", "get-messages"): AgentEndpoints.messages,
    ("GET", "stream"): AgentEndpoints.stream,
    ("POST", "stop"): AgentEndpoints.stop,
}


def error_response(error: CuttyError) -> Response:
    """The JSON form of an error, with its HTTP status."""
    headers = {"retry-after": "1"} if error.retry else None
    return JSONResponse(error.as_dict(), status_code=error.status, headers=headers)
