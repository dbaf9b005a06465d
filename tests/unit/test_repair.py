"""The transcript as a model may read it (protocol 3.10)."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.core.repair import INTERRUPTED, NOT_RUN, repair


def call(state: str, name: str = "server", **more: Any) -> dict[str, Any]:
    return {"type": f"tool-{name}", "toolCallId": "c", "state": state, "input": {}, **more}


def answer(part: dict[str, Any], id: str = "a1") -> dict[str, Any]:
    return {"id": id, "role": "assistant", "parts": [{"type": "text", "text": "x"}, part]}


YES = {"id": "p", "approved": True}
NO = {"id": "p", "approved": False}
CUT = call("output-error", errorText=INTERRUPTED)

CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (call("input-available"), CUT),
    (call("input-streaming"), CUT),
    (call("input-available", "client"), call("input-available", "client")),
    (call("input-streaming", "client"), call("output-error", "client", errorText=INTERRUPTED)),
    (call("approval-requested"), call("approval-requested")),
    (call("approval-responded", approval=YES), call("output-error", approval=YES, errorText=NOT_RUN)),
    (call("approval-responded", approval=NO), call("output-denied", approval=NO)),
    (call("approval-responded", "client", approval=YES), call("approval-responded", "client", approval=YES)),
    (call("output-available", input='{"a":1}'), call("output-available", input={"a": 1})),
    (call("output-available", input="text"), call("output-available", input={})),
    (call("output-available", input=[1]), call("output-available", input={})),
    (call("input-available", "client", input=None), call("input-available", "client")),
    ({"type": "dynamic-tool", "toolName": "client", "toolCallId": "c", "state": "input-available", "input": {}},) * 2,
    ({"type": "dynamic-tool", "toolName": "s", "toolCallId": "c", "state": "input-streaming"},
     {"type": "dynamic-tool", "toolName": "s", "toolCallId": "c", "state": "output-error", "errorText": INTERRUPTED, "input": {}}),
    (call("output-denied"), call("output-denied")),
    ({"type": "tool-odd", "state": "input-available"},) * 2,
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CASES)
def test_repair(before: dict[str, Any], after: dict[str, Any]) -> None:
    messages = [answer(before), {"id": "u1", "role": "user", "parts": []}]
    repaired, changed = repair(messages, {"client"})
    assert repaired == [answer(after), messages[1]]
    assert changed == ([] if before == after else ["a1"])
    assert repair(repaired, {"client"}) == (repaired, [])
    if before == after:
        assert repaired[0] is messages[0]


def test_a_continuation_leaves_the_approved_calls_of_the_last_message_to_run() -> None:
    approved = call("approval-responded", approval=YES)
    repaired, changed = repair([answer(approved, "a1"), answer(approved, "a2")], (), continuing=True)
    assert changed == ["a1"]
    assert repaired[1] == answer(approved, "a2")


def test_the_texts_are_those_of_the_protocol() -> None:
    assert INTERRUPTED == "The tool call was interrupted before a result was recorded."
    assert NOT_RUN == "The tool call was approved but did not run before the next turn started."
