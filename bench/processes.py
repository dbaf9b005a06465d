"""Starting servers as processes, and reading what they cost."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil


def free_port() -> int:
    """A port nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running server process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self.stats = psutil.Process(process.pid)

    def cpu_s(self) -> float:
        """CPU seconds used so far, all threads, the process that writes included."""
        return sum(float(sum(each.cpu_times()[:2])) for each in self._all())

    def memory(self) -> int:
        """Proportional set size in bytes, with that of the process that writes."""
        return sum(int(each.memory_full_info().pss) for each in self._all())

    def _all(self) -> list[psutil.Process]:
        return [self.stats, *self.stats.children()]


@contextlib.contextmanager
def running(
    name: str, *arguments: str, data: Path | None = None, env: dict[str, str] | None = None
) -> Iterator[Server]:
    """The server ``name`` of :mod:`bench.servers`, listening; on an empty data directory, or on ``data``."""
    port = free_port()
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-m", "bench.servers", name, str(port), str(data or empty), *arguments]
        with (Path(empty) / "log").open("wb") if name == "logged" else contextlib.nullcontext() as log:
            process = subprocess.Popen(
                command, cwd=Path(__file__).parent.parent, env={**os.environ, **(env or {})}, stderr=log
            )
        try:
            deadline = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the {name} server did not start")
                time.sleep(0.02)
            yield Server(process, port)
        finally:
            process.terminate()
            process.wait(20)
