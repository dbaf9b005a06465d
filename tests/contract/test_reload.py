"""``serve --reload`` as a developer uses it: edit the agent's file, and go on in the same session."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

AGENT = """
from cutty_agent import App, ChatAgent, Turn


class Chat(ChatAgent):
    async def on_chat_message(self, turn: Turn):
        said = [message for message in turn.messages if message["role"] == "user"]
        yield f"{len(said)} {WORD}"


WORD = "before"
app = App([Chat])
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def developing(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A reloading server on an agent's file."""
    module = tmp_path / "mine.py"
    module.write_text(AGENT)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "cutty_agent", "serve", "mine:app", "--reload", "--port", str(port)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}", module
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def until(process: subprocess.Popen[str], text: str) -> list[str]:
    """What it says up to a line with this text."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return said
    raise AssertionError(f"{text!r} was not said: {said}")


def ask(url: str, number: int) -> str:
    message = {"id": f"u{number}", "role": "user", "parts": [{"type": "text", "text": "hi"}]}
    answer = httpx.post(f"{url}/agents/chat/s", json={"message": message}, timeout=30)
    assert answer.status_code == 200
    return answer.text


@pytest.mark.contract
def test_editing_the_agent_reloads_it_and_keeps_the_sessions(
    developing: tuple[subprocess.Popen[str], str, Path],
) -> None:
    process, url, module = developing
    said = "".join(until(process, "Editing a Python file reloads"))
    for part in (
        f"{url.replace('127.0.0.1', 'localhost')}/console",
        "/openapi.json",
        "useAgentChat",
        "useChat(",
        "new WebSocket(",
        "<cutty-chat",
    ):
        assert part in said
    assert "1 before" in ask(url, 1)
    module.write_text(AGENT.replace('"before"', '"after"'))
    until(process, "cutty-agent is ready")
    assert "2 after" in ask(url, 2)
    module.write_text("this is no Python")  # a mistake does not end it
    until(process, "Reloading")
    module.write_text(AGENT.replace('"before"', '"mended"'))
    until(process, "cutty-agent is ready")
    assert "3 mended" in ask(url, 3)
