"""What every endpoint of sessions has in common: whose pages may ask, who calls, and how errors are told."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ..errors import BadRequest, CuttyError, Gone, MethodNotAllowed, TooLarge, Unauthorized
from ..ids import Address
from ..session.gate import SessionGate
from ..wire.principal import Principal
from .caller import check_host, credentials
from .opening import Entrance, session_cookie
from .origin import EXPOSE, check_origin, cors_headers, speaks_for

log = structlog.get_logger("cutty_agent.http")

T = TypeVar("T")


class Visit(msgspec.Struct, frozen=True):
    """A request as it came in: its headers by lower-case name, and the ``Set-Cookie`` values its answer will have."""

    request: Request
    headers: dict[str, str]
    cookies: list[str]

    @property
    def path(self) -> str:
        """The raw, percent-encoded path below the mount point."""
        raw: bytes = self.request.scope.get("raw_path") or self.request.url.path.encode()
        path = raw.decode("ascii", "replace").partition("?")[0]
        return path.removeprefix(self.root)

    @property
    def peer(self) -> str:
        """The network address of the other end of the connection, a proxy perhaps."""
        return self.request.client.host if self.request.client is not None else ""

    @property
    def root(self) -> str:
        """The path this application is mounted at, empty at the top."""
        return str(self.request.scope.get("root_path", ""))

    def keep_session(self, address: Address) -> None:
        """Let the browser keep the id of a session, for addresses that name none."""
        self.keep(session_cookie(address.agent), address.session)

    def keep(self, name: str, value: str) -> None:
        """Give the browser a cookie that lasts as long as it runs and that no script can read."""
        secure = "; Secure" if self.request.url.scheme == "https" else ""
        self.cookies.append(f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")


class Call(msgspec.Struct, frozen=True):
    """A request for a session, and who makes it. ``asked`` is the address as it was written, ``address`` the session
    that its caller means by it; ``rest`` are the segments behind the session's."""

    request: Request
    asked: Address
    address: Address
    who: Principal
    peer: str
    rest: tuple[str, ...] = ()


class Reception:
    """Receives requests for the endpoints of sessions. ``rate`` counts a request for the network address it comes
    from; ``body_bytes`` is the largest body."""

    def __init__(
        self, gate: SessionGate, entrance: Entrance, *, body_bytes: int, rate: Callable[[str], None]
    ) -> None:
        self.gate = gate
        self.entrance = entrance
        self._body_bytes = body_bytes
        self._rate = rate

    async def answer(self, request: Request, route: Callable[[Visit], Awaitable[Response]]) -> Response:
        """The answer of ``route``; every error is JSON with a code, a sentence and a remedy."""
        headers = dict(request.headers)
        cors = cors_headers(
            headers.get("origin"),
            self.entrance.origins,
            request_headers=headers.get("access-control-request-headers"),
        )
        visit = Visit(request, headers, [])
        try:
            check_host(headers.get("host"), self.entrance.hosts)
            check_origin(headers.get("origin"), headers.get("host"), self.entrance.origins)
            if request.method == "OPTIONS":
                return Response(status_code=200, headers=cors)
            response = await route(visit)
        except CuttyError as error:
            response = error_response(error)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            log.exception("request.crashed", path=request.url.path)
            response = error_response(
                CuttyError("The request could not be processed.", remedy="Please try again.")
            )
        own = response.headers.get(EXPOSE)
        response.headers.update(cors)
        if own and EXPOSE in cors:  # an agent may show more
            response.headers[EXPOSE] = f"{own}, {cors[EXPOSE]}"
        if speaks_for(headers.get("origin"), headers.get("host"), self.entrance.origins):
            # Another page's request came without the visitor's cookies, and must not replace them either.
            for cookie in visit.cookies:
                response.headers.append("set-cookie", cookie)
        return response

    async def call(self, visit: Visit, address: Address, rest: tuple[str, ...] = ()) -> Call:
        """Who calls, and the session it means.

        Raises:
            Unauthorized: it does not show who it is; LimitReached: its network address calls too often.
        """
        entrance = self.entrance
        shown = credentials(
            visit.headers,
            visit.request.url.query,
            peer=visit.peer,
            secure=visit.request.url.scheme == "https",
            address=address if address.session else None,
            origins=entrance.origins,
            proxies=entrance.proxies,
        )
        self._rate(shown.peer)
        found = entrance.identify(shown)
        known = await found if inspect.isawaitable(found) else found
        if known.cookie is not None:
            visit.cookies.append(known.cookie)
        asked = address
        if address.session:
            address = self.gate.address(
                asked, known.principal, peer=shown.peer, origin=visit.headers.get("origin", "")
            )
        return Call(visit.request, asked, address, known.principal, shown.peer, rest)

    async def body(self, request: Request) -> bytes:
        """The whole body.

        Raises:
            TooLarge: it is above the limit.
        """
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


def decoded(body: bytes, type: type[T], remedy: str) -> T:
    """A JSON body.

    Raises:
        BadRequest: it is not what ``type`` says.
    """
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The request body is not valid: {error}.", remedy=remedy) from error


def error_response(error: CuttyError) -> Response:
    """The JSON form of an error, with its HTTP status."""
    headers: dict[str, str] = {}
    if isinstance(error, MethodNotAllowed) and error.allow:
        headers["allow"] = ", ".join(error.allow)
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    elif error.retry:
        headers["retry-after"] = "1"
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, Gone):
        headers["link"] = error.link
    return JSONResponse(error.as_dict(), status_code=error.status, headers=headers)
