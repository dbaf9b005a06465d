from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cutty_agent.cli.checks import examine
from cutty_agent.cli.checks.data import database, directory, disk_space, filesystem_of, lock
from cutty_agent.cli.checks.finding import Finding
from cutty_agent.cli.checks.machine import open_files
from cutty_agent.cli.checks.service import model, port
from cutty_agent.cli.main import app
from cutty_agent.config import Settings
from cutty_agent.engines.embedded.directory import DATABASE
from cutty_agent.engines.embedded.store import open_store


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path / "data", port=free_port())
    asyncio.run(_make(settings.data))
    return settings


async def _make(path: Path) -> None:
    await (await open_store(path)).close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def found(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(settings)}


def test_a_sound_directory_is_well(made: Settings) -> None:
    findings = found(made)
    assert {name for name, finding in findings.items() if finding.state == "failed"} == set()
    assert findings["lock"].said == "free"
    assert findings["database"].said.startswith("sound, schema")
    assert findings["port"].said.endswith("is free")


def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    findings = found(Settings(data=tmp_path / "a" / "b", port=free_port()))
    assert {name for name, finding in findings.items() if finding.state == "failed"} == set()
    assert list(tmp_path.iterdir()) == []


def test_looking_changes_nothing(made: Settings) -> None:
    before = {file.name: file.read_bytes() for file in made.data.iterdir()}
    found(made)
    assert {file.name: file.read_bytes() for file in made.data.iterdir() if file.name in before} == before


def test_a_damaged_database_fails(made: Settings) -> None:
    (made.data / DATABASE).write_bytes(b"this is not a database, by far" * 100)
    finding = database(made)
    assert (finding.state, bool(finding.remedy)) == ("failed", True)


def test_a_newer_schema_fails(made: Settings) -> None:
    with sqlite3.connect(made.data / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    finding = database(made)
    assert finding.state == "failed"
    assert "999" in finding.said


def test_a_held_lock_names_its_holder(made: Settings) -> None:
    store = asyncio.run(open_store(made.data))
    try:
        finding = lock(made)
    finally:
        asyncio.run(store.close())
    assert finding.state == "warning"
    assert str(os.getpid()) in finding.said
    assert lock(made).said == "free"


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert directory(Settings(data=tmp_path / "file")).state == "failed"


def test_a_directory_open_to_others_is_worth_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert directory(Settings(data=tmp_path)).state == "warning"


def test_a_port_in_use_fails() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        finding = port(Settings(port=number, data=Path("/nonexistent")))
    assert finding.state == "failed"
    assert str(number) in finding.said


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, "ok"),
        ({"model": "test"}, "ok"),
        ({"model": "llama3.2", "base_url": "http://127.0.0.1:1/v1"}, "ok"),
        ({"model": "nonsense"}, "failed"),
        ({"model": "anthropic:claude-sonnet-4-5"}, "failed"),
        ({"base_url": "http://127.0.0.1:1/v1"}, "failed"),
    ],
)
def test_the_model(settings: dict[str, Any], state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUTTY_MODEL", "CUTTY_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    finding = model(Settings(**settings))
    assert finding.state == state
    assert (finding.remedy is not None) == (state == "failed")


@pytest.mark.parametrize(("limit", "state"), [(1024, "warning"), (4096, "ok")])
def test_open_files(limit: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, 10_000))
    assert open_files(Settings()).state == state


@pytest.mark.parametrize(
    ("free", "state"), [(10 * 1024**3, "ok"), (500 * 1024**2, "warning"), (1024**2, "failed")]
)
def test_disk_space(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert disk_space(Settings()).state == state


def test_the_filesystem_of_a_path(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/a / ext4 rw 0 0\nhost:/x /srv nfs4 rw 0 0\ntmpfs /srv/fast tmpfs rw 0 0\n"
        "/dev/b /with\\040space xfs rw 0 0\nbroken\n"
    )
    for path, kind in (
        ("/home", "ext4"),
        ("/srv/data", "nfs4"),
        ("/srv/fast/x", "tmpfs"),
        ("/srvx", "ext4"),
        ("/with space/x", "xfs"),
    ):
        assert filesystem_of(Path(path), mounts) == kind
    assert filesystem_of(Path("/"), tmp_path / "none") is None


def test_the_command(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.data.parent)
    arguments = ["doctor", "--data", str(made.data), "--port", str(made.port)]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["ok"] is True
    assert {"name", "state", "said"} <= set(told["checks"][0])
    (made.data / DATABASE).write_bytes(b"x" * 5000)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "✗ database" in result.stdout
    assert "→ " in result.stdout
