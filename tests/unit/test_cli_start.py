"""The command line starts without what only a server needs, and a plain server without what few ever ask it for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cutty_agent
from cutty_agent.cli.main import COMMANDS

HEAVY = ("cutty_agent.app", "cutty_agent.session", "pydantic_ai", "starlette", "uvicorn")

PROGRAM = f"""
import json, sys

def heavy():
    return [name for name in {HEAVY!r} if name in sys.modules]

import cutty_agent.engines.embedded.ledger
found = {{"engine": heavy()}}

from cutty_agent.cli.main import app
found["command"] = heavy()

app(["--help"], standalone_mode=False)
found["help"] = heavy()

from cutty_agent import App
found["app"] = heavy()
print(json.dumps(found), file=sys.stderr)
"""

OTHERS = tuple(f"cutty_agent.cli.{name}" for name in COMMANDS if name != "serve")
TOKENS = ("jwt", "cryptography.hazmat.primitives.asymmetric.rsa")
FETCHING = ("httpx",)
METRICS = ("prometheus_client",)
DESCRIPTION = ("cutty_agent.admin.openapi", "cutty_agent.transport.openapi")

SERVER = f"""
import asyncio, json, sys
from pathlib import Path

found = {{}}

def note(moment):
    names = {(*OTHERS, *TOKENS, *FETCHING, *METRICS, *DESCRIPTION)!r}
    found[moment] = [name for name in names if name in sys.modules]

from cutty_agent.cli.main import app as command
command(["serve", "--help"], standalone_mode=False)

from cutty_agent.agent.models import resolve
from cutty_agent.cli import logs, serve, server
from cutty_agent.cli.settings import load

settings = load(data=Path(sys.argv[1]))
logs.configure("json", "warning")
app = serve.default_app(settings, resolve(None, None, None))

async def get(path):
    body = bytearray()

    async def receive():
        return {{"type": "http.request"}}

    async def send(message):
        body.extend(message.get("body", b""))

    scope = {{"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")],
              "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1"}}
    await app(scope, receive, send)
    return body.decode()

async def serving():
    async with app.running():
        await get("/health")
        note("served")
        assert "cutty_sessions_created_total" in await get("/metrics")
        note("scraped")
        assert "/agents/" in await get("/openapi.json")
        note("described")

asyncio.run(serving())

from cutty_agent.access import JWT, identity
from cutty_agent.clock import SystemClock

local, remote = JWT(secret="s" * 32), JWT(jwks_url="http://localhost:1/jwks.json")
note("written down")
identity(settings.access, SystemClock(), given=local)
note("with a secret")
identity(settings.access, SystemClock(), given=remote)
note("with a key set")
print(json.dumps(found), file=sys.stderr)
"""


def test_help_needs_neither_server_nor_model_library() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
    found = json.loads(done.stderr.splitlines()[-1])
    assert found["engine"] == found["command"] == found["help"] == []
    assert {"cutty_agent.app", "cutty_agent.session", "starlette"} <= set(found["app"])


def test_a_plain_server_imports_what_it_is_asked_for_and_nothing_before(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = {moment: set(names) for moment, names in json.loads(done.stderr.splitlines()[-1]).items()}
    assert found["served"] == set()
    assert found["scraped"] == set(METRICS)
    assert found["described"] == found["written down"] == {*METRICS, *DESCRIPTION}
    assert found["with a secret"] == {*METRICS, *DESCRIPTION, *TOKENS}
    assert found["with a key set"] == {*METRICS, *DESCRIPTION, *TOKENS, *FETCHING}


def test_every_public_name_is_there_when_asked_for() -> None:
    assert {getattr(cutty_agent, name).__name__ for name in cutty_agent.__all__} == set(cutty_agent.__all__)
    assert set(cutty_agent.__all__) <= set(dir(cutty_agent))
    with pytest.raises(AttributeError, match="has no attribute 'Chat'"):
        _ = cutty_agent.Chat  # type: ignore[attr-defined]
