"""Lists walk along an index: none sorts, and none reads a whole table."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator

import pytest

from cutty_agent.engines.embedded import books, listings, queries, removal, statements, usage
from cutty_agent.engines.embedded.migrations import migrate
from cutty_agent.ids import Address

ADA = Address("chat", "ada")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, sql: str, values: tuple[str | int | None, ...]) -> list[str]:
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


FILTERS = list(
    itertools.product(
        (None, "chat"), (None, "", "user:ada"), (None, 5), (False, True), (None, ADA, Address("b", "x"))
    )
)


@pytest.mark.parametrize(("agent", "owner", "idle_since_ms", "parked", "after"), FILTERS)
def test_a_page_of_sessions(
    connection: sqlite3.Connection,
    agent: str | None,
    owner: str | None,
    idle_since_ms: int | None,
    *,
    parked: bool,
    after: Address | None,
) -> None:
    sql, values = listings.page(
        agent=agent, owner=owner, idle_since_ms=idle_since_ms, parked=parked, after=after, limit=10
    )
    steps = plan(connection, sql, values)
    walk = [step for step in steps if "sessions" in step]
    assert len(walk) == 1
    # Sorting would also count the rows of every session before the first is known.
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert walk[0].startswith("SEARCH sessions USING INDEX")
    if owner:
        assert "sessions_owner (owner=?" in walk[0] or (parked and "sessions_parked" in walk[0])
    elif parked:
        assert "sessions_parked" in walk[0]
    if agent:
        assert "agent=?" in walk[0]
        assert "session>?" in walk[0]
    else:
        assert "(agent,session)>(?,?)" in walk[0]
    assert any(step.startswith("SEARCH messages USING COVERING INDEX messages_id (idx=?)") for step in steps)
    assert any(step.startswith("SEARCH turns USING INDEX turns_open (idx=?)") for step in steps)


class Recorded(sqlite3.Connection):
    """Notes every statement with its values."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        self.said: list[tuple[str, tuple[str | int | None, ...]]] = []

    def execute(self, sql: str, values: tuple[str | int | None, ...] = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        self.said.append((sql, values))
        return super().execute(sql, values)


def test_everything_else_that_is_asked_often() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=Recorded)
    migrate(connection)
    connection.said.clear()
    queries.card(connection, ADA)
    queries.state(connection, ADA)
    queries.session(connection, ADA)
    listings.expired(connection, 5, 10)
    usage.spent(connection, 5, "user:ada")
    usage.spent(connection, 5, None)
    removal.delete(connection, ADA)
    removal.purge(connection, [Address("chat", f"s{n}") for n in range(11)], 5)
    books.page(connection, 7, None, "user:ada", None, 10)
    books.page(connection, None, None, None, ADA, 10)
    books.page(connection, None, "access.", None, None, 10)
    books.forget(connection, 5)
    asked = [
        (sql, values) for sql, values in connection.said if sql.lstrip().startswith(("SELECT", "DELETE"))
    ]
    assert len(asked) >= 14
    for sql, values in asked:
        steps = plan(connection, sql, values)
        scans = {step for step in steps if step.startswith("SCAN") and "CONSTANT ROW" not in step}
        scans.discard("SCAN gone")  # the rows given
        if "action >=" in sql:
            scans.remove("SCAN audit")  # from its end, until the page is full
        assert not scans, (sql, steps)
        assert not [step for step in steps if "TEMP B-TREE" in step], (sql, steps)
    connection.close()


def test_claims_find_their_sessions_through_the_index_of_addresses(connection: sqlite3.Connection) -> None:
    for size in (1, 2, 16, 256):
        sql = statements.TAKE._sql[size]
        steps = plan(connection, sql, (1,) * sql.count("?"))
        assert any("SEARCH sessions USING INDEX sqlite_autoindex_sessions_1" in step for step in steps), steps
