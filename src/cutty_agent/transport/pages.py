"""The built pages that ship in the package, and what they ask the server about itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
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


PUBLIC: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
}
"""For the modules under ``client/``, which pages of any origin include. They hold nothing of anyone."""

_MODULE_TYPE = (
    "text/javascript; charset=utf-8"  # Some systems know .js under another name, and nosniff refuses it.
)


class Pages:
    """An ASGI application that serves the files of ``root``; anything else is a 404 that says where things are.

    ``client/`` is public to every origin. What has not changed since a browser has kept it is answered with 304.
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
        path = request.url.path.removeprefix(request.scope.get("root_path", "")).lstrip("/")
        if path == "console":
            # The console's own addresses begin with it, so it needs the slash. The part behind # survives.
            return RedirectResponse(f"{request.scope.get('root_path', '')}/console/", 307, headers=SECURITY)
        if path in {"", "console/"}:
            path += "index.html"
        try:
            file = (self._root / path).resolve()
            if not file.is_relative_to(self._root) or not file.is_file():
                return not_found(request)
        except (ValueError, OSError):  # what no file can be called: with a NUL, or too long
            return not_found(request)
        # Names under assets/ carry a hash of their content, so they may be kept for ever.
        forever = path.startswith("assets/") or "/assets/" in path
        caching = "public, max-age=31536000, immutable" if forever else "no-cache"
        headers = {**SECURITY, **(PUBLIC if path.startswith("client/") else {}), "cache-control": caching}
        response: Response = FileResponse(
            file,
            headers=headers,
            stat_result=file.stat(),
            media_type=_MODULE_TYPE if file.suffix == ".js" else None,
        )
        kept = request.headers.get("if-none-match", "")
        if response.headers["etag"] in {tag.strip().removeprefix("W/") for tag in kept.split(",")}:
            response = Response(status_code=304, headers={**headers, "etag": response.headers["etag"]})
        greeted = file.suffix == ".html" and not path.startswith("console/")  # An operator is not a visitor.
        cookie = self._greet(request) if self._greet is not None and greeted else None
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
                "remedy": "The chat page is at /, the console at /console, sessions at /agents/{agent}/{sessionId}, "
                "health at /health; "
                "/openapi.json describes all of it.",
                "retry": False,
            }
        },
        status_code=404,
    )
