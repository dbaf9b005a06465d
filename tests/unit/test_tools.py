"""Results and approvals of tool calls (protocol 3.7) and the barrier before a continuation (3.8)."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.core.tools import (
    DEFAULT_ERROR_TEXT,
    apply_approval,
    apply_result,
    find_call,
    pending,
    read_on,
    settled,
)

STATES = [
    "input-streaming", "input-available", "approval-requested", "approval-responded",
    "output-available", "output-error", "output-denied",
]  # fmt: skip


def call(state: str, id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"type": "tool-t", "toolCallId": id, "toolName": "t", "state": state, "input": {}, **more}


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"id": "a1", "role": "assistant", "parts": [{"type": "text", "text": "x"}, *parts]}


def test_8_24_an_unknown_call_changes_nothing() -> None:
    before = message(call("input-available"))
    assert find_call(before, "nope") is None
    assert apply_result(before, "nope", output=1) is None
    assert apply_approval(before, "nope", True) is None


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", ["tool-t", "dynamic-tool"])
def test_8_25_a_result_is_taken_once(state: str, kind: str) -> None:
    before = message(call(state, type=kind))
    after = apply_result(before, "c1", output={"t": 1})
    taken = state in {"input-available", "approval-requested", "approval-responded"}
    expected = message(call("output-available", type=kind, output={"t": 1}, preliminary=False))
    assert after == (expected if taken else None)
    if after is not None:
        assert apply_result(after, "c1", output=2) is None
    assert before == message(call(state, type=kind))


@pytest.mark.parametrize("text", [None, ""])
def test_8_26_an_error_without_text_gets_the_default_text(text: str | None) -> None:
    after = apply_result(message(call("approval-responded")), "c1", state="output-error", error_text=text)
    assert after == message(call("output-error", errorText=DEFAULT_ERROR_TEXT))
    assert DEFAULT_ERROR_TEXT == "Tool execution denied by user"


def test_an_error_with_text_keeps_it() -> None:
    after = apply_result(message(call("input-available")), "c1", state="output-error", error_text="no")
    assert after == message(call("output-error", errorText="no"))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("approved", "then"), [(True, "approval-responded"), (False, "output-denied")])
def test_an_approval_is_taken_once(state: str, approved: bool, then: str) -> None:
    after = apply_approval(message(call(state)), "c1", approved)
    taken = state in {"input-available", "approval-requested"}
    assert after == (message(call(then, approval={"id": "c1", "approved": approved})) if taken else None)


def test_an_approval_keeps_what_was_asked() -> None:
    asked = message(call("approval-requested", approval={"id": "p1", "descriptor": 1}))
    after = apply_approval(asked, "c1", True)
    assert after == message(
        call("approval-responded", approval={"id": "p1", "descriptor": 1, "approved": True})
    )


def test_8_25_a_result_after_a_denial_changes_nothing() -> None:
    denied = apply_approval(message(call("approval-requested")), "c1", False)
    assert denied is not None
    assert apply_result(denied, "c1", output=1) is None


@pytest.mark.parametrize("state", STATES)
def test_8_28_the_barrier_waits_for_every_sibling(state: str) -> None:
    waits = state in {"input-available", "approval-requested"}
    done = call("output-available", "c0", type="dynamic-tool")
    assert settled(message(done, call(state))) is not waits
    assert [part["toolCallId"] for part in pending(message(done, call(state)))] == (["c1"] if waits else [])


def test_a_call_the_provider_runs_holds_nobody_up() -> None:
    assert settled(message(call("input-available", providerExecuted=True)))


def test_a_message_without_parts_is_settled() -> None:
    assert settled({"id": "a", "role": "assistant", "parts": None})


STEP = {"type": "step-start"}
TEXT = {"type": "text", "text": "It is noon."}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([call("output-available"), STEP, TEXT], True),
        ([call("output-error"), call("output-denied", "c2"), STEP], True),
        ([STEP, call("output-available"), TEXT], False),
        ([call("output-available"), STEP, call("output-available", "c2"), TEXT], False),
        ([call("input-available"), STEP, TEXT], False),
        ([call("approval-responded"), STEP, TEXT], False),
    ],
    ids=["a step behind the call", "no text in it", "the same step", "a later call", "open", "has not run"],
)
def test_a_message_reads_on_when_a_step_stands_behind_calls_that_ended(
    parts: list[dict[str, Any]], expected: bool
) -> None:
    assert read_on(message(*parts)) is expected
