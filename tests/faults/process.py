"""A ``cutty-agent serve`` process that is started, stopped, killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

HERE = Path(__file__).parent
START_S = 30


def free_port() -> int:
    """A port below those the kernel gives to clients, so that nobody takes it while the server is down."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """One data directory and one port, over any number of processes. ``ready`` is set while it serves."""

    def __init__(
        self, data: Path, *, env: dict[str, str] | None = None, wrapper: tuple[str, ...] = ()
    ) -> None:
        self.data = data
        self.port = free_port()
        self.ready = asyncio.Event()
        self.starts: list[float] = []
        self._env = {**os.environ, "CUTTY_LOG_LEVEL": "warning", "CUTTY_LOG_FORMAT": "json", **(env or {})}
        self._wrapper = wrapper
        self._log = data.parent / f"{data.name}-{self.port}.log"
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process that runs, or ran last."""
        assert self._process is not None, "the server was never started"
        return self._process

    @property
    def url(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self.port}"

    async def launch(self) -> None:
        """Start a process without waiting until it serves."""
        command = [*self._wrapper, sys.executable, "-m", "cutty_agent", "serve", "numbered:app"]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *("--port", str(self.port), "--data", str(self.data)),
                cwd=HERE,
                env=self._env,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
            )

    async def start(self) -> None:
        """Start a process and wait until it serves."""
        began = asyncio.get_running_loop().time()
        await self.launch()
        async with asyncio.timeout(START_S):
            assert self.process.stdout is not None
            while line := await self.process.stdout.readline():
                if b"is ready at" in line:
                    break
            else:
                raise AssertionError(f"the server did not start; it said:\n{self.log()}")
        self.starts.append(asyncio.get_running_loop().time() - began)
        self.ready.set()

    async def kill(self) -> None:
        """SIGKILL, and wait until the kernel has buried it."""
        self.ready.clear()
        self.process.kill()
        assert await self.process.wait() == -9, f"the server ended by itself:\n{self.log()}"

    async def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM; the exit code."""
        self.ready.clear()
        self.process.terminate()
        return await self.ended(timeout_s)

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.url}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        if not head:
            raise ConnectionResetError("the server went away")
        return int(head.split()[1]), body

    async def ended(self, timeout_s: float = 30) -> int:
        """Wait for the end of the process; the exit code."""
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def bury(self) -> None:
        """Leave nothing running, whatever happened."""
        self.ready.clear()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def log(self) -> str:
        """The last lines of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-40:])

    def errors(self) -> list[str]:
        """Log lines that tell of a defect: anything of level error, and what is not a log line at all."""
        bad = []
        for line in self._log.read_text(errors="replace").splitlines():
            try:
                if json.loads(line).get("level") not in {"error", "critical"}:
                    continue
            except ValueError:
                pass
            bad.append(line)
        return bad
