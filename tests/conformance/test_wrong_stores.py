"""The rules find what is wrong: each of these stores breaks one promise and must be caught by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from conformance.store_openers import memory_opener
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import StaleEpoch, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import Op, PutMessage, SessionRow, Snapshot, StoredMessage
from cutty_agent.testing.conformance import STORE_RULES


class IgnoresTheEpoch(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int) -> None:
        session = self._sessions.get(address)
        super()._apply(address, session.epoch if session else epoch, ops, now_ms)


class AppliesHalfOfAFailingCommit(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int) -> None:
        try:
            super()._apply(address, epoch, ops, now_ms)
        except StaleEpoch:
            if address in self._sessions:
                for op in ops[:1]:
                    self._sessions[address].apply(op)
            raise


class MovesAReplacedMessageToTheEnd(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int) -> None:
        super()._apply(address, epoch, (), now_ms)
        for op in ops:
            if isinstance(op, PutMessage):
                self._sessions[address].messages.pop(op.id, None)
            self._sessions[address].apply(op)


class LosesTheOrderOfChunks(MemoryStore):
    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        return sorted(await super().chunks(address, turn))


class StartsEpochsAgain(MemoryStore):
    """The epoch is kept with the session only."""

    async def claim(self, address: Address, *, now_ms: int) -> Snapshot:
        kept = self._sessions.get(address)
        self._epoch = kept.epoch if kept else 0
        return await super().claim(address, now_ms=now_ms)


class ForgetsEpochsOverARestart(MemoryStore):
    def reopened(self) -> MemoryStore:
        other = super().reopened()
        other._epoch = max((session.epoch for session in self._sessions.values()), default=0)
        return other


class AppliesWhenAwaited(MemoryStore):
    """The commit is a coroutine: nothing happens in the moment of the call."""

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        async def later() -> None:
            await asyncio.sleep(0)
            self._apply(address, epoch, ops, now_ms)

        return later()


class UndoesACancelledCommit(MemoryStore):
    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        async def write() -> None:
            await asyncio.sleep(0)
            self._apply(address, epoch, ops, now_ms)

        return asyncio.ensure_future(write())


class KnowsSessionsByTheirIdAlone(MemoryStore):
    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        answer = super().commit(address, epoch, ops, now_ms=now_ms)
        for other, session in self._sessions.items():
            if other.session == address.session and other != address:
                for op in ops:
                    session.apply(op)
        return answer


class LeavesChunksOfADeletedSession(MemoryStore):
    async def delete(self, address: Address) -> bool:
        if address in self._sessions:
            self._left = {address: self._sessions[address]}
        return await super().delete(address)

    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        left = getattr(self, "_left", {}).get(address)
        return (
            [b for pack in left.chunks.get(turn, ()) for b in pack.bodies]
            if left
            else await super().chunks(address, turn)
        )


class ListsInTheOrderOfCreation(MemoryStore):
    async def sessions(
        self, *, agent: str | None = None, after: Address | None = None, limit: int = 100
    ) -> list[SessionRow]:
        rows = {row.address: row for row in await super().sessions(agent=agent, after=after, limit=1000)}
        return [rows[address] for address in self._sessions if address in rows][:limit]


class FailsTheWholeBatch(MemoryStore):
    """A commit after a refused one, of whatever session, is refused as well."""

    failed = False

    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int) -> None:
        if self.failed:
            self.failed = False
            raise StoreUnavailable("A neighbour failed.", remedy="Try again.")
        try:
            super()._apply(address, epoch, ops, now_ms)
        except StaleEpoch:
            self.failed = True
            raise


class DropsTheQueueOnClose(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self._queued: list[tuple[Address, int, Sequence[Op], int, asyncio.Future[None]]] = []

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queued.append((address, epoch, ops, now_ms, answer))
        asyncio.get_running_loop().call_soon(self._write)
        return answer

    def _write(self) -> None:
        queued, self._queued = self._queued, []
        for address, epoch, ops, now_ms, answer in queued:
            try:
                self._apply(address, epoch, ops, now_ms)
            except (StaleEpoch, StoreUnavailable) as error:
                answer.set_exception(error)
            else:
                answer.set_result(None)

    async def claim(self, address: Address, *, now_ms: int) -> Snapshot:
        self._write()
        return await super().claim(address, now_ms=now_ms)


class CutsLongMessages(MemoryStore):
    async def messages(self, address: Address) -> list[StoredMessage] | None:
        found = await super().messages(address)
        return found and [StoredMessage(m.id, m.body[:16]) for m in found]


CAUGHT_BY: list[tuple[type[MemoryStore], str]] = [
    (IgnoresTheEpoch, "a_stale_writer_is_refused_and_leaves_no_trace"),
    (AppliesHalfOfAFailingCommit, "a_stale_writer_is_refused_and_leaves_no_trace"),
    (MovesAReplacedMessageToTheEnd, "a_replaced_message_keeps_its_place"),
    (LosesTheOrderOfChunks, "chunks_come_back_in_order"),
    (StartsEpochsAgain, "a_session_made_again_is_empty_and_has_a_larger_epoch"),
    (ForgetsEpochsOverARestart, "epochs_of_deleted_sessions_are_remembered_over_a_restart"),
    (AppliesWhenAwaited, "commits_of_a_session_apply_in_the_order_of_the_calls"),
    (UndoesACancelledCommit, "a_cancelled_waiter_does_not_undo_its_commit"),
    (KnowsSessionsByTheirIdAlone, "sessions_do_not_see_each_other"),
    (LeavesChunksOfADeletedSession, "a_deleted_session_is_gone_and_its_owner_fenced"),
    (ListsInTheOrderOfCreation, "sessions_are_listed_by_address_in_pages"),
    (FailsTheWholeBatch, "one_refused_commit_does_not_harm_others_of_the_same_moment"),
    (DropsTheQueueOnClose, "close_finishes_what_is_queued_and_ends_the_rest"),
    (CutsLongMessages, "a_later_claim_finds_what_was_committed"),
]


@pytest.mark.parametrize(("wrong", "rule"), CAUGHT_BY, ids=lambda value: getattr(value, "__name__", value))
async def test_a_wrong_store_is_caught(wrong: type[MemoryStore], rule: str) -> None:
    with pytest.raises((AssertionError, StaleEpoch, StoreUnavailable)):
        await STORE_RULES[rule](memory_opener(wrong))


@pytest.mark.parametrize("name", STORE_RULES)
async def test_the_rules_accept_the_store_that_the_wrong_ones_derive_from(name: str) -> None:
    await STORE_RULES[name](memory_opener(MemoryStore))
