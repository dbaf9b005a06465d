"""AI SDK 5 ``useChat`` with ``DefaultChatTransport`` against the address of a session."""

from __future__ import annotations

import pytest

from .conftest import Drive, Server

pytestmark = [pytest.mark.contract, pytest.mark.timeout(700)]


def test_a_chat(drive: Drive) -> None:
    result = drive("http5", "chat")
    assert [m["role"] for m in result["messages"]] == ["user", "assistant", "user", "assistant"]
    assert "Ada" in result["messages"][3]["text"]
    assert result["stored"] == result["messages"]
    for call in result["calls"]:
        assert call["status"] == 200
        assert call["headers"]["content-type"].startswith("text/event-stream")
        assert call["headers"]["x-vercel-ai-ui-message-stream"] == "v1"
        assert call["headers"]["cache-control"] == "no-cache"
        assert call["headers"]["x-accel-buffering"] == "no"


def test_tool_calls_and_reasoning_pass_the_schema_of_the_client(drive: Drive) -> None:
    result = drive("http5", "parts")
    kinds = [[part["type"] for part in parts] for parts in result["parts"]]
    assert kinds == [[part["type"] for part in parts] for parts in result["stored"]]
    assert "tool-get_weather" in kinds[1]
    assert "reasoning" in kinds[3]


def test_history(drive: Drive) -> None:
    result = drive("http5", "history")
    assert [m["role"] for m in result["loaded"]] == ["user", "assistant"]
    assert "Grace" in result["messages"][-1]["text"]
    assert result["stored"] == result["messages"]


def test_tools_of_the_client_continue_one_message(drive: Drive, asking: Server) -> None:
    result = drive("http5", "tools", on=asking)
    assert [(m["role"], m["text"]) for m in result["messages"]] == [
        ("user", "the time and the zone in steps"),
        ("assistant", "Let me see. And the zone. It is 12:00 UTC."),
    ]
    assert result["stored"] == result["messages"]
    assert len(result["calls"]) == 3


def test_a_result_is_answered_once_by_a_handler_that_only_yields_text(drive: Drive, asking: Server) -> None:
    result = drive("http5", "tools-plain", on=asking)
    assert [(m["role"], m["text"]) for m in result["messages"]] == [
        ("user", "the time"),
        ("assistant", "Let me see. It is 12:00."),
    ]
    assert result["stored"] == result["messages"]
    assert len(result["calls"]) == 2


def test_regenerate(drive: Drive) -> None:
    result = drive("http5", "regenerate")
    assert result["messages"][0] == result["first"][0]
    assert result["stored"] == result["messages"]


def test_resume_replays_from_the_start(drive: Drive) -> None:
    result = drive("http5", "resume")
    assert result["numbers"] == list(range(1, 61))
    assert [m["role"] for m in result["messages"]] == ["user", "assistant"]
    assert result["stored"] == result["messages"]
    assert result["streams"] == [200, 204]
    assert result["late"] == result["messages"]


def test_stop(drive: Drive) -> None:
    result = drive("http5", "stop")
    assert 200 <= result["stopStatus"] < 300
    assert result["partial"]["role"] == "assistant"
    assert "300" not in result["stored"][1]["text"]
    assert result["stored"][1]["text"].startswith(result["partial"]["text"])
    assert [m["role"] for m in result["messages"]] == ["user", "assistant", "user", "assistant"]


def test_an_error(drive: Drive) -> None:
    result = drive("http5", "error")
    assert result["message"]
    assert result["messages"][-1]["role"] == "assistant"
    assert result["messages"][-1]["text"]
