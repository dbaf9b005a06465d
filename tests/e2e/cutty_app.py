"""The example application with its three servers, and its page as a visitor uses it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest

from e2e.chat_page import ChatPage, Profile
from e2e.waiting import News

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "cutty-app"
START_S = 30.0
NPM_S = 110.0
HASTY_S = 2
"""Seconds of the short-lived tokens: less than the long answer of a test takes."""

BLOCK_STORAGE = """
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, {
            get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
        });
"""


class Program:
    """A server of the example: a Python process that says where it listens and logs lines of JSON."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._command = command
        self._environment = environment
        self.address = ""
        """``http://localhost:PORT``, once it has started."""
        self.log: list[dict[str, Any]] = []
        self.news = News()
        self._said: list[str] = []
        self._process: Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start it and wait until it says it is ready."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CUTTY_")}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *self._command),
            stdout=PIPE,
            stderr=PIPE,
            limit=1 << 20,
            cwd=EXAMPLE,
            env={**inherited, "CUTTY_LOG_FORMAT": "json", "CUTTY_DEMO_DELAY_MS": "2", **self._environment},
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._readers = [
            asyncio.create_task(self._read(self._process.stdout, ready)),
            asyncio.create_task(self._read(self._process.stderr, None)),
        ]
        self.address = await asyncio.wait_for(ready, START_S)

    async def stop(self) -> None:
        """End it in an orderly way, and fail when it had complained."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 15)
        await asyncio.gather(*self._readers)
        crashed = [line for line in self._said if "Traceback" in line]
        assert crashed == []

    @property
    def said(self) -> str:
        """Everything it has written."""
        return "".join(self._said)

    def opened(self) -> list[dict[str, Any]]:
        """The log's lines about sockets that came in."""
        return [record for record in self.log if record["event"] == "connection.opened"]

    async def _read(self, output: asyncio.StreamReader, ready: asyncio.Future[str] | None) -> None:
        async for line in output:
            self._said.append(line.decode())
            if line.startswith(b"{"):
                self.log.append(json.loads(line))
                self.news.tell()
            found = re.search(r"ready at (http://localhost:\d+)$", line.decode().strip())
            if found and ready is not None and not ready.done():
                ready.set_result(found[1])
        if ready is not None and not ready.done():
            ready.set_exception(RuntimeError(f"{self._command} did not start:\n{''.join(self._said[-30:])}"))


class CuttyApp:
    """Everything running: the application, the old chat server, cutty-agent, and the page built for them."""

    def __init__(self, folder: Path) -> None:
        self.secret = secrets.token_hex(32)
        self.data = folder / "data"
        self._folder = folder
        serving = {"CUTTY_APP_PORT": "0", "CUTTY_APP_SECRET": self.secret}
        serving["CUTTY_APP_PAGES"] = str(folder / "pages")
        self.application = Program("server.app", **serving)
        self.hasty = Program("server.app", **serving, CUTTY_APP_TOKEN_S=str(HASTY_S))
        """The same page and sign-in with tokens of a short life; the agent's tools do not know this one."""
        self.old_chat = Program()
        self.agents = Program()

    @property
    def address(self) -> str:
        """Where the page is."""
        return self.application.address

    async def start(self) -> None:
        """Start the servers, then build the page with their addresses, as a deployment does."""
        await asyncio.gather(self.application.start(), self.hasty.start())
        known = {"CUTTY_APP_API": self.address, "CUTTY_APP_ORIGINS": self.address}
        known["CUTTY_APP_SECRET"] = self.secret
        self.old_chat = Program("before.server", CUTTY_BEFORE_PORT="0", **known)
        self.agents = Program(
            *("cutty_agent", "serve", "after.agent:app", "--port", "0", "--data", str(self.data)),
            *("--allow-origin", self.address, "--allow-origin", self.hasty.address),
            **known,
            CUTTY_ACCESS__USER_IDS="true",
        )
        await asyncio.gather(self.old_chat.start(), self.agents.start())
        await self._build()

    async def stop(self) -> None:
        """End all servers."""
        for program in (self.agents, self.old_chat, self.hasty, self.application):
            await program.stop()

    async def user(self, profile: Profile, name: str, *, address: str | None = None) -> None:
        """Sign the browser in."""
        signing_in = f"{address or self.address}/api/sign-in"
        answer = await profile.context.request.post(signing_in, data={"name": name})
        assert answer.ok

    async def tab(self, profile: Profile, *, address: str | None = None, **choices: str) -> ChatPage:
        """Open a tab; the choices are those of the page: ``chat``, ``variant``, ``scope``."""
        return await profile.tab(self.page(address=address, **choices))

    def page(self, *, address: str | None = None, **choices: str) -> str:
        """The page's address with choices."""
        return f"{address or self.address}/?{urlencode(choices)}"

    def token(self, user: str, *, issuer: str = "cutty-app", audience: str = "cutty") -> str:
        """A token for the agent server, as the application makes it; or, the other way round, an agent's."""
        claims = {"sub": user, "iss": issuer, "aud": audience, "exp": int(time.time()) + 60}
        return jwt.encode(claims, self.secret, algorithm="HS256")

    def api(self, token: str | None = None) -> httpx.AsyncClient:
        """The application's API, for a browser that keeps its cookies or, with a token, for an agent."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.address, headers=headers, trust_env=False)

    async def _build(self) -> None:
        if shutil.which("npm") is None:
            pytest.fail("npm is not on PATH: run `make system`, or use -m 'not e2e'.", pytrace=False)
        marker = EXAMPLE / "node_modules" / ".package-lock.json"
        if not marker.exists() or marker.stat().st_mtime < (EXAMPLE / "package-lock.json").stat().st_mtime:
            await _npm("ci", "--no-audit", "--no-fund")
        await _npm(
            *("run", "build", "--", "--outDir", str(self._folder / "pages"), "--emptyOutDir"),
            VITE_AGENT_URL=self.agents.address,
            VITE_BEFORE_URL=self.old_chat.address,
        )


async def _npm(*arguments: str, **environment: str) -> None:
    ran = await asyncio.create_subprocess_exec(
        *("npm", "--prefix", str(EXAMPLE), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    output, _ = await asyncio.wait_for(ran.communicate(), NPM_S)
    assert ran.returncode == 0, f"npm {' '.join(arguments)} failed:\n{output.decode()[-3000:]}"
