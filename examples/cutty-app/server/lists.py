"""The lists of all users in one SQLite file. Every statement names the owner."""

from __future__ import annotations

import csv
import io
import json
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.filters import Filter
from server.records import KINDS, Kind, Row, generate
from server.refusal import Refusal

MAX_ROWS = 5000
MAX_COLUMNS = 40
MAX_LISTS = 50
PAGE = 100
"""Rows of one answer at most."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lists (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, columns TEXT NOT NULL, rows TEXT NOT NULL,
    size INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS lists_of ON lists (owner);
"""


@dataclass(frozen=True)
class Summary:
    """A list without its rows."""

    id: str
    name: str
    columns: list[str]
    rows: int


@dataclass(frozen=True)
class Page:
    """Some rows of those that fit; ``total`` counts all of them."""

    total: int
    rows: list[Row]


class Lists:
    """Stores lists. Every method takes the owner first, and other owners' lists do not exist for it.

    Methods may be called from several threads. A list that is not the owner's raises ``Refusal`` 404.
    """

    def __init__(self, file: Path | None) -> None:
        """``file`` is the database; ``None`` keeps everything in memory."""
        self._database = sqlite3.connect(file or ":memory:", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._lock = threading.Lock()

    def all(self, owner: str) -> list[Summary]:
        """The owner's lists, oldest first."""
        found = self._rows("SELECT id, name, columns, size FROM lists WHERE owner = ? ORDER BY rowid", owner)
        return [Summary(id, name, json.loads(columns), size) for id, name, columns, size in found]

    def upload(self, owner: str, name: str, text: str) -> Summary:
        """Store a CSV text whose first line names the columns.

        Raises:
            Refusal: it is empty, has columns without or with the same name, or exceeds a limit.
        """
        reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
        try:
            columns = [column.strip() for column in next(reader, [])]
            records = [record for record in reader if record]
        except csv.Error as error:
            raise Refusal(f"The file is not CSV: {error}.") from error
        if not columns or "" in columns or len({*columns}) < len(columns):
            raise Refusal("The first line of the file must name every column, each once.")
        if len(columns) > MAX_COLUMNS:
            raise Refusal(
                f"The file has {len(columns)} columns; at most {MAX_COLUMNS} are allowed.", status=413
            )
        rows = [dict(zip(columns, [*record, *[""] * len(columns)], strict=False)) for record in records]
        return self._add(owner, name, columns, rows)

    def generate(self, owner: str, kind: str, rows: int, name: str = "", seed: int | None = None) -> Summary:
        """Store invented records."""
        known: Kind | None = next((each for each in KINDS if each == kind), None)
        if known is None:
            raise Refusal(f"There are no records of the kind {kind[:40]!r}. Use one of: {', '.join(KINDS)}.")
        if not 1 <= rows <= MAX_ROWS:
            raise Refusal(f"rows must be between 1 and {MAX_ROWS}, not {rows}.")
        columns, records = generate(known, rows, secrets.randbits(32) if seed is None else seed)
        return self._add(owner, name or kind, columns, records)

    def describe(self, owner: str, id: str) -> dict[str, Any]:
        """The columns of a list, each with how many different values it has and the first of them."""
        summary, rows = self._load(owner, id)
        fields = []
        for column in summary.columns:
            values = list(dict.fromkeys(row[column] for row in rows))
            fields.append({"field": column, "different": len(values), "examples": values[:3]})
        return {"id": summary.id, "name": summary.name, "rows": summary.rows, "fields": fields}

    def page(
        self, owner: str, id: str, wanted: tuple[str, str, str] | None, *, offset: int = 0, limit: int = PAGE
    ) -> Page:
        """Rows that fit ``wanted`` (field, operator, value), or all. ``limit`` 0 only counts."""
        if not (0 <= limit <= PAGE and offset >= 0):
            raise Refusal(f"limit must be between 0 and {PAGE}, and offset not negative.")
        summary, rows = self._load(owner, id)
        if wanted is not None:
            condition = Filter.read(summary.columns, *wanted)
            rows = [row for row in rows if condition.fits(row)]
        return Page(len(rows), rows[offset : offset + limit])

    def remove(self, owner: str, id: str) -> None:
        """Delete a list."""
        self._load(owner, id)
        self._rows("DELETE FROM lists WHERE owner = ? AND id = ?", owner, id)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _add(self, owner: str, name: str, columns: Sequence[str], rows: Sequence[Row]) -> Summary:
        if len(rows) > MAX_ROWS:
            raise Refusal(f"The list has {len(rows)} rows; at most {MAX_ROWS} are allowed.", status=413)
        lists = self.all(owner)
        if len(lists) >= MAX_LISTS:
            raise Refusal(f"You have {MAX_LISTS} lists, which is the limit. Delete one first.", status=409)
        name = " ".join(name.split()).removesuffix(".csv")[:80] or "list"
        taken = {each.name for each in lists}
        name = next(
            each for each in (name, *(f"{name} {n}" for n in range(2, MAX_LISTS + 2))) if each not in taken
        )
        id = f"list-{secrets.token_hex(8)}"
        self._rows(
            "INSERT INTO lists VALUES (?, ?, ?, ?, ?, ?)",
            *(id, owner, name, json.dumps(columns), json.dumps(rows), len(rows)),
        )
        return Summary(id, name, [*columns], len(rows))

    def _load(self, owner: str, id: str) -> tuple[Summary, list[Row]]:
        found = self._rows("SELECT name, columns, rows FROM lists WHERE owner = ? AND id = ?", owner, id)
        if not found:
            raise Refusal("There is no such list.", status=404)
        name, columns, rows = found[0]
        records: list[Row] = json.loads(rows)
        return Summary(id, name, json.loads(columns), len(records)), records

    def _rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()
