"""Which of the waiting writes may be written together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...ids import Address
from .jobs import (
    BookJob,
    ClaimJob,
    CommitJob,
    DeleteJob,
    ForgetAuditJob,
    Job,
    NoteJob,
    PurgeJob,
    RevokeJob,
    SampleJob,
)


class Round:
    """Jobs whose order does not matter: one claim or one delete of a session, or commits of one epoch of it.

    A purge, which may concern any session, has a round of its own. Writes of the books keep their order.
    """

    __slots__ = ("books", "claims", "commits", "deletes", "purge")

    def __init__(self) -> None:
        self.claims: dict[Address, ClaimJob] = {}
        self.deletes: dict[Address, DeleteJob] = {}
        self.commits: dict[Address, list[CommitJob]] = {}
        self.purge: PurgeJob | None = None
        self.books: list[BookJob] = []

    def admit(self, job: Job[Any]) -> bool:
        """Take the job in; false when it must come after what this round holds."""
        if self.purge is not None:
            return False
        match job:
            case CommitJob(address=address):
                if address in self.claims or address in self.deletes:
                    return False
                earlier = self.commits.get(address)
                if earlier is None:
                    self.commits[address] = [job]
                elif earlier[0].epoch == job.epoch:
                    earlier.append(job)
                else:
                    return False
            case ClaimJob(address=address):
                if self._concerns(address):
                    return False
                self.claims[address] = job
            case DeleteJob(address=address):
                if self._concerns(address):
                    return False
                self.deletes[address] = job
            case PurgeJob():
                if self.claims or self.deletes or self.commits or self.books:
                    return False
                self.purge = job
            case NoteJob() | ForgetAuditJob() | RevokeJob() | SampleJob():
                self.books.append(job)
            case _:
                raise TypeError(f"{type(job).__name__} is not written in a transaction")
        return True

    def _concerns(self, address: Address) -> bool:
        return address in self.claims or address in self.deletes or address in self.commits


def rounds(batch: Sequence[Job[Any]]) -> Iterator[Round]:
    """The batch cut into rounds, to be written one after the other."""
    current = Round()
    for job in batch:
        if not current.admit(job):
            yield current
            current = Round()
            current.admit(job)
    yield current
