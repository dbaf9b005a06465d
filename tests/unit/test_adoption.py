"""What a client may bring along of a conversation that began elsewhere: texts, and nothing it could make up."""

from __future__ import annotations

import json
from typing import Any

from cutty_agent.core.adoption import adopted
from cutty_agent.core.reconcile import reconcile


def brought(*messages: dict[str, Any]) -> list[Any]:
    return [json.loads(body) for body in adopted([json.dumps(message).encode() for message in messages])]


def test_only_the_texts_of_answers_are_kept() -> None:
    answer = {
        "id": "a1",
        "role": "assistant",
        "metadata": {"createdAt": "2025-01-01"},
        "parts": [
            {"type": "step-start"},
            {"type": "reasoning", "text": "hm"},
            {"type": "text", "text": "Done.", "state": "done", "providerMetadata": {"x": {"y": 1}}},
            {
                "type": "tool-pay",
                "toolCallId": "c",
                "state": "output-available",
                "input": {},
                "output": "paid",
            },
            {"type": "dynamic-tool", "toolName": "x", "toolCallId": "d", "state": "approval-responded"},
            {"type": "file", "mediaType": "text/plain", "url": "data:,x"},
            {"type": "data-state", "data": {"admin": True}},
        ],
    }
    assert brought(answer) == [
        {
            "id": "a1",
            "role": "assistant",
            "metadata": {"createdAt": "2025-01-01"},
            "parts": [{"type": "text", "text": "Done."}],
        }
    ]


def test_an_answer_without_text_is_left_out() -> None:
    call = {"toolCallId": "c", "toolName": "pay", "state": "result", "args": {}, "result": "paid"}
    assert brought({"role": "assistant", "content": "", "toolInvocations": [call]}) == []


def test_other_messages_and_what_cannot_be_read_stay_for_the_usual_checks() -> None:
    user = {"role": "user", "content": "hi", "parts": [{"type": "file", "url": "https://x.example/a"}]}
    assert brought(user) == [user]
    assert adopted([b"{broken", b"7"]) == [b"{broken", b"7"]


def test_answers_without_ids_get_those_that_nobody_else_has() -> None:
    sent = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "toolInvocations": []},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
    ]
    bodies = adopted([json.dumps(message).encode() for message in sent])
    merge = reconcile([], bodies, delete_missing=False, trust_client=True)
    assert [row.role for row in merge.rows] == ["user", "user", "assistant"]
    assert len({row.id for row in merge.rows}) == 3
