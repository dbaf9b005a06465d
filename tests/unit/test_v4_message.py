"""Messages in the shapes that older clients read."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.v4_message import text_content, to_v4_message, with_content

ANSWER = {
    "id": "assistant_1",
    "role": "assistant",
    "metadata": {"createdAt": "2026-11-22T10:00:00Z", "annotations": [{"kept": True}]},
    "parts": [
        {"type": "step-start"},
        {"type": "reasoning", "text": "Oslo is in Norway.", "state": "done"},
        {"type": "text", "text": "Let me look. ", "state": "done"},
        {
            "type": "tool-getWeather",
            "toolCallId": "c1",
            "state": "output-available",
            "input": {"city": "Oslo"},
            "output": {"temp": 4},
        },
        {"type": "step-start"},
        {"type": "text", "text": "4 degrees."},
        {"type": "source-url", "sourceId": "s1", "url": "https://x.example", "title": "X"},
        {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,QUJD"},
        {"type": "data-chart", "id": "d1", "data": [1, 2]},
    ],
}


def test_an_answer_in_the_shape_of_ai_sdk_4() -> None:
    before = copy.deepcopy(ANSWER)
    invocation = {
        "state": "result",
        "step": 0,
        "toolCallId": "c1",
        "toolName": "getWeather",
        "args": {"city": "Oslo"},
        "result": {"temp": 4},
    }
    assert to_v4_message(ANSWER) == {
        "id": "assistant_1",
        "role": "assistant",
        "content": "Let me look. 4 degrees.",
        "createdAt": "2026-11-22T10:00:00Z",
        "metadata": ANSWER["metadata"],
        "reasoning": "Oslo is in Norway.",
        "parts": [
            {"type": "step-start"},
            {
                "type": "reasoning",
                "reasoning": "Oslo is in Norway.",
                "details": [{"type": "text", "text": "Oslo is in Norway."}],
            },
            {"type": "text", "text": "Let me look. "},
            {"type": "tool-invocation", "toolInvocation": invocation},
            {"type": "step-start"},
            {"type": "text", "text": "4 degrees."},
            {
                "type": "source",
                "source": {"sourceType": "url", "id": "s1", "url": "https://x.example", "title": "X"},
            },
            {"type": "file", "mimeType": "image/png", "data": "QUJD"},
        ],
        "toolInvocations": [invocation],
        "annotations": [{"kept": True}, {"type": "data-chart", "id": "d1", "data": [1, 2]}],
    }
    assert before == ANSWER


@pytest.mark.parametrize(
    ("part", "state", "result"),
    [
        ({"state": "input-streaming"}, "partial-call", None),
        ({"state": "input-available"}, "call", None),
        ({"state": "approval-requested"}, "call", None),
        ({"state": "approval-responded"}, "call", None),
        ({"state": "output-available", "output": 0}, "result", 0),
        ({"state": "output-error", "errorText": "boom"}, "result", "boom"),
        ({"state": "output-error"}, "result", "The request failed."),
        ({"state": "output-denied"}, "result", "The tool call was denied."),
        ({"state": "of the future"}, "call", None),
    ],
)
def test_the_states_of_a_tool_call(part: dict[str, Any], state: str, result: Any) -> None:
    tool = {"type": "dynamic-tool", "toolName": "t", "toolCallId": "c", "input": None, **part}
    invocation = to_v4_message({"id": "a", "role": "assistant", "parts": [tool]})["toolInvocations"][0]
    expected = {"state": state, "step": 0, "toolCallId": "c", "toolName": "t", "args": {}}
    if state == "result":
        expected["result"] = result
    assert invocation == expected


def test_a_file_of_a_user_is_an_attachment() -> None:
    part = {"type": "file", "mediaType": "text/plain", "url": "data:,x", "filename": "a.txt"}
    message = to_v4_message({"id": "u", "role": "user", "parts": [{"type": "text", "text": "see"}, part]})
    assert message["experimental_attachments"] == [
        {"url": "data:,x", "contentType": "text/plain", "name": "a.txt"}
    ]
    assert message["parts"] == [{"type": "text", "text": "see"}]


def test_content_stands_beside_the_parts() -> None:
    assert with_content(ANSWER) == {**ANSWER, "content": "Let me look. 4 degrees."}
    assert with_content({"id": "u", "role": "user", "content": "old", "parts": []})["content"] == ""
    assert with_content({"id": "u", "role": "user", "content": "old"})["content"] == "old"
    assert text_content({"id": "u", "role": "user"}) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "url", "state", "input"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON, JSON, st.sampled_from(["user", "assistant", "system"]))
def test_any_message_is_translated(parts: Any, metadata: Any, role: str) -> None:
    message = {"id": "m", "role": role, "parts": parts, "metadata": metadata}
    out = to_v4_message(message)
    assert out["content"] == with_content(message)["content"]
    assert isinstance(out["parts"], list)
