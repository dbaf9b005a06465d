"""Laws of the runaway guard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.runaway import WINDOW_S, Event, Guard

pauses = st.lists(st.floats(0.0, 30.0) | st.floats(0.0, 2.0) | st.just(0.0), max_size=80)
limits = st.integers(1, 12)
events = st.sampled_from(["turns", "wakes"])


@given(
    turns=limits,
    wakes=limits,
    steps=st.lists(st.tuples(st.floats(0.0, 17.0) | st.just(0.0), events), max_size=80),
    start=st.floats(0, 1e7),
)
def test_it_speaks_exactly_when_a_minute_holds_more_than_the_limit(
    turns: int, wakes: int, steps: list[tuple[float, Event]], start: float
) -> None:
    guard = Guard(turns_per_minute=turns, wakes_per_minute=wakes)
    limit = {"turns": turns, "wakes": wakes}
    since: dict[Event, list[float]] = {"turns": [], "wakes": []}
    now = start
    for pause, event in steps:
        now += pause
        since[event].append(now)
        within = [at for at in since[event] if now - at < WINDOW_S]
        reason = guard.note(event, now)
        assert (reason is not None) == (len(within) > limit[event])
        if reason is not None:
            assert f"limits.runaway_{event}_per_minute is {limit[event]}." in reason
            since[event].clear()  # it starts anew, for a session that is let run again


@given(pauses=pauses, limit=limits)
def test_a_guard_is_idle_only_when_forgetting_it_changes_nothing(pauses: list[float], limit: int) -> None:
    kept = Guard(turns_per_minute=limit, wakes_per_minute=limit)
    forgetful, now = Guard(turns_per_minute=limit, wakes_per_minute=limit), 5.0
    for pause in pauses:
        now += pause
        if forgetful.idle(now):
            forgetful = Guard(turns_per_minute=limit, wakes_per_minute=limit)
        assert kept.note("turns", now) == forgetful.note("turns", now)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ("turns", "The session began 4 turns within 6 s; limits.runaway_turns_per_minute is 3."),
        ("wakes", "The session woke up 3 times within 4 s; limits.runaway_wakes_per_minute is 2.5."),
    ],
)
def test_the_reason_says_what_how_often_and_which_limit(event: Event, sentence: str) -> None:
    guard = Guard(turns_per_minute=3, wakes_per_minute=2.5)
    reasons = [guard.note(event, 10.0 + 2.0 * number) for number in range(4)]
    assert [reason for reason in reasons if reason] == [sentence]


def test_one_turn_is_never_a_runaway() -> None:
    guard = Guard(turns_per_minute=0.5, wakes_per_minute=1)
    assert guard.note("turns", 0.0) is None
    assert guard.note("turns", 60.0) is None
    assert guard.note("turns", 119.0) is not None
