"""One browser tab: a socket with what it has seen, and a way to wait for it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp

from .hearing import RESPONSE, Frame, Hearing
from .report import STUCK
from .socket import Socket


class Tab:
    """Acknowledges streams as clients do. Coming back keeps the label, as a reload in a browser does."""

    def __init__(
        self,
        app: ASGIApp,
        address: str,
        label: str,
        hearing: Hearing,
        headers: Mapping[str, str],
        counts: Counter[str],
        *,
        patience_s: float,
    ) -> None:
        self._app = app
        self._path = f"/agents/{address}"
        self._label = label
        self._hearing = hearing
        self._headers = headers
        self._counts = counts
        self._patience_s = patience_s
        self._socket: Socket | None = None
        self._news = asyncio.Event()
        self._probes = 0
        self.state: Any = None
        self.ended: dict[str, Frame] = {}
        self.begun: set[str] = set()
        self.greeted = self.idle = self._refused = False
        self._ended = ""

    async def join(self) -> bool:
        """Open a socket and wait for the greeting; false when it did not come."""
        await self.leave()
        self.greeted = self.idle = False
        self._socket = Socket(
            self._app,
            self._path,
            f"_pk={self._label}",
            self._headers,
            on_frame=self._heard,
            on_close=self._closed,
        )
        self._socket.start()
        self._counts["sockets"] += 1
        return await self.until(lambda: self.greeted, "a greeting")

    async def leave(self) -> None:
        """The tab is closed, or its network lost."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.leave()

    @property
    def open(self) -> bool:
        """Whether frames can be sent."""
        return self._socket is not None and self._socket.open

    def send(self, **frame: Any) -> None:
        """A frame of the protocol or of the application."""
        self.raw(json.dumps(frame))

    def raw(self, text: str) -> None:
        """Any text."""
        if self._socket is not None:
            self._socket.send(text)

    async def until(
        self, condition: Callable[[], object], what: str, *, patience_s: float | None = None
    ) -> bool:
        """Wait until something is so; false when the socket closed or it took too long.

        ``what`` names it in the report. Giving a ``patience_s`` says that it may well not come.
        """
        try:
            async with asyncio.timeout(patience_s or self._patience_s):
                while not condition():
                    if not self.open:
                        return False
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            if patience_s is None:
                self._counts[f"{STUCK}{what}"] += 1
            return False
        return True

    async def rest(self) -> bool:
        """Ask until the server says that nothing runs, and read what runs meanwhile.

        A turn that failed is told again to everybody who asks, so hearing the same end twice is rest as well.
        """
        heard: set[str] = set()
        while self.open:
            self._probes += 1
            self.idle = self._refused = False
            self._ended = ""
            self.send(type="cf_agent_stream_resume_request", probeId=f"p-{self._probes}")
            if not await self.until(lambda: self._refused or self._ended, "an answer to a probe"):
                return False
            if self.idle or self._ended in heard:
                return True
            if self._ended:
                heard.add(self._ended)
        return False

    def _heard(self, text: str) -> None:
        frame = self._hearing.frame(text)
        match frame.get("type"):
            case "cf_agent_mcp_servers":
                self.greeted = True
            case "cf_agent_state":
                self.state = frame.get("state")
            case "cf_agent_stream_resuming":
                self.send(type="cf_agent_stream_resume_ack", id=frame["id"])
            case "cf_agent_stream_resume_none":
                self._refused = True
                self.idle = frame.get("reason") == "idle"
            case _ if frame.get("type") == RESPONSE:
                request = str(frame.get("id"))
                self.begun.add(request)
                if frame.get("done"):
                    self.ended[request] = frame
                    self._ended = request
        self._news.set()

    def _closed(self, code: int, reason: str) -> None:
        if reason:
            self._hearing.answer("error text", f"the reason of close {code}", reason)
        self._news.set()
