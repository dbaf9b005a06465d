"""v4 and bare messages in today's form (protocol 4.6); 8.10: they load without error."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.core.legacy import normalise


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def invocation(state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "toolCallId": "c1", "toolName": "t", "args": {"a": 1}, **more}


def call(state: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool-t", "toolCallId": "c1", "toolName": "t", "state": state, "input": {"a": 1}, **more}


PART_CASES: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"content": "hi"}, [text("hi")]),
    ({"content": ""}, []),
    ({"content": "hi", "parts": [text("hi")]}, [text("hi")]),
    ({"content": "hi", "parts": []}, [text("hi")]),
    ({"content": [text("a"), {"type": "image"}, text("b"), 5]}, [text("a"), text("b")]),
    ({"content": "x", "reasoning": "hm"}, [{"type": "reasoning", "text": "hm"}, text("x")]),
    ({"content": "", "toolInvocations": [invocation("call")]}, [call("input-available")]),
    ({"toolInvocations": [invocation("result", result=4)]}, [call("output-available", output=4)]),
    ({"parts": [{"type": "tool-invocation", "toolInvocation": invocation("result", result=4)}],
      "toolInvocations": [invocation("call")]}, [call("output-available", output=4)]),
    ({"content": "", "toolInvocations": [invocation("error", error="bad")]}, [call("output-error", errorText="bad")]),
    ({"content": "", "toolInvocations": [invocation("partial-call")]},
     [{"type": "tool-t", "toolCallId": "c1", "toolName": "t", "state": "input-streaming"}]),
    ({"content": "", "toolInvocations": [None, {}, {"toolCallId": "c"}]}, []),
    ({"parts": [{"type": "file", "mimeType": "image/png", "data": "QUJD"}]},
     [{"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,QUJD"}]),
    ({"parts": [{"type": "source", "source": {"sourceType": "url", "id": "s", "url": "https://x", "title": "T"}}]},
     [{"type": "source-url", "sourceId": "s", "url": "https://x", "title": "T"}]),
    ({"parts": [{"type": "reasoning", "reasoning": "hm", "details": []}]}, [{"type": "reasoning", "text": "hm"}]),
    ({"content": "x", "experimental_attachments": [{"name": "a.png", "contentType": "image/png", "url": "data:x"}]},
     [text("x"), {"type": "file", "mediaType": "image/png", "url": "data:x", "filename": "a.png"}]),
    ({"parts": [call("output-available", input='{"a":1}', output=4)]}, [call("output-available", output=4)]),
    ({"parts": [call("input-available", input=[1])]}, [call("input-available", input={})]),
    ({"parts": [None, 5, {}, {"type": 5}, {"type": "text"}, text("x")]}, [text("x")]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "parts"), PART_CASES)
def test_8_10_parts(given: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    before = repr(given)
    got = normalise({"id": "m", "role": "assistant", **given}, 0)
    assert got == {"id": "m", "role": "assistant", "parts": parts}
    assert normalise(got, 7) is got
    assert repr(given) == before


@pytest.mark.parametrize(
    ("id", "becomes"),
    [("x", "x"), (7, "7"), (7.0, "7"), (None, "msg-3"), ("", "msg-3"), (True, "msg-3"), ([], "msg-3")],
)
def test_ids(id: Any, becomes: str) -> None:
    got = normalise({"id": id, "role": "user", "parts": []}, 3)
    assert got is not None
    assert got["id"] == becomes


def test_a_message_without_an_id_gets_one() -> None:
    assert normalise({"role": "user", "content": "x"}, 3) == {
        "id": "msg-3",
        "role": "user",
        "parts": [text("x")],
    }


@pytest.mark.parametrize(
    ("role", "becomes"),
    [("user", "user"), ("assistant", "assistant"), ("system", "system"), ("data", "system")],
)
def test_roles(role: str, becomes: str) -> None:
    got = normalise({"id": "m", "role": role, "parts": []}, 0)
    assert got is not None
    assert got["role"] == becomes


def test_what_has_no_place_any_more_is_kept_as_metadata() -> None:
    given = {
        "id": "m",
        "role": "user",
        "content": "x",
        "createdAt": "now",
        "annotations": [1],
        "metadata": {"page": "/"},
    }
    got = normalise(given, 0)
    assert got is not None
    assert got["metadata"] == {"createdAt": "now", "annotations": [1], "page": "/"}
    assert set(got) == {"id", "role", "parts", "metadata"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"id": "m", "role": "user"},
        {"id": "m", "role": "user", "content": 5},
        {"id": "m", "role": "user", "parts": "x"},
        {"id": "m", "role": "robot", "parts": []},
        {"id": "m", "role": ["user"], "parts": []},
        {"id": "m", "parts": []},
    ],
)
def test_what_is_no_message(given: dict[str, Any]) -> None:
    assert normalise(given, 0) is None


def test_todays_form_passes_untouched() -> None:
    given = {
        "id": "m",
        "role": "assistant",
        "own": 1,
        "parts": [
            {"type": "step-start"},
            {"type": "new", "x": 1},
            call("output-available", output=None),
            {"type": "data-x", "data": 1},
        ],
    }
    assert normalise(given, 0) is given
