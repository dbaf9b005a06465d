"""The plugin in a pytest of its own, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cutty_agent.cli.check import check

TEST = """
import asyncio
from cutty_agent import App, ChatAgent

class Chat(ChatAgent):
    last = ""

    async def on_chat_message(self, turn):
        {line}
        return f"{{self.last}} {{turn.text}}"

app = App([Chat])

def test_without_a_loop(isolation):
    isolation.run(app, sessions=3, turns=2).assert_isolated()

{mark}
async def test_with_one(isolation):
    report = await isolation(app, sessions=3, turns=2)
    report.assert_isolated()
    assert report.seed == 4711
"""
CAREFUL, CARELESS = "self.last = turn.text", "Chat.last = turn.text"


def run_pytest(tmp_path: Path, line: str, *, asyncio: bool) -> subprocess.CompletedProcess[str]:
    mark = "import pytest\n@pytest.mark.asyncio" if asyncio else "import pytest\n@pytest.mark.skip"
    (tmp_path / "test_it.py").write_text(TEST.format(line=line, mark=mark))
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q"),
            *(() if asyncio else ("-p", "no:asyncio")),
            *("--isolation-seed", "4711", "test_it.py"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("asyncio", [True, False])
def test_a_clean_app_passes(tmp_path: Path, asyncio: bool) -> None:
    done = run_pytest(tmp_path, CAREFUL, asyncio=asyncio)

    assert done.returncode == 0, done.stdout + done.stderr
    assert ("2 passed" if asyncio else "1 passed, 1 skipped") in done.stdout


def test_a_leaky_app_fails_and_shows_place_and_seed(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, CARELESS, asyncio=True)

    assert done.returncode == 1
    assert "module global: session" in done.stdout
    assert "test_it.Chat.last" in done.stdout
    assert "--isolation-seed 4711" in done.stdout


def invoke(*arguments: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(check)
    result = CliRunner().invoke(app, [*arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "leaky_front_desk.py").write_text(
        "from cutty_agent import App, ChatAgent\n"
        "from pydantic_ai import Agent\n"
        "MODEL = Agent('anthropic:claude-sonnet-4-5')\n"
        "ASKED = []\n"
        "class Desk(ChatAgent):\n"
        "    async def on_chat_message(self, turn):\n"
        "        ASKED.append(turn.text)\n"
        "        return turn.run(MODEL)\n"
        "app = App([Desk])\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delitem(sys.modules, "leaky_front_desk", raising=False)
    return "leaky_front_desk:app"


def test_the_command_names_the_leak_without_a_key(written: str) -> None:
    code, shown, _ = invoke(written, "--sessions", "4", "--turns", "2", "--seed", "3")

    assert code == 1
    assert "leaky_front_desk.ASKED[" in shown
    assert "seed 3" in shown
    assert "canary-" not in shown


def test_the_command_prints_json(written: str) -> None:
    code, shown, _ = invoke(written, "--sessions", "4", "--turns", "2", "--json")

    report = json.loads(shown)
    assert code == 1
    assert not report["isolated"]
    assert report["counts"]["turns"] == 8
    found = next(each for each in report["findings"] if each["kind"] == "module global")
    assert found["place"].startswith("leaky_front_desk.ASKED[")
    assert found["target"] is None
    assert found["remedy"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no_such_module_here:app",), "no module"),
        (("json:dumps",), "has no App"),
        (("json:dumps", "--sessions", "1"), "sessions is 1"),
    ],
)
def test_a_wrong_call_is_explained(arguments: tuple[str, ...], said: str) -> None:
    code, _, complaint = invoke(*arguments)

    assert code == 1
    assert said in complaint
