"""What the embedded store does so that analytics cost little: and that it counts right nevertheless."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cutty_agent.engines.embedded import browsing, open_readonly, open_store
from cutty_agent.engines.embedded.connection import connect_writer
from cutty_agent.engines.embedded.directory import database_path
from cutty_agent.engines.embedded.hours import COLUMNS, SUMS
from cutty_agent.engines.embedded.migrations import MIGRATIONS, migrate
from cutty_agent.engines.embedded.store import EmbeddedStore
from cutty_agent.errors import BadRequest
from cutty_agent.ids import Address
from cutty_agent.ports.analytics import DAY_MS, HOUR_MS, Sums
from cutty_agent.ports.listing import Listing, Sort
from cutty_agent.ports.store import AddUsage, AppendChunks, Spent
from cutty_agent.testing.conformance import STORE_RULES
from cutty_agent.wire.histogram import BUCKETS

NOW = 1_790_000_000_000
MINUTE_MS = 60_000


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(tmp_path)
    yield store
    await store.close()


def used(at_ms: int = NOW) -> AddUsage:
    return AddUsage("user:ada", at_ms, "completed", "m", 10, 1, 100, duration_ms=90, messages=2)


async def test_a_batch_that_is_written_again_counts_once(store: EmbeddedStore) -> None:
    """One commit of the batch cannot be stored: all are rolled back and written one by one."""
    addresses = [Address("chat", f"s{n}") for n in range(20)]
    claims = await asyncio.gather(*(store.claim(each, owner="", now_ms=NOW) for each in addresses))
    answers = await asyncio.gather(
        *(
            store.commit(
                address,
                claim.epoch,
                [used(), AppendChunks("t", 0, (b"two\nlines",))] if at == 7 else [used()],
                now_ms=NOW,
            )
            for at, (address, claim) in enumerate(zip(addresses, claims, strict=True))
        ),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if answer is not None] == [BadRequest]
    [hour] = await store.periods(step="hour", from_ms=NOW, to_ms=NOW + 1)
    assert (hour.sums.turns, hour.created, hour.active, hour.first_active) == (19, 20, 19, 19)
    assert await store.spent(day_ms=NOW) == Spent(19 * 11, 1900)
    assert sum(row.turns for row in await store.sessions()) == 19
    # What was remembered of the batch that was rolled back is forgotten: the next turn of that session counts.
    await store.commit(addresses[7], claims[7].epoch, [used()], now_ms=NOW)
    [hour] = await store.periods(step="hour", from_ms=NOW, to_ms=NOW + 1)
    assert (hour.sums.turns, hour.active) == (20, 20)


async def test_without_analytics_budgets_and_totals_are_kept(tmp_path: Path) -> None:
    store = await open_store(tmp_path, analytics=False)
    claim = await store.claim(Address("chat", "a"), owner="", now_ms=NOW)
    await store.commit(Address("chat", "a"), claim.epoch, [used()], now_ms=NOW)
    assert await store.periods(step="day", from_ms=0, to_ms=NOW * 2) == []
    assert await store.spent(day_ms=NOW, owner="user:ada") == Spent(11, 100)
    assert [row.turns for row in await store.sessions()] == [1]
    page = await store.usage(by="owner", from_ms=NOW, to_ms=NOW + 1)
    assert [(row.key, row.sums.turns) for row in page.rows] == [("user:ada", 1)]
    await store.close()


async def test_the_minute_of_a_session_is_that_of_its_activity(tmp_path: Path, store: EmbeddedStore) -> None:
    with sqlite3.connect(database_path(tmp_path)) as looking:

        def minutes() -> list[tuple[int, int]]:
            return looking.execute("SELECT active_min, active_ms / 60000 FROM sessions").fetchall()

        addresses = [Address("chat", f"s{n}") for n in range(5)]
        for step in range(12):
            address = addresses[step % 5]
            now_ms = NOW + step * 25_000
            claim = await store.claim(address, owner="", now_ms=now_ms)
            await store.commit(address, claim.epoch, [], now_ms=now_ms + 10_000)
            await asyncio.gather(
                *(store.commit(address, claim.epoch, [], now_ms=now_ms + 10_000 + n) for n in range(3))
            )
            assert all(indexed == true for indexed, true in minutes())
        claim = await store.claim(addresses[0], owner="", now_ms=NOW - MINUTE_MS)  # a clock that was set back
        assert all(indexed == true for indexed, true in minutes())


async def test_days_from_before_there_were_hours_are_kept(tmp_path: Path) -> None:
    connection = connect_writer(database_path(tmp_path), busy_timeout_s=1)
    migrate(connection, MIGRATIONS[:2])
    day = NOW // DAY_MS
    connection.executescript(
        f"""
        INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms) VALUES
            (1, 'chat', 'ada', 1, {NOW}, {NOW}), (2, 'chat', 'bob', 2, {NOW}, {NOW + 600_000});
        UPDATE epochs SET last = 2;
        INSERT INTO usage_days VALUES
            ({day}, 'user:ada', 'chat', 'm', 3, 1, 30, 3, 300, 6, 2, 270, 60, 2),
            ({day}, 'user:bob', 'chat', 'm', 1, 0, 10, 1, 100, 2, 0, 90, 30, 1);
        """
    )
    connection.close()
    store = await open_store(tmp_path)
    whole = Sums(4, 1, 0, 40, 4, 400, 8, 2, 360, 90, 3)
    [found] = await store.periods(step="day", from_ms=NOW, to_ms=NOW + 1)
    assert (found.at_ms, found.sums) == (day * DAY_MS, whole)
    page = await store.usage(by="model", from_ms=NOW - NOW % DAY_MS, to_ms=NOW)
    assert [(row.key, row.sums) for row in page.rows] == [("m", whole)]
    listed = await store.browse(Listing(sort="active", descending=True))
    assert [row.address.session for row in listed.rows] == ["bob", "ada"]
    await store.close()
    with open_readonly(tmp_path) as outside:
        assert outside.browse(Listing(sort="active", descending=True)) == listed
        assert outside.periods(step="day", from_ms=NOW, to_ms=NOW + 1) == [found]
        assert outside.totals().sessions == 2


def test_columns_are_those_of_the_table() -> None:
    connection = sqlite3.connect(":memory:")
    migrate(connection)
    named = [row[1] for row in connection.execute("PRAGMA table_info(hours)")]
    assert sorted(named) == sorted(("hour", "agent", "model", *COLUMNS))
    assert Sums.__struct_fields__ == SUMS
    assert sum(name.startswith("first_") for name in named) == BUCKETS + 2
    connection.close()


# -- plans


@pytest.fixture
def many() -> Iterator[sqlite3.Connection]:
    """More sessions than are looked up for a filter."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    connection.executemany(
        "INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms, active_min, owner, parked, cost_nano)"
        " VALUES (?, 'chat', ?, 1, 1, ?, ?, 'user:ada', 'why', ?)",
        ((n, f"s{n:05}", n * MINUTE_MS, n, n) for n in range(1, browsing.FEW + 10)),
    )
    yield connection
    connection.close()


