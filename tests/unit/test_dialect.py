"""Protocol 5.5 as a table: every observation with the dialect it must give, and the order of the rows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cutty_agent.core.dialect import TABLE, Request, detect, detect_frame, detect_opening, read_request
from cutty_agent.wire.client import Dialect, decode_frame

V5 = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "hi"}]}
V4 = {**V5, "content": "hi"}
RAW = {"id": "u1", "role": "user", "content": "hi"}

CASES: list[tuple[str, dict[str, Any], bool, Dialect]] = [
    ("trigger", {"messages": [V5], "trigger": "submit-message"}, True, "v5"),
    ("trigger wins over content", {"messages": [V4], "trigger": "submit-message"}, True, "v5"),
    ("trigger wins over id", {"id": "c", "messages": [V4], "trigger": "regenerate-message"}, True, "v5"),
    ("id and content", {"id": "c", "messages": [V4]}, True, "v4"),
    ("id and content without parts", {"id": "c", "messages": [RAW]}, False, "v4"),
    ("id without content", {"id": "c", "messages": [V5]}, True, "v5"),
    ("a number as id", {"id": 7, "messages": [RAW]}, False, "raw"),
    ("content only, bare socket", {"messages": [RAW]}, False, "raw"),
    ("content only, labelled socket", {"messages": [RAW]}, True, "v4"),
    ("content and parts", {"messages": [V4]}, True, "v4"),
    ("content and parts, bare socket", {"messages": [V4]}, False, "v4"),
    ("parts only", {"messages": [V5]}, True, "v5"),
    ("empty list", {"messages": []}, True, "v5"),
    ("no list", {}, False, "v5"),
    ("earlier content is an echo of ours", {"messages": [V4, V5]}, True, "v5"),
    ("earlier content with an id", {"id": "c", "messages": [V4, V5]}, True, "v5"),
    ("content that is no string", {"messages": [{**V5, "content": [1]}]}, True, "v5"),
    ("a last message that is no object", {"messages": [V4, 7]}, True, "v5"),
    ("one message in place of a list", {"id": "c", "message": V5}, True, "v5"),
]


@pytest.mark.parametrize(("body", "labelled", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_request_body(body: dict[str, Any], labelled: bool, expected: Dialect) -> None:
    assert detect(read_request(body, labelled=labelled)) == expected


@pytest.mark.parametrize(("body", "labelled", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_body_that_is_still_raw_json(body: dict[str, Any], labelled: bool, expected: Dialect) -> None:
    raw = dict(body)
    if "messages" in raw:
        raw["messages"] = [msgspec.Raw(msgspec.json.encode(m)) for m in raw["messages"]]
    assert detect(read_request(raw, labelled=labelled)) == expected


@pytest.mark.parametrize("override", ["v4", "raw", "v5"])
def test_an_override_wins_over_all_but_the_minimal_frame(override: Dialect) -> None:
    assert detect(Request(override=override, trigger=True, with_url=True, last=V4)) == override
    assert detect(Request(minimal=True, override=override)) == "raw"


def test_a_url_on_the_frame_means_v4() -> None:
    assert detect(Request(with_url=True, last=V5)) == "v4"
    assert detect(Request(with_url=True, trigger=True, last=V5)) == "v5"


def test_every_row_decides_something() -> None:
    deciding = {
        "minimal frame": Request(minimal=True),
        "explicit override": Request(override="v4"),
        "trigger": Request(trigger=True),
        "url, or id with content": Request(with_url=True),
        "content without parts": Request(last=RAW),
        "content and parts": Request(last=V4),
        "otherwise": Request(),
    }
    for name, request in deciding.items():
        assert next(row for row, rule in TABLE if rule(request) is not None) == name
    assert len(deciding) == len(TABLE)


@pytest.mark.parametrize(
    ("frame", "body", "labelled", "expected"),
    [
        ({"message": "hi"}, None, False, "raw"),
        ({"type": "cf_agent_stream_resume_request", "probeId": "p"}, None, True, "v5"),
        ({"type": "cf_agent_stream_resume_ack", "id": "r"}, None, True, "v5"),
        ({"type": "cf_agent_tool_result", "toolCallId": "c"}, None, True, "v5"),
        ({"type": "cf_agent_tool_approval", "toolCallId": "c", "approved": True}, None, True, "v5"),
        ({"type": "cf_agent_chat_clear"}, None, True, None),
        ({"type": "cf_agent_state", "state": 1}, None, False, None),
        ({"type": "hello"}, None, False, None),
        ({"type": "cf_agent_use_chat_request", "id": "r", "url": "/api/chat", "init": {}}, {}, True, "v4"),
        ({"type": "cf_agent_use_chat_request", "id": "r", "init": {}}, {"messages": [RAW]}, False, "raw"),
        ({"type": "cf_agent_use_chat_request", "id": "r", "init": {}}, None, False, "v5"),
    ],
)
def test_a_frame(
    frame: dict[str, Any], body: dict[str, Any] | None, labelled: bool, expected: str | None
) -> None:
    decoded = decode_frame(msgspec.json.encode(frame))
    assert detect_frame(decoded, body, labelled=labelled) == expected


def test_a_frame_on_a_connection_with_an_override() -> None:
    assert detect_frame(decode_frame(b'{"type":"cf_agent_chat_clear"}'), labelled=True, override="v4") == "v4"
    probe = decode_frame(b'{"type":"cf_agent_stream_resume_request"}')
    assert detect_frame(probe, labelled=True, override="raw") == "raw"


@pytest.mark.parametrize(
    ("labelled", "by_query", "override", "expected"),
    [
        (True, False, None, None),
        (True, True, None, None),
        (False, False, None, None),
        (False, True, None, "raw"),
        (False, True, "v5", "v5"),
        (True, False, "v4", "v4"),
    ],
)
def test_a_connection_before_its_first_request(
    labelled: bool, by_query: bool, override: Dialect | None, expected: Dialect | None
) -> None:
    assert detect_opening(labelled=labelled, by_query=by_query, override=override) == expected
