"""The command line starts without what only a server needs."""

import json
import subprocess
import sys

import pytest

import cutty_agent

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


def test_help_needs_neither_server_nor_model_library() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
    found = json.loads(done.stderr.splitlines()[-1])
    assert found["engine"] == found["command"] == found["help"] == []
    assert {"cutty_agent.app", "cutty_agent.session", "starlette"} <= set(found["app"])


def test_every_public_name_is_there_when_asked_for() -> None:
    assert {getattr(cutty_agent, name).__name__ for name in cutty_agent.__all__} == set(cutty_agent.__all__)
    assert set(cutty_agent.__all__) <= set(dir(cutty_agent))
    with pytest.raises(AttributeError, match="has no attribute 'Chat'"):
        _ = cutty_agent.Chat  # type: ignore[attr-defined]
