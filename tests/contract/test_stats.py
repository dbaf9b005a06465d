"""``cutty-agent stats`` with a server and without: the same figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.test_cli import Cli

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cli]:
    """A server that the test stops."""
    cli = Cli(tmp_path)
    cli.start()
    yield cli
    cli.stop()


def test_a_server_and_its_directory_tell_the_same(own: Cli) -> None:
    address = f"http://127.0.0.1:{own.port}"
    for at, session in enumerate(("one", "one", "two")):
        part = {"type": "text", "text": "hello"}
        body = {"message": {"id": f"u{at}", "role": "user", "parts": [part]}}
        assert httpx.post(f"{address}/agents/chat/{session}", json=body, timeout=30).status_code == 200

    def told() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for by in ("day", "hour", "agent", "owner", "model"):
            ran = own.run("stats", "--by", by, "--jsonl")
            assert ran.returncode == 0, ran.stderr
            found[by] = [json.loads(line) for line in ran.stdout.splitlines()]
        totals = json.loads(own.run("stats", "--json").stdout)["totals"]
        found["totals"] = {name: value for name, value in totals.items() if "peak" not in name}
        return found

    live = told()
    assert (live["totals"]["turns"], live["totals"]["sessions_created"]) == (3, 2)
    assert (live["totals"]["sessions_active"], live["totals"]["messages"]) == (2, 6)
    assert [(row["agent"], row["turns"]) for row in live["agent"]] == [("chat", 3)]
    [row] = csv.DictReader(io.StringIO(own.run("stats", "--by", "agent", "--csv").stdout))
    assert (row["agent"], row["turns"], row["errors"]) == ("chat", "3", "0")
    shown = own.run("stats").stdout
    for expected in ("turns", "sessions active", "first words, p95", "by hour", "█"):
        assert expected in shown
    own.stop()
    assert told() == live


def test_what_cannot_be_asked_is_said(own: Cli) -> None:
    for options, said in (
        (("--by", "colour"), "day, hour, agent, owner or model"),
        (("--from", "yesterday"), "2026-11-22"),
        (("--json", "--csv"), "Give one of"),
        (("--from", "1h", "--to", "2h"), "--from must be before --to"),
    ):
        ran = own.run("stats", *options)
        assert ran.returncode == 2
        assert said in " ".join(ran.stderr.replace("│", " ").split())
    ran = own.run("stats", "--by", "hour", "--owner", "anna")
    assert ran.returncode == 1
    assert "by day" in ran.stderr
    empty = own.run("stats", "--by", "model", "--to", "2020-01-02", "--from", "2020-01-01")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "No turn ended" in empty.stderr