ORDERS: tuple[Sort, ...] = ("address", "active", "created", "cost")
UNSELECTIVE = [
    Listing(),
    Listing(agent="chat"),
    Listing(owner="user:ada"),
    Listing(parked=True),
    Listing(min_cost_nano=1),
    Listing(active_from_ms=1),
    Listing(idle_since_ms=2**60),
    Listing(without=(Address("chat", "s1"),)),
]


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("listing", UNSELECTIVE, ids=str)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_a_filter_that_leaves_many_is_walked_in_the_order_of_the_list(
    many: sqlite3.Connection, sort: Sort, listing: Listing, *, after: bool, descending: bool
) -> None:
    fields = {name: getattr(listing, name) for name in Listing.__struct_fields__}
    fields |= {"sort": sort, "descending": descending, "limit": 10}
    if after:
        fields["after"] = browsing.browse(many, Listing(**fields)).next
    sql, values = browsing.page(many, Listing(**fields))
    steps = [row[3] for row in many.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    inner = steps[: next(at for at, step in enumerate(steps) if step.startswith("SCAN page"))]
    assert not [step for step in inner if "TEMP B-TREE" in step], steps
    index = {
        "address": "sqlite_autoindex_sessions_1",
        "active": "sessions_active",
        "created": "",
        "cost": "sessions_cost",
    }[sort]
    assert any(index in step and "sessions" in step for step in inner), steps
    if after:
        assert any(step.startswith("SEARCH sessions") for step in inner), steps


@pytest.mark.parametrize("sort", ORDERS)
def test_a_filter_that_leaves_few_is_looked_up(many: sqlite3.Connection, sort: Sort) -> None:
    many.execute(
        "INSERT INTO sessions (idx, agent, session, epoch, created_ms, active_ms, owner) VALUES (90000, 'b', 'x', 1, 1, 1, 'user:bo')"
    )
    for listing in (
        Listing(sort=sort, agent="b"),
        Listing(sort=sort, owner="user:bo"),
        Listing(sort=sort, beginning="x"),
        Listing(sort=sort, beginning="bo"),
        Listing(sort=sort, active_to_ms=2),
        Listing(sort=sort, among=(Address("b", "x"), Address("b", "y"))),
    ):
        sql, values = browsing.page(many, listing)
        steps = [row[3] for row in many.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert not [step for step in steps if step.startswith("SCAN sessions")], (listing, steps)
        assert [row.address.session for row in browsing.browse(many, listing).rows] == ["x"]


@pytest.mark.parametrize("few", [-1, 0, 1, 2])
async def test_the_lists_are_the_same_however_they_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(browsing, "FEW", few)
    await STORE_RULES["every_order_and_filter_lists_what_fits_once"](lambda: open_store(tmp_path))


async def test_reading_hours_takes_only_those_of_the_range(store: EmbeddedStore, tmp_path: Path) -> None:
    with sqlite3.connect(database_path(tmp_path)) as looking:
        steps = [
            row[3]
            for row in looking.execute(
                "EXPLAIN QUERY PLAN SELECT hour, sum(turns) FROM hours WHERE hour >= ? AND hour < ? GROUP BY 1",
                (NOW // HOUR_MS, NOW // HOUR_MS + 24),
            )
        ]
    assert steps == ["SEARCH hours USING PRIMARY KEY (hour>? AND hour<?)"]
