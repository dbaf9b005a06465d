"""The thread that reads, beside the writer and never in its way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from ...errors import CuttyError, StoreUnavailable
from .connection import as_store_error

P = ParamSpec("P")
T = TypeVar("T")


class Reader:
    """Runs queries one after the other on a connection of its own; sees every commit that was awaited."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cutty-store-reader")
        self._closed = False

    async def run(
        self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The answer of ``query(connection, ...)``. A cancelled waiter does not interrupt it.

        Raises:
            StoreUnavailable: the reader was closed, or the database gave no answer.
        """
        if self._closed:
            raise StoreUnavailable("The store is closed.", remedy="Open it again before using it.")

        def answer() -> T:
            return guarded(query, self._connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._pool, answer)

    async def close(self) -> None:
        """Answer what was asked, then close the connection. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        self._connection.close()


def guarded(
    query: Callable[Concatenate[sqlite3.Connection, P], T],
    connection: sqlite3.Connection,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """``query(connection, ...)`` with the errors of SQLite told as errors of the store."""
    try:
        return query(connection, *args, **kwargs)
    except CuttyError:
        raise
    except Exception as error:
        raise as_store_error(error) from error
