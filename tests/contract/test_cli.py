"""The command line against a real server process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

pytestmark = [pytest.mark.timeout(120)]

COMMAND = [sys.executable, "-m", "cutty_agent"]
PATIENCE_S = 30
COUNT = [str(number) for number in range(1, 61)]


class Cli:
    """Runs commands on one data directory, and its server."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._server: subprocess.Popen[str] | None = None
        self.said = ""
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", "CUTTY_PORT": "1", "COLUMNS": "160"}
        for name in ("CUTTY_ADMIN_TOKEN", "CUTTY_MODEL"):
            self.env.pop(name, None)

    def start(self, port: int = 0) -> str:
        """Run the server; its address once it listens."""
        self._server = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port), "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=(self._folder / "server.log").open("a"),
            text=True,
            cwd=self._folder,
            env={**self.env, "CUTTY_DEMO_DELAY_MS": "15"},
        )
        assert self._server.stdout is not None
        for line in self._server.stdout:
            self.said += line
            if line.startswith("  stop"):  # the last line, after the note of where it listens
                return f"http://127.0.0.1:{self.port}"
        raise RuntimeError((self._folder / "server.log").read_text())

    @property
    def port(self) -> int:
        noted = json.loads((self.data / "server.json").read_text())
        return int(noted["url"].rpartition(":")[2])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(PATIENCE_S)
            assert self._server.stdout is not None
            self._server.stdout.close()
            self._server = None

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            [*COMMAND, *arguments, "--data", str(self.data)],
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=self._folder,
            env=self.env,
        )

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            [*COMMAND, *arguments, "--data", str(self.data)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            env=self.env,
        )

    def log(self) -> list[dict[str, Any]]:
        """What the server logged."""
        lines = (self._folder / "server.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="module", autouse=True)
def _commands_hear_ctrl_c() -> Iterator[None]:
    """A command inherits an ignored SIGINT, and a job that was put into the background by a script has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """One server for the tests that do not stop it; each has session ids of its own."""
    cli = Cli(tmp_path_factory.mktemp("cli"))
    cli.start()
    yield cli
    cli.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cli]:
    """A server that a test may stop."""
    cli = Cli(tmp_path)
    cli.start()
    yield cli
    cli.stop()


class CuttingProxy:
    """Passes bytes between a client and the server, and cuts each of the first connections after so many bytes."""

    def __init__(self, target: int, cut_after: list[int]) -> None:
        self._target = target
        self._cuts = iter(cut_after)
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self._target))
            limit = next(self._cuts, None)
            threading.Thread(target=_pipe, args=(client, server, None), daemon=True).start()
            threading.Thread(target=_pipe, args=(server, client, limit), daemon=True).start()


def _pipe(source: socket.socket, sink: socket.socket, limit: int | None) -> None:
    passed = 0
    try:
        while (limit is None or passed < limit) and (data := source.recv(4096)):
            sink.sendall(data)
            passed += len(data)
    except OSError:
        pass
    finally:
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_a_question_and_how_to_go_on(cli: Cli) -> None:
    asked = cli.run("chat", "hello")
    assert asked.returncode == 0
    assert asked.stdout.startswith("You said: “hello”.")
    assert asked.stdout.endswith("\n")
    found = re.search(r"cutty-agent (chat .*--session session-\d{13}-[0-9a-f]{16})\n", asked.stderr)
    assert found
    again = cli.run(*shlex.split(found[1]), "hello")
    assert "message number 2 of this session" in again.stdout
    assert again.stderr == ""


def test_a_session_remembers(cli: Cli) -> None:
    assert "Bo" in cli.run("chat", "--session", "bo", "my name is Bo").stdout
    assert "Your name is Bo." in cli.run("chat", "--session", "chat/bo", "what is my name?").stdout
    assert "I do not know" in cli.run("chat", "--session", "other", "what is my name?").stdout


def test_text_from_standard_input(cli: Cli) -> None:
    for arguments in (["chat", "-"], ["chat"]):
        asked = cli.run(*arguments, given="my name is Eve\nand I type lines\n")
        assert asked.returncode == 0
        assert asked.stdout.startswith("Nice to meet you, Eve!")
    assert cli.run("chat", "-", given="  \n").returncode == 1


def test_a_failing_answer_is_an_error(cli: Cli) -> None:
    asked = cli.run("chat", "--session", "fails", "fail")
    assert asked.returncode == 1
    assert asked.stdout == "I will fail now, as you asked.\n"
    assert "The demo model failed" in asked.stderr
    assert cli.run("chat", "--session", "fails", "hello").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--agent", "nobody", "hello"], "nobody"),
        (["--session", "no/such/id", "hello"], "session id"),
        (["--url", "http://127.0.0.1:1", "hello"], "cutty-agent serve"),
        (["--url", "nonsense://x", "hello"], "There is no cutty-agent server"),
    ],
)
def test_errors_are_readable(cli: Cli, arguments: list[str], said: str) -> None:
    asked = cli.run("chat", *arguments)
    assert asked.returncode == 1
    assert said in asked.stderr
    assert "Traceback" not in asked.stderr
    assert asked.stdout == ""


@pytest.mark.parametrize("cuts", [[2500], [1200, 1500, 2500, 4000]])
def test_a_dropped_connection_loses_and_doubles_no_word(cli: Cli, cuts: list[int]) -> None:
    proxy = CuttingProxy(cli.port, cuts)
    try:
        asked = cli.run(
            "chat", "--session", f"cut-{len(cuts)}", "--url", f"http://127.0.0.1:{proxy.port}", "count to 60"
        )
    finally:
        proxy.close()
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.split() == COUNT
    assert proxy.connections > len(cuts)
    assert "reconnecting" in asked.stderr
    [user, assistant] = json.loads(cli.run("sessions", "show", f"cut-{len(cuts)}", "--json").stdout)[
        "transcript"
    ]
    assert user["parts"][0]["text"] == "count to 60"
    assert assistant["parts"][-1]["text"].split() == COUNT


def test_a_question_whose_answer_ended_while_away(cli: Cli) -> None:
    """The second connection is cut before it is told anything, so long that the answer has ended."""
    proxy = CuttingProxy(cli.port, [1500, *[0] * 4])
    try:
        url = f"http://127.0.0.1:{proxy.port}"
        asked = cli.run("chat", "--session", "away", "--url", url, "count to 60")
    finally:
        proxy.close()
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.split() == COUNT


def test_a_killed_server_loses_no_word(own: Cli) -> None:
    port = own.port
    asking = own.spawn("chat", "--session", "survivor", "count to 60")
    assert asking.stdout is not None
    assert asking.stdout.read(20).split()[:5] == COUNT[:5]
    own.stop(signal.SIGKILL)
    own.start(port)
    rest, said = asking.communicate(timeout=PATIENCE_S)
    assert asking.returncode == 0, said
    shown = own.run("sessions", "show", "survivor", "--json")
    parts = json.loads(shown.stdout)["transcript"][1]["parts"]
    assert "".join(part.get("text", "") for part in parts).split() == COUNT
    assert rest.split()[-1] == "60"
    assert len(rest.split()) <= 60 - 5


def test_ctrl_c_stops_the_answer_and_keeps_what_was_said(cli: Cli) -> None:
    asking = cli.spawn("chat", "--session", "stopped", "count to 5000")
    assert asking.stdout is not None
    heard = asking.stdout.read(8)
    asking.send_signal(signal.SIGINT)
    rest, said = asking.communicate(timeout=PATIENCE_S)
    assert asking.returncode == 130
    assert "Stopped." in said
    shown = json.loads(cli.run("sessions", "show", "stopped", "--json").stdout)
    assert shown["turns"][-1]["outcome"] == "aborted"
    assert shown["transcript"][1]["parts"][-1]["text"].split() == (heard + rest).split()


def test_ls_show_and_rm_through_the_server(cli: Cli) -> None:
    for name in ("old", "new"):
        cli.run("chat", "--session", name, "weather in Oslo")
    listed = json.loads(cli.run("sessions", "ls", "--json").stdout)
    assert [row["id"] for row in listed][:2] == ["new", "old"]
    assert "chat/new" in cli.run("sessions", "ls").stdout
    shown = cli.run("sessions", "show", "new").stdout
    assert "get_weather" in shown
    assert "completed" in shown
    assert "in memory" in shown
    refused = cli.run("sessions", "rm", "old", given="y\n")
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    removed = cli.run("sessions", "rm", "old", "chat/new", "--yes")
    assert (removed.returncode, removed.stdout) == (0, "removed chat/old\nremoved chat/new\n")
    assert not {"old", "new"} & {row["id"] for row in json.loads(cli.run("sessions", "ls", "--json").stdout)}
    audited = json.loads(cli.run("audit", "--action", "session.erased", "--json").stdout)
    assert [entry["session"] for entry in audited[:2]] == ["new", "old"]
    assert cli.run("sessions", "show", "new").returncode == 1


def test_the_same_without_a_server(own: Cli) -> None:
    own.run("chat", "--session", "kept", "weather in Oslo")
    with_server = json.loads(own.run("sessions", "show", "kept", "--json").stdout)
    own.stop()
    assert not (own.data / "server.json").exists()
    without = json.loads(own.run("sessions", "show", "kept", "--json").stdout)
    assert without.items() <= with_server.items()
    assert [row["id"] for row in json.loads(own.run("sessions", "ls", "--json").stdout)] == ["kept"]
    assert own.run("sessions", "rm", "kept", "--yes").stdout == "removed chat/kept\n"
    assert json.loads(own.run("sessions", "ls", "--json").stdout) == []


def test_export_and_erase_through_the_server(cli: Cli) -> None:
    cli.run("chat", "--session", "private", "weather in Oslo")
    there = cli.data.parent / "private.zip"
    exported = cli.run("sessions", "export", "private", "-o", str(there))
    assert exported.returncode == 0, exported.stderr
    with zipfile.ZipFile(there) as archive:
        assert b"Oslo" in archive.read("chat/private/messages.jsonl")
    refused = cli.run("sessions", "export", "private", "-o", str(there))
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    asked = cli.run("sessions", "erase", "private", given="y\n")
    assert (asked.returncode, "--yes" in asked.stderr) == (1, True)
    erased = cli.run("sessions", "erase", "private", "--yes", "--json")
    receipt = json.loads(erased.stdout)
    assert (receipt["subject"], receipt["sessions"], receipt["messages"]) == ("chat/private", 1, 2)
    audited = json.loads(cli.run("audit", "--session", "private", "--json").stdout)
    assert [entry["action"] for entry in audited] == ["session.erased", "session.exported"]
    assert {entry["peer"] for entry in audited} == {"127.0.0.1"}
    nothing = cli.run("sessions", "export", "private", "-o", str(there.with_name("again.zip")))
    assert (nothing.returncode, there.with_name("again.zip").exists()) == (1, False)
    assert cli.run("sessions", "export", "--user", "nobody", "-o", "-").returncode == 1
    assert cli.run("sessions", "erase", "--user", "nobody", "--yes").returncode == 1


def test_a_parked_session_does_not_answer(cli: Cli) -> None:
    cli.run("chat", "--session", "wild", "hello")
    assert cli.run("sessions", "park", "wild", "--reason", "It loops.").stdout == "parked chat/wild\n"
    refused = cli.run("chat", "--session", "wild", "hello")
    assert (refused.returncode, "It loops." in refused.stderr) == (1, True)
    assert [row["id"] for row in json.loads(cli.run("sessions", "ls", "--parked", "--json").stdout)] == [
        "wild"
    ]
    assert cli.run("sessions", "unpark", "wild").returncode == 0
    assert cli.run("chat", "--session", "wild", "hello").returncode == 0


def test_stop_ends_the_answer_that_is_written(cli: Cli) -> None:
    asking = cli.spawn("chat", "--session", "long", "count to 5000")
    assert asking.stdout is not None
    asking.stdout.read(8)
    assert cli.run("sessions", "stop", "long").stdout == "stopped chat/long\n"
    asking.communicate(timeout=PATIENCE_S)
    turns = json.loads(cli.run("sessions", "show", "long", "--json").stdout)["turns"]
    assert turns[-1]["outcome"] == "aborted"
    assert "Nothing runs" in cli.run("sessions", "stop", "long").stderr


def test_expire_and_purge_through_the_server(own: Cli) -> None:
    for name in ("one", "two", "three"):
        own.run("chat", "--session", name, "hello")
    assert own.run("sessions", "expire", "one", "--yes").stdout == "expired chat/one\n"
    assert own.run("sessions", "show", "one").returncode == 1
    assert own.run("sessions", "purge", "--older-than", "1h", "--dry-run").stdout.startswith("0 sessions")
    own.stop()  # asleep, none of them is in use
    own.start()
    purged = json.loads(own.run("sessions", "purge", "--older-than", "1s", "--yes", "--json").stdout)
    assert purged == {"found": 2, "sessions": 2, "messages": 4, "done": True}
    assert json.loads(own.run("sessions", "ls", "--json").stdout) == []


def test_revoke_needs_a_rule_on_a_running_server(cli: Cli) -> None:
    refused = cli.run("revoke", "user:anna")
    assert (refused.returncode, "no access rule" in refused.stderr) == (1, True)


def test_with_visitors_the_server_says_so_and_revokes(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.env["CUTTY_ACCESS__VISITORS"] = "true"
    address = cli.start()
    try:
        assert "  access    visitors" in cli.said
        with httpx.Client(base_url=address) as browser:
            made = browser.post("/agents/chat")
            assert made.status_code == 201, made.text
            [row] = json.loads(cli.run("sessions", "ls", "--json").stdout)
            assert row["owner"].startswith("visitor:")
            assert browser.get(f"{made.headers['location']}/get-messages").status_code == 200
            assert cli.run("revoke", row["owner"], "--for", "1h").returncode == 0
            assert browser.get(f"{made.headers['location']}/get-messages").status_code in {401, 404}
        owned = json.loads(cli.run("sessions", "erase", "--user", row["owner"], "--yes", "--json").stdout)
        assert (owned["subject"], owned["sessions"]) == (row["owner"], 1)
    finally:
        cli.stop()


def test_without_a_rule_only_this_machine_s_names_are_answered(cli: Cli) -> None:
    address = f"http://127.0.0.1:{cli.port}/agents/chat/s/get-messages"
    assert httpx.get(address).status_code == 200
    refused = httpx.get(address, headers={"host": "evil.example"})
    assert (refused.status_code, "CUTTY_ACCESS__HOSTS" in refused.text) == (400, True)


def read_until(output: Any, wanted: Callable[[str], bool]) -> str:
    seen = ""
    for line in output:
        seen += line
        if wanted(seen):
            return seen
    raise AssertionError(f"it ended before that:\n{seen}")


def test_tail_follows_live_and_ends_with_ctrl_c(cli: Cli) -> None:
    cli.run("chat", "--session", "live", "hello")
    tail = cli.spawn("sessions", "tail", "live")
    try:
        read_until(tail.stdout, lambda seen: "following chat/live" in seen)
        cli.run("chat", "--session", "live", "weather in Rome")
        seen = read_until(tail.stdout, lambda seen: "completed" in seen)
        for expected in (
            "user  weather in Rome",
            '⚙ get_weather {"city":"Rome"} →',
            "assistant  In Rome it is",
        ):
            assert expected in seen
        assert "hello" not in seen
        shown = json.loads(cli.run("sessions", "show", "live", "--json").stdout)
        assert shown["sockets"] == 0
    finally:
        tail.send_signal(signal.SIGINT)
        tail.communicate(timeout=PATIENCE_S)
    assert tail.returncode == 0


def test_tail_ends_when_the_server_stops(own: Cli) -> None:
    own.run("chat", "--session", "live", "hello")
    tail = own.spawn("sessions", "tail", "live")
    read_until(tail.stdout, lambda seen: "following" in seen)
    own.stop()
    _, said = tail.communicate(timeout=PATIENCE_S)
    assert tail.returncode == 1
    assert "The server is stopping" in said
    assert [line["event"] for line in own.log() if line["level"] == "error"] == []


def test_tail_of_a_removed_session(cli: Cli) -> None:
    cli.run("chat", "--session", "doomed", "hello")
    tail = cli.spawn("sessions", "tail", "doomed")
    read_until(tail.stdout, lambda seen: "following" in seen)
    assert cli.run("sessions", "rm", "doomed", "--yes").returncode == 0
    _, said = tail.communicate(timeout=PATIENCE_S)
    assert (tail.returncode, "deleted" in said) == (1, True)
    assert cli.run("sessions", "tail", "doomed").returncode == 1


def test_doctor_beside_a_running_server(cli: Cli) -> None:
    told = cli.run("doctor", "--json")
    assert told.returncode == 0, told.stdout
    checks = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert f"http://127.0.0.1:{cli.port}" in checks["lock"]["said"]
    assert "version" in checks["server"]["said"]
    assert checks["database"]["said"].startswith("sound")
    assert "All is well." in cli.run("doctor").stdout


def test_the_token_file_opens_the_api(cli: Cli) -> None:
    file = cli.data / "admin.token"
    assert file.stat().st_mode & 0o777 == 0o600
    token = file.read_text().strip()
    address = f"http://127.0.0.1:{cli.port}/admin/sessions"
    assert httpx.get(address).status_code == 401
    assert httpx.get(address, headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert token not in (cli.data.parent / "server.log").read_text()


def test_chat_shows_a_token_where_there_is_a_rule(own: Cli) -> None:
    cli, secret = own, "a secret of the application, long enough"
    cli.stop()
    cli.env["CUTTY_ACCESS__JWT__SECRET"] = secret
    cli.start()
    assert "access    JWT" in cli.said
    refused = cli.run("chat", "--session", "mine", "hello")
    assert refused.returncode == 1
    assert "who you are" in refused.stderr
    cli.env["CUTTY_TOKEN"] = jwt.encode({"sub": "ada"}, secret, "HS256")
    told = cli.run("chat", "--session", "mine", "my name is Ada")
    assert told.returncode == 0, told.stderr
    cli.env["CUTTY_TOKEN"] = jwt.encode({"sub": "eve"}, secret, "HS256")
    stranger = cli.run("chat", "--session", "mine", "what is my name?")
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "no such session for you" in stranger.stderr
