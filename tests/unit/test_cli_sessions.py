"""``cutty-agent sessions`` on a data directory that no server runs on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cutty_agent.cli.main import app
from cutty_agent.engines.embedded.store import open_store
from cutty_agent.ids import Address
from cutty_agent.ports.store import PutMessage, PutTurn
from cutty_agent.wire.turn_record import TurnRecord, encode_turn

WEATHER: list[dict[str, Any]] = [
    {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "weather\x1b[2J in Oslo"}]},
    {
        "id": "assistant_1790000000000_abcdefghi",
        "role": "assistant",
        "parts": [
            {"type": "step-start"},
            {"type": "reasoning", "text": "I should look."},
            {
                "type": "tool-get_weather",
                "toolCallId": "c",
                "state": "output-available",
                "input": {"city": "Oslo"},
                "output": {"celsius": 4},
            },
            {"type": "text", "text": "It is 4 °C."},
        ],
    },
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "data"

    async def fill() -> None:
        store = await open_store(directory)
        for at, address in enumerate(
            [Address("chat", "anna"), Address("chat", "bo"), Address("support", "anna")]
        ):
            snapshot = await store.claim(address, owner=None, now_ms=1_790_000_000_000)
            ops = [PutMessage(each["id"], json.dumps(each).encode()) for each in WEATHER]
            record = TurnRecord("t1", "submit", ("u1",), outcome="error", error="Boom", progress_ms=5)
            ops_and_turn = [*ops, PutTurn("t1", encode_turn(record), open=False)]
            moment = 1_790_000_000_000 + (2 - at if at < 2 else 9) * 1000
            await store.commit(address, snapshot.epoch, ops_and_turn, now_ms=moment)
        await store.close()

    asyncio.run(fill())
    return directory


def run(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)


def test_ls_lists_the_newest_activity_first(data: Path) -> None:
    listed = json.loads(run("sessions", "ls", "--data", data, "--json").stdout)
    assert [(row["agent"], row["id"]) for row in listed] == [
        ("support", "anna"),
        ("chat", "anna"),
        ("chat", "bo"),
    ]
    assert listed[0]["messages"] == 2


def test_ls_of_one_agent_with_a_limit(data: Path) -> None:
    listed = json.loads(
        run("sessions", "ls", "--data", data, "--json", "--agent", "chat", "--limit", "1").stdout
    )
    assert [(row["agent"], row["id"]) for row in listed] == [("chat", "anna")]


def test_ls_as_a_table(data: Path) -> None:
    result = run("sessions", "ls", "--data", data, "--limit", "2")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split()[:2] == ["session", "messages"]
    assert lines[1].startswith("support/anna")
    assert "2 of 3 sessions" in result.stderr


def test_ls_of_an_empty_directory_says_what_to_do(tmp_path: Path) -> None:
    result = run("sessions", "ls", "--data", tmp_path)
    assert result.exit_code == 1
    assert "no session store" in result.stderr


def test_show_is_readable_and_safe(data: Path) -> None:
    result = run("sessions", "show", "anna", "--data", data)
    assert result.exit_code == 0
    shown = result.stdout
    assert "\x1b" not in shown
    for expected in (
        "chat/anna",
        "weather in Oslo",
        "I should look.",
        "get_weather",
        "4 °C",
        "Boom",
        "error",
    ):
        assert expected in shown
    assert '{"city":"Oslo"} → {"celsius":4}' in shown


def test_show_as_json_with_the_agent_in_the_id(data: Path) -> None:
    shown = json.loads(run("sessions", "show", "support/anna", "--data", data, "--json").stdout)
    assert (shown["agent"], shown["id"]) == ("support", "anna")
    assert shown["transcript"] == WEATHER
    assert [(turn["id"], turn["outcome"]) for turn in shown["turns"]] == [("t1", "error")]
    same = run("sessions", "show", "anna", "--agent", "support", "--data", data, "--json")
    assert json.loads(same.stdout) == shown


@pytest.mark.parametrize("id", ["nobody", "support/bo"])
def test_show_of_an_unknown_session(data: Path, id: str) -> None:
    result = run("sessions", "show", id, "--data", data)
    assert result.exit_code == 1
    assert "There is no session" in result.stderr


@pytest.mark.parametrize("id", ["", "a/b/c", "bad\x01id", "x" * 200])
def test_an_id_that_is_none_is_refused(data: Path, id: str) -> None:
    result = run("sessions", "show", id, "--data", data)
    assert result.exit_code == 1
    assert "session id" in result.stderr


def test_rm_removes_and_says_so(data: Path) -> None:
    result = run("sessions", "rm", "bo", "support/anna", "nobody", "bo", "--yes", "--data", data)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["removed chat/bo", "removed support/anna"]
    assert "chat/nobody" in result.stderr
    listed = json.loads(run("sessions", "ls", "--data", data, "--json").stdout)
    assert [(row["agent"], row["id"]) for row in listed] == [("chat", "anna")]


def test_rm_without_a_terminal_needs_yes(data: Path) -> None:
    result = run("sessions", "rm", "bo", "--data", data, given="y\n")
    assert result.exit_code == 1
    assert "--yes" in result.stderr
    assert len(json.loads(run("sessions", "ls", "--data", data, "--json").stdout)) == 3


def test_rm_leaves_a_directory_alone_that_is_in_use(data: Path) -> None:
    store = asyncio.run(open_store(data))
    try:
        result = run("sessions", "rm", "bo", "--yes", "--data", data)
        assert result.exit_code == 1
        assert "in use" in result.stderr
    finally:
        asyncio.run(store.close())
    assert len(json.loads(run("sessions", "ls", "--data", data, "--json").stdout)) == 3


def test_tail_and_chat_need_a_server(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_PORT", "1")
    for command in (("sessions", "tail", "anna"), ("chat", "hello")):
        result = run(*command, "--data", data)
        assert result.exit_code == 1
        assert "cutty-agent serve" in result.stderr


def test_the_kept_token_is_not_sent_to_another_machine(data: Path) -> None:
    (data / "admin.token").write_text("secret")
    result = run("sessions", "ls", "--data", data, "--url", "http://cutty.invalid:80")
    assert result.exit_code == 1
    assert "no operator's token" in result.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("cutty-agent ")
    for command in ([], ["serve"], ["chat"], ["doctor"], ["sessions"]):
        result = run(*command, "--help")
        assert result.exit_code == 0
        assert "cutty-agent" in result.stdout
    for command in ("ls", "show", "tail", "rm"):
        assert "Example" in run("sessions", command, "--help").stdout
