"""Calls of models and tools inside a turn, as they are noted for its record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cutty_agent.agent.turn_trace import CANCELLED, MARKS, MAX_NAME, MAX_SPANS, TurnTrace
from cutty_agent.ids import Address

ADDRESS = Address("chat", "s")


class Ticking:
    """A clock that moves by one at every look."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


@pytest.fixture
def trace() -> TurnTrace:
    return TurnTrace(ADDRESS, now_ms=Ticking())


def chunk(kind: str, call: str = "", **fields: Any) -> dict[str, Any]:
    assert kind in MARKS
    return {"type": kind, **({"toolCallId": call} if call else {}), **fields}


def test_a_step_ends_with_the_last_call_the_model_made(trace: TurnTrace) -> None:
    trace.note(chunk("start-step"))  # 1
    trace.note(chunk("tool-input-available", "a", toolName="one"))  # 2 ends the model, 3 begins
    trace.note(chunk("tool-input-available", "b", toolName="two"))  # 4, 5
    trace.note(chunk("tool-output-available", "b", output=1))  # 6
    trace.note(chunk("tool-output-available", "a", output=1, preliminary=True))
    trace.note(chunk("tool-output-available", "a", output=1))  # 7
    trace.note(chunk("finish-step"))
    assert [(span.name, span.start_ms, span.end_ms) for span in trace.finish()] == [
        ("model", 1, 4),
        ("one", 3, 7),
        ("two", 5, 6),
    ]


def test_tools_that_wait_for_somebody_are_no_calls(trace: TurnTrace) -> None:
    for call in ("client", "denied", "cut"):
        trace.note(chunk("tool-input-available", call, toolName=call))
    trace.note(chunk("tool-output-denied", "denied"))
    assert trace.finish() == ()


def test_a_turn_that_is_stopped_ends_what_runs(trace: TurnTrace) -> None:
    trace.note(chunk("start-step"))
    trace.note(chunk("tool-input-available", "a", toolName="slow"))
    assert [(span.name, span.error) for span in trace.finish(CANCELLED)] == [
        ("model", CANCELLED),
        ("slow", CANCELLED),
    ]


def test_an_outcome_without_a_call_is_ignored(trace: TurnTrace) -> None:
    trace.note(chunk("tool-output-available", "ghost", output=1))
    trace.note(chunk("finish-step"))
    assert trace.finish() == ()


def test_no_more_than_so_many_are_kept(trace: TurnTrace) -> None:
    for n in range(3 * MAX_SPANS):
        trace.note(chunk("tool-input-available", f"c{n}", toolName="x" * 5000))
        trace.note(chunk("tool-output-available", f"c{n}", output=1))
    spans = trace.finish()
    assert len(spans) == MAX_SPANS
    assert trace.dropped == 2 * MAX_SPANS
    assert {len(span.name) for span in spans} == {MAX_NAME}


def test_no_more_than_so_many_are_open(trace: TurnTrace) -> None:
    for n in range(3 * MAX_SPANS):
        trace.note(chunk("tool-input-available", f"c{n}", toolName="x"))
    assert len(trace.finish(CANCELLED)) == MAX_SPANS


def test_chunks_of_an_exact_run_are_not_counted_twice(trace: TurnTrace) -> None:
    with trace.exact():
        with trace.call("tool", "clock", {}):
            trace.note(chunk("tool-input-available", "a", toolName="clock"))
        trace.note(chunk("tool-output-available", "a", output=1))
    assert [span.name for span in trace.finish()] == ["clock"]


@pytest.mark.parametrize(
    ("error", "said"), [(ValueError("text of somebody"), "ValueError"), (asyncio.CancelledError(), CANCELLED)]
)
def test_a_call_that_raises_says_of_what_kind(trace: TurnTrace, error: BaseException, said: str) -> None:
    with pytest.raises(type(error)), trace.call("model", "m", {}):
        raise error
    (span,) = trace.finish()
    assert span.error == said


def test_control_flow_is_no_error(trace: TurnTrace) -> None:
    with pytest.raises(KeyError), trace.call("tool", "t", {}, control=(KeyError,)):
        raise KeyError
    (span,) = trace.finish()
    assert span.error == ""
