"""The schema of the database, as the steps that lead to it."""

from __future__ import annotations

import sqlite3

from ...errors import StoreCorrupt

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # The highest epoch ever given, so that a deleted and re-made session does not start again at 1.
        "CREATE TABLE epochs (last INTEGER NOT NULL)",
        "INSERT INTO epochs VALUES (0)",
        # idx is the epoch of the claim that made the session: narrow, and never used twice.
        """CREATE TABLE sessions (
            idx INTEGER PRIMARY KEY,
            agent TEXT NOT NULL,
            session TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            active_ms INTEGER NOT NULL,
            UNIQUE (agent, session)
        )""",
        # seq gives the order of first insertion; replacing a row in place keeps it.
        "CREATE TABLE messages (seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL)",
        "CREATE UNIQUE INDEX messages_id ON messages (idx, id)",
        """CREATE TABLE turns (
            seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, id TEXT NOT NULL, open INTEGER NOT NULL, record BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX turns_id ON turns (idx, id)",
        "CREATE INDEX turns_open ON turns (idx) WHERE open = 1",
        # Append-only: one row for each batch, count bodies joined by a newline. Rows are looked up by session
        # alone, because at any time a session keeps the chunks of very few turns.
        """CREATE TABLE chunks (
            seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, turn TEXT NOT NULL,
            first INTEGER NOT NULL, count INTEGER NOT NULL, bodies BLOB NOT NULL
        )""",
        "CREATE INDEX chunks_session ON chunks (idx)",
        "CREATE TABLE states (idx INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL)",
        "CREATE UNIQUE INDEX entries_key ON entries (idx, key)",
        """CREATE TRIGGER session_deleted AFTER DELETE ON sessions BEGIN
            DELETE FROM messages WHERE idx = old.idx;
            DELETE FROM turns WHERE idx = old.idx;
            DELETE FROM chunks WHERE idx = old.idx;
            DELETE FROM states WHERE idx = old.idx;
            DELETE FROM entries WHERE idx = old.idx;
        END""",
    ),
    (
        # Whose a session is, until when it lives, and what it has consumed. The end that does not come is 2^62.
        "ALTER TABLE sessions ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 4611686018427387904",
        "ALTER TABLE sessions ADD COLUMN parked TEXT",
        "ALTER TABLE sessions ADD COLUMN turns INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN errors INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN cost_nano INTEGER NOT NULL DEFAULT 0",
        # Partial, because every commit sets the end anew: where sessions live for ever it costs nothing.
        "CREATE INDEX sessions_expires ON sessions (expires_ms) WHERE expires_ms < 4611686018427387904",
        "CREATE INDEX sessions_owner ON sessions (owner, agent, session) WHERE owner <> ''",
        "CREATE INDEX sessions_parked ON sessions (agent, session) WHERE parked IS NOT NULL",
        """CREATE TABLE grants (
            seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, grantee TEXT NOT NULL, mode TEXT NOT NULL,
            created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
        )""",
        "CREATE UNIQUE INDEX grants_grantee ON grants (idx, grantee)",
        # day counts UTC days since 1970. The owner comes before the agent, because what one principal has spent
        # today is asked often. first_ms is the sum over the first_count turns that had a first chunk.
        """CREATE TABLE usage_days (
            day INTEGER NOT NULL, owner TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,
            turns INTEGER NOT NULL, errors INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_nano INTEGER NOT NULL,
            calls INTEGER NOT NULL, tools INTEGER NOT NULL,
            duration_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, first_count INTEGER NOT NULL,
            PRIMARY KEY (day, owner, agent, model)
        ) WITHOUT ROWID""",
        # AUTOINCREMENT, so that the number of a removed entry is not given again.
        """CREATE TABLE audit (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
            agent TEXT NOT NULL, session TEXT NOT NULL, peer TEXT NOT NULL, detail TEXT NOT NULL, count INTEGER NOT NULL
        )""",
        "CREATE INDEX audit_at ON audit (at_ms)",
        "CREATE INDEX audit_actor ON audit (actor)",
        "CREATE INDEX audit_session ON audit (agent, session) WHERE agent <> ''",
        "CREATE TABLE revocations (key TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID",
        "DROP TRIGGER session_deleted",
        """CREATE TRIGGER session_deleted AFTER DELETE ON sessions BEGIN
            DELETE FROM messages WHERE idx = old.idx;
            DELETE FROM turns WHERE idx = old.idx;
            DELETE FROM chunks WHERE idx = old.idx;
            DELETE FROM states WHERE idx = old.idx;
            DELETE FROM entries WHERE idx = old.idx;
            DELETE FROM grants WHERE idx = old.idx;
        END""",
    ),
    (
        # Lists by activity and by cost. The minute, because an index on the millisecond would be written with every
        # commit; active_hour is the latest hour (of 1970 UTC) in which a turn of the session ended.
        "ALTER TABLE sessions ADD COLUMN active_min INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN active_hour INTEGER NOT NULL DEFAULT 0",
        "UPDATE sessions SET active_min = active_ms / 60000",
        "CREATE INDEX sessions_active ON sessions (active_min)",
        "CREATE INDEX sessions_cost ON sessions (cost_nano)",
        "ALTER TABLE usage_days ADD COLUMN aborted INTEGER NOT NULL DEFAULT 0",
        # hour counts hours since 1970 UTC. What concerns sessions and no model is under the empty model. The last
        # columns are two histograms: turns by the bucket of their first chunk, and by that of their duration.
        """CREATE TABLE hours (
            hour INTEGER NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,
            turns INTEGER NOT NULL, errors INTEGER NOT NULL, aborted INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_nano INTEGER NOT NULL,
            calls INTEGER NOT NULL, tools INTEGER NOT NULL,
            duration_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, first_count INTEGER NOT NULL,
            messages INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL DEFAULT 0,
            active INTEGER NOT NULL DEFAULT 0, came_back INTEGER NOT NULL DEFAULT 0,
            active_day INTEGER NOT NULL DEFAULT 0, came_back_day INTEGER NOT NULL DEFAULT 0,
            expired INTEGER NOT NULL DEFAULT 0,
            """
        + ", ".join(
            f"{name}_{n} INTEGER NOT NULL DEFAULT 0" for name in ("first", "duration") for n in range(24)
        )
        + """, PRIMARY KEY (hour, agent, model)
        ) WITHOUT ROWID""",
        "CREATE TABLE peaks (hour INTEGER PRIMARY KEY, running INTEGER NOT NULL, sockets INTEGER NOT NULL)",
        # What was summed up by the day before is found in its first hour.
        """INSERT INTO hours (hour, agent, model, turns, errors, aborted, input_tokens, output_tokens, cost_nano,
            calls, tools, duration_ms, first_ms, first_count)
            SELECT day * 24, agent, model, sum(turns), sum(errors), 0, sum(input_tokens), sum(output_tokens),
            sum(cost_nano), sum(calls), sum(tools), sum(duration_ms), sum(first_ms), sum(first_count)
            FROM usage_days GROUP BY day, agent, model""",
    ),
)
"""Step n leads from ``PRAGMA user_version`` n to n + 1. Published steps are never edited, only followed by others."""

VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of the open database; 0 when it is empty."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Bring the database to the newest version, each step in a transaction of its own.

    Raises:
        StoreCorrupt: the database was written by a newer program. Nothing was changed.
    """
    version = version_of(connection)
    refuse_newer(version, len(migrations))
    for number, statements in enumerate(migrations[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def refuse_newer(version: int, known: int = VERSION) -> None:
    """Raise ``StoreCorrupt`` for a schema that this program does not know yet."""
    if version > known:
        raise StoreCorrupt(
            f"The database has schema version {version}; this program knows versions up to {known}.",
            remedy="Run the newer cutty-agent that wrote it, or restore a backup from before the upgrade.",
        )
