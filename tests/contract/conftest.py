"""The server under test, and the published npm clients that drive it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(__file__).parent / "clients"
START_S = 30
DRIVER_S = 90
INSTALL_S = 600

Drive = Callable[..., dict[str, Any]]
"""``drive(client, scenario)``: runs a scenario of one of the folders in ``clients`` and gives its result. ``on`` is the
server, where it is not the one with the demo agent."""


class Server:
    """A ``cutty-agent serve`` process with the demo agent, or with an application of this folder (``module:app``); its
    output is kept for error messages."""

    def __init__(self, data: Path, app: str | None = None) -> None:
        self._said: deque[str] = deque(maxlen=200)
        self._address: str | None = None
        self._known = threading.Event()
        command = [sys.executable, "-m", "cutty_agent", "serve", "--port", "0", "--data", str(data)]
        command += [app] if app is not None else []
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parent if app is not None else None,
            env={**os.environ, "CUTTY_DEMO_DELAY_MS": "20", "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def address(self) -> str:
        """``http://127.0.0.1:PORT``, once the server has printed it."""
        known = self._known.wait(START_S)
        if self._address is None:
            why = "ended" if known else f"did not print its address within {START_S} s"
            raise RuntimeError(f"cutty-agent serve {why}; it said:\n{self.output()}")
        return self._address

    def output(self) -> str:
        """The last lines the server wrote."""
        return "".join(self._said)

    def stop(self) -> None:
        """End the process; kill it when it does not go."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line)
            found = re.search(r"http://(?:127\.0\.0\.1|localhost):(\d+)", line)
            if found and self._address is None:
                self._address = f"http://127.0.0.1:{found[1]}"
                self._known.set()
        self._known.set()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all clients; every scenario uses session ids of its own."""
    running = Server(tmp_path_factory.mktemp("data"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose assistant calls tools of the browser."""
    running = Server(tmp_path_factory.mktemp("asking"), "tool_app:app")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node; tests that need it are skipped where there is none."""
    path = shutil.which("node")
    if path is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed; the npm clients need Node 20 or later")
    return path


@pytest.fixture(scope="session")
def installed(node: str, pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Installs the packages of a client folder when they are missing or older than the lock file."""
    done: dict[str, Path] = {}

    def install(client: str) -> Path:
        if client not in done:
            folder = CLIENTS / client
            lock, marker = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
            if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
                capture = pytestconfig.pluginmanager.getplugin("capturemanager")
                with capture.global_and_fixture_disabled():
                    print(f"\ninstalling the npm client {client} ...", flush=True)
                _npm_ci(folder)
            done[client] = folder
        return done[client]

    return install


def _npm_ci(folder: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"npm ci in {folder} did not end within {INSTALL_S} s; is the network up?"
        ) from None
    if ran.returncode != 0:
        tail = "\n".join(ran.stderr.splitlines()[-20:])
        raise RuntimeError(f"npm ci in {folder} failed with exit code {ran.returncode}:\n{tail}")
    marker = folder / "node_modules" / ".package-lock.json"
    marker.touch()


@pytest.fixture
def drive(node: str, installed: Callable[[str], Path], server: Server) -> Drive:
    """Runs ``node driver.mjs ADDRESS SCENARIO`` of a client and returns the result it prints."""

    def run(client: str, scenario: str, on: Server = server) -> dict[str, Any]:
        folder = installed(client)
        command = [node, "driver.mjs", on.address(), scenario]
        try:
            ran = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=DRIVER_S, check=False
            )
        except subprocess.TimeoutExpired as late:
            seen = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
            pytest.fail(f"{client}/{scenario} did not end within {DRIVER_S} s:\n{_tail(seen)}", pytrace=False)
        last = ran.stdout.splitlines()[-1:] or ["{}"]
        result: dict[str, Any] = json.loads(last[0]) if last[0].startswith("{") else {}
        if ran.returncode != 0 or result.get("event") != "result":
            pytest.fail(
                f"{client}/{scenario} failed:\n{_tail(ran.stdout)}\n{_tail(ran.stderr)}\n"
                f"the server said:\n{_tail(on.output())}",
                pytrace=False,
            )
        return result

    return run


def _tail(text: str, lines: int = 30, width: int = 400) -> str:
    return "\n".join(line[:width] for line in text.splitlines()[-lines:])
