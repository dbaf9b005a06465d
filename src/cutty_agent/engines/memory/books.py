"""What the reference implementation keeps beside the sessions: usage, the audit log, revocations."""

from __future__ import annotations

from collections.abc import Sequence

from ...ids import Address
from ...ports.store import AddUsage, AuditEntry, AuditRow, Spent
from .analytics import MemoryAnalytics

_DAY_MS = 86_400_000


class MemoryBooks:
    """They outlive the sessions."""

    def __init__(self) -> None:
        self.used: list[AddUsage] = []
        self.analytics = MemoryAnalytics()
        self.audit: list[AuditRow] = []
        self.revoked: dict[str, int] = {}
        self._seq = 0

    def spent(self, day_ms: int, owner: str | None) -> Spent:
        """The sum of a UTC day."""
        used = [
            used
            for used in self.used
            if used.at_ms // _DAY_MS == day_ms // _DAY_MS and (owner is None or used.owner == owner)
        ]
        return Spent(
            sum(each.input_tokens + each.output_tokens for each in used), sum(each.cost_nano for each in used)
        )

    def note(self, entries: Sequence[AuditEntry]) -> None:
        """Number the entries in this order."""
        for entry in entries:
            self._seq += 1
            self.audit.append(AuditRow(self._seq, entry))

    def page(
        self,
        before: int | None,
        action: str | None,
        actor: str | None,
        address: Address | None,
        limit: int,
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> list[AuditRow]:
        """Entries, newest first."""
        rows = [
            row
            for row in reversed(self.audit)
            if (before is None or row.seq < before)
            and (action is None or _is_named(row.entry.action, action))
            and actor in {None, row.entry.actor}
            and address in {None, Address(row.entry.agent, row.entry.session)}
            and (from_ms is None or row.entry.at_ms >= from_ms)
            and (to_ms is None or row.entry.at_ms < to_ms)
        ]
        return rows[:limit]

    def forget(self, before_ms: int) -> int:
        """Remove older entries; how many."""
        kept = [row for row in self.audit if row.entry.at_ms >= before_ms]
        forgotten = len(self.audit) - len(kept)
        self.audit = kept
        return forgotten

    def revoke(self, key: str, until_ms: int, now_ms: int) -> None:
        """Set the end of a revocation and forget those that have ended."""
        self.revoked[key] = until_ms
        self.revoked = self.revocations(now_ms)

    def revocations(self, now_ms: int) -> dict[str, int]:
        """Those in force."""
        return {key: until_ms for key, until_ms in self.revoked.items() if until_ms > now_ms}


def _is_named(action: str, wanted: str) -> bool:
    return action.startswith(wanted) if wanted.endswith(".") else action == wanted
