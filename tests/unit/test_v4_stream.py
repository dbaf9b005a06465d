"""The AI SDK 4 and bare-socket forms of a canonical stream (protocol 5.1, 5.2), line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.data_url import split_data_url
from cutty_agent.core.raw import RawStream
from cutty_agent.core.v4 import DENIED, V4Stream
from cutty_agent.wire.chunks import Chunk

TURN: list[Chunk] = [
    {"type": "start", "messageId": "assistant_1"},
    {"type": "start-step"},
    {"type": "text-start", "id": "t1"},
    {"type": "text-delta", "id": "t1", "delta": "Let me\nlook. "},
    {"type": "text-end", "id": "t1"},
    {"type": "tool-input-start", "toolCallId": "c1", "toolName": "getWeather"},
    {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"city":"Oslo"}'},
    {"type": "tool-input-available", "toolCallId": "c1", "toolName": "getWeather", "input": {"city": "Oslo"}},
    {"type": "tool-output-available", "toolCallId": "c1", "output": {"temp": 4}},
    {"type": "finish-step"},
    {"type": "start-step"},
    {"type": "text-start", "id": "t2"},
    {"type": "text-delta", "id": "t2", "delta": "4 degrees."},
    {"type": "text-end", "id": "t2"},
    {"type": "finish-step"},
    {
        "type": "finish",
        "finishReason": "stop",
        "messageMetadata": {"usage": {"inputTokens": 5, "outputTokens": 7}},
    },
]


def lines_of(stream: V4Stream, chunks: list[Chunk]) -> list[str]:
    return [line for chunk in chunks for line in stream.feed(chunk)]


def test_a_whole_tool_turn() -> None:
    stream = V4Stream()
    assert lines_of(stream, TURN) == [
        'f:{"messageId":"assistant_1"}\n',
        '0:"Let me\\nlook. "\n',
        'b:{"toolCallId":"c1","toolName":"getWeather"}\n',
        'c:{"toolCallId":"c1","argsTextDelta":"{\\"city\\":\\"Oslo\\"}"}\n',
        '9:{"toolCallId":"c1","toolName":"getWeather","args":{"city":"Oslo"}}\n',
        'a:{"toolCallId":"c1","result":{"temp":4}}\n',
        'e:{"finishReason":"tool-calls","isContinued":false}\n',
        'f:{"messageId":"assistant_1"}\n',
        '0:"4 degrees."\n',
        'e:{"finishReason":"stop","isContinued":false}\n',
        'd:{"finishReason":"stop","usage":{"promptTokens":5,"completionTokens":7}}\n',
    ]
    assert stream.end("completed") == [("", True)]


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        ({"type": "reasoning-delta", "id": "r", "delta": "hm"}, ['g:"hm"\n']),
        (
            {"type": "reasoning-end", "id": "r", "providerMetadata": {"anthropic": {"signature": "s"}}},
            ['j:{"signature":"s"}\n'],
        ),
        ({"type": "reasoning-end", "id": "r"}, []),
        (
            {"type": "source-url", "sourceId": "s1", "url": "https://x.example", "title": "X"},
            ['h:{"sourceType":"url","id":"s1","url":"https://x.example","title":"X"}\n'],
        ),
        (
            {"type": "file", "url": "data:image/png;base64,QUJD", "mediaType": "image/png"},
            ['k:{"data":"QUJD","mimeType":"image/png"}\n'],
        ),
        (
            {"type": "file", "url": "https://x.example/a.png", "mediaType": "image/png"},
            ['h:{"sourceType":"url","id":"https://x.example/a.png","url":"https://x.example/a.png"}\n'],
        ),
        (
            {
                "type": "tool-input-error",
                "toolCallId": "n",
                "toolName": "t",
                "input": "{",
                "errorText": "bad",
            },
            ['9:{"toolCallId":"n","toolName":"t","args":{}}\n', 'a:{"toolCallId":"n","result":"bad"}\n'],
        ),
        (
            {"type": "tool-output-error", "toolCallId": "old", "errorText": "boom"},
            ['a:{"toolCallId":"old","result":"boom"}\n'],
        ),
        (
            {"type": "tool-output-denied", "toolCallId": "old"},
            [f'a:{{"toolCallId":"old","result":"{DENIED}"}}\n'],
        ),
        ({"type": "tool-output-available", "toolCallId": "old", "output": 1, "preliminary": True}, []),
        ({"type": "tool-output-available", "toolCallId": "never seen", "output": 1}, []),
        ({"type": "tool-input-delta", "toolCallId": "never seen", "inputTextDelta": "{"}, []),
        ({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "old"}, []),
        ({"type": "text-delta", "id": "t", "delta": ""}, []),
        ({"type": "text-start", "id": "t"}, []),
        ({"type": "abort"}, []),
        ({"type": "steering-message", "id": "s", "parts": []}, []),
        ({"type": None}, []),
        ({}, []),
    ],
    ids=lambda value: value.get("type", "?") if isinstance(value, dict) else "",
)
def test_one_chunk_inside_a_step(chunk: Chunk, expected: list[str]) -> None:
    stream = V4Stream("m", known_calls=["old"])
    stream.feed({"type": "start-step"})
    assert stream.feed(chunk) == expected


def test_a_data_chunk_keeps_its_name_and_needs_no_step() -> None:
    chunk = {"type": "data-weather", "id": "w", "data": {"t": 4}, "transient": True}
    assert V4Stream("m").feed(chunk) == ['2:[{"type":"data-weather","id":"w","data":{"t":4}}]\n']


def test_content_without_a_step_opens_one() -> None:
    assert V4Stream("m").feed({"type": "text-delta", "delta": "x"}) == ['f:{"messageId":"m"}\n', '0:"x"\n']
    assert V4Stream().feed({"type": "text-delta", "delta": "x"}) == ['0:"x"\n']


def test_a_replayed_call_is_not_sent_twice() -> None:
    stream = V4Stream("m", known_calls=["c1"])
    assert stream.feed({"type": "tool-input-start", "toolCallId": "c1", "toolName": "t"}) == []
    again = {"type": "tool-input-available", "toolCallId": "c1", "toolName": "t", "input": {}}
    assert stream.feed(again) == []


def test_a_continuation_knows_the_calls_of_its_message_and_takes_steps_without_a_name() -> None:
    stream = V4Stream()
    result = {"type": "tool-output-available", "toolCallId": "c1", "output": "paid"}
    assert V4Stream("m").feed(result) == []
    assert stream.feed({"type": "start"}) == []
    assert stream.feed(result) == ['f:{"messageId":""}\n', 'a:{"toolCallId":"c1","result":"paid"}\n']
    assert stream.feed({"type": "text-delta", "delta": "Paid."}) == ['0:"Paid."\n']
    bodies = stream.end("completed")
    assert [done for _, done in bodies] == [False, True]
    assert bodies[0][0].endswith("2:[]\n"), "the client shows its own copy again"


def test_an_answer_of_its_own_ends_without_showing_anything_again() -> None:
    stream = V4Stream()
    stream.feed({"type": "start", "messageId": "m"})
    stream.feed({"type": "text-delta", "delta": "x"})
    assert not any("2:" in body for body, _ in stream.end("completed"))


def test_an_in_band_error_ends_the_lines() -> None:
    stream = V4Stream("m")
    assert stream.feed({"type": "error", "errorText": "no model"}) == ['3:"no model"\n']
    assert stream.feed({"type": "text-delta", "delta": "late"}) == []
    assert stream.end("error", "no model") == [("", True)]


@pytest.mark.parametrize(
    ("outcome", "error", "expected"),
    [
        ("completed", None, 'e:{"finishReason":"stop","isContinued":false}\nd:{"finishReason":"stop"}\n'),
        ("aborted", None, 'e:{"finishReason":"other","isContinued":false}\nd:{"finishReason":"other"}\n'),
        ("error", "boom", '3:"boom"\n'),
        ("error", None, '3:"The request failed."\n'),
    ],
)
def test_an_end_without_finish(outcome: Any, error: str | None, expected: str) -> None:
    stream = V4Stream("m")
    stream.feed({"type": "text-delta", "delta": "x"})
    assert stream.end(outcome, error) == [(expected, False), ("", True)]


def test_the_bare_form_of_a_tool_turn_is_text_and_one_end() -> None:
    stream = RawStream()
    bodies = [body for chunk in TURN for body in stream.frames(chunk)]
    assert bodies == ['f:{"messageId":"assistant_1"}\n', '0:"Let me\\nlook. "\n', '0:"4 degrees."\n']
    usage = '"usage":{"promptTokens":5,"completionTokens":7}'
    assert stream.end("completed") == [(f'e:{{"finishReason":"stop","isContinued":false,{usage}}}\n', True)]


def test_the_bare_form_of_an_error_is_a_text() -> None:
    failed = 'e:{"finishReason":"error","isContinued":false}\n'
    assert RawStream().end("error", "boom") == [('0:"boom"\n', False), (failed, True)]
    assert RawStream().end("error") == [('0:"The request failed."\n', False), (failed, True)]
    in_band = RawStream()
    assert in_band.frames({"type": "error", "errorText": "boom"}) == ['0:"boom"\n']
    assert in_band.frames({"type": "text-delta", "delta": "late"}) == []
    assert in_band.end("error", "boom") == [(failed, True)]


def test_a_turn_that_was_skipped_still_ends_the_bubble() -> None:
    assert RawStream().end("skipped") == [('e:{"finishReason":"other","isContinued":false}\n', True)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:text/plain;charset=utf-8;base64,QUI=", ("text/plain", "QUI=")),
        ("data:,a%20b", ("text/plain", "YSBi")),
        ("DATA:image/svg+xml,%3Csvg/%3E", ("image/svg+xml", "PHN2Zy8+")),
        ("data:text/plain", None),
        ("https://x.example/data:,a", None),
    ],
)
def test_a_data_url(url: str, expected: tuple[str, str] | None) -> None:
    assert split_data_url(url) == expected


TYPES = sorted(
    {str(c["type"]) for c in TURN}
    | {
        "error",
        "abort",
        "file",
        "source-url",
        "data-x",
        "reasoning-start",
        "reasoning-delta",
        "reasoning-end",
    }
    | {
        "tool-input-error",
        "tool-output-error",
        "tool-output-denied",
        "tool-approval-request",
        "reset-step",
        "x",
    }
    | {"message-metadata"}
)
KEYS = [
    "id",
    "delta",
    "messageId",
    "toolCallId",
    "toolName",
    "input",
    "inputTextDelta",
    "output",
    "errorText",
]
KEYS += [
    "url",
    "mediaType",
    "title",
    "data",
    "finishReason",
    "messageMetadata",
    "providerMetadata",
    "preliminary",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["c1", "c2", "data:,x", "data:a/b;base64,QQ==", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["usage", "inputTokens", "signature", "k"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    body = draw(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
    return {**body, "type": draw(st.sampled_from(TYPES) | VALUES)}


def text_before_an_error(stream: list[Chunk]) -> str:
    text = ""
    for chunk in stream:
        if chunk["type"] == "error":
            break
        if chunk["type"] == "text-delta" and isinstance(chunk.get("delta"), str):
            text += chunk["delta"]
    return text


def joined(lines: list[str]) -> str:
    return "".join(json.loads(line[2:]) for line in lines if line.startswith("0:"))


@given(st.lists(chunks(), max_size=12))
def test_any_chunks_give_well_formed_lines_and_the_same_text(stream: list[Chunk]) -> None:
    v4 = V4Stream("m")
    lines = [*lines_of(v4, stream), *v4.close("completed")]
    started: set[str] = set()
    for line in lines:
        assert line.endswith("\n")
        assert line.count("\n") == 1
        assert line[1] == ":"
        value = json.loads(line[2:])
        if line[0] in "b9":
            started.add(value["toolCallId"])
        if line[0] in "ca":
            assert value["toolCallId"] in started  # this client throws otherwise
    assert joined(lines) == text_before_an_error(stream)
    assert [line[0] for line in lines if line[0] in "d3"] in (["d"], ["3"], ["d", "3"])


@given(st.lists(chunks(), max_size=12))
def test_any_chunks_give_one_line_frames_and_one_end(stream: list[Chunk]) -> None:
    raw = RawStream("m")
    bodies = [body for chunk in stream for body in raw.frames(chunk)]
    failed = any(chunk["type"] == "error" for chunk in stream)
    error_text = joined(bodies[-1:]) if failed else ""
    ends = raw.end("completed")
    for body in [*bodies, *(body for body, _ in ends)]:
        assert body.count("\n") == 1
        json.loads(body[2:])
    assert {body[0] for body in bodies} <= {"0", "f"}
    assert joined(bodies) == text_before_an_error(stream) + error_text
    assert [(body[0], done) for body, done in ends] == [("e", True)]
