"""How often callers may do things: a token bucket for each of them, kept while it is not full."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ..core.rate import Bucket, Rate

Key = TypeVar("Key", bound=Hashable)

REMEMBERED = 50_000
"""Buckets of one limit that are kept at most."""

_FORGOTTEN_AT_ONCE = 4
"""Full buckets that leave when a new one comes; more than one, so that their number falls, and few, so that no caller
pays for an idle crowd."""


class FrameMeter:
    """Counts what one socket sends."""

    __slots__ = ("_bucket", "_monotonic", "_rate")

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._bucket = rate.full(monotonic())

    def take(self) -> float:
        """0.0 when the frame may pass, else the seconds until one may; a refused frame takes nothing."""
        return self._rate.take(self._bucket, self._monotonic())


class Buckets(Generic[Key]):
    """The buckets of one limit, by whom they count.

    A key without a bucket has a full one, so those that are full again are forgotten. When there are ``remembered``
    others, the one that took least recently is forgotten although it is not full: its caller gets a burst too early,
    which is what it would get under any new name, and nobody else is refused for the crowd's sake.
    """

    def __init__(self, rate: Rate, remembered: int = REMEMBERED) -> None:
        self._rate = rate
        self._remembered = remembered
        self._fill_s = rate.fill_s
        self._buckets: OrderedDict[Key, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Key, now: float) -> float:
        """Count one and return 0.0; or count nothing and return the seconds until this caller may go on."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[key] = self._rate.full(now)
        wait = self._rate.take(bucket, now)
        if not wait:
            self._buckets.move_to_end(key)
        return wait

    def give_back(self, key: Key) -> None:
        """What :meth:`take` has just counted is not to count."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.level = min(self._rate.burst, bucket.level + 1.0)

    def tidy(self, now: float) -> None:
        """Forget every bucket that is full again."""
        buckets = self._buckets  # ordered by their last take, and after fill_s each is full
        while buckets and next(iter(buckets.values())).at + self._fill_s <= now:
            buckets.popitem(last=False)

    def _forget(self, now: float) -> None:
        buckets = self._buckets
        for _ in range(_FORGOTTEN_AT_ONCE):
            if not buckets or next(iter(buckets.values())).at + self._fill_s > now:
                break
            buckets.popitem(last=False)
        while len(buckets) >= self._remembered:
            buckets.popitem(last=False)
