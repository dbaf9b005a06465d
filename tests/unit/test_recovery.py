"""What follows a turn that was cut off (protocol 3.10)."""

from __future__ import annotations

import msgspec
import pytest

from cutty_agent.core.recovery import Budget, Interrupted, Plan, Policy, plan

BUDGET = Budget(attempts=3, interruptions=5, quiet_s=300)


def turn(
    *, streamed: bool = False, attempts: int = 0, interruptions: int = 0, ago_s: float = 0
) -> Interrupted:
    return Interrupted(streamed, attempts, interruptions, progress_ms=int(1_000_000 - ago_s * 1000))


def decided(what: Interrupted, policy: Policy = "continue", budget: Budget = BUDGET) -> Plan:
    return plan(what, policy, budget, now_ms=1_000_000)


@pytest.mark.parametrize(
    ("policy", "streamed", "action"),
    [
        ("continue", True, "continue"),
        ("continue", False, "retry"),
        ("retry", True, "retry"),
        ("retry", False, "retry"),
        ("keep", True, "keep"),
        ("keep", False, "keep"),
    ],
)
def test_the_policy_decides_a_first_interruption(policy: Policy, streamed: bool, action: str) -> None:
    assert decided(turn(streamed=streamed), policy).action == action


@pytest.mark.parametrize("policy", ["continue", "retry", "keep"])
def test_a_turn_that_waits_for_the_visitor_is_parked_and_not_charged(policy: Policy) -> None:
    waits = msgspec.structs.replace(turn(streamed=True, attempts=9, interruptions=9), waits_for_human=True)
    assert decided(waits, policy) == Plan("park", 9, 9)


def test_a_turn_that_was_stopped_is_kept_whatever_else() -> None:
    stopped = msgspec.structs.replace(turn(streamed=True), stopped=True, waits_for_human=True)
    assert decided(stopped) == Plan("keep")


def test_attempts_without_output_are_counted_up_to_the_budget() -> None:
    assert decided(turn(attempts=2, interruptions=2)) == Plan("retry", 3, 3)
    assert decided(turn(attempts=3, interruptions=3)).action == "give-up"


def test_output_resets_the_attempts_but_not_the_interruptions() -> None:
    assert decided(turn(streamed=True, attempts=3, interruptions=4)) == Plan("continue", 1, 5)
    assert decided(turn(streamed=True, interruptions=5)).action == "give-up"


@pytest.mark.parametrize(
    ("attempts", "streamed", "ago_s", "gives_up"),
    [(1, False, 301, True), (1, False, 299, False), (0, False, 9999, False), (1, True, 9999, False)],
)
def test_a_turn_that_makes_no_progress_for_too_long_is_given_up(
    attempts: int, streamed: bool, ago_s: float, gives_up: bool
) -> None:
    action = decided(turn(attempts=attempts, streamed=streamed, ago_s=ago_s)).action
    assert (action == "give-up") is gives_up
