"""agents 0.0.106 on AI SDK 4: the hook against a running server, and its parser on translated streams."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutty_agent.core.v4 import V4Stream
from cutty_agent.wire.chunks import Chunk

from .conftest import Drive, Server

pytestmark = [pytest.mark.contract, pytest.mark.timeout(700)]


def test_text(drive: Drive) -> None:
    result = drive("v4", "text")
    messages = result["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant"]
    assert "Ada" in messages[3]["content"]
    for message in messages:
        assert message["parts"] == message["content"]
    assert result["transcriptsToOwner"] == 0
    assert set(result["codes"]) <= set("f0ed2")
    assert [(m["id"], m["content"]) for m in result["stored"]] == [(m["id"], m["content"]) for m in messages]


def test_a_tool_call_and_reasoning(drive: Drive) -> None:
    result = drive("v4", "tool")
    first = result["first"]
    assert "Oslo" in first["content"]
    assert first["parts"] == ["step-start", "tool-invocation", "step-start", "text"]
    [call] = first["calls"]
    assert (call["state"], call["toolName"], call["args"]) == ("result", "get_weather", {"city": "Oslo"})
    assert call["result"]["city"] == "Oslo"
    assert "cuttlefish" in result["reasoning"]
    assert "cuttlefish" in result["content"]


def test_plain_use_chat_over_http(drive: Drive) -> None:
    result = drive("v4", "http")
    assert "Ada" in result["messages"][3]["content"]
    # This client sends no ids: its own messages are told apart by what they say, those of the assistant keep theirs.
    assert [(m["role"], m["content"]) for m in result["stored"]] == [
        (m["role"], m["content"]) for m in result["messages"]
    ]
    stored, shown = (
        [m["id"] for m in result[which] if m["role"] == "assistant"] for which in ("stored", "messages")
    )
    assert stored == shown
    for response in result["responses"]:
        assert response["status"] == 200
        assert response["headers"]["content-type"] == "text/plain; charset=utf-8"
        assert response["headers"]["x-vercel-ai-data-stream"] == "v1"


def test_clear(drive: Drive) -> None:
    result = drive("v4", "clear")
    assert result["stored"] == []
    assert [m["role"] for m in result["messages"]] == ["user", "assistant"]
    assert "Zelda" not in result["messages"][1]["content"]


def test_history(drive: Drive) -> None:
    result = drive("v4", "history")
    assert result["loaded"] == result["before"]
    assert "Ada" in result["messages"][-1]["content"]
    assert len(result["stored"]) == len({m["id"] for m in result["stored"]}) == 4


def test_the_other_tab(drive: Drive) -> None:
    result = drive("v4", "other-tab")
    assert "Ada" in result["other"][5]["content"]
    assert result["other"] == result["owner"]


def test_an_error(drive: Drive) -> None:
    result = drive("v4", "error")
    assert result["message"]
    assert result["messages"][-1]["role"] == "assistant"
    assert result["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("scenario", "content", "results", "requests"),
    [
        ("client-tool", "Let me see. It is 12:00.", ["12:00"], 2),
        ("client-tools-in-turn", "Let me see. And the zone. It is 12:00 UTC.", ["12:00", "UTC"], 3),
        ("client-tools-in-steps", "Let me see. And the zone. It is 12:00 UTC.", ["12:00", "UTC"], 3),
        ("client-tools-slowly", "Let me see. And the zone. It is 12:00 UTC.", ["12:00", "UTC"], 3),
        ("confirmed", "Let me see. It is Yes, confirmed..", ["Yes, confirmed."], 2),
    ],
)
def test_tools_of_the_client_continue_one_message(
    drive: Drive, asking: Server, scenario: str, content: str, results: list[str], requests: int
) -> None:
    result = drive("v4", scenario, on=asking)
    for seen in ("page", "stored", "reloaded"):
        assert [m["role"] for m in result[seen]] == ["user", "assistant"], seen
        assert result[seen][1]["content"] == content, seen
    assert [call[1:] for call in result["page"][1]["calls"]] == [["result", value] for value in results]
    assert len({result[seen][1]["id"] for seen in ("page", "stored", "reloaded")}) == 1
    assert result["sent"] == requests


def test_tools_of_the_client_over_http_continue_one_message(drive: Drive, asking: Server) -> None:
    result = drive("v4", "client-tool-http", on=asking)
    for seen in ("page", "stored"):
        assert [m["role"] for m in result[seen]] == ["user", "assistant"], seen
        assert result[seen][1]["content"] == "Let me see. And the zone. It is 12:00 UTC.", seen
    assert result["sent"] == 3


Parse = Callable[[list[Chunk], str | None], dict[str, Any]]


@pytest.fixture
def parse(node: str, installed: Callable[[str], Path]) -> Parse:
    """What the parser of AI SDK 4 makes of chunks after translation."""
    folder = installed("v4")

    def run(chunks: list[Chunk], error: str | None) -> dict[str, Any]:
        stream = V4Stream()
        lines = [line for chunk in chunks for line in stream.feed(chunk)]
        lines += stream.close("completed" if error is None else "error", error)
        ran = subprocess.run(
            [node, "parse.mjs"],
            cwd=folder,
            input="".join(lines),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        parsed: dict[str, Any] = json.loads(ran.stdout)
        return parsed

    return run


def test_a_tool_turn_as_the_client_sees_it(parse: Parse) -> None:
    parsed = parse(
        [
            {"type": "start", "messageId": "assistant_1"},
            {"type": "start-step"},
            {"type": "reasoning-start", "id": "r"},
            {"type": "reasoning-delta", "id": "r", "delta": "Oslo is cold."},
            {"type": "reasoning-end", "id": "r", "providerMetadata": {"anthropic": {"signature": "sig"}}},
            {"type": "tool-input-start", "toolCallId": "c1", "toolName": "getWeather"},
            {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"city":"Oslo"}'},
            {
                "type": "tool-input-available",
                "toolCallId": "c1",
                "toolName": "getWeather",
                "input": {"city": "Oslo"},
            },
            {"type": "tool-output-error", "toolCallId": "c1", "errorText": "no sensor"},
            {"type": "tool-output-available", "toolCallId": "elsewhere", "output": 1},
            {"type": "finish-step"},
            {"type": "start-step"},
            {"type": "text-start", "id": "t"},
            {"type": "text-delta", "id": "t", "delta": "I could "},
            {"type": "text-delta", "id": "t", "delta": "not look."},
            {"type": "text-end", "id": "t"},
            {"type": "source-url", "sourceId": "s", "url": "https://x.example"},
            {"type": "file", "url": "data:text/plain;base64,QUJD", "mediaType": "text/plain"},
            {"type": "data-note", "data": {"n": 1}},
            {"type": "finish-step"},
            {
                "type": "finish",
                "finishReason": "stop",
                "messageMetadata": {"usage": {"inputTokens": 3, "outputTokens": 4}},
            },
        ],
        None,
    )
    assert "error" not in parsed
    message = parsed["message"]
    assert message["id"] == "assistant_1"
    assert message["content"] == "I could not look."
    assert message["reasoning"] == "Oslo is cold."
    [invocation] = message["toolInvocations"]
    assert invocation["state"] == "result"
    assert invocation["args"] == {"city": "Oslo"}
    assert invocation["result"] == "no sensor"
    kinds = [part["type"] for part in message["parts"]]
    assert kinds == [
        "step-start",
        "reasoning",
        "tool-invocation",
        "step-start",
        "text",
        "source",
        "file",
    ]
    assert message["parts"][1]["details"] == [{"type": "text", "text": "Oslo is cold.", "signature": "sig"}]
    assert parsed["data"] == [{"type": "data-note", "data": {"n": 1}}]
    assert parsed["finishReason"] == "stop"
    assert parsed["usage"] == {"promptTokens": 3, "completionTokens": 4, "totalTokens": 7}


def test_a_failed_turn_as_the_client_sees_it(parse: Parse) -> None:
    parsed = parse(
        [{"type": "start", "messageId": "a"}, {"type": "text-delta", "delta": "half"}], "the model failed"
    )
    assert parsed["error"] == "the model failed"
    assert parsed["message"]["content"] == "half"
