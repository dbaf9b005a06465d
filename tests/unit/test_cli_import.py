"""An application that cannot be served is told in one line, with the place where its author can mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cutty_agent import App, ChatAgent
from cutty_agent.config import load
from cutty_agent.errors import ConfigError


def command(*given: str, at: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cutty_agent", *given],
        cwd=at,
        env={**os.environ, "COLUMNS": "1000", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


AGENT = "from cutty_agent import App, ChatAgent\nclass Chat(ChatAgent):\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1 / 0\n", ["ZeroDivisionError", "mine.py:1", "division by zero"]),
        ("import nothing_of_that_name\n", ["ModuleNotFoundError", "nothing_of_that_name", "mine.py:1"]),
        ("def f(:\n", ["SyntaxError", "mine.py:1"]),
        (
            f"{AGENT}    message_concurrency = 'foo'\napp = App([Chat])\n",
            ["Chat", "message_concurrency", "queue"],
        ),
        ("from cutty_agent import App\napp = App([dict])\n", ["dict", "ChatAgent", "mine.py:2"]),
    ],
)
def test_a_module_that_cannot_be_imported(source: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source)
    done = command("serve", "mine:app", "--port", "0", at=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [word for word in said if word not in done.stderr] == []


@pytest.mark.parametrize("name", ["serve", "doctor"])
def test_settings_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "cutty.toml").write_text('port = "x\n')
    done = command(name, at=tmp_path)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "cutty.toml is no TOML" in said
    assert "Traceback" not in said


def test_a_setting_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cutty.toml").write_text("prot = 3\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="There is no setting prot"):
        load()


def test_the_server_of_another_directory_is_not_meant(tmp_path: Path) -> None:
    done = command("chat", "--data", str(tmp_path / "none"), "hi", at=tmp_path)
    assert done.returncode == 1
    assert f"No server runs on the data directory {tmp_path / 'none'}." in done.stderr
    assert "Continue it" not in done.stderr


def test_wrong_agents_are_refused_when_the_app_is_made() -> None:
    class Odd(ChatAgent):
        message_concurrency = "foo"

    with pytest.raises(ValueError, match="Odd: message_concurrency"):
        App([Odd])
    with pytest.raises(TypeError, match="no ChatAgent"):
        App({"odd": dict})  # type: ignore[dict-item]


def test_a_check_replaces_models_that_the_app_is_the_first_to_load(tmp_path: Path) -> None:
    source = "from pydantic_ai import Agent\n" + AGENT + "    async def on_chat_message(self, turn):\n"
    source += (
        "        return turn.run(helper)\nhelper = Agent('anthropic:claude-sonnet-4-5')\napp = App([Chat])\n"
    )
    (tmp_path / "mine.py").write_text(source)
    done = command(
        "check",
        "mine:app",
        "--sessions",
        "2",
        "--turns",
        "2",
        "--seed",
        "1",
        at=tmp_path,
        ANTHROPIC_API_KEY="x",
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing crossed" in done.stdout
    assert "nothing was meant to fail" not in done.stdout
