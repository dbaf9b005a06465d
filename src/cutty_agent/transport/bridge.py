"""The old shared addresses, ``POST /api/chat`` and its history: each caller gets a session of its own behind them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ..core import bridging
from ..core.addressing import DEFAULT_SESSION
from ..errors import MethodNotAllowed
from ..ids import Address, new_session_id
from ..session.followed import Answer
from ..wire.client import Dialect, decode_body
from .answer_stream import answer_stream, resumed
from .endpoints import Call, Reception, Visit
from .opening import kept, minted_session, named_dialect

SECRET_COOKIE = "cutty_bridge"
"""Makes chat ids that anybody could guess the browser's own."""

_NO_ID = Address("", "")


class Bridge:
    """Maps the old addresses to sessions of ``agent``. ``only_minted`` says that clients make no session ids here.

    Which session a request means: the one that ``?sessionId=`` or ``X-Session-Id`` names; else that of the chat id in
    its body, for this caller alone; else the browser's own, by a cookie, or the caller's ``default`` where callers
    have names. A session that turns out to be somebody else's is passed over, so that no stranger can be in the way.
    """

    def __init__(self, reception: Reception, agent: str, *, only_minted: bool) -> None:
        self._reception = reception
        self._gate = reception.gate
        self._entrance = reception.entrance
        self._old = reception.entrance.old
        self._agent = agent
        self._only_minted = only_minted

    async def chat(self, request: Request) -> Response:
        """``POST /api/chat``: a turn, answered in the dialect of its body (AI SDK 4, or 5 and later)."""
        return await self._reception.answer(request, self._chat)

    async def history(self, request: Request) -> Response:
        """``GET /api/v1/agent/chat/{sessionId}/messages``: the transcript as a JSON array."""
        return await self._reception.answer(request, self._history)

    async def stream(self, request: Request) -> Response:
        """``GET /api/chat/{id}/stream``: the answer in progress for AI SDK 5 and later, or 204."""
        return await self._reception.answer(request, self._stream)

    async def _chat(self, visit: Visit) -> Response:
        params = visit.request.query_params
        if visit.request.method in {"GET", "HEAD"} and "chatId" in params:
            return await self._resumed(visit, "GET /api/chat?chatId=", params["chatId"], "v4")
        if visit.request.method != "POST":
            raise MethodNotAllowed(
                f"{visit.request.method} is not answered at this path.",
                allow=("POST",),
                remedy="POST a chat request; GET …?chatId= resumes an answer for AI SDK 4.",
            )
        call, detail = await self._enter(visit, "POST /api/chat")
        body = await self._reception.body(call.request)
        given, _ = decode_body(body)
        address = await self._own_session(visit, call, given.id if isinstance(given.id, str) else "")
        answer = await self._gate.submit(address, call.who, body, adopting=True)
        self._old.count(call.who.id, call.peer, detail)
        response = answer_stream(answer)
        response.headers["x-session-id"] = address.session
        response.headers["link"] = f'<{self._url(visit, str(address))}>; rel="successor-version"'
        return response

    async def _history(self, visit: Visit) -> Response:
        if visit.request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(
                f"{visit.request.method} is not answered at this path.",
                allow=("GET", "HEAD"),
                remedy="GET the messages.",
            )
        call, detail = await self._enter(visit, "GET /api/v1/agent/chat/{sessionId}/messages")
        dialect = named_dialect(visit.request.query_params)
        given = str(visit.request.path_params["session"])
        body = b"[]"
        for session in self._sessions_named(visit, call, given):
            address = Address(self._agent, session)
            if await self._gate.enterable(address, call.who, may_make=False):
                body = await self._gate.messages(address, call.who, dialect)
                break
        self._old.count(call.who.id, call.peer, detail)
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    async def _stream(self, visit: Visit) -> Response:
        if visit.request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(
                f"{visit.request.method} is not answered at this path.",
                allow=("GET", "HEAD"),
                remedy="GET the answer in progress.",
            )
        chat = str(visit.request.path_params["chat"])
        return await self._resumed(visit, "GET /api/chat/{id}/stream", chat, "v5")

    async def _resumed(self, visit: Visit, route: str, chat: str, dialect: Dialect) -> Response:
        call, detail = await self._enter(visit, route)
        query, header = visit.request.query_params.get("sessionId"), visit.headers.get("x-session-id")
        answer: Answer | None = None
        for session in self._sessions_named(visit, call, bridging.named(query, header) or chat):
            address = Address(self._agent, session)
            if await self._gate.enterable(address, call.who, may_make=False):
                answer = await self._gate.resume(address, call.who, dialect)
                break
        self._old.count(call.who.id, call.peer, detail)
        return resumed(visit.request, answer)

    async def _enter(self, visit: Visit, route: str) -> tuple[Call, str]:
        """Who calls, and what to count of it."""
        detail = self._old.note(route, visit.headers, visit.peer, new=self._url(visit, self._agent))
        return await self._reception.call(visit, _NO_ID), detail

    def _sessions_named(self, visit: Visit, call: Call, given: str) -> list[str]:
        """The sessions that an id in an old path may mean, an id of either kind."""
        chosen = bridging.named(given, None)
        if chosen is not None:
            return [chosen, *self._of_chat(call, chosen, self._secret(visit))]
        return self._unnamed(visit, call)

    async def _own_session(self, visit: Visit, call: Call, chat: str) -> Address:
        """The caller's session; it is not made here."""
        query, header = visit.request.query_params.get("sessionId"), visit.headers.get("x-session-id")
        chosen = bridging.named(query, header)
        makes = not self._only_minted
        if chosen is not None and (found := await self._enterable(call, chosen, may_make=makes)):
            return found
        if id := chosen or chat:
            derived = self._of_chat(call, id, self._secret(visit))
            if not derived:
                secret = new_session_id()
                visit.keep(SECRET_COOKIE, secret)
                derived = self._of_chat(call, id, secret)
        else:
            derived = self._unnamed(visit, call)
        for session in derived:
            if found := await self._enterable(call, session, may_make=bool(id) or bool(call.who.id) or makes):
                return found
        address = Address(self._agent, new_session_id())
        visit.keep_session(address)
        return address

    async def _enterable(self, call: Call, session: str, *, may_make: bool) -> Address | None:
        address = self._gate.address(Address(self._agent, session), call.who)
        return address if await self._gate.enterable(address, call.who, may_make=may_make) else None

    def _of_chat(self, call: Call, chat: str, secret: str | None) -> list[str]:
        """The session of a chat id, for this caller alone; none when nothing tells this caller from others."""
        if call.who.id:
            return [bridging.own(call.who.id, chat)]
        if bridging.hard_to_guess(chat) and not self._only_minted:
            return [bridging.unguessable(chat)]
        return [bridging.secret(secret, chat)] if secret else []

    def _unnamed(self, visit: Visit, call: Call) -> list[str]:
        """The session of a caller who names none."""
        cookie = minted_session(self._agent, visit.headers, self._entrance.origins)
        default = self._gate.address(Address(self._agent, DEFAULT_SESSION), call.who).session
        return [*([cookie] if cookie else []), *([default] if call.who.id else [])]

    def _secret(self, visit: Visit) -> str | None:
        return kept(SECRET_COOKIE, visit.headers, self._entrance.origins)

    def _url(self, visit: Visit, address: str) -> str:
        return f"{visit.root}/{self._entrance.prefix}/{address}"
