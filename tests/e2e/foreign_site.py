"""A web site that is not the agents' own: another origin, with a content security policy as strict as they come."""

from __future__ import annotations

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from typing import Self

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tide &amp; Co</title></head>
<body>
<main>
<h1>Tide &amp; Co</h1>
<p>Rain gear for people who talk to cuttlefish.</p>
<form id="order" name="order">
  <p><label>Name <input name="name" autocomplete="off"></label></p>
  <p><label>City <input id="city" autocomplete="off"></label></p>
  <p><label>Size <select name="size"><option>S</option><option>M</option><option>L</option></select></label></p>
  <p><label>Gift <input type="checkbox" name="gift"></label></p>
  <p><label>Password <input type="password" name="password" autocomplete="off"></label></p>
</form>
</main>
{element}
<script src="{script}"></script>
</body>
</html>
"""


class ForeignSite:
    """A site of one origin that has pages for several servers. An asynchronous context manager.

    The policy of a page allows scripts and connections of its server and nothing else: no style, no image, nothing
    inline, and no text that is read as HTML.
    """

    def __init__(self) -> None:
        self._listening: asyncio.Server | None = None
        self._pages: list[tuple[str, str]] = []

    @property
    def origin(self) -> str:
        assert self._listening is not None
        return f"http://localhost:{self._listening.sockets[0].getsockname()[1]}"

    def embed(self, server: str, attributes: str = "") -> str:
        """Make a page with the widget for this server, and give its address, which ends with a slash.

        The same page is served at every address below.
        """
        element = f'<cutty-chat agent-url="{server}/agents/chat" {attributes}></cutty-chat>'
        self._pages.append((server, _PAGE.format(element=element, script=f"{server}/client/widget.js")))
        return f"{self.origin}/{len(self._pages) - 1}/"

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        await self._listening.wait_closed()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            found = re.match(rb"GET /(\d+)/", request)
            server, page = self._pages[int(found[1])] if found else ("", "")
            writer.write(
                f"HTTP/1.1 {'200 OK' if page else '204 No Content'}\r\n"
                "content-type: text/html; charset=utf-8\r\n"
                f"content-security-policy: {_policy(server)}\r\n"
                f"content-length: {len(page.encode())}\r\n"
                f"connection: close\r\n\r\n{page}".encode()
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # The browser has given up; it opens connections ahead of need.
        finally:
            writer.close()


def _policy(server: str) -> str:
    return (
        f"default-src 'none'; script-src {server}; connect-src {server} {server.replace('http', 'ws')}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
