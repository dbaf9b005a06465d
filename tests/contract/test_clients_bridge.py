"""Applications that have changed nothing yet: ``useChat`` of AI SDK 5 and 4 at ``/api/chat``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import DRIVER_S, Server

pytestmark = [pytest.mark.contract, pytest.mark.timeout(700)]


@contextmanager
def bridging(data: Path, mode: str) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CUTTY_BRIDGE", mode)
        server = Server(data)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def drive_bridged(node: str, installed: Callable[[str], Path], tmp_path: Path) -> Callable[..., Any]:
    """Runs a scenario of a client against a server of its own."""

    def run(client: str, scenario: str, mode: str) -> dict[str, Any]:
        with bridging(tmp_path, mode) as server:
            ran = subprocess.run(
                [node, "driver.mjs", server.address(), scenario],
                cwd=installed(client),
                capture_output=True,
                text=True,
                timeout=DRIVER_S,
                check=False,
            )
            assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}\n{server.output()}"
        result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        assert result["event"] == "result"
        return result

    return run


def test_tabs_of_ai_sdk_5_are_apart_and_a_conversation_goes_on(drive_bridged: Callable[..., Any]) -> None:
    result = drive_bridged("http5", "bridge", "on")
    assert "Ada" in result["ada"][-1]["text"]
    assert "Grace" not in json.dumps(result["ada"])
    assert "Grace" in result["grace"][-1]["text"]
    assert "Ada" not in json.dumps(result["grace"])
    assert "Hedy" in result["hedy"][-1]["text"]
    assert len(result["sessions"]) == 3
    assert result["stored"] == [result["ada"], result["grace"], result["hedy"]]


def test_tabs_of_ai_sdk_4_are_apart(drive_bridged: Callable[..., Any]) -> None:
    result = drive_bridged("v4", "bridge", "on")
    assert "Ada" in result["ada"][-1]["content"]
    assert "Grace" in result["grace"][-1]["content"]
    assert len(result["sessions"]) == 2
    for stored, shown in zip(result["stored"], (result["ada"], result["grace"]), strict=True):
        assert [(m["role"], m["content"]) for m in stored] == [(m["role"], m["content"]) for m in shown]


def test_the_end_is_an_error_that_says_where_to_go(drive_bridged: Callable[..., Any]) -> None:
    result = drive_bridged("http5", "gone", "gone")
    assert "/agents/chat/{sessionId}" in result["message"]
    [call] = result["calls"]
    assert call["status"] == 410
    assert call["headers"]["link"] == '</agents/chat>; rel="successor-version"'
