"""What an operator decides about sessions, on a data directory that no server runs on."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cutty_agent.engines.embedded.store import open_store
from cutty_agent.ids import Address
from cutty_agent.ports.store import SessionStore
from cutty_agent.wire.card import Card
from cutty_agent.wire.principal import NEVER_MS
from unit.cli_lab import ANNA, CANARY, DAY_MS, KEYS, OTHER, SHARED, fill, run, with_store


@pytest.fixture(params=[None, KEYS], ids=["plain", "encrypted"])
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    if request.param is not None:
        monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", request.param)
    fill(tmp_path / "data", now_ms(), request.param)
    return tmp_path / "data"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def listed(data: Path, *options: str) -> set[str]:
    result = run("sessions", "ls", "--data", data, "--json", *options)
    assert result.exit_code == 0, result.stderr
    return {f"{row['agent']}/{row['id']}" for row in json.loads(result.stdout)}


def card(data: Path, address: Address) -> Card | None:
    async def look(store: SessionStore) -> Card | None:
        return await store.card(address)

    return with_store(data, look)


def audited(data: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("audit", "--data", data, "--json", *options).stdout)
    return found


def on_disk(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())


# -- looking


def test_ls_narrows_down(data: Path) -> None:
    assert listed(data) == {"chat/old", "chat/shared", "support/bo"}
    assert listed(data, "--owner", ANNA) == listed(data, "--owner", "anna") == {"chat/old", "chat/shared"}
    assert listed(data, "--idle", "30d") == {"chat/old"}
    assert listed(data, "--idle", "30m") == {"chat/old", "chat/shared"}
    assert listed(data, "--owner", ANNA, "--idle", "30m", "--agent", "support") == set()
    assert listed(data, "--parked") == set()


def test_ls_shows_owner_consumption_and_end(data: Path) -> None:
    lines = run("sessions", "ls", "--data", data).stdout.splitlines()
    [shared] = [line for line in lines if line.startswith("chat/shared")]
    for expected in (ANNA, "1.2k", "$0.0123", "1 h ago", "in 10 d"):
        assert expected in shared
    refused = run("sessions", "ls", "--data", data, "--idle", "30")
    assert refused.exit_code == 2
    assert "30d" in refused.stderr


def test_show_tells_whose_it_is_and_what_each_turn_took(data: Path) -> None:
    shown = run("sessions", "show", "shared", "--data", data).stdout
    for expected in (
        f"owner {ANNA}",
        "expires in 10 d",
        "1.2k tokens",
        "$0.0123",
        "shared with user:bo, who may read",
        "openai:gpt-4o",
        "1.2k → 34",
        "340 ms",
        "2.1 s",
        f"by {ANNA}",
        CANARY,
    ):
        assert expected in shown


def test_what_is_encrypted_is_not_shown_without_its_key(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if CANARY.encode() in on_disk(data):
        monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", KEYS)
        assert CANARY in run("sessions", "show", "old", "--data", data).stdout
        return
    monkeypatch.delenv("CUTTY_ENCRYPTION__KEYS")
    for command in (("show", "old"), ("export", "old", "-o", "x.zip")):
        refused = run("sessions", *command, "--data", data)
        assert refused.exit_code == 1
        assert "'new'" in refused.stderr
    assert not Path("x.zip").exists()


# -- export


def test_export_of_a_session(data: Path) -> None:
    result = run("sessions", "export", "old", "--data", data)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("chat-old.zip")
    with zipfile.ZipFile("chat-old.zip") as archive:
        assert CANARY.encode() in archive.read("chat/old/messages.jsonl")
    assert Path("chat-old.zip").stat().st_mode & 0o777 == 0o600
    again = run("sessions", "export", "old", "--data", data)
    assert (again.exit_code, "--force" in again.stderr) == (1, True)
    assert run("sessions", "export", "old", "--force", "--data", data).exit_code == 0
    assert [entry["action"] for entry in audited(data)] == ["session.exported", "session.exported"]


def test_export_of_an_owner(data: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert run("sessions", "export", "--user", ANNA, "-o", "there", "--data", data).exit_code == 0
    with zipfile.ZipFile("there/user-anna.zip") as archive:
        names = archive.namelist()
    assert {"chat/old/messages.jsonl", "chat/shared/messages.jsonl"} <= set(names)
    assert not any(name.startswith("support/") for name in names)


def test_export_to_standard_output(data: Path) -> None:
    result = run("sessions", "export", "old", "-o", "-", "--data", data)
    assert result.exit_code == 0
    with zipfile.ZipFile(io.BytesIO(result.stdout_bytes)) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["nobody"], 1), (["--user", "nobody"], 1), ([], 2), (["old", "--user", "anna"], 2)],
)
def test_an_export_that_fails_leaves_nothing(
    data: Path, tmp_path: Path, arguments: list[str], code: int
) -> None:
    assert run("sessions", "export", *arguments, "--data", data).exit_code == code
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


# -- erase and purge


def test_erase_leaves_nothing_and_gives_a_receipt(data: Path) -> None:
    asked = run("sessions", "erase", "old", "--data", data, given="y\n")
    assert (asked.exit_code, "--yes" in asked.stderr) == (1, True)
    done = run("sessions", "erase", "old", "--yes", "--receipt", "r.json", "--json", "--data", data)
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert json.loads(Path("r.json").read_text()) == receipt
    assert (receipt["subject"], receipt["sessions"], receipt["messages"], receipt["turns"]) == (
        "chat/old",
        1,
        1,
        1,
    )
    assert receipt["overwritten"] is True
    assert f"{CANARY} chat/old".encode() not in on_disk(data)
    assert listed(data) == {"chat/shared", "support/bo"}
    assert [(entry["action"], entry["session"]) for entry in audited(data)] == [("session.erased", "old")]


def test_erase_of_an_owner(data: Path) -> None:
    done = run("sessions", "erase", "--user", ANNA, "--yes", "--data", data)
    assert done.exit_code == 0
    assert "erased user:anna\n  removed      2 sessions, 2 messages, 2 turns\n" in done.stdout
    assert "overwritten  yes" in done.stdout
    assert listed(data) == {"support/bo"}
    again = run("sessions", "erase", "--user", ANNA, "--yes", "--receipt", "r.json", "--data", data)
    assert (again.exit_code, Path("r.json").exists()) == (1, False)


def test_without_a_place_for_the_receipt_nothing_is_erased(data: Path) -> None:
    Path("r.json").write_text("kept")
    refused = run("sessions", "erase", "old", "--yes", "--receipt", "r.json", "--data", data)
    assert refused.exit_code == 1
    assert Path("r.json").read_text() == "kept"
    assert "chat/old" in listed(data)


def test_purge(data: Path) -> None:
    counted = run("sessions", "purge", "--older-than", "30d", "--dry-run", "--data", data)
    assert counted.stdout == "1 session without activity for 30d\n"
    refused = run("sessions", "purge", "--older-than", "30d", "--data", data, given="y\n")
    assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    assert len(listed(data)) == 3
    assert audited(data) == []
    done = run("sessions", "purge", "--older-than", "30d", "--yes", "--data", data)
    assert done.stdout == "removed 1 session with 1 message\n"
    assert listed(data) == {"chat/shared", "support/bo"}
    assert f"{CANARY} chat/old".encode() not in on_disk(data)
    assert [entry["action"] for entry in audited(data)] == ["sessions.purged"]
    none = run("sessions", "purge", "--older-than", "30d", "--data", data)
    assert (none.exit_code, none.stdout) == (0, "0 sessions without activity for 30d\n")


def test_purge_of_one_agent_as_json(data: Path) -> None:
    done = run(
        "sessions", "purge", "--older-than", "30m", "--agent", "support", "--yes", "--json", "--data", data
    )
    assert json.loads(done.stdout) == {"found": 0, "sessions": 0, "messages": 0, "done": True}
    done = run(
        "sessions", "purge", "--older-than", "30m", "--agent", "chat", "--yes", "--json", "--data", data
    )
    assert json.loads(done.stdout) == {"found": 2, "sessions": 2, "messages": 2, "done": True}


# -- park and expire


def test_park_and_unpark_change_nothing_else(data: Path) -> None:
    before = card(data, SHARED)
    assert before is not None
    assert run("sessions", "park", "shared", "--reason", "It loops.", "--data", data).exit_code == 0
    parked = card(data, SHARED)
    assert parked is not None
    assert parked.parked == "It loops."
    assert listed(data, "--parked") == {"chat/shared"}
    assert "parked: It loops." in run("sessions", "show", "shared", "--data", data).stdout
    assert run("sessions", "unpark", "shared", "--data", data).exit_code == 0
    assert card(data, SHARED) == before
    assert [entry["action"] for entry in audited(data)] == ["session.unparked", "session.parked"]


def test_expire_puts_it_out_of_reach(data: Path) -> None:
    refused = run("sessions", "expire", "shared", "--data", data, given="y\n")
    assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    done = run("sessions", "expire", "shared", "--yes", "--data", data)
    assert (done.exit_code, "next start" in done.stderr) == (0, True)
    ended = card(data, SHARED)
    assert ended is not None
    assert ended.expires_ms <= now_ms()
    assert "expired" in run("sessions", "show", "shared", "--data", data).stdout
    again = run("sessions", "expire", "shared", "--yes", "--data", data)
    assert (again.exit_code, "has expired" in again.stderr) == (1, True)
    other = card(data, OTHER)
    assert other is not None
    assert other.expires_ms == NEVER_MS


@pytest.mark.parametrize(
    "command", [("park",), ("unpark",), ("expire", "--yes"), ("erase", "--yes"), ("export",)]
)
def test_an_unknown_session(data: Path, command: tuple[str, ...]) -> None:
    result = run("sessions", *command, "nobody", "--data", data)
    assert result.exit_code == 1
    assert "There is no session chat/nobody" in result.stderr
    assert audited(data) == []


def test_stop_needs_a_server(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_PORT", "1")
    assert "cutty-agent serve" in run("sessions", "stop", "old", "--data", data).stderr


async def test_a_directory_in_use_is_left_alone(data: Path) -> None:
    store = await open_store(data)
    try:
        for command in (("park", "old"), ("erase", "old", "--yes"), ("purge", "--older-than", "1d", "--yes")):
            result = await asyncio.to_thread(run, "sessions", *command, "--data", data)
            assert result.exit_code == 1
            assert "in use" in result.stderr
    finally:
        await store.close()


# -- the audit log and revocations


def test_audit_as_a_table(data: Path) -> None:
    run("sessions", "park", "old", "--reason", "It loops.", "--data", data)
    run("sessions", "rm", "support/bo", "--yes", "--data", data)
    table = run("audit", "--data", data).stdout.splitlines()
    assert table[0].split() == ["when", "who", "what", "session", "from", "detail"]
    assert table[1].split()[1:4] == ["operator", "session.erased", "support/bo"]
    assert table[2].split()[1:] == ["operator", "session.parked", "chat/old", "It", "loops."]


def test_audit_narrows_down(data: Path) -> None:
    for command in ("park", "unpark"):
        run("sessions", command, "old", "--data", data)
    run("revoke", "user:bo", "--data", data)
    actions = [entry["action"] for entry in audited(data)]
    assert actions == ["principal.revoked", "session.unparked", "session.parked"]
    assert [entry["action"] for entry in audited(data, "--action", "session.")] == actions[1:]
    assert [entry["action"] for entry in audited(data, "--action", "session.parked")] == actions[2:]
    assert [entry["action"] for entry in audited(data, "--session", "old")] == actions[1:]
    assert audited(data, "--actor", "user:bo") == audited(data, "--session", "support/old") == []
    assert [entry["action"] for entry in audited(data, "--limit", "2")] == actions[:2]


def test_revoke(data: Path) -> None:
    async def revoked(store: SessionStore) -> dict[str, int]:
        return await store.revocations(now_ms=now_ms())

    assert run("revoke", "user:bo", "--data", data).stdout == "revoked user:bo\n"
    assert run("revoke", "a-jti", "--for", "30d", "--data", data).stdout == "revoked a-jti for 30d\n"
    ends = with_store(data, revoked)
    assert ends["user:bo"] == NEVER_MS
    assert abs(ends["a-jti"] - now_ms() - 30 * DAY_MS) < 60_000
    refused = run("revoke", "x" * 300, "--data", data)
    assert (refused.exit_code, "200" in refused.stderr) == (1, True)


def test_help_has_examples() -> None:
    for command in ("export", "erase", "purge", "park", "unpark", "expire", "stop"):
        result = run("sessions", command, "--help")
        assert (result.exit_code, "Example" in result.stdout) == (0, True), command
    for command in ("audit", "revoke", "serve"):
        assert "Example" in run(command, "--help").stdout
