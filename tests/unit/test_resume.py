"""The decision table of the resume handshake (protocol 3.9)."""

from __future__ import annotations

import itertools

import pytest

from cutty_agent.core.resume import Answer, Decision, Stream, decide


@pytest.mark.parametrize(
    ("stream", "decision"),
    [
        (Stream(), Decision(Answer.IDLE)),
        (Stream(active="a"), Decision(Answer.RESUMING, "a", exclude=True)),
        (Stream(active="a", owned_elsewhere=True), Decision(Answer.OWNED)),
        (Stream(active="a", accepted="b", failed="c"), Decision(Answer.RESUMING, "a", exclude=True)),
        (Stream(accepted="b"), Decision(Answer.PENDING, "b", park=True)),
        (Stream(accepted="b", accepted_is_continuation=True), Decision(Answer.PENDING, "b", park=True)),
        (
            Stream(accepted="b", accepted_is_continuation=True, accepted_owned_elsewhere=True),
            Decision(Answer.OWNED),
        ),
        (
            Stream(accepted="b", accepted_is_continuation=True, failed="c"),
            Decision(Answer.PENDING, "b", park=True),
        ),
        (Stream(failed="c"), Decision(Answer.RESUMING, "c")),
        (Stream(accepted="b", failed="c"), Decision(Answer.RESUMING, "c")),
        (Stream(accepted="b", accepted_owned_elsewhere=True), Decision(Answer.PENDING, "b", park=True)),
    ],
)
def test_the_first_row_that_applies_decides(stream: Stream, decision: Decision) -> None:
    assert decide(stream) == decision


def test_idle_is_said_only_when_nothing_runs_waits_or_failed() -> None:
    for active, owned, accepted, continues, elsewhere, failed in itertools.product(
        [None, "a"], [False, True], [None, "b"], [False, True], [False, True], [None, "c"]
    ):
        decision = decide(Stream(active, owned, accepted, continues, elsewhere, failed))
        assert (decision.answer is Answer.IDLE) == (active is None and accepted is None and failed is None)
        assert decision.exclude == (decision.answer is Answer.RESUMING and active is not None)
        assert decision.park == (decision.answer is Answer.PENDING)
        assert (decision.id is None) == (decision.answer in {Answer.IDLE, Answer.OWNED})
