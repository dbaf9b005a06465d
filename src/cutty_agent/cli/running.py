"""Which server runs on a data directory, and where: ``server.json``, written by ``serve`` while it listens."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..config import Settings

SERVER_FILE = "server.json"

HEALTH_S = 2.0
"""How long a server may take to say that it is healthy, in seconds."""


class RunningServer(msgspec.Struct, frozen=True):
    """A server's address on this machine, ``http://127.0.0.1:8789``, and its process id."""

    url: str
    pid: int


def local_url(host: str, port: int) -> str:
    """How a program on this machine reaches a server that listens on ``host``."""
    if host in {"0.0.0.0", "localhost"}:
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def announce(directory: Path, url: str) -> None:
    """Note that this process serves ``directory``; nothing happens when there is no such directory."""
    if not directory.is_dir():
        return
    aside = directory / f"{SERVER_FILE}.{os.getpid()}.new"
    aside.write_bytes(msgspec.json.encode(RunningServer(url, os.getpid())))
    aside.replace(directory / SERVER_FILE)


def withdraw(directory: Path) -> None:
    """Remove the note of this process; that of another one stays."""
    noted = read(directory)
    if noted is not None and noted.pid == os.getpid():
        with contextlib.suppress(OSError):
            (directory / SERVER_FILE).unlink()


def read(directory: Path) -> RunningServer | None:
    """The note as it lies there, stale or not; ``None`` when there is none."""
    try:
        return msgspec.json.decode((directory / SERVER_FILE).read_bytes(), type=RunningServer)
    except (OSError, msgspec.MsgspecError):
        return None


def find(directory: Path) -> RunningServer | None:
    """The server that runs on ``directory`` and is healthy. A note whose process is gone counts for nothing."""
    noted = read(directory)
    if noted is None or not is_alive(noted.pid) or not is_healthy(noted.url):
        return None
    return noted


def find_url(settings: Settings, *, only_data: bool = False) -> str | None:
    """The address of the server of these settings: that of the data directory, else host and port if they answer.
    ``only_data``: the directory was named, so that no other server is meant."""
    noted = find(settings.data)
    if noted is not None or only_data:
        return None if noted is None else noted.url
    usual = local_url(settings.host, settings.port)
    return usual if is_healthy(usual) else None


def is_healthy(url: str) -> bool:
    """Whether ``GET /health`` is answered as cutty-agent does."""
    import httpx  # not needed where no server has left its note

    try:
        answer = httpx.get(f"{url}/health", timeout=HEALTH_S, trust_env=False)
        return answer.status_code == 200 and answer.json() == {"status": "ok"}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True
