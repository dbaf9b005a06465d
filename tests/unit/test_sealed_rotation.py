"""Encrypting what is kept with another key: everything, nothing lost, whenever it stops."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from cutty_agent.cli import data as data_command
from cutty_agent.engines.embedded import open_store
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.engines.sealed import Keyring, Resealed, SealedStore, reseal, rotation
from cutty_agent.errors import StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AppendChunks,
    Lifetime,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    Snapshot,
)
from cutty_agent.wire.principal import NEVER_MS

NOW = 1_790_000_000_000
OLD_KEY = base64.b64encode(b"o" * 32).decode()
NEW_KEY = base64.b64encode(b"n" * 32).decode()
OLD = Keyring.parse(f"old:{OLD_KEY}")
BOTH = Keyring.parse(f"new:{NEW_KEY} old:{OLD_KEY}")
NEW = Keyring.parse(f"new:{NEW_KEY}")
ADDRESSES = [Address("chat", f"s{n}") for n in range(7)]


def ops_of(address: Address) -> list[Op]:
    text = b'{"id":"%s"}' % address.session.encode()
    return [
        *(PutMessage(f"m{n}", text) for n in range(5)),
        PutState(text),
        PutValue("k", text),
        PutTurn("closed", text, open=False),
        PutTurn("open", text, open=True),
        AppendChunks("open", 0, (text, b"2", b"3")),
    ]


async def fill(store: SessionStore, addresses: Sequence[Address]) -> None:
    for at, address in enumerate(addresses):
        claim = await store.claim(address, owner="user:ada", now_ms=NOW, lifetime=Lifetime(idle_ms=1000))
        expires_ms = NEVER_MS if at % 2 else NOW + 1000 + at
        await store.commit(address, claim.epoch, ops_of(address), now_ms=NOW + at, expires_ms=expires_ms)


async def contents(store: SessionStore) -> list[object]:
    """All there is, without a claim where that is possible, then with one."""
    found: list[object] = [await store.sessions()]
    for row in await store.sessions():
        found += [await store.messages(row.address), await store.state(row.address)]
        found += [await store.turns(row.address), await store.chunks(row.address, "open")]
    return found


async def values(store: SessionStore, address: Address) -> Snapshot:
    return await store.claim(address, owner=None, now_ms=NOW)


async def test_everything_is_under_the_first_key_and_the_same() -> None:
    inner = MemoryStore()
    await fill(inner, ADDRESSES[:3])
    await fill(SealedStore(inner, OLD), ADDRESSES[3:5])
    await fill(SealedStore(inner, BOTH), ADDRESSES[5:])
    before = await contents(SealedStore(inner, BOTH))
    seen: list[int] = []

    done = await reseal(inner, BOTH, lambda so_far: seen.append(so_far.sessions))

    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert done == Resealed(7, 5, messages=25, states=5, values=5, turns=10, chunks=15)
    assert done.rewritten == 60
    assert await contents(SealedStore(inner, NEW)) == before  # times, expiry and owners too
    for address in ADDRESSES:
        assert (await values(SealedStore(inner, NEW), address)).values == {
            "k": b'{"id":"%s"}' % address.session.encode()
        }
    assert (await reseal(inner, BOTH)).rewritten == 0


async def test_large_sessions_go_in_several_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH_OPS", 2)
    inner = MemoryStore()
    await fill(inner, ADDRESSES[:1])
    before = await contents(inner)
    commits: list[int] = []
    await reseal(Stopping(inner, commits, stop_after=None), NEW)
    assert commits == [2, 2, 2, 2, 3]  # chunks stay with the drop before them
    assert await contents(SealedStore(inner, NEW)) == before


class Stopping:
    """Passes everything on, but fails at a commit, like a process that ends there."""

    def __init__(self, inner: SessionStore, commits: list[int], *, stop_after: int | None) -> None:
        self._inner = inner
        self._commits = commits
        self._stop_after = stop_after

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> None:
        if len(self._commits) == self._stop_after:
            raise StoreUnavailable("Stopped.", remedy="Go on.")
        self._commits.append(len(ops))
        await self._inner.commit(address, epoch, ops, now_ms=now_ms, expires_ms=expires_ms)


async def test_an_interruption_anywhere_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH_OPS", 3)
    for stop_after in range(9):
        inner = MemoryStore()
        await fill(SealedStore(inner, OLD), ADDRESSES[:2])
        before = await contents(SealedStore(inner, OLD))
        commits: list[int] = []
        if stop_after < 8:
            with pytest.raises(StoreUnavailable):
                await reseal(Stopping(inner, commits, stop_after=stop_after), BOTH)
            assert await contents(SealedStore(inner, BOTH)) == before
        rest = await reseal(inner, BOTH)
        assert sum(commits) + rest.rewritten > 0
        assert await contents(SealedStore(inner, NEW)) == before


async def test_what_cannot_be_opened_is_left_and_named() -> None:
    inner = MemoryStore()
    await fill(SealedStore(inner, OLD), ADDRESSES[:1])
    await fill(inner, ADDRESSES[1:2])
    before = await contents(SealedStore(inner, BOTH))
    done = await reseal(inner, NEW)
    ((address, reason),) = done.left
    assert address == ADDRESSES[0]
    assert "'old'" in reason
    assert (done.sessions, done.rewritten_sessions) == (2, 1)
    assert await contents(SealedStore(inner, BOTH)) == before


async def test_sessions_that_have_expired_keep_their_times() -> None:
    inner = MemoryStore()
    address = ADDRESSES[0]
    claim = await inner.claim(address, owner=None, now_ms=NOW, lifetime=Lifetime(idle_ms=1000))
    await inner.commit(address, claim.epoch, ops_of(address), now_ms=NOW + 50, expires_ms=NOW + 20)
    before = await contents(inner)
    assert (await reseal(inner, NEW)).rewritten == 12
    assert await contents(SealedStore(inner, NEW)) == before
    assert await inner.expired(now_ms=NOW + 20, limit=10) == [address]


# -- the command

APP = typer.Typer()
APP.add_typer(data_command.app)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(APP, ["data", *map(str, arguments)])


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    async def make() -> None:
        store = await open_store(tmp_path / "data")
        await fill(store, ADDRESSES)
        await store.close()

    asyncio.run(make())
    return tmp_path / "data"


def holds(directory: Path, text: bytes) -> bool:
    return any(text in path.read_bytes() for path in directory.rglob("*") if path.is_file())


def test_rekey_turns_encryption_on_and_leaves_no_plain_byte(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert holds(directory, b'{"id":"s3"}')
    monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", f"new:{NEW_KEY}")
    result = run("rekey", "--data", directory)
    assert result.exit_code == 0, result.output
    assert "encrypted with new now: 35 messages, 7 states, 7 values, 14 turns, 21 chunks" in result.stdout
    assert "in 7 of 7 sessions" in result.stdout
    assert not holds(directory, b'{"id":"s3"}')
    assert "nothing to do in 7 sessions" in run("rekey", "--data", directory).stdout


def test_rekey_names_what_it_had_to_leave(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", f"new:{NEW_KEY}")
    run("rekey", "--data", directory)
    monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", f"old:{OLD_KEY}")
    result = run("rekey", "--data", directory)
    assert result.exit_code == 1
    assert "chat/s0 was left as it is" in result.stderr
    assert "'new'" in result.stderr
    assert NEW_KEY not in result.output
    assert OLD_KEY not in result.output


def test_rekey_needs_a_key_and_a_store(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("rekey", "--data", directory)
    assert result.exit_code == 1
    assert "CUTTY_ENCRYPTION__KEYS" in result.stderr
    monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", f"new:{NEW_KEY}")
    result = run("rekey", "--data", tmp_path / "elsewhere")
    assert result.exit_code == 1
    assert "no session store" in result.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_commands_keep_away_from_a_running_server(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_ENCRYPTION__KEYS", f"new:{NEW_KEY}")
    store = asyncio.run(open_store(directory))
    try:
        for command in ("rekey", "compact"):
            result = run(command, "--data", directory)
            assert result.exit_code == 1
            assert "in use" in result.stderr
    finally:
        asyncio.run(store.close())


def test_compact_removes_what_was_deleted(directory: Path) -> None:
    async def delete() -> None:
        store = await open_store(directory)
        await store.delete(ADDRESSES[3])
        await store.close()

    asyncio.run(delete())
    result = run("compact", "--data", directory)
    assert result.exit_code == 0, result.output
    assert "MiB now" in result.stdout
    assert not holds(directory, b'{"id":"s3"}')
    assert holds(directory, b'{"id":"s4"}')
