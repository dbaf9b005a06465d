"""The rules find what is wrong: each of these stores breaks one promise and must be caught by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
import pytest

from conformance.store_openers import memory_opener
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.engines.memory.analytics import MemoryAnalytics, SessionFact
from cutty_agent.engines.memory.session import MemorySession
from cutty_agent.errors import CuttyError, NotOwner, StaleEpoch, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.analytics import Period, UsagePage
from cutty_agent.ports.listing import Listing, SessionPage
from cutty_agent.ports.store import (
    AddUsage,
    AuditRow,
    Op,
    PutMessage,
    Removed,
    SessionRow,
    Snapshot,
    Spent,
    StoredMessage,
    StoredTranscript,
)
from cutty_agent.testing.conformance import STORE_RULES
from cutty_agent.testing.conformance.rule import NOW as RULE_NOW
from cutty_agent.wire.card import Grant
from cutty_agent.wire.principal import NEVER_MS


class IgnoresTheEpoch(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        session = self._sessions.get(address)
        super()._apply(address, session.epoch if session else epoch, ops, now_ms, expires_ms)


class AppliesHalfOfAFailingCommit(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        try:
            super()._apply(address, epoch, ops, now_ms, expires_ms)
        except StaleEpoch:
            if address in self._sessions:
                for op in ops[:1]:
                    self._sessions[address].apply(op)
            raise


class MovesAReplacedMessageToTheEnd(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        super()._apply(address, epoch, (), now_ms, expires_ms)
        for op in ops:
            if isinstance(op, PutMessage):
                self._sessions[address].messages.pop(op.id, None)
            self._sessions[address].apply(op)


class LosesTheOrderOfChunks(MemoryStore):
    async def chunks(self, address: Address, turn: str) -> list[bytes]:
        return sorted(await super().chunks(address, turn))


class StartsEpochsAgain(MemoryStore):
    """The epoch is kept with the session only."""

    async def claim(self, address: Address, **how: Any) -> Snapshot:
        kept = self._sessions.get(address)
        self._epoch = kept.epoch if kept else 0
        return await super().claim(address, **how)


class ForgetsEpochsOverARestart(MemoryStore):
    def reopened(self) -> MemoryStore:
        other = super().reopened()
        other._epoch = max((session.epoch for session in self._sessions.values()), default=0)
        return other


class AppliesWhenAwaited(MemoryStore):
    """The commit is a coroutine: nothing happens in the moment of the call."""

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        async def later() -> None:
            await asyncio.sleep(0)
            self._apply(address, epoch, ops, now_ms, expires_ms)

        return later()


class UndoesACancelledCommit(MemoryStore):
    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        async def write() -> None:
            await asyncio.sleep(0)
            self._apply(address, epoch, ops, now_ms, expires_ms)

        return asyncio.ensure_future(write())


class KnowsSessionsByTheirIdAlone(MemoryStore):
    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        answer = super().commit(address, epoch, ops, now_ms=now_ms, expires_ms=expires_ms)
        for other, session in self._sessions.items():
            if other.session == address.session and other != address:
                for op in ops:
                    session.apply(op)
        return answer


class LeavesChunksOfADeletedSession(MemoryStore):
    async def delete(self, address: Address) -> Removed:
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
    async def sessions(self, *, limit: int = 100, **which: Any) -> list[SessionRow]:
        rows = {row.address: row for row in await super().sessions(limit=1000, **which)}
        return [rows[address] for address in self._sessions if address in rows][:limit]


class FailsTheWholeBatch(MemoryStore):
    """A commit after a refused one, of whatever session, is refused as well."""

    failed = False

    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        if self.failed:
            self.failed = False
            raise StoreUnavailable("A neighbour failed.", remedy="Try again.")
        try:
            super()._apply(address, epoch, ops, now_ms, expires_ms)
        except StaleEpoch:
            self.failed = True
            raise


class DropsTheQueueOnClose(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self._queued: list[tuple[Address, int, Sequence[Op], int, int, asyncio.Future[None]]] = []

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queued.append((address, epoch, ops, now_ms, expires_ms, answer))
        asyncio.get_running_loop().call_soon(self._write)
        return answer

    def _write(self) -> None:
        queued, self._queued = self._queued, []
        for address, epoch, ops, now_ms, expires_ms, answer in queued:
            try:
                self._apply(address, epoch, ops, now_ms, expires_ms)
            except (StaleEpoch, StoreUnavailable) as error:
                answer.set_exception(error)
            else:
                answer.set_result(None)

    async def claim(self, address: Address, **how: Any) -> Snapshot:
        self._write()
        return await super().claim(address, **how)


class CutsLongMessages(MemoryStore):
    async def messages(self, address: Address) -> StoredTranscript | None:
        found = await super().messages(address)
        if found is None:
            return None
        return StoredTranscript(found.card, [StoredMessage(m.id, m.body[:16]) for m in found.messages])


class DoesNotCompareTheOwner(MemoryStore):
    async def claim(self, address: Address, *, owner: str | None, **how: Any) -> Snapshot:
        return await super().claim(address, owner=None if address in self._sessions else owner, **how)


class ClaimsBeforeItComparesTheOwner(MemoryStore):
    """The stranger is refused, but the owner is fenced off."""

    async def claim(self, address: Address, *, owner: str | None, **how: Any) -> Snapshot:
        found = await super().claim(address, owner=None if address in self._sessions else owner, **how)
        if owner is not None and found.card.owner != owner:
            raise NotOwner("It is not yours.", remedy="Use another.")
        return found


class ForgetsTheOwner(MemoryStore):
    """A session of nobody belongs to whoever comes."""

    def _admit(
        self, address: Address, session: MemorySession, owner: str | None, now_ms: int, *, expired: bool
    ) -> None:
        super()._admit(address, session, owner if session.owner else None, now_ms, expired=expired)


class LoadsAnExpiredSession(MemoryStore):
    def _admit(
        self, address: Address, session: MemorySession, owner: str | None, now_ms: int, *, expired: bool
    ) -> None:
        super()._admit(address, session, owner, now_ms, expired=session.expired(now_ms))


class ExpiresAMillisecondLate(MemoryStore):
    def _admit(
        self, address: Address, session: MemorySession, owner: str | None, now_ms: int, *, expired: bool
    ) -> None:
        super()._admit(address, session, owner, now_ms - 1, expired=expired)


class WindsUpALivingSession(MemoryStore):
    def _admit(
        self, address: Address, session: MemorySession, owner: str | None, now_ms: int, *, expired: bool
    ) -> None:
        if not expired or (owner is not None and owner != session.owner):
            super()._admit(address, session, owner, now_ms, expired=expired)


class RevivesASessionToWindItUp(MemoryStore):
    async def claim(self, address: Address, *, now_ms: int, **how: Any) -> Snapshot:
        found = await super().claim(address, now_ms=now_ms, **how)
        self._sessions[address].active_ms = now_ms
        return msgspec.structs.replace(found, card=self._sessions[address].card())


class MakesASessionForNobody(MemoryStore):
    """Who asked for it is not noted."""

    async def claim(self, address: Address, *, owner: str | None, **how: Any) -> Snapshot:
        made = address not in self._sessions
        found = await super().claim(address, owner=owner, **how)
        if made:
            self._sessions[address].owner = ""
        return msgspec.structs.replace(found, card=self._sessions[address].card())


class MakesASessionThatMayNotBeMade(MemoryStore):
    async def claim(self, address: Address, *, create: bool = True, **how: Any) -> Snapshot:
        return await super().claim(address, create=True, **how)


class LeavesGrantsOfADeletedSession(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self._left: dict[str, Grant] = {}

    async def delete(self, address: Address) -> Removed:
        if address in self._sessions:
            self._left = self._sessions[address].grants
        return await super().delete(address)

    async def claim(self, address: Address, **how: Any) -> Snapshot:
        found = await super().claim(address, **how)
        if found.created:
            self._sessions[address].grants.update(self._left)
        return msgspec.structs.replace(found, card=self._sessions[address].card())


class CountsUsageAgainForNeighboursOfARefusedCommit(MemoryStore):
    """A batch that failed is written again, on top of what it had already added."""

    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        try:
            super()._apply(address, epoch, ops, now_ms, expires_ms)
        except StaleEpoch:
            self._books.used += self._books.used
            raise


class CountsUsageOfRefusedCommits(MemoryStore):
    def _apply(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int, expires_ms: int) -> None:
        try:
            super()._apply(address, epoch, ops, now_ms, expires_ms)
        except StaleEpoch:
            self._books.used += [op for op in ops if isinstance(op, AddUsage)]
            raise


class ForgetsUsageOfDeletedSessions(MemoryStore):
    async def delete(self, address: Address) -> Removed:
        if address in self._sessions:
            gone = self._sessions[address].used
            self._books.used = [used for used in self._books.used if used not in gone]
        return await super().delete(address)


class SplitsDaysAtNoon(MemoryStore):
    async def spent(self, *, day_ms: int, owner: str | None = None) -> Spent:
        self._books.used = [
            msgspec.structs.replace(used, at_ms=used.at_ms + 43_200_000) for used in self._books.used
        ]
        return await super().spent(day_ms=day_ms, owner=owner)


class RemovesWhatWasListedAsExpired(MemoryStore):
    """Whether it is still expired is not looked at."""

    async def delete_expired(self, addresses: Sequence[Address], *, now_ms: int) -> Removed:
        return await super().delete_expired(addresses, now_ms=NEVER_MS)


class ListsExpiredSessionsByAddress(MemoryStore):
    async def expired(self, *, now_ms: int, limit: int) -> list[Address]:
        return sorted(await super().expired(now_ms=now_ms, limit=limit))


class ListsTheLogOldestFirst(MemoryStore):
    async def audit(self, **which: Any) -> list[AuditRow]:
        return (await super().audit(**which))[::-1]


class SortsTheLogByTime(MemoryStore):
    """The times come from the caller; two entries may have the same, or an older one come later."""

    async def audit(self, **which: Any) -> list[AuditRow]:
        return sorted(await super().audit(**which), key=lambda row: row.entry.at_ms, reverse=True)


class TakesABeginningForAName(MemoryStore):
    async def audit(self, *, action: str | None = None, limit: int = 100, **which: Any) -> list[AuditRow]:
        rows = await super().audit(limit=1000, **which)
        return [row for row in rows if row.entry.action.startswith(action or "")][:limit]


class NumbersTheLogAgain(MemoryStore):
    async def forget_audit(self, *, before_ms: int) -> int:
        forgotten = await super().forget_audit(before_ms=before_ms)
        self._books._seq = len(self._books.audit)
        return forgotten


class KeepsEndedRevocations(MemoryStore):
    async def revocations(self, *, now_ms: int) -> dict[str, int]:
        return await super().revocations(now_ms=0)


class CountsASessionWithEveryTurn(MemoryStore):
    async def periods(self, **which: Any) -> list[Period]:
        found = await super().periods(**which)
        return [msgspec.structs.replace(each, active=each.sums.turns) for each in found]


class TakesEverybodyForReturning(MemoryStore):
    async def periods(self, **which: Any) -> list[Period]:
        found = await super().periods(**which)
        return [msgspec.structs.replace(each, returning=each.active) for each in found]


class KeepsTheLatestPeak(MemoryStore):
    async def sample(self, *, at_ms: int, running: int, sockets: int) -> None:
        self._books.analytics.samples.clear()
        await super().sample(at_ms=at_ms, running=running, sockets=sockets)


class RanksByTurns(MemoryStore):
    async def usage(self, **which: Any) -> UsagePage:
        page = await super().usage(**which)
        return UsagePage(sorted(page.rows, key=lambda row: -row.sums.turns), page.next)


class ForgetsFiguresOverARestart(MemoryStore):
    def reopened(self) -> MemoryStore:
        other = super().reopened()
        other._books.analytics = MemoryAnalytics()
        return other


class CountsWhatIsDeletedAsExpired(MemoryStore):
    async def delete(self, address: Address) -> Removed:
        self._books.analytics.expired.append(SessionFact(address.agent, RULE_NOW))
        return await super().delete(address)


class PagesWithoutTheFilter(MemoryStore):
    async def browse(self, listing: Listing) -> SessionPage:
        return await super().browse(msgspec.structs.replace(listing, answering=False))


class RepeatsTheLastRow(MemoryStore):
    async def browse(self, listing: Listing) -> SessionPage:
        page = await super().browse(listing)
        if listing.after is None or page.next is not None or listing.sort != "cost":
            return page
        return SessionPage([*page.rows, *page.rows[-1:]])


_NEIGHBOURS = "a_refused_commit_counts_nothing_and_its_neighbours_count_once"

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
    (DoesNotCompareTheOwner, "a_session_of_another_owner_is_neither_claimed_nor_changed"),
    (ClaimsBeforeItComparesTheOwner, "a_session_of_another_owner_is_neither_claimed_nor_changed"),
    (ForgetsTheOwner, "a_session_of_nobody_is_not_anybodys"),
    (LoadsAnExpiredSession, "an_expired_session_is_neither_claimed_nor_loaded"),
    (ExpiresAMillisecondLate, "an_expired_session_is_neither_claimed_nor_loaded"),
    (WindsUpALivingSession, "a_session_that_lives_is_not_wound_up"),
    (RevivesASessionToWindItUp, "an_expired_session_can_be_claimed_to_wind_it_up"),
    (MakesASessionForNobody, "the_first_owner_keeps_a_session"),
    (MakesASessionThatMayNotBeMade, "a_session_that_may_not_be_made_is_not_made"),
    (LeavesGrantsOfADeletedSession, "a_deleted_session_takes_its_owner_grants_and_parking_with_it"),
    (CountsUsageAgainForNeighboursOfARefusedCommit, _NEIGHBOURS),
    (CountsUsageOfRefusedCommits, _NEIGHBOURS),
    (ForgetsUsageOfDeletedSessions, "sums_of_a_day_outlive_the_session"),
    (SplitsDaysAtNoon, "a_day_is_summed_up_by_owner_and_for_all"),
    (RemovesWhatWasListedAsExpired, "only_what_is_still_expired_is_removed"),
    (ListsExpiredSessionsByAddress, "expired_lists_what_has_ended_in_the_order_of_the_ends"),
    (ListsTheLogOldestFirst, "entries_come_back_newest_first_and_whole"),
    (SortsTheLogByTime, "entries_come_back_newest_first_and_whole"),
    (TakesABeginningForAName, "the_log_narrows_down_by_action_actor_and_session"),
    (NumbersTheLogAgain, "old_entries_are_forgotten_and_their_numbers_not_given_again"),
    (KeepsEndedRevocations, "a_revocation_holds_until_its_end"),
    (CountsASessionWithEveryTurn, "a_session_is_active_once_an_hour_and_once_a_day"),
    (TakesEverybodyForReturning, "who_comes_back_was_made_on_an_earlier_day"),
    (KeepsTheLatestPeak, "peaks_only_rise"),
    (RanksByTurns, "usage_comes_by_what_is_asked"),
    (ForgetsFiguresOverARestart, "figures_survive_a_restart_and_their_sessions"),
    (CountsWhatIsDeletedAsExpired, "sessions_that_expired_are_counted_when_they_are_removed"),
    (PagesWithoutTheFilter, "every_order_and_filter_lists_what_fits_once"),
    (RepeatsTheLastRow, "every_order_and_filter_lists_what_fits_once"),
]


@pytest.mark.parametrize(("wrong", "rule"), CAUGHT_BY, ids=lambda value: getattr(value, "__name__", value))
async def test_a_wrong_store_is_caught(wrong: type[MemoryStore], rule: str) -> None:
    with pytest.raises((AssertionError, CuttyError)):
        await STORE_RULES[rule](memory_opener(wrong))


@pytest.mark.parametrize("name", STORE_RULES)
async def test_the_rules_accept_the_store_that_the_wrong_ones_derive_from(name: str) -> None:
    await STORE_RULES[name](memory_opener(MemoryStore))
