"""``cutty-agent new``: what it makes runs as it is, and nothing is ever overwritten."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread

import httpx
import pytest
import typer
from playwright.async_api import async_playwright, expect
from typer.testing import CliRunner

from cutty_agent.cli.new import FILES, new
from deploy.front import replaced
from deploy.test_front import deltas
from e2e.chromium import ARGUMENTS, find

command = typer.Typer()
command.command()(new)


def run(directory: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Exit code and everything that is said, on one line."""
    monkeypatch.chdir(directory)
    result = CliRunner().invoke(command, list(arguments))
    return result.exit_code, " ".join(result.output.split())


def contents(directory: Path) -> dict[str, str]:
    """Every file below, with its text."""
    found = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_text() for path in found}


def test_a_project_is_made_and_the_next_steps_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = run(tmp_path, monkeypatch, "My_app")
    assert code == 0
    assert "cd My_app cutty-agent serve agent:app --reload" in said
    made = contents(tmp_path / "My_app")
    assert set(made) == set(FILES)
    assert not [path for path, text in made.items() if "{{" in text and not path.endswith(".html")]
    assert tomllib.loads(made["pyproject.toml"])["project"]["name"] == "my-app"
    assert tomllib.loads(made["cutty.toml"]) == {"allow_origins": ["http://localhost:5173"]}
    assert "/cutty-data/" in made[".gitignore"]
    assert "# My_app" in made["README.md"]


def test_every_template_is_used() -> None:
    scaffold = resources.files("cutty_agent.cli").joinpath("scaffold")
    assert {each.name for each in scaffold.iterdir()} == set(FILES.values())


def test_every_commented_setting_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncommented all together, they are accepted."""
    run(tmp_path, monkeypatch, "app")
    file = tmp_path / "app" / "cutty.toml"
    text = re.sub(r"^# (?=\[|\w+ = )", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(text)
    monkeypatch.chdir(tmp_path / "app")
    monkeypatch.setenv("CUTTY_ACCESS__JWT__SECRET", "0123456789abcdef0123456789abcdef")
    from cutty_agent.config import load

    settings = load()
    assert settings.access.visitors
    assert settings.access.jwt is not None
    assert settings.access.jwt.audience == "chat"
    assert settings.limits.tokens_per_day == 200_000
    assert settings.lifetimes.anonymous_s == 30 * 86_400
    assert settings.model


def test_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    code, said = run(folder, monkeypatch, "--here")
    assert code == 0
    assert "cd shop" not in said
    made = contents(folder)
    assert set(made) == {*FILES, "notes.txt"}
    assert made["README.md"].startswith("# shop\n")


@pytest.mark.parametrize("taken", ["agent.py", "web/index.html", ".gitignore"])
def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("mine")
    code, said = run(tmp_path, monkeypatch, "app", "--here")
    assert code == 1
    assert f"already has {taken}" in said
    assert contents(tmp_path) == {taken: "mine"}, "all of it or nothing"


def test_a_directory_with_something_in_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    assert run(tmp_path, monkeypatch, "app")[0] == 0, "an empty one is as good as none"
    before = contents(tmp_path)
    code, said = run(tmp_path, monkeypatch, "app")
    assert code == 1
    assert "is not empty" in said
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "name",
    ["", "1app", "my app", "../app", "app/", "-app", "app-", "a--b", "ä", "a" * 65, "cutty_agent", "."],
)
def test_names_that_make_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    code, said = run(tmp_path, monkeypatch, "--", name)
    assert code == 1
    assert "Error" in said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
async def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that was just made."""
    assert run(tmp_path, monkeypatch, "myapp")[0] == 0
    return tmp_path / "myapp"


@pytest.fixture
async def page(project: Path) -> AsyncIterator[str]:
    """The origin of its front end, served like ``python -m http.server`` does."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(project / "web"))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def served(project: Path, page: str) -> AsyncIterator[str]:
    """The address of its server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CUTTY_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cutty_agent", "serve", "agent:app", "--port", "0", "--allow-origin", page),
        cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    assert "is ready at" in line
    yield line.split()[-1]
    process.terminate()
    await asyncio.wait_for(process.wait(), 20)


async def test_the_agent_answers_and_keeps_notes_of_each_session(served: str) -> None:
    async def say(session: str, text: str) -> str:
        message = {"id": os.urandom(4).hex(), "role": "user", "parts": [{"type": "text", "text": text}]}
        body = {"id": session, "trigger": "submit-message", "message": message}
        answer = await client.post(f"{served}/agents/chat/{session}", json=body)
        return " ".join(deltas(answer.raise_for_status().text.splitlines()))

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert (await say("one", "hello")).startswith("You said: hello")
        assert await say("one", "remember milk") == "Noted. You have 1 note so far."
        assert await say("one", "Please remember bread") == "Noted. You have 2 notes so far."
        assert await say("two", "note: sleep") == "Noted. You have 1 note so far."


def isolation(project: Path) -> tuple[int, str]:
    """The project's own test: exit code and output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CUTTY_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def test_its_own_test_is_green(project: Path) -> None:
    code, said = isolation(project)
    assert code == 0, said
    assert "1 passed" in said


def test_its_own_test_catches_notes_that_all_sessions_share(project: Path) -> None:
    """What a beginner might write: a list of the module instead of the session's state."""
    file = project / "agent.py"
    file.write_text(
        replaced(
            file.read_text(),
            {
                "settings = Settings()": "NOTES: list[str] = []\nsettings = Settings()",
                'notes = [*chat.state["notes"], text]': "NOTES.append(text); notes = list(NOTES)",
            },
        )
    )
    code, said = isolation(project)
    assert code == 1, said
    assert "1 failed" in said
    assert "canary of session" in said


@pytest.mark.e2e
async def test_its_page_talks_reloads_and_keeps_tabs_apart(project: Path, page: str, served: str) -> None:
    file = project / "web" / "index.html"
    file.write_text(replaced(file.read_text(), {"http://localhost:8789": served}))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        context = await browser.new_context()
        first, second = await context.new_page(), await context.new_page()
        for tab in (first, second):
            await tab.goto(page)
            await expect(tab.get_by_role("button", name="Send")).to_be_enabled()
        await first.get_by_label("Your message").fill("remember milk")
        await first.keyboard.press("Enter")
        await expect(first.locator("p.assistant")).to_have_text("Noted. You have 1 note so far.")
        await first.reload()
        await expect(first.locator("#log p")).to_have_text(
            ["remember milk", "Noted. You have 1 note so far."]
        )
        await second.reload()
        await expect(second.get_by_role("button", name="Send")).to_be_enabled()
        await expect(second.locator("#log p")).to_have_count(0)
        await browser.close()
