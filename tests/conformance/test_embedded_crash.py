"""A process is killed while it commits: what it acknowledged is there, and nothing is there by halves."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import EmbeddedStore, open_readonly, open_store
from cutty_agent.errors import DataDirectoryInUse, StaleEpoch
from cutty_agent.ids import Address
from cutty_agent.ports.store import ClearMessages, Spent
from cutty_agent.wire.card import Card, Grant
from cutty_agent.wire.principal import NEVER_MS

WRITER = Path(__file__).with_name("crash_writer.py")


class Acknowledged:
    """The last things the killed process was told."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}
        self.commits: dict[str, int] = {}
        self.lines = 0

    def read(self, line: bytes) -> None:
        match line.decode().split():
            case ["claim", name, epoch]:
                self.epochs[name] = int(epoch)
            case ["commit", name, n]:
                self.commits[name] = int(n)
        self.lines += 1


async def write_and_kill(directory: Path, writer: str, *, after_lines: int, seen: Acknowledged) -> None:
    """Run the writer, which writes in a thread or a process of its own, kill it once it has printed so many lines, and read to the end what it still said."""
    seen.lines = 0
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), str(directory), writer, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    assert process.stdout is not None
    try:
        while seen.lines < after_lines:
            line = await process.stdout.readline()
            assert line, "the writer ended by itself"
            seen.read(line)
        if after_lines % 2:  # in one run of two, look at the directory while it is in use
            with pytest.raises(DataDirectoryInUse, match=f"process {process.pid}"):
                await open_store(directory)
            with open_readonly(directory) as outside:
                assert len(outside.sessions()) == 20
    finally:
        process.kill()
    while line := await process.stdout.readline():
        if line.endswith(b"\n"):
            seen.read(line)
    assert await process.wait() == -9


async def verify(store: EmbeddedStore, seen: Acknowledged) -> None:
    assert await store.check() == []
    for name, last in seen.commits.items():
        address = Address("chat", name)
        with pytest.raises(StaleEpoch):
            await store.commit(address, 0, [ClearMessages()], now_ms=0)
        row = next(row for row in await store.sessions() if row.address == address)
        found = await store.claim(address, owner=name, now_ms=1)
        assert found.epoch > seen.epochs[name]
        n = int(found.state or b"0")
        assert n >= last, "an acknowledged commit is lost"
        number = b"%d" % n
        assert found.values == {"last": number}
        assert [(turn.id, turn.record, turn.open) for turn in found.turns] == [("turn", number, True)]
        assert [message.id for message in found.messages] == [f"m{k}" for k in range(1, n + 1)]
        assert found.messages[-1].body == number * 50
        first = max(n - n % 10, 1)
        assert await store.chunks(address, "turn") == [b"%d" % k for k in range(first, n + 1)]
        card = Card(name, 1, 1, NEVER_MS, {"somebody": Grant("read", n)}, str(n))
        assert found.card == card
        assert (row.active_ms, row.expires_ms, row.owner) == (n, n + 10**9, name)
        # Every number was used once: what was written again after a crash was not there before it.
        assert (row.turns, row.input_tokens) == (n, n * (n + 1) // 2)
        assert await store.spent(day_ms=0, owner=name) == Spent(n * (n + 1) // 2, 0)


@pytest.mark.faults
@pytest.mark.parametrize("writer", ["thread", "process"])
async def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path, writer: str) -> None:
    seen = Acknowledged()
    for after_lines in (40, 401, 1200, 1501):
        await write_and_kill(tmp_path, writer, after_lines=after_lines, seen=seen)
        assert len(seen.epochs) == 20
        store = await open_store(tmp_path)
        await verify(store, seen)
        seen.epochs.clear()
        await store.close()


@pytest.mark.faults
async def test_a_killed_process_leaves_a_directory_that_can_be_read_from_outside(tmp_path: Path) -> None:
    seen = Acknowledged()
    await write_and_kill(tmp_path, "thread", after_lines=300, seen=seen)
    with open_readonly(tmp_path) as outside:
        assert outside.check() == []
        for name, last in seen.commits.items():
            session = outside.session(Address("chat", name))
            assert session is not None
            assert int(session.state or b"0") >= last
