"""The tables, as the writer changes them: claims, deletes and fenced commits of one round at a time."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict

from ...errors import StaleEpoch
from ...ids import Address
from . import statements
from .changes import Changes
from .jobs import Claimed, ClaimJob, CommitJob, DeleteJob, Round
from .statements import Row

INDEX_CACHE = 4096
"""Sessions whose integer index is remembered; the least recently written are looked up again."""


class Ledger:
    """Applies rounds inside the transaction that the caller began. For one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._epoch: int = connection.execute("SELECT last FROM epochs").fetchone()[0]
        self._index: OrderedDict[Address, int] = OrderedDict()

    def apply(self, round: Round) -> None:
        """Write a round and set the value or error of each of its jobs.

        Raises:
            Exception: something could not be written; the caller rolls back and calls :meth:`forget`.
        """
        if round.claims:
            self._claim(round.claims)
        for job in round.deletes.values():
            self._delete(job)
        if round.commits:
            self._commit(round.commits)

    def forget(self) -> None:
        """Drop what was remembered of sessions, because the transaction it came from was rolled back.

        Epochs that were given out are not given out again.
        """
        self._index.clear()

    def _claim(self, claims: dict[Address, ClaimJob]) -> None:
        run = self._connection
        rows: list[Row] = []
        epochs: dict[tuple[str, str], int] = {}
        for address, job in claims.items():
            self._epoch += 1
            epochs[address.agent, address.session] = epoch = self._epoch
            rows.append((epoch, address.agent, address.session, epoch, job.now_ms, job.now_ms))
        run.execute("UPDATE epochs SET last = ?", (self._epoch,))
        statements.CLAIM.run(run, rows)
        for group in statements.split(list(epochs)):
            for agent, session, idx, created_ms in statements.CLAIMED.execute(run, group).fetchall():
                address = Address(agent, session)
                claims[address].value = Claimed(epochs[agent, session], idx, created_ms)
                self._remember(address, idx)

    def _delete(self, job: DeleteJob) -> None:
        address = job.address
        self._index.pop(address, None)
        cursor = self._connection.execute(
            "DELETE FROM sessions WHERE agent = ? AND session = ?", (address.agent, address.session)
        )
        job.value = cursor.rowcount > 0

    def _commit(self, commits: dict[Address, list[CommitJob]]) -> None:
        owners: dict[int, list[CommitJob]] = {}
        for address, jobs in commits.items():
            idx = self._index_of(address)
            if idx is None:
                _refuse(jobs)
            else:
                owners[idx] = jobs
        for idx in self._fenced_off(owners):
            _refuse(owners.pop(idx))
        changes = Changes()
        for idx, jobs in owners.items():
            for job in jobs:
                changes.add(idx, job.ops)
        changes.write(self._connection)

    def _fenced_off(self, owners: dict[int, list[CommitJob]]) -> list[int]:
        """Let the present owners through; the indexes of the others."""
        rows = [(idx, jobs[-1].epoch, jobs[-1].now_ms) for idx, jobs in owners.items()]
        stale: list[int] = []
        for group in statements.split(rows):
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
            self._index.popitem(last=False)


def _refuse(jobs: list[CommitJob]) -> None:
    for job in jobs:
        job.error = StaleEpoch(
            f"Session {job.address} has another owner now, or was deleted.",
            remedy="Claim the session again before writing to it.",
        )
