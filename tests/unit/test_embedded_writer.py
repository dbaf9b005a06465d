"""Group commit: what shares a transaction, and what a failure takes with it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cutty_agent.engines.embedded import EmbeddedStore, ledger, open_store, statements
from cutty_agent.engines.embedded.connection import connect_writer
from cutty_agent.engines.embedded.directory import database_path
from cutty_agent.engines.embedded.jobs import ClaimJob, CommitJob, DeleteJob, Job, NoteJob, PurgeJob
from cutty_agent.engines.embedded.migrations import migrate
from cutty_agent.engines.embedded.rounds import rounds
from cutty_agent.engines.embedded.writer import Writer
from cutty_agent.errors import BadRequest, StaleEpoch, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    FOREVER,
    AddUsage,
    AppendChunks,
    Op,
    PutMessage,
    Removed,
    Spent,
    StoredMessage,
)
from cutty_agent.wire.principal import NEVER_MS

ADDRESSES = [Address("chat", f"s{n}") for n in range(40)]
ADA = ADDRESSES[0]


def claim_job(address: Address) -> ClaimJob:
    return ClaimJob(address, owner="", now_ms=1, lifetime=FOREVER, create=True, expired=False)


async def claim_all(store: EmbeddedStore) -> list[int]:
    return [
        (await claim).epoch for claim in [store.claim(address, owner=None, now_ms=1) for address in ADDRESSES]
    ]


async def stored(store: EmbeddedStore, address: Address) -> list[StoredMessage]:
    found = await store.messages(address)
    assert found is not None
    return found.messages


async def outcome(answer: Awaitable[object]) -> object:
    try:
        return await answer
    except Exception as error:
        return type(error)


class TracedWriter:
    """A writer whose SQL is recorded, and which can be held up before a transaction."""

    def __init__(self, path: Path) -> None:
        self.connection = connect_writer(path, busy_timeout_s=5)
        migrate(self.connection)
        self.sql: list[str] = []
        self.saw: dict[str, threading.Event] = {}
        self.connection.set_trace_callback(self._trace)
        self.writer = Writer(self.connection)

    def _trace(self, sql: str) -> None:
        self.sql.append(sql)
        for text, event in self.saw.items():
            if text in sql:
                event.set()


async def test_what_queues_up_is_written_in_one_transaction_and_told_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = TracedWriter(tmp_path / "x.db")
    loop = asyncio.get_running_loop()
    # Hold the writer up with a foreign write transaction until everything is queued.
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    traced.saw["BEGIN"] = begun = threading.Event()
    first = DeleteJob(Address("chat", "nobody"))
    traced.writer.submit(first)
    await asyncio.to_thread(begun.wait, 10)
    claims = [claim_job(address) for address in ADDRESSES]
    for job in claims:
        traced.writer.submit(job)
    calls = []
    call_soon = loop.call_soon_threadsafe

    def counted(call: Callable[..., object], *args: object) -> object:
        calls.append(call)
        return call_soon(call, *args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    other.execute("ROLLBACK")
    other.close()
    await asyncio.gather(first.answer, *(job.answer for job in claims))
    assert traced.sql.count("COMMIT") == 2  # the job that was held up, and all the others
    assert len(calls) == 2
    monkeypatch.undo()
    assert sorted(job.answer.result().epoch for job in claims) == list(range(1, 41))
    await traced.writer.close()


async def test_a_value_that_cannot_be_stored_fails_its_own_commit_only(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    epochs = await claim_all(store)
    bad: dict[int, list[Op]] = {
        3: [PutMessage("ok", b"{}"), PutMessage("\ud800", b"{}")],
        7: [PutMessage("ok", b"{}"), AppendChunks("t", 0, (b"a\nb",))],
        9: [PutMessage("ok", b"{}"), AppendChunks("t", 2**70, (b"a",))],
        11: [PutMessage("ok", "text"), PutMessage("no", None)],  # type: ignore[arg-type]  # what a caller may get wrong
    }
    used = AddUsage("", 5, "completed", input_tokens=1)
    answers = [
        store.commit(address, epoch + (n == 20), [used, *bad.get(n, [PutMessage("ok", b"{}")])], now_ms=5)
        for n, (address, epoch) in enumerate(zip(ADDRESSES, epochs, strict=True))
    ]
    for n, address in enumerate(ADDRESSES):
        expected = BadRequest if n in bad else StaleEpoch if n == 20 else None
        assert await outcome(answers[n]) is expected
        assert await stored(store, address) == ([] if expected else [StoredMessage("ok", b"{}")])
    # Written once more, one by one, those that could be written were not counted twice.
    assert await store.spent(day_ms=0) == Spent(tokens=40 - len(bad) - 1)
    assert {row.turns for row in await store.sessions()} == {0, 1}
    active = {row.address: row.active_ms for row in await store.sessions()}
    assert [active[address] for address in ADDRESSES] == [1 if n in bad or n == 20 else 5 for n in range(40)]
    assert await store.check() == []
    await store.close()


async def test_a_full_database_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    store = await open_store(tmp_path, max_bytes=1_000_000)
    epochs = await claim_all(store)
    await store.commit(ADDRESSES[1], epochs[1], [PutMessage("big", b"x" * 500_000)], now_ms=1)
    small, large = (
        [PutMessage("small", b"{}")],
        [PutMessage("first", b"1"), PutMessage("large", b"x" * 700_000)],
    )
    answers = [
        store.commit(address, epoch, large if n == 5 else small, now_ms=2)
        for n, (address, epoch) in enumerate(zip(ADDRESSES, epochs, strict=True))
    ]
    told = [await outcome(answer) for answer in answers]
    assert told == [StoreUnavailable if n == 5 else None for n in range(40)]
    assert await stored(store, ADDRESSES[5]) == []
    assert await store.delete(ADDRESSES[1]) == Removed(1, 2, 0)
    await store.commit(ADDRESSES[5], epochs[5], large, now_ms=3)
    assert [m.id for m in await stored(store, ADDRESSES[5])] == ["first", "large"]
    assert await store.check() == []
    await store.close()


@contextlib.contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_takes_no_more_changes_nothing(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    epochs = await claim_all(store)
    await store.commit(ADA, epochs[0], [PutMessage("before", b"{}")], now_ms=1)
    log = database_path(tmp_path).with_name("sessions.db-wal")
    with files_no_larger_than(log.stat().st_size + 4096):
        answers = [
            store.commit(address, epoch, [PutMessage("m", b"x" * 20_000)], now_ms=2)
            for address, epoch in zip(ADDRESSES, epochs, strict=True)
        ]
        assert [await outcome(answer) for answer in answers] == [StoreUnavailable] * 40
        assert await outcome(store.delete(ADDRESSES[1])) in (True, StoreUnavailable)
    assert await stored(store, ADA) == [StoredMessage("before", b"{}")]
    await store.commit(ADA, epochs[0], [PutMessage("after", b"{}")], now_ms=3)
    await store.close()
    store = await open_store(tmp_path)
    assert [m.id for m in (await store.claim(ADA, owner=None, now_ms=4)).messages] == ["before", "after"]
    assert await store.check() == []
    await store.close()


async def test_a_foreign_lock_refuses_everything_once_and_reads_go_on(tmp_path: Path) -> None:
    store = await open_store(tmp_path, busy_timeout_s=0.05)
    epochs = await claim_all(store)
    other = sqlite3.connect(database_path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers = [
        store.commit(address, epoch, [PutMessage("m", b"{}")], now_ms=2)
        for address, epoch in zip(ADDRESSES, epochs, strict=True)
    ]
    assert await stored(store, ADA) == []
    assert {await outcome(answer) for answer in answers} == {StoreUnavailable}
    other.execute("ROLLBACK")
    other.close()
    await store.commit(ADA, epochs[0], [PutMessage("m", b"{}")], now_ms=2)
    assert await stored(store, ADA) == [StoredMessage("m", b"{}")]
    await store.close()


async def test_several_event_loops_may_use_one_store(tmp_path: Path) -> None:
    store = await open_store(tmp_path)

    async def use(address: Address) -> list[StoredMessage]:
        claim = await store.claim(address, owner=None, now_ms=1)
        for n in range(20):
            await store.commit(address, claim.epoch, [PutMessage(f"m{n}", b"{}")], now_ms=n)
        return await stored(store, address)

    results = await asyncio.gather(
        use(ADA), *(asyncio.to_thread(asyncio.run, use(address)) for address in ADDRESSES[1:4])
    )
    assert [[m.id for m in result] for result in results] == [[f"m{n}" for n in range(20)]] * 4
    await store.close()


async def test_sessions_that_are_no_longer_remembered_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "INDEX_CACHE", 3)
    store = await open_store(tmp_path)
    epochs = await claim_all(store)
    for n in range(3):
        for address, epoch in zip(ADDRESSES, epochs, strict=True):
            await store.commit(address, epoch, [PutMessage(f"m{n}", b"{}")], now_ms=n)
    assert len(store._writer.scribe.ledger._index) == 3
    for address in ADDRESSES:
        assert [m.id for m in await stored(store, address)] == ["m0", "m1", "m2"]
    await store.close()


async def test_space_of_deleted_rows_is_given_back(tmp_path: Path) -> None:
    traced = TracedWriter(tmp_path / "x.db")
    claim = claim_job(ADA)
    traced.writer.submit(claim)
    epoch = (await claim.answer).epoch
    fill = CommitJob(
        ADA, epoch, [PutMessage(f"m{n}", b"x" * 100_000) for n in range(120)], now_ms=1, expires_ms=NEVER_MS
    )
    traced.writer.submit(fill)
    await fill.answer
    with closing(sqlite3.connect(tmp_path / "x.db")) as other:  # the writer's own connection may be at work
        pages, page = (other.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    traced.saw["PRAGMA incremental_vacuum"] = vacuumed = threading.Event()
    delete = DeleteJob(ADA)
    traced.writer.submit(delete)
    assert await delete.answer == Removed(1, 120, 0)
    assert await asyncio.to_thread(vacuumed.wait, 10)
    await traced.writer.close()
    assert (tmp_path / "x.db").stat().st_size < pages * page - 500_000


async def test_rounds_keep_what_depends_on_each_other_apart() -> None:
    def claim(n: int) -> ClaimJob:
        return claim_job(ADDRESSES[n])

    def commit(n: int, epoch: int) -> CommitJob:
        return CommitJob(ADDRESSES[n], epoch, [], now_ms=1, expires_ms=NEVER_MS)

    batch: list[Job[Any]] = [
        claim(1),
        commit(2, 1),
        commit(2, 1),
        claim(3),
        commit(1, 1),
        commit(2, 1),
        commit(2, 2),
        claim(2),
        NoteJob([]),
        PurgeJob(ADDRESSES, 1),
        NoteJob([]),
        DeleteJob(ADDRESSES[1]),
        claim(1),
    ]
    cut = [
        (
            len(round.claims),
            len(round.deletes),
            sum(map(len, round.commits.values())),
            len(round.books),
            round.purge is not None,
        )
        for round in rounds(batch)
    ]
    assert cut == [
        (2, 0, 2, 0, False),
        (0, 0, 2, 0, False),
        (0, 0, 1, 0, False),
        (1, 0, 0, 1, False),
        (0, 0, 0, 0, True),
        (0, 1, 0, 1, False),
        (1, 0, 0, 0, False),
    ]


def test_no_statement_reads_a_whole_table() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    tables = ("sessions", "messages", "turns", "chunks", "states", "entries", "grants", "usage_days")
    found = [value for value in vars(statements).values() if isinstance(value, statements.RowsStatement)]
    assert len(found) >= 23
    for statement in found:
        for size in (1, 2, 256):
            sql = statement._sql[size]
            plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")).fetchall()
            assert not [step[3] for step in plan if step[3] in {f"SCAN {table}" for table in tables}], sql
    connection.close()
