"""Principals and tokens that are refused although what they show is still good."""

from __future__ import annotations

from collections.abc import Mapping

from ..clock import Clock
from ..wire.principal import Principal


class Revocations:
    """Ids of principals and tokens, each with its end in milliseconds since 1970 UTC.

    Those that have ended are forgotten now and then, so that what is kept stays within twice what is in force.
    """

    def __init__(self, clock: Clock, initial: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._ends: dict[str, int] = dict(initial or {})
        self._tidy_at = 2 * len(self._ends) + 64

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, key: str, until_ms: int) -> None:
        """Refuse a principal's id or a token's ``jti`` until then; a later end replaces an earlier one."""
        self._ends[key] = max(until_ms, self._ends.get(key, 0))
        if len(self._ends) > self._tidy_at:
            now = self._clock.now_ms()
            self._ends = {kept: end for kept, end in self._ends.items() if end > now}
            self._tidy_at = 2 * len(self._ends) + 64

    def __contains__(self, key: str) -> bool:
        end = self._ends.get(key)
        return end is not None and end > self._clock.now_ms()

    def strike(self, principal: Principal) -> bool:
        """Whether the principal itself or its token is revoked."""
        if not self._ends:
            return False
        return principal.id in self or bool(principal.token_id and principal.token_id in self)

    def spared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names that are not revoked."""
        if not self._ends or not names:
            return names
        return tuple(name for name in names if name not in self)
