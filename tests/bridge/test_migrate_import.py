"""``cutty-agent migrate import`` and ``usage`` on a data directory."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.old_server import RULE, ask, old_server, signed_in, v5
from cutty_agent.cli.importing import BATCH, Importer, Options, state_file
from cutty_agent.clock import SystemClock
from cutty_agent.config import Limits
from cutty_agent.core.history_import import PREFIX
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import FOREVER, AuditEntry, PutMessage, SessionStore
from unit.cli_lab import run, with_store

OPTIONS = Options("chat", "user", "sessionId", 30 * 60_000)


def write(path: Path, number: int) -> Path:
    """A shared history of three people in one file, a message a line."""
    people = ("ada", "bob", "cleo")
    lines = [
        {
            "role": "assistant" if at % 2 else "user",
            "content": f"message {at}",
            "metadata": {"user": people[at // 2 % 3], "sessionId": f"s-{people[at // 2 % 3]}"},
        }
        for at in range(number)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def texts(directory: Path, session: str) -> list[str]:
    async def look(store: SessionStore) -> list[str]:
        stored = await store.messages(Address("chat", session))
        return [] if stored is None else [json.loads(row.body)["parts"][0]["text"] for row in stored.messages]

    return with_store(directory, look)


def expected(number: int, person: int) -> list[str]:
    return [f"message {at}" for at in range(number) if at // 2 % 3 == person]


def importer(store: SessionStore, tmp_path: Path, **limits: int) -> Importer:
    return Importer(store, OPTIONS, Limits(**limits), lambda owner: FOREVER, SystemClock(), tmp_path)


def test_first_it_shows_then_it_imports_and_never_twice(tmp_path: Path) -> None:
    file, data = write(tmp_path / "old.jsonl", 30), tmp_path / "data"
    file.write_text(file.read_text() + "{broken\n")
    shown = run("migrate", "import", file, "--data", data, "--dry-run")
    assert shown.exit_code == 0
    assert "3 sessions, 30 messages, 3 owners; 1 skipped" in shown.stdout
    assert "line 31 is left out: it is not JSON" in shown.stderr
    assert not data.exists()
    refused = run("migrate", "import", file, "--data", data)
    assert refused.exit_code == 1
    assert not data.exists()

    done = run("migrate", "import", file, "--data", data, "--yes")
    assert done.exit_code == 0, done.output
    assert "imported 30 messages" in done.stdout
    for person, name in enumerate(("ada", "bob", "cleo")):
        assert texts(data, f"s-{name}") == expected(30, person)
    again = run("migrate", "import", file, "--data", data, "--yes")
    assert "imported 0 messages" in again.stdout
    assert "30 messages had been imported before" in again.stdout
    assert texts(data, "s-ada") == expected(30, 0)
    assert not state_file(file).exists()

    listed = json.loads(run("sessions", "ls", "--data", data, "--json").stdout)
    assert {row["owner"] for row in listed} == {"user:ada", "user:bob", "user:cleo"}
    log = run("audit", "--data", data, "--action", "history.", "--json").stdout
    assert "old.jsonl" in log


def test_a_growing_file_adds_only_what_is_new(tmp_path: Path) -> None:
    data = tmp_path / "data"
    run("migrate", "import", write(tmp_path / "old.jsonl", 12), "--data", data, "--yes")
    grown = run("migrate", "import", write(tmp_path / "old.jsonl", 18), "--data", data, "--yes")
    assert "imported 6 messages" in grown.stdout
    assert texts(data, "s-cleo") == expected(18, 2)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        missing = run("migrate", "import", path, "--data", tmp_path / "data", "--yes")
        assert missing.exit_code == 1
        assert str(path) in missing.stderr


async def test_a_running_server_keeps_its_directory(tmp_path: Path) -> None:
    file, data = write(tmp_path / "old.jsonl", 2), tmp_path / "data"
    async with old_server(data) as server:
        refused = await asyncio.to_thread(run, "migrate", "import", file, "--data", data, "--yes")
        assert refused.exit_code == 1
        assert "in use" in refused.stderr.lower()
        assert await server.sessions() == []


async def test_what_a_session_has_of_its_own_is_left_alone(tmp_path: Path) -> None:
    store = MemoryStore()
    address = Address("chat", "s-ada")
    snapshot = await store.claim(address, owner="user:ada", now_ms=1)
    await store.commit(address, snapshot.epoch, [PutMessage("m1", b'{"id":"m1"}')], now_ms=1)
    await store.claim(Address("chat", "s-bob"), owner="user:mallory", now_ms=1)
    counts = await importer(store, tmp_path).bring(write(tmp_path / "old.jsonl", 6), lambda end: None)
    assert counts.added == 2
    assert sorted((each.line, each.reason) for each in counts.skipped) == [
        (1, "the session chat/s-ada has messages of its own"),
        (2, "the session chat/s-ada has messages of its own"),
        (3, "the session chat/s-bob is somebody else's"),
        (4, "the session chat/s-bob is somebody else's"),
    ]
    stored = await store.messages(address)
    assert stored is not None
    assert [row.body for row in stored.messages] == [b'{"id":"m1"}']


def test_the_dry_run_tells_of_sessions_that_are_there(tmp_path: Path) -> None:
    file, data = write(tmp_path / "old.jsonl", 6), tmp_path / "data"

    async def use(store: SessionStore) -> None:
        for session, owner in (("s-ada", "user:ada"), ("s-bob", "user:mallory")):
            snapshot = await store.claim(Address("chat", session), owner=owner, now_ms=1)
            put = PutMessage("m1", b'{"id":"m1"}')
            await store.commit(Address("chat", session), snapshot.epoch, [put], now_ms=1)

    with_store(data, use)
    shown = run("migrate", "import", file, "--data", data, "--dry-run").stdout
    assert "in use, left alone" in shown
    assert "somebody else's, left alone" in shown


async def test_limits_hold(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text(
        "".join(json.dumps({"role": "user", "content": "x" * size}) + "\n" for size in (9, 5000, 9, 9))
    )
    counts = await importer(MemoryStore(), tmp_path, message_bytes=1024, history_messages=2).bring(
        file, lambda end: None
    )
    assert counts.added == 2
    assert [(each.line, each.reason.split(" ")[-1]) for each in counts.skipped] == [
        (2, "limits.message_bytes"),
        (4, "already"),
    ]


class Breaking(MemoryStore):
    """Fails after some commits, as a disk that is full."""

    def __init__(self, commits: int) -> None:
        super().__init__()
        self.left = commits

    async def commit(self, *args: Any, **kwargs: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoreUnavailable("The disk is full.", remedy="Make room.")
        await super().commit(*args, **kwargs)


@pytest.mark.parametrize("commits", [1, 3, 4, 7])
async def test_it_goes_on_where_it_was_broken_off(tmp_path: Path, commits: int) -> None:
    number = 4 * BATCH
    file, store = write(tmp_path / "old.jsonl", number), Breaking(commits)
    with pytest.raises(StoreUnavailable):
        await importer(store, tmp_path).bring(file, lambda end: None)
    assert state_file(file).exists() == (commits >= 3)
    store.left = 1_000
    seen: list[int] = []
    counts = await importer(store, tmp_path).bring(file, seen.append)
    if commits >= 3:
        assert len(seen) == number - commits // 3 * BATCH  # what was through is not read into the store again
    assert counts.added + counts.present == len(seen)
    for person, name in enumerate(("ada", "bob", "cleo")):
        stored = await store.messages(Address("chat", f"s-{name}"))
        assert stored is not None
        assert [json.loads(row.body)["parts"][0]["text"] for row in stored.messages] == expected(
            number, person
        )


async def test_another_store_or_file_begins_anew(tmp_path: Path) -> None:
    file, store = write(tmp_path / "old.jsonl", 2 * BATCH), Breaking(3)
    with pytest.raises(StoreUnavailable):
        await importer(store, tmp_path).bring(file, lambda end: None)
    fresh = MemoryStore()
    assert (await importer(fresh, tmp_path).bring(file, lambda end: None)).added == 2 * BATCH
    store.left = 0
    with pytest.raises(StoreUnavailable):
        await importer(store, tmp_path).bring(file, lambda end: None)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[2], *lines]))
    store.left = 1_000
    counts = await importer(store, tmp_path).bring(file, lambda end: None)
    assert counts.added + counts.present == 2 * BATCH + 1


@pytest.mark.faults
def test_a_killed_import_goes_on_without_a_message_twice(tmp_path: Path) -> None:
    number = 60 * BATCH
    file, data = write(tmp_path / "old.jsonl", number), tmp_path / "data"
    command = [
        sys.executable,
        "-m",
        "cutty_agent",
        "migrate",
        "import",
        str(file),
        "--yes",
        "--data",
        str(data),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
    )
    while not state_file(file).exists():
        try:
            process.wait(0.005)
        except subprocess.TimeoutExpired:
            continue
        break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state_file(file).exists(), "it was through before it could be killed"
    offset = json.loads(state_file(file).read_text())["offset"]
    assert 0 < offset < file.stat().st_size
    done = run("migrate", "import", file, "--data", data, "--yes")
    assert done.exit_code == 0, done.output
    for person, name in enumerate(("ada", "bob", "cleo")):
        assert texts(data, f"s-{name}") == expected(number, person)


async def test_an_imported_session_is_its_owners_and_goes_on(tmp_path: Path) -> None:
    file, data = tmp_path / "old.jsonl", tmp_path / "data"
    file.write_text('{"role":"user","content":"before","metadata":{"user":"ada","sessionId":"s1"}}\n')
    done = await asyncio.to_thread(run, "migrate", "import", file, "--data", data, "--yes")
    assert done.exit_code == 0, done.output
    async with (
        old_server(data, access=RULE) as server,
        signed_in(server, "ada") as ada,
        signed_in(server, "bob") as bob,
    ):
        assert (await bob.get("/agents/chat/s1/get-messages")).status_code == 404
        assert await ask(ada, v5("now"), "/agents/chat/s1") == "heard: before|now"
        [first, *_] = (await ada.get("/agents/chat/s1/get-messages")).json()
        assert first["id"].startswith(PREFIX)


def test_usage_is_told_from_the_directory(tmp_path: Path) -> None:
    day = 1_790_000_000_000

    async def use(store: SessionStore) -> None:
        entries = [
            AuditEntry(
                day, "user:ada", "bridge.used", detail="POST /api/chat from https://a.example", count=3
            ),
            AuditEntry(
                day + 60_000, "user:ada", "bridge.used", detail="POST /api/chat from https://a.example"
            ),
            AuditEntry(
                day + 86_400_000, "", "bridge.refused", peer="192.0.2.7", detail="POST /api/chat", count=2
            ),
            AuditEntry(day, "user:ada", "access.refused", detail="else"),
        ]
        await store.note(entries)

    with_store(tmp_path, use)
    newest, oldest = json.loads(run("migrate", "usage", "--data", tmp_path, "--json").stdout)
    assert (newest["used"], newest["refused"]) == (0, 2)
    assert newest["uses"][0]["who"] == "192.0.2.7"
    assert (oldest["used"], oldest["refused"]) == (4, 0)
    [use_] = oldest["uses"]
    assert (use_["route"], use_["origin"], use_["who"]) == ("POST /api/chat", "https://a.example", "user:ada")
    table = run("migrate", "usage", "--data", tmp_path).stdout
    assert oldest["day"] in table
    assert "https://a.example" in table
