"""The snippets of docs/migrating.md do what the page says. Blocks of one name are one program."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from unit.access_lab import signed

from .conftest import Server

pytestmark = [pytest.mark.contract, pytest.mark.timeout(700)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migrating.md").read_text()
HELPER = ROOT / "src" / "cutty_agent" / "web" / "client" / "session.js"
GREETING = "Your name is Ada. You told me in this session."
UNKNOWN = "I do not know. In this session nobody told me a name; try `my name is Ada`."

A_TAB = """
import { WebSocket } from %(ws)s;
const kept = new Map();
const store = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) };
const page = { window: globalThis, navigator: {}, location: new URL(%(server)s), sessionStorage: store, WebSocket };
for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true });
globalThis.addEventListener = () => {};
"""
"""As much of a browser's tab as the snippets need."""


def snippet(name: str) -> str:
    """The program of this name."""
    blocks = re.findall(rf"<!-- runs: {re.escape(name)} -->\n```[a-z]+\n(.*?)```", PAGE, re.DOTALL)
    assert blocks, f"docs/migrating.md has no block {name}"
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the old addresses and the demo agent."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CUTTY_BRIDGE", "on")
        server = Server(tmp_path_factory.mktemp("bridged"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def tab(node: str, installed: Callable[[str], Path], tmp_path: Path) -> Callable[..., list[str]]:
    """Runs a program in a tab of its own; gives what it wrote to the console."""
    socket = (installed("raw") / "node_modules" / "ws" / "wrapper.mjs").as_uri()

    def run(name: str, server: str, more: str = "") -> list[str]:
        program = snippet(name).replace(
            '"https://agents.example.com/client/session.js"', json.dumps(HELPER.as_uri())
        )
        program = program.replace("wss://agents.example.com", server.replace("http", "ws"))
        program = program.replace("https://agents.example.com", server)
        before = A_TAB % {"ws": json.dumps(socket), "server": json.dumps(server)}
        imports = re.findall(r"^import .*;$", program, re.MULTILINE)
        rest = re.sub(r"^import .*;$", "", program, flags=re.MULTILINE)
        script = tmp_path / f"{name}.mjs"
        script.write_text("\n".join([*dict.fromkeys(imports), before, rest, more, "process.exit(0);"]))
        ran = subprocess.run([node, str(script)], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        return ran.stdout.splitlines()

    return run


def test_the_new_calls_keep_two_tabs_apart(tab: Callable[..., list[str]], bridged: Server) -> None:
    assert tab("after", bridged.address()) == [
        GREETING,
        UNKNOWN,
        "4 messages and 2",
        "200",
        "0 messages and 2",
    ]


WORDS = """
const said = (role, content) => ({ role, content });
const lines = (text) => text.split("\\n").filter((line) => line.startsWith("0:"));
const words = (text) => lines(text).map((line) => JSON.parse(line.slice(2))).join("");
"""
"""Reads what the old call returns, as AI SDK 4 does."""


def test_the_old_call_works_unchanged_and_apart(tab: Callable[..., list[str]], bridged: Server) -> None:
    more = f"""{WORDS}
    console.log(words(await ask([said("user", "my name is Ada")])));
    console.log(words(await ask([said("user", "what is my name?")])));
    const history = [said("user", "my name is Ada"), said("assistant", "Hello"), said("user", "what is my name?")];
    console.log(words(await ask(history)));
    """
    greeted, stranger, going_on = tab("before", bridged.address(), more)
    assert greeted.startswith("Nice to meet you, Ada!")
    assert (stranger, going_on) == (UNKNOWN, GREETING)


@pytest.mark.parametrize(("name", "first"), [("before-socket", "4400"), ("after-socket", "session-")])
def test_the_old_socket_is_refused_and_the_new_one_opens(
    tab: Callable[..., list[str]], bridged: Server, name: str, first: str
) -> None:
    more = """
    console.log(await new Promise((done) => {
      socket.onclose = ({ code }) => done(`${code}`);
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === "cf_agent_identity") done(frame.name);
      };
    }));
    """
    [said] = tab(name, bridged.address(), more)
    assert said.startswith(first)


def test_the_switch_counts_who_uses_it(tab: Callable[..., list[str]], tmp_path: Path) -> None:
    data = tmp_path / "data"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CUTTY_BRIDGE", "on")
        server = Server(data)
    try:
        tab(
            "before",
            server.address(),
            'for (const word of ["a", "b"]) await ask([{ role: "user", content: word }]);',
        )
    finally:
        server.stop()
    [day] = json.loads(run(["cutty-agent", "migrate", "usage", "--json", "--data", str(data)], tmp_path))
    assert day["used"] == 2
    assert [(use["route"], use["used"]) for use in day["uses"]] == [("POST /api/chat", 2)]


# -- Python


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """The names that a module of the page defines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUTTY_DATA", str(tmp_path / "data"))

    def run(name: str) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "myapp"}
        exec(compile(snippet(name), f"{name}.py", "exec"), names)
        return names

    return run


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"id": text, "role": "user", "parts": [{"type": "text", "text": text}]}]}


def test_sessions_end_by_themselves(load: Callable[[str], dict[str, Any]]) -> None:
    app = load("lifetimes")["app"]
    with TestClient(app, base_url="http://server") as client:
        assert "You said: " in client.post("/agents/chat/s1", json=said("hi")).text
        assert client.portal is not None
        [row] = client.portal.call(app.store.sessions)
        week = 7 * 86_400_000
        assert abs(row.expires_ms - row.active_ms - week) < 1000


def test_sessions_belong_to_their_users(load: Callable[[str], dict[str, Any]]) -> None:
    secret = "the secret your application signs with"
    with TestClient(load("authentication")["app"], base_url="http://server") as client:
        ada, bob = (
            {"authorization": f"Bearer {signed(secret, sub=name, aud='cutty', exp=4_000_000_000)}"}
            for name in ("ada", "bob")
        )
        assert "user:ada" in client.post("/agents/chat/s1", json=said("hi"), headers=ada).text
        assert client.post("/agents/chat/s1", json=said("hi"), headers=bob).status_code == 404
        assert client.post("/agents/chat/s1", json=said("hi")).status_code == 401


def test_the_token_goes_along(tab: Callable[..., list[str]], tmp_path: Path) -> None:
    secret = "the secret your application signs with"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CUTTY_ACCESS__JWT__SECRET", secret)
        server = Server(tmp_path / "data")
    token = signed(secret, sub="ada", exp=4_000_000_000)
    try:
        more = f"""
        console.log((await ask("s1", "hi", {json.dumps(token)})).status);
        console.log((await ask("s1", "hi", "false")).status);
        """
        assert tab("signed-in", server.address(), more) == ["200", "401"]
    finally:
        server.stop()


def test_the_hook_hears_of_every_answer(load: Callable[[str], dict[str, Any]]) -> None:
    names = load("hook")
    with TestClient(names["app"], base_url="http://server") as client:
        for session in ("s1", "s2"):
            assert client.post(f"/agents/chat/{session}", json=said("hi")).status_code == 200
    assert sorted(names["answered"]) == [("s1", "completed"), ("s2", "completed")]


def test_the_isolation_test_runs(tmp_path: Path) -> None:
    (tmp_path / "myapp.py").write_text(snippet("lifetimes"))
    (tmp_path / "test_mine.py").write_text(snippet("isolation"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "CUTTY_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


# -- commands


def commands(block: str) -> list[tuple[list[str], list[str]]]:
    """The words of each command, and the lines it is said to print."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    split = [part.rstrip().partition("\n") for part in parts]
    return [(shlex.split(command), output.splitlines()) for command, _, output in split]


def run(words: list[str], directory: Path) -> str:
    assert words[0] == "cutty-agent"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CUTTY_")}
    ran = subprocess.run(
        [sys.executable, "-m", "cutty_agent", *words[1:]],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_import_prints_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text(snippet("old.jsonl"))
    for words, expected in commands(snippet("import")):
        printed = [line.rstrip() for line in run(words, tmp_path).splitlines()]
        assert printed[-len(expected) :] == expected
    for words, _ in commands(snippet("analytics")):
        told = json.loads(run(words, tmp_path))
        if "sessions" in words:
            assert sorted((row["owner"], row["messages"]) for row in told) == [
                ("user:ada", 1),
                ("user:ada", 2),
                ("user:bela", 1),
            ]


def test_every_marked_block_is_run() -> None:
    source = Path(__file__).read_text()
    marked = set(re.findall(r"<!-- runs: (\S+) -->", PAGE))
    assert {name for name in marked if f'"{name}"' not in source} == set()
    assert len(marked) == 12
