"""The built pages that ship in the package, and what they ask the server about itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

WEB_ROOT: Final = Path(__file__).parent.parent / "web"
"""Where the build of ``web/`` lies."""

SECURITY: Final = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
        "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Pages:
    """An ASGI application that serves the files of ``root``; anything else is a 404 that says where things are.

    ``greet`` gives the cookie of a visitor who opens a page and has none: requests that the page makes at the same
    time would otherwise make a visitor each.
    """

    def __init__(
        self, root: Path = WEB_ROOT, *, greet: Callable[[Request], str | None] | None = None
    ) -> None:
        self._root = root.resolve()
        self._greet = greet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.response(Request(scope))(scope, receive, send)

    def response(self, request: Request) -> Response:
        """The file of this path, or the helpful 404."""
        if request.method not in {"GET", "HEAD"}:
            return not_found(request)
        path = request.url.path.removeprefix(request.scope.get("root_path", "")).lstrip("/") or "index.html"
        file = (self._root / path).resolve()
        if not file.is_relative_to(self._root) or not file.is_file():
            return not_found(request)
        # Names under assets/ carry a hash of their content, so they may be kept for ever.
        forever = path.startswith("assets/")
        caching = "public, max-age=31536000, immutable" if forever else "no-cache"
        response = FileResponse(file, headers={**SECURITY, "cache-control": caching})
        cookie = self._greet(request) if self._greet is not None and file.suffix == ".html" else None
        if cookie is not None:
            response.headers.append("set-cookie", cookie)
        return response


def not_found(request: Request) -> Response:
    """404 as JSON, naming the addresses there are."""
    return JSONResponse(
        {
            "error": {
                "code": "not_found",
                "message": f"Nothing is served at {request.url.path[:200]}.",
                "remedy": "The chat page is at /, sessions at /agents/{agent}/{sessionId}, health at /health.",
                "retry": False,
            }
        },
        status_code=404,
    )
