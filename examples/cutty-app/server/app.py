"""The application's own server: sign-in, lists, and the built page. It knows nothing of chats."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from cutty.tokens import SECRET
from server.accounts import Accounts, User
from server.lists import Lists
from server.refusal import Refusal

COOKIE = "cutty_app"
TOKEN_COOKIE = "cutty_app_token"
"""Carries the token to the agent server, under ``/agents`` on the same host, where a request can carry no header."""

MAX_BODY = 1024 * 1024
"""Bytes of one request."""

Answer = Callable[["Api", Request, User], Awaitable[object]]


class Api:
    """The routes under ``/api``; each answers JSON, and a refusal is ``{"error": sentence}``."""

    def __init__(self, accounts: Accounts, lists: Lists) -> None:
        self._accounts = accounts
        self._lists = lists

    def routes(self) -> list[BaseRoute]:
        """Everything the page and the agent's tools call."""
        return [
            Route("/api/sign-in", self._guarded(self.sign_in), methods=["POST"]),
            Route("/api/sign-out", self._guarded(self.sign_out), methods=["POST"]),
            Route("/api/me", self._guarded(self.me), methods=["GET"]),
            Route("/api/token", self._guarded(self.token), methods=["POST"]),
            self._route("GET", "/api/lists", Api.lists),
            self._route("POST", "/api/lists", Api.upload),
            self._route("POST", "/api/lists/generate", Api.generate),
            self._route("GET", "/api/lists/{id}", Api.describe),
            self._route("DELETE", "/api/lists/{id}", Api.remove),
            self._route("GET", "/api/lists/{id}/rows", Api.rows),
        ]

    async def sign_in(self, request: Request) -> Response:
        """``{"name"}`` → the user, and a cookie that scripts cannot read."""
        cookie, user = self._accounts.sign_in(str((await _json(request)).get("name", "")))
        response = JSONResponse({"user": dataclasses.asdict(user)})
        response.set_cookie(
            COOKIE, cookie, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the sign-in of this browser."""
        self._accounts.sign_out(request.cookies.get(COOKIE))
        response = JSONResponse({})
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        response.delete_cookie(TOKEN_COOKIE, path="/agents", httponly=True, samesite="lax")
        return response

    async def me(self, request: Request) -> Response:
        """Who is signed in, or ``null``."""
        user = self._caller(request)
        return JSONResponse({"user": dataclasses.asdict(user) if user else None})

    async def token(self, request: Request) -> Response:
        """A short-lived token that tells the agent server who is signed in, and how many seconds it is good.

        Only for the browser's cookie: an agent that acts for a user cannot become that user.
        """
        user = self._accounts.user_of_cookie(request.cookies.get(COOKIE))
        if user is None:
            raise Refusal("Please sign in.", status=401)
        token, seconds = self._accounts.token(user), self._accounts.token_s
        response = JSONResponse({"token": token, "seconds": seconds}, headers={"cache-control": "no-store"})
        response.set_cookie(
            TOKEN_COOKIE,
            token,
            max_age=math.ceil(seconds),
            path="/agents",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    async def lists(self, request: Request, user: User) -> object:
        """The user's lists."""
        found = await run_in_threadpool(self._lists.all, user.id)
        return {"lists": [dataclasses.asdict(each) for each in found]}

    async def upload(self, request: Request, user: User) -> object:
        """A CSV file as the body, its name as ``?name=``."""
        try:
            text = (await _body(request)).decode()
        except UnicodeDecodeError as error:
            raise Refusal("The file is not text in UTF-8.") from error
        name = request.query_params.get("name", "list")
        return dataclasses.asdict(await run_in_threadpool(self._lists.upload, user.id, name, text))

    async def generate(self, request: Request, user: User) -> object:
        """``{"kind", "rows", "name"?, "seed"?}`` → a list of invented records."""
        body = await _json(request)
        rows, seed = body.get("rows"), body.get("seed")
        if not isinstance(rows, int) or not isinstance(seed, int | None):
            raise Refusal("rows and seed must be whole numbers.")
        kind, name = str(body.get("kind", "")), str(body.get("name", ""))
        return dataclasses.asdict(
            await run_in_threadpool(self._lists.generate, user.id, kind, rows, name, seed)
        )

    async def describe(self, request: Request, user: User) -> object:
        """Fields with examples."""
        return await run_in_threadpool(self._lists.describe, user.id, request.path_params["id"])

    async def remove(self, request: Request, user: User) -> object:
        """Delete a list."""
        await run_in_threadpool(self._lists.remove, user.id, request.path_params["id"])
        return {}

    async def rows(self, request: Request, user: User) -> object:
        """A page of rows: ``?field=&operator=&value=&offset=&limit=``."""
        query = request.query_params
        wanted = (
            (query["field"], query.get("operator", "is"), query.get("value", ""))
            if query.get("field")
            else None
        )
        try:
            offset, limit = int(query.get("offset", 0)), int(query.get("limit", 20))
        except ValueError as error:
            raise Refusal("offset and limit must be whole numbers.") from error
        found = await run_in_threadpool(
            self._lists.page, user.id, request.path_params["id"], wanted, offset=offset, limit=limit
        )
        return dataclasses.asdict(found)

    def _route(self, method: str, path: str, answer: Answer) -> Route:
        async def signed_in(request: Request) -> Response:
            user = self._caller(request)
            if user is None:
                raise Refusal("Please sign in.", status=401)
            return JSONResponse(await answer(self, request, user))

        return Route(path, self._guarded(signed_in), methods=[method])

    def _caller(self, request: Request) -> User | None:
        """The browser's user by cookie, or the user the agent acts for by token. A token never falls back."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.casefold() == "bearer":
            return self._accounts.user_of_token(token)
        return self._accounts.user_of_cookie(request.cookies.get(COOKIE))

    def _guarded(
        self, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                _same_origin(request)
                return await endpoint(request)
            except Refusal as refusal:
                return JSONResponse({"error": refusal.sentence}, status_code=refusal.status)

        return guarded


def _same_origin(request: Request) -> None:
    """The cookie is for our own page; a page of another origin must not use it."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refusal("Pages of other origins may not call this.", status=403)


async def _body(request: Request) -> bytes:
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > MAX_BODY:
            raise Refusal(f"That is more than {MAX_BODY} bytes.", status=413)
    return bytes(pieces)


async def _json(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(await _body(request))
    except ValueError as error:
        raise Refusal("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise Refusal("The body must be a JSON object.")
    return value


def create(secret: str, token_s: float, database: Path | None, pages: Path) -> Starlette:
    """The application. ``pages`` is the folder of the built page; it may be built later."""
    api = Api(Accounts(secret, token_s), Lists(database))
    page = StaticFiles(directory=pages, html=True, check_dir=False)
    return Starlette(routes=[*api.routes(), Mount("/", page)])


def main() -> None:
    """Serve on loopback; the settings are ``CUTTY_APP_{PORT,SECRET,TOKEN_S,DATABASE,PAGES}``."""
    if len(SECRET) < 32:
        sys.exit("Set CUTTY_APP_SECRET to a secret of at least 32 characters, the same for the agent server.")
    database = os.environ.get("CUTTY_APP_DATABASE")
    token_s = float(os.environ.get("CUTTY_APP_TOKEN_S", "300"))
    pages = Path(os.environ.get("CUTTY_APP_PAGES", Path(__file__).parents[1] / "dist"))
    listening = socket.create_server(("127.0.0.1", int(os.environ.get("CUTTY_APP_PORT", "8790"))))
    app = create(SECRET, token_s, Path(database) if database else None, pages)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    sys.stdout.write(f"The Cutty app is ready at http://localhost:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
