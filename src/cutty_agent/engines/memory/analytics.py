"""What the reference implementation tells of turns and sessions by the hour: every fact is kept, and counted again for
each question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ...errors import BadRequest
from ...ports.analytics import (
    DAY_MS,
    HOUR_MS,
    By,
    Period,
    Step,
    Sums,
    UsagePage,
    UsageRow,
    by_owner,
    parse_rank,
    rank_cursor,
    wrong_cursor,
)
from ...ports.store import AddUsage
from ...wire.histogram import counted


class TurnFact(msgspec.Struct, frozen=True):
    """A turn of a session, which is known by the epoch that made it."""

    agent: str
    session: int
    created_ms: int
    used: AddUsage


class SessionFact(msgspec.Struct, frozen=True):
    """A session was made, or removed because it had expired."""

    agent: str
    at_ms: int


class Sample(msgspec.Struct, frozen=True):
    """How many turns ran, and how many sockets were open."""

    at_ms: int
    running: int
    sockets: int


class MemoryAnalytics:
    """The facts outlive their sessions."""

    def __init__(self) -> None:
        self.turns: list[TurnFact] = []
        self.created: list[SessionFact] = []
        self.expired: list[SessionFact] = []
        self.samples: list[Sample] = []

    def periods(self, step: Step, from_ms: int, to_ms: int, agent: str | None) -> list[Period]:
        """As the port says."""
        size_ms = HOUR_MS if step == "hour" else DAY_MS
        found = (self._period(at, size_ms, agent) for at in range(from_ms // size_ms, -(-to_ms // size_ms)))
        return [period for period in found if period != Period(period.at_ms)]

    def _period(self, at: int, size_ms: int, agent: str | None) -> Period:
        turns = [
            fact for fact in self.turns if fact.used.at_ms // size_ms == at and agent in {None, fact.agent}
        ]
        active = {fact.session: fact.created_ms for fact in turns}
        day = at * size_ms // DAY_MS
        new = active.keys() - {
            fact.session
            for fact in self.turns
            if fact.used.at_ms // DAY_MS == day and fact.used.at_ms // size_ms < at
        }
        samples = [sample for sample in self.samples if sample.at_ms // size_ms == at]
        return Period(
            at * size_ms,
            _sums(fact.used for fact in turns),
            messages=sum(fact.used.messages for fact in turns),
            created=_count(self.created, at, size_ms, agent),
            active=len(active),
            returning=sum(created_ms // DAY_MS < day for created_ms in active.values()),
            first_active=len(new),
            first_returning=sum(active[session] // DAY_MS < day for session in new),
            expired=_count(self.expired, at, size_ms, agent),
            first=counted(fact.used.first_ms for fact in turns if fact.used.first_ms is not None),
            duration=counted(fact.used.duration_ms for fact in turns),
            peak_running=max((sample.running for sample in samples), default=0),
            peak_sockets=max((sample.sockets for sample in samples), default=0),
        )

    def usage(
        self,
        by: By,
        from_ms: int,
        to_ms: int,
        agent: str | None,
        owner: str | None,
        after: str | None,
        limit: int,
    ) -> UsagePage:
        """As the port says."""
        size_ms = DAY_MS if by_owner(by, owner) or by == "day" else HOUR_MS
        groups: dict[str, list[AddUsage]] = {}
        for fact in self.turns:
            if (
                from_ms // size_ms <= fact.used.at_ms // size_ms < -(-to_ms // size_ms)
                and agent in {None, fact.agent}
                and owner in {None, fact.used.owner}
            ):
                groups.setdefault(_key(by, fact), []).append(fact.used)
        rows = [UsageRow(key, _sums(used)) for key, used in groups.items()]
        if by in {"hour", "day"}:
            if after is not None and (not after.isdecimal() or len(after) > 18):
                raise wrong_cursor(after)
            rows.sort(key=lambda row: int(row.key))
            rows = [row for row in rows if after is None or int(row.key) > int(after)]
        else:
            rank = None if after is None else _rank(*parse_rank(after))
            rows.sort(key=_rank_of)
            rows = [row for row in rows if rank is None or _rank_of(row) > rank]
        shown = rows[:limit]
        if len(shown) == len(rows):
            return UsagePage(shown)
        return UsagePage(shown, shown[-1].key if by in {"hour", "day"} else rank_cursor(shown[-1]))


def _key(by: By, fact: TurnFact) -> str:
    match by:
        case "agent":
            return fact.agent
        case "owner":
            return fact.used.owner
        case "model":
            return fact.used.model
        case "hour":
            return str(fact.used.at_ms // HOUR_MS * HOUR_MS)
        case "day":
            return str(fact.used.at_ms // DAY_MS * DAY_MS)
    raise BadRequest(f"by is {by!r}.", remedy="Ask by hour, day, agent, owner or model.")


def _rank(cost_nano: int, turns: int, key: str) -> tuple[int, int, str]:
    return -cost_nano, -turns, key


def _rank_of(row: UsageRow) -> tuple[int, int, str]:
    return _rank(row.sums.cost_nano, row.sums.turns, row.key)


def _sums(turns: Iterable[AddUsage]) -> Sums:
    all = list(turns)
    return Sums(
        turns=len(all),
        errors=sum(each.outcome == "error" for each in all),
        aborted=sum(each.outcome == "aborted" for each in all),
        input_tokens=sum(each.input_tokens for each in all),
        output_tokens=sum(each.output_tokens for each in all),
        cost_nano=sum(each.cost_nano for each in all),
        calls=sum(each.calls for each in all),
        tools=sum(each.tools for each in all),
        duration_ms=sum(each.duration_ms for each in all),
        first_ms=sum(each.first_ms or 0 for each in all),
        first_count=sum(each.first_ms is not None for each in all),
    )


def _count(facts: Sequence[SessionFact], at: int, size_ms: int, agent: str | None) -> int:
    return sum(fact.at_ms // size_ms == at and agent in {None, fact.agent} for fact in facts)
