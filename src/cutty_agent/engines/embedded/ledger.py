"""The tables, as the writer changes them: claims, deletes and fenced commits of one round at a time."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict

from ...errors import StaleEpoch
from ...ids import Address
from . import books, claims, hours, removal, statements
from .changes import Changes
from .hours import Hours
from .jobs import (
    BookJob,
    ClaimJob,
    CommitJob,
    DeleteJob,
    ForgetAuditJob,
    NoteJob,
    PurgeJob,
    SampleJob,
)
from .rounds import Round

INDEX_CACHE = 4096
"""Sessions whose integer index is remembered; the least recently written are looked up again."""


class Ledger:
    """Applies rounds inside the transaction that the caller began. For one thread."""

    def __init__(self, connection: sqlite3.Connection, *, analytics: bool = True) -> None:
        """With ``analytics`` the sums by the hour are kept."""
        self._connection = connection
        self._analytics = analytics
        self._hours: Hours | None = None
        # Of the sessions whose index is remembered: the minute they stand at, and the latest hour of a turn.
        self._minutes: dict[int, int] = {}
        self._latest: dict[int, int] = {}
        self._epoch: int = connection.execute("SELECT last FROM epochs").fetchone()[0]
        self._index: OrderedDict[Address, int] = OrderedDict()

    def apply(self, round: Round) -> None:
        """Write a round and set the value or error of each of its jobs.

        Raises:
            Exception: something could not be written; the caller rolls back and calls :meth:`forget`.
        """
        self._hours = Hours() if self._analytics else None
        if round.claims:
            self._claim(round.claims)
        for job in round.deletes.values():
            self._delete(job)
        if round.commits:
            self._commit(round.commits)
        if round.purge is not None:
            self._purge(round.purge)
        if round.books:
            self._books(round.books)
        if self._hours is not None:
            self._hours.write(self._connection)

    def forget(self) -> None:
        """Drop what was remembered of sessions, because the transaction it came from was rolled back.

        Epochs that were given out are not given out again.
        """
        self._index.clear()
        self._minutes.clear()
        self._latest.clear()

    def _claim(self, jobs: dict[Address, ClaimJob]) -> None:
        first = self._epoch + 1
        self._epoch += len(jobs)
        self._connection.execute("UPDATE epochs SET last = ?", (self._epoch,))
        for address, claimed in claims.claim(self._connection, jobs, first):
            jobs[address].value = claimed
            self._remember(address, claimed.idx)
            self._minutes[claimed.idx] = claimed.active_ms // claims.MINUTE_MS
            if claimed.created and self._hours is not None:
                self._hours.session("created", address.agent, claimed.created_ms)

    def _delete(self, job: DeleteJob) -> None:
        self._forget(job.address)
        job.value = removal.delete(self._connection, job.address)

    def _purge(self, job: PurgeJob) -> None:
        for address in job.addresses:
            self._forget(address)
        job.value = removal.purge(self._connection, job.addresses, job.now_ms, self._hours)

    def _books(self, jobs: list[BookJob]) -> None:
        for job in jobs:
            match job:
                case NoteJob():
                    books.note(self._connection, job.entries)
                case ForgetAuditJob():
                    job.value = books.forget(self._connection, job.before_ms)
                case SampleJob():
                    hours.sample(self._connection, job.at_ms, job.running, job.sockets)
                case _:
                    books.revoke(self._connection, job.key, job.until_ms, job.now_ms)

    def _commit(self, commits: dict[Address, list[CommitJob]]) -> None:
        writers: dict[int, list[CommitJob]] = {}
        for address, jobs in commits.items():
            idx = self._index_of(address)
            if idx is None:
                _refuse(jobs)
            else:
                writers[idx] = jobs
        for idx in self._fenced_off(writers):
            _refuse(writers.pop(idx))
        self._move(writers)
        changes = Changes(self._hours, self._latest)
        for idx, jobs in writers.items():
            for job in jobs:
                changes.add(idx, job.address.agent, job.ops)
        changes.write(self._connection)

    def _move(self, writers: dict[int, list[CommitJob]]) -> None:
        """Move the sessions in the list by activity whose minute is another than before."""
        moved: list[statements.Row] = []
        for idx, jobs in writers.items():
            minute = jobs[-1].now_ms // claims.MINUTE_MS
            if self._minutes.get(idx) != minute:
                self._minutes[idx] = minute
                moved.append((idx, minute))
        statements.SET_MINUTE.run(self._connection, moved)

    def _fenced_off(self, writers: dict[int, list[CommitJob]]) -> list[int]:
        """Let the present writers through; the indexes of the others."""
        rows = [(idx, jobs[-1].epoch, jobs[-1].now_ms, jobs[-1].expires_ms) for idx, jobs in writers.items()]
        stale: list[int] = []
        for group in statements.FENCE.groups(rows):
            if statements.FENCE.execute(self._connection, group).rowcount == len(group):
                continue
            # Rare: find out who. Doing it again for those that passed changes nothing.
            stale += [
                row[0] for row in group if not statements.FENCE.execute(self._connection, [row]).rowcount
            ]
        return stale

    def _index_of(self, address: Address) -> int | None:
        idx = self._index.get(address)
        if idx is not None:
            self._index.move_to_end(address)
            return idx
        found = self._connection.execute(
            "SELECT idx FROM sessions WHERE agent = ? AND session = ?", (address.agent, address.session)
        ).fetchone()
        if found is None:
            return None
        self._remember(address, found[0])
        return self._index[address]

    def _remember(self, address: Address, idx: int) -> None:
        self._index[address] = idx
        if len(self._index) > INDEX_CACHE:
            self._unmark(self._index.popitem(last=False)[1])

    def _forget(self, address: Address) -> None:
        idx = self._index.pop(address, None)
        if idx is not None:
            self._unmark(idx)

    def _unmark(self, idx: int) -> None:
        self._minutes.pop(idx, None)
        self._latest.pop(idx, None)


def _refuse(jobs: list[CommitJob]) -> None:
    for job in jobs:
        job.error = StaleEpoch(
            f"Session {job.address} has another owner now, or was deleted.",
            remedy="Claim the session again before writing to it.",
        )
