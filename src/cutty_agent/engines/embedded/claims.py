"""Claims of many sessions in few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from ...errors import NotFound, NotOwner, SessionExpired, StoreError
from ...ids import Address
from ...wire.principal import NEVER_MS
from . import statements
from .jobs import Claimed, ClaimJob
from .statements import Row

MINUTE_MS = 60_000


def claim(
    connection: sqlite3.Connection, jobs: Mapping[Address, ClaimJob], first_epoch: int
) -> Iterator[tuple[Address, Claimed]]:
    """Claim or make the sessions, with the epochs from ``first_epoch`` on; those that were claimed.

    The others are unchanged, and their jobs have the error that says why.
    """
    epochs = {address: first_epoch + n for n, address in enumerate(jobs)}
    yield from _run(
        connection, statements.TAKE, [_taking(job, epochs[job.address]) for job in jobs.values()], epochs
    )
    making = [
        _making(job, epochs[address]) for address, job in jobs.items() if job.create and address in epochs
    ]
    yield from _run(connection, statements.MAKE, making, epochs)
    for address in epochs:
        jobs[address].error = _refusal(connection, jobs[address])


def _run(
    connection: sqlite3.Connection,
    statement: statements.RowsStatement,
    rows: list[Row],
    waiting: dict[Address, int],
) -> Iterator[tuple[Address, Claimed]]:
    """Execute for the rows; the sessions it has claimed, which leave ``waiting``."""
    for group in statement.groups(rows):
        for agent, session, *found in statement.execute(connection, group).fetchall():
            address = Address(agent, session)
            yield address, Claimed(waiting.pop(address), *found)


def _taking(job: ClaimJob, epoch: int) -> Row:
    address, lifetime = job.address, job.lifetime
    # Longer than for ever would overflow the sum with a time.
    idle_ms, age_ms = min(lifetime.idle_ms, NEVER_MS), min(lifetime.age_ms, NEVER_MS)
    return address.agent, address.session, epoch, job.owner, job.now_ms, idle_ms, age_ms, int(job.expired)


def _making(job: ClaimJob, epoch: int) -> Row:
    address, now_ms = job.address, job.now_ms
    end_ms = job.lifetime.end_ms(now_ms, now_ms)
    minute = now_ms // MINUTE_MS
    return epoch, address.agent, address.session, epoch, now_ms, now_ms, minute, job.owner or "", end_ms


def _refusal(connection: sqlite3.Connection, job: ClaimJob) -> StoreError | NotFound | SessionExpired:
    """Why the session was not claimed. That it is somebody else's comes first: it tells the least."""
    address = job.address
    found = connection.execute(
        "SELECT owner FROM sessions WHERE agent = ? AND session = ?", (address.agent, address.session)
    ).fetchone()
    if found is None:
        return NotFound(f"There is no session {address}.", remedy="Start a new session.")
    if job.owner is not None and found[0] != job.owner:
        return not_owner(address)
    if job.expired:
        return SessionExpired(f"Session {address} has not expired.", remedy="Leave it as it is.")
    return SessionExpired(f"Session {address} has expired.", remedy="Start a new session.")


def not_owner(address: Address) -> NotOwner:
    """The refusal of a claim by another principal."""
    return NotOwner(f"Session {address} belongs to another principal.", remedy="Use a session of your own.")
