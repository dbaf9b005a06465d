"""A real ``cutty-agent serve`` process, whose log can be waited for, killed and started again on its port."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from e2e.waiting import News

START_S = 30.0


class Server:
    """One data directory and the process that serves it with the demo model.

    ``delay_ms`` is the pause between two words of an answer.
    """

    def __init__(self, data: Path, *, delay_ms: float, **environment: str) -> None:
        self.data = data
        self.port = 0
        self.log: list[dict[str, Any]] = []
        """What the process wrote to standard error, one record for each line, over all its lives."""
        self._news = News()
        self._said: deque[str] = deque(maxlen=100)
        self._process: Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._environment = {**environment, "CUTTY_DEMO_DELAY_MS": str(delay_ms), "CUTTY_LOG_FORMAT": "json"}

    @property
    def address(self) -> str:
        """``http://localhost:PORT``, as the server prints it."""
        return f"http://localhost:{self.port}"

    async def start(self) -> None:
        """Start the process and wait until it says it is ready; the first start picks the port, later ones keep it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CUTTY_")}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cutty_agent", "serve"),
            *("--port", str(self.port), "--data", str(self.data)),
            stdout=PIPE,
            stderr=PIPE,
            limit=1 << 20,
            cwd=self.data,
            env={**inherited, **self._environment},
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._readers = [
            asyncio.create_task(self._read_output(self._process.stdout, ready)),
            asyncio.create_task(self._read_log(self._process.stderr)),
        ]
        self.port = await asyncio.wait_for(ready, START_S)

    async def kill(self) -> None:
        """``kill -9``: nothing is written, closed or told to anybody."""
        assert self._process is not None
        self._process.kill()
        await self._ended()

    async def stop(self) -> None:
        """End the process in an orderly way."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._ended(), 15)
        except TimeoutError:
            await self.kill()
            raise

    async def logged(self, event: str, session: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until the log holds ``count`` records of this event of this session, and give them."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self.log if each["event"] == event and each.get("session") == session]

        await self._news.until(lambda: len(found()) >= count, f"{count} × {event} in the log")
        return found()

    async def stored(self, session: str) -> list[dict[str, Any]]:
        """The transcript as any HTTP client gets it."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.address}/agents/chat/{session}/get-messages")
        messages: list[dict[str, Any]] = answer.raise_for_status().json()
        return messages

    async def say(self, session: str, text: str) -> str:
        """Send a message over plain HTTP and give the text of the answer."""
        message = {
            "id": f"said-{uuid4()}",
            "role": "user",
            "parts": [{"type": "text", "text": text}],
        }
        body = {"id": session, "trigger": "submit-message", "messages": [message]}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.post(f"{self.address}/agents/chat/{session}", json=body)
        lines = answer.raise_for_status().text.splitlines()
        chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")

    async def _read_output(self, output: asyncio.StreamReader, ready: asyncio.Future[int]) -> None:
        async for line in output:
            self._said.append(line.decode())
            found = re.match(r"cutty-agent is ready at http://localhost:(\d+)$", line.decode())
            if found and not ready.done():
                ready.set_result(int(found[1]))
        if not ready.done():
            ready.set_exception(RuntimeError(f"the server did not start; it said:\n{''.join(self._said)}"))

    async def _read_log(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            self._said.append(line.decode())
            if line.startswith(b"{"):
                self.log.append(json.loads(line))
                self._news.tell()

    async def _ended(self) -> None:
        assert self._process is not None
        await self._process.wait()
        await asyncio.gather(*self._readers)
