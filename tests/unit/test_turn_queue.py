"""The serial queue of a session and the strategies for overlapping submits (protocol 3.5)."""

from __future__ import annotations

import pytest

from cutty_agent.core.turn_queue import Concurrency, Ticket, TurnQueue, concurrency
from cutty_agent.wire.turn_record import Kind

QUEUE = Concurrency()


def submit(name: str, kind: Kind = "submit") -> Ticket:
    return Ticket(name, kind, (f"u-{name}",), (f"u-{name}",))


def names(tickets: object) -> list[str]:
    return [ticket.request_id for ticket in tickets]  # type: ignore[attr-defined]


def running(rule: Concurrency = QUEUE) -> TurnQueue:
    """A queue in which turn ``r`` runs."""
    queue = TurnQueue()
    queue.push(submit("r"), rule, now=0)
    queue.start(now=0)
    return queue


@pytest.mark.parametrize("name", ["queue", "latest", "merge", "drop"])
def test_a_strategy_is_named_by_a_string(name: str) -> None:
    assert concurrency(name).strategy == name
    assert concurrency(concurrency(name)) == concurrency(name)


@pytest.mark.parametrize(
    ("pause", "seconds"),
    [(500, 0.5), (0, 0.0), (1.5, 0.0015)]
    + [(bad, 0.75) for bad in (-1, "500", None, True, float("inf"), float("nan"), [])],
)
def test_an_unusable_quiet_period_counts_as_750_ms(pause: object, seconds: float) -> None:
    assert concurrency({"strategy": "debounce", "debounceMs": pause}).debounce_s == seconds
    assert concurrency({"strategy": "debounce"}).debounce_s == 0.75
    assert concurrency("debounce").debounce_s == 0.75


@pytest.mark.parametrize("value", ["nope", "", None, 1, {}, {"strategy": "nope"}, {"debounceMs": 5}])
def test_an_unknown_strategy_is_refused_with_those_there_are(value: object) -> None:
    with pytest.raises(ValueError, match="use queue, latest, merge, drop, or"):
        concurrency(value)


def test_turns_run_in_order_and_one_at_a_time() -> None:
    queue = TurnQueue()
    assert queue.idle
    for name in "abc":
        assert queue.push(submit(name), QUEUE, now=0) == []
    order = []
    while (head := queue.start(now=0)) is not None:
        assert isinstance(head, Ticket)
        assert queue.start(now=0) is None, "one at a time"
        order.append(head.request_id)
        queue.finish()
    assert order == ["a", "b", "c"]
    assert queue.idle


@pytest.mark.parametrize("strategy", ["latest", "merge"])
def test_a_newer_submit_supersedes_those_that_wait(strategy: str) -> None:
    rule = concurrency(strategy)
    queue = running(rule)
    assert queue.push(submit("a"), rule, now=0) == []
    assert names(queue.push(submit("b"), rule, now=0)) == ["a"]
    assert names(queue.push(submit("c"), rule, now=0)) == ["b"]
    assert names(queue.waiting) == ["c"]
    assert names(queue.waiting[0].merged) == (["a", "b"] if strategy == "merge" else [])


@pytest.mark.parametrize("strategy", ["latest", "merge", "debounce"])
@pytest.mark.parametrize("kind", ["regenerate", "continuation", "server"])
def test_other_kinds_of_turns_neither_supersede_nor_are_superseded(strategy: str, kind: Kind) -> None:
    rule = concurrency(strategy)
    queue = running(rule)
    queue.push(submit("a"), rule, now=0)
    assert queue.push(submit("x", kind), rule, now=0) == []
    assert names(queue.push(submit("b"), rule, now=0)) == ["a"]
    assert names(queue.waiting) == ["x", "b"]


@pytest.mark.parametrize("strategy", ["latest", "merge", "debounce"])
def test_the_first_submit_of_an_idle_session_runs_at_once(strategy: str) -> None:
    queue = TurnQueue()
    queue.push(submit("a"), concurrency(strategy), now=5)
    assert isinstance(queue.start(now=5), Ticket)


def test_debounce_waits_for_a_quiet_period_from_the_newest_submit_on() -> None:
    rule = concurrency({"strategy": "debounce", "debounceMs": 500})
    queue = running(rule)
    queue.push(submit("a"), rule, now=1.0)
    queue.push(submit("b"), rule, now=1.3)
    queue.finish()
    assert queue.start(now=1.5) == pytest.approx(0.3)
    head = queue.start(now=1.8)
    assert isinstance(head, Ticket)
    assert head.request_id == "b"


def test_drop_turns_away_submits_only_and_only_while_a_turn_runs_or_waits() -> None:
    rule = concurrency("drop")
    queue = TurnQueue()
    assert not queue.refuses("submit", rule)
    queue = running(rule)
    assert queue.refuses("submit", rule)
    assert not queue.refuses("regenerate", rule)
    assert not queue.refuses("server", rule)
    queue.finish()
    assert not queue.refuses("submit", rule)


def test_a_clear_empties_the_queue_and_what_it_overtook_does_not_count_as_overlap() -> None:
    rule = concurrency("drop")
    queue = running(rule)
    queue.push(submit("a", "regenerate"), rule, now=0)
    assert names(queue.clear()) == ["a"]
    assert queue.running is not None
    assert queue.running.generation != queue.generation
    assert not queue.refuses("submit", rule)
    queue.push(submit("b"), rule, now=0)
    assert queue.waiting[0].generation == queue.generation


def test_a_waiting_turn_can_be_cancelled_and_a_running_one_is_not_found() -> None:
    queue = running()
    queue.push(submit("a"), QUEUE, now=0)
    assert queue.is_waiting("a")
    cancelled = queue.cancel("a")
    assert cancelled is not None
    assert cancelled.request_id == "a"
    assert not queue.is_waiting("a")
    assert queue.cancel("a") is None
    assert queue.cancel("r") is None


def test_unread_are_the_messages_that_waiting_turns_brought_the_merged_ones_included() -> None:
    rule = concurrency("merge")
    queue = running(rule)
    assert queue.unread == frozenset()
    queue.push(submit("a"), rule, now=0)
    both = Ticket("b", "submit", ("u-r", "u-a", "u-b"), ("u-b",))
    queue.push(both, rule, now=0)
    assert queue.unread == {"u-a", "u-b"}, "not those that were there before"
    queue.finish()
    queue.start(now=0)
    assert queue.unread == frozenset()
