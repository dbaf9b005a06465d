"""Writing in a process of its own: what a process can do that a thread cannot."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

import pytest

from cutty_agent.engines.embedded import EmbeddedStore, apart, open_store
from cutty_agent.engines.embedded.apart import WriterApart
from cutty_agent.engines.embedded.directory import DirectoryLock
from cutty_agent.errors import BadRequest, DataDirectoryInUse, NotOwner, StaleEpoch, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import AppendChunks, Op, PutMessage, PutState

ADA = Address("chat", "ada")


def process_of(store: EmbeddedStore) -> subprocess.Popen[bytes]:
    writer = store._writer
    assert isinstance(writer, WriterApart)
    assert writer._process is not None
    return writer._process


async def outcome(answer: Awaitable[object]) -> object:
    try:
        return await answer
    except Exception as error:
        return type(error)


async def test_it_writes_and_leaves_one_tidy_file(tmp_path: Path) -> None:
    store = await open_store(tmp_path, apart=True)
    claim = await store.claim(ADA, owner="ada", now_ms=1)
    answers = [store.commit(ADA, claim.epoch, [PutMessage(f"m{n}", b"{}")], now_ms=n) for n in range(300)]
    await asyncio.gather(*answers)
    with pytest.raises(NotOwner, match="another"):
        await store.claim(ADA, owner="bob", now_ms=2)
    assert process_of(store).pid != os.getpid()
    process = process_of(store)
    await store.close()
    assert process.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["lock", "sessions.db"]
    again = await open_store(tmp_path)
    found = await again.claim(ADA, owner="ada", now_ms=3)
    assert [message.id for message in found.messages] == [f"m{n}" for n in range(300)]
    await again.close()


async def test_more_than_fits_into_the_socket_is_written_in_order(tmp_path: Path) -> None:
    store = await open_store(tmp_path, apart=True)
    claim = await store.claim(ADA, owner="ada", now_ms=1)
    writer, process = store._writer, process_of(store)
    assert isinstance(writer, WriterApart)
    process.send_signal(signal.SIGSTOP)
    answers = [
        store.commit(ADA, claim.epoch, [PutMessage(f"m{n}", b'"%d"' % n + b" " * 50_000)], now_ms=n)
        for n in range(2 * apart.EAGER)
    ]
    assert not writer._outbox  # it did not wait for the end of this tick
    assert writer._line is not None
    assert writer._line._transport.get_write_buffer_size() > 0
    process.send_signal(signal.SIGCONT)
    await asyncio.gather(*answers)
    found = await store.claim(ADA, owner="ada", now_ms=3)
    assert [(message.id, message.body.strip()) for message in found.messages] == [
        (f"m{n}", b'"%d"' % n) for n in range(2 * apart.EAGER)
    ]
    await store.close()


async def test_modules_of_the_working_directory_are_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("select.py", "signal.py", "msgspec.py"):
        (tmp_path / name).write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    store = await open_store(tmp_path / "data", apart=True)
    assert (await store.claim(ADA, owner=None, now_ms=1)).created
    await store.close()


async def test_what_cannot_be_stored_fails_its_own_commit_only(tmp_path: Path) -> None:
    store = await open_store(tmp_path, apart=True)
    claim = await store.claim(ADA, owner=None, now_ms=1)
    good: list[Op] = [PutState(b"1")]
    bad: list[list[Op]] = [
        [PutMessage("\ud800", b"{}")],
        [AppendChunks("t", 2**70, (b"a",))],
        [AppendChunks("t", 0, (b"a\nb",))],
        [PutMessage("no", 7)],  # type: ignore[arg-type]  # what a caller may get wrong
    ]
    answers = [outcome(store.commit(ADA, claim.epoch, ops, now_ms=2)) for ops in [good, *bad, good]]
    assert await asyncio.gather(*answers) == [None, *[BadRequest] * 4, None]
    assert await outcome(store.commit(ADA, claim.epoch + 1, good, now_ms=2)) is StaleEpoch
    await store.close()
    assert await outcome(store.commit(ADA, claim.epoch, good, now_ms=2)) is StoreUnavailable


async def test_a_writing_process_that_dies_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await open_store(tmp_path, apart=True)
    claim = await store.claim(ADA, owner=None, now_ms=1)
    await store.commit(ADA, claim.epoch, [PutState(b"1")], now_ms=1)
    first = process_of(store)
    first.send_signal(signal.SIGSTOP)
    waiting = [store.commit(ADA, claim.epoch, [PutState(b"2")], now_ms=2) for _ in range(3)]
    await asyncio.sleep(0)  # they are on their way
    first.kill()
    for answer in waiting:
        with pytest.raises(StoreUnavailable, match="writing process ended"):
            await answer
    with pytest.raises(StoreUnavailable, match="just ended"):
        await store.commit(ADA, claim.epoch, [PutState(b"3")], now_ms=3)
    monkeypatch.setattr(apart, "RESTART_PAUSE_S", 0.0)
    later = await store.claim(ADA, owner=None, now_ms=4)
    assert later.epoch > claim.epoch
    await store.commit(ADA, later.epoch, [PutState(b"5")], now_ms=5)
    assert process_of(store) is not first
    assert await store.state(ADA) == b"5"
    await store.close()


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false"])
async def test_a_writing_process_that_does_not_start(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", program)
        with pytest.raises(StoreUnavailable, match="writing process"):
            await open_store(tmp_path, apart=True)
    await (await open_store(tmp_path, apart=True)).close()  # and the directory is free again


async def test_it_ends_with_the_server_and_not_by_the_terminal(tmp_path: Path) -> None:
    store = await open_store(tmp_path, apart=True)
    claim = await store.claim(ADA, owner=None, now_ms=1)
    process = process_of(store)
    assert os.getpgid(process.pid) != os.getpgid(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
        await store.commit(ADA, claim.epoch, [PutState(b"1")], now_ms=2)
    await store.close()
    assert process.returncode == 0


async def test_jobs_of_another_loop(tmp_path: Path) -> None:
    store = await open_store(tmp_path, apart=True)

    async def elsewhere() -> int:
        claim = await store.claim(ADA, owner=None, now_ms=1)
        await store.commit(ADA, claim.epoch, [PutState(b"1")], now_ms=1)
        bad: list[Op] = [PutMessage("\ud800", b"{}")]
        assert await outcome(store.commit(ADA, claim.epoch, bad, now_ms=2)) is BadRequest
        return claim.epoch

    epoch = await asyncio.to_thread(asyncio.run, elsewhere())
    await store.commit(ADA, epoch, [PutState(b"2")], now_ms=2)
    assert await store.state(ADA) == b"2"
    await store.close()


HOLDER = """
import os, subprocess, sys
from pathlib import Path
from cutty_agent.engines.embedded.directory import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
wait = "import sys; sys.stdin.read()"
subprocess.Popen([sys.executable, "-c", wait], pass_fds=(lock.fileno(),), stdin=0)
print("held", flush=True)
sys.stdin.close()
os.kill(os.getpid(), 9)
"""


def test_the_next_server_waits_for_what_a_killed_one_left_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    assert process.wait() == -9
    with monkeypatch.context() as patch:
        patch.setattr("cutty_agent.engines.embedded.directory.LEFT_BEHIND_S", 0.0)
        with pytest.raises(DataDirectoryInUse, match=f"process {process.pid}"):
            DirectoryLock(tmp_path)
    process.stdin.close()  # what was left behind ends
    DirectoryLock(tmp_path).release()
    process.stdout.close()
