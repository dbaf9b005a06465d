"""Deadlines that many connections share one timer for."""

from __future__ import annotations

import asyncio

from cutty_agent.transport.timer_wheel import NOWHERE, TimerWheel

TICK_S = 0.002


class Entry:
    def __init__(self, wheel: TimerWheel, again: int = 0, fails: bool = False) -> None:
        self.slot = NOWHERE
        self.wheel = wheel
        self.again = again
        self.fails = fails
        self.turns: list[int] = []
        self.came = asyncio.Event()

    def due(self) -> None:
        assert self.slot == NOWHERE
        self.turns.append(self.wheel.now)
        self.came.set()
        if self.again:
            self.wheel.put(self, self.again)
        if self.fails:
            raise RuntimeError("failed at the deadline")


async def test_an_entry_comes_due_after_its_ticks() -> None:
    wheel = TimerWheel(TICK_S, slots=8)
    early, late = Entry(wheel), Entry(wheel)
    wheel.put(late, 5)
    wheel.put(early, 2)
    assert len(wheel) == 2
    await asyncio.wait_for(late.came.wait(), 5)
    assert (early.turns, late.turns, len(wheel)) == ([2], [5], 0)


async def test_an_entry_can_be_moved_removed_and_come_again() -> None:
    wheel = TimerWheel(TICK_S, slots=8)
    moved, removed, last, again = Entry(wheel), Entry(wheel), Entry(wheel), Entry(wheel, again=3)
    wheel.put(moved, 1)
    wheel.put(moved, 4)
    wheel.put(removed, 2)
    wheel.remove(removed)
    wheel.remove(removed)
    wheel.put(again, 1)
    wheel.put(last, 7)
    await asyncio.wait_for(last.came.wait(), 5)
    assert (moved.turns, removed.turns, again.turns) == ([4], [], [1, 4, 7])
    assert len(wheel) == 1
    wheel.remove(again)


async def test_a_delay_longer_than_the_wheel_comes_due_early_to_decide_again() -> None:
    wheel = TimerWheel(TICK_S, slots=8)
    entry = Entry(wheel)
    wheel.put(entry, 1000)
    await asyncio.wait_for(entry.came.wait(), 5)
    assert entry.turns == [7]


async def test_one_that_fails_does_not_stop_the_others() -> None:
    wheel = TimerWheel(TICK_S, slots=8)
    entries = [Entry(wheel, fails=n % 2 == 0) for n in range(6)]
    for entry in entries:
        wheel.put(entry, 1)
    await asyncio.wait_for(asyncio.gather(*(entry.came.wait() for entry in entries)), 5)
    again = Entry(wheel)
    wheel.put(again, 1)
    await asyncio.wait_for(again.came.wait(), 5)


async def test_ticks_never_make_a_delay_shorter() -> None:
    wheel = TimerWheel(0.5)
    assert [wheel.ticks(delay) for delay in (0.1, 0.5, 0.6, 25)] == [2, 2, 3, 51]
