"""``useAgent`` with ``useAgentChat`` (agents 0.32, ai-chat 0.12) on AI SDK 7 and 6 against a running server."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Drive, Server

pytestmark = [pytest.mark.contract, pytest.mark.timeout(700)]

LONG = "60"
"""The last word of the long answer the scenarios ask for."""

COUNT = list(range(1, 61))


@pytest.fixture(params=["v7", "v6"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def roles(messages: list[dict[str, Any]]) -> list[str]:
    return [message["role"] for message in messages]


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [message["id"] for message in messages]


@pytest.mark.parametrize(
    ("scenario", "requests", "continues"), [("tools", 1, True), ("tools-sent-again", 3, False)]
)
def test_tools_of_the_client_continue_one_message(
    drive: Drive, client: str, asking: Server, scenario: str, requests: int, continues: bool
) -> None:
    """Whether the hook asks for a continuation with each result, or the AI SDK sends everything again."""
    result = drive(client, scenario, on=asking)
    assert [(m["role"], m["text"]) for m in result["messages"]] == [
        ("user", "the time and the zone in steps"),
        ("assistant", "Let me see. And the zone. It is 12:00 UTC."),
    ]
    assert result["stored"] == result["messages"]
    assert result["requests"] == requests
    assert result["results"] == [continues, continues]


def test_a_chat(drive: Drive, client: str) -> None:
    result = drive(client, "chat")
    assert result["identity"] == {"agent": "chat", "name": result["session"]}
    assert roles(result["messages"]) == ["user", "assistant"]
    assert result["messages"][1]["text"]
    assert result["stored"] == result["messages"]
    assert result["seqs"] == list(range(len(result["seqs"])))
    assert result["transcriptsToOwner"] == 0
    [terminal] = result["terminals"]
    assert terminal["outcome"] == "completed"
    assert terminal["body"] == ""
    assert terminal["messageIds"] == [result["messages"][0]["id"]]


def test_a_second_turn_knows_the_first(drive: Drive, client: str) -> None:
    messages = drive(client, "two-turns")["messages"]
    assert roles(messages) == ["user", "assistant", "user", "assistant"]
    assert "Ada" in messages[3]["text"]


def test_tool_calls_and_reasoning_arrive_as_they_are_stored(drive: Drive, client: str) -> None:
    result = drive(client, "parts")
    kinds = [[part["type"] for part in parts] for parts in result["parts"]]
    assert kinds == [[part["type"] for part in parts] for parts in result["stored"]]
    assert "tool-get_weather" in kinds[1]
    assert "reasoning" in kinds[3]
    for shown, stored in zip(result["parts"], result["stored"], strict=True):
        for here, there in zip(shown, stored, strict=True):
            for key in ("text", "toolCallId", "input", "output"):
                assert here.get(key) == there.get(key)
    [call] = [part for part in result["parts"][1] if part["type"] == "tool-get_weather"]
    assert call["state"] == "output-available"
    assert call["input"] == {"city": "Oslo"}


def test_history_after_a_reload(drive: Drive, client: str) -> None:
    result = drive(client, "history")
    assert len(result["before"]) == 2
    assert result["after"] == result["before"]


def test_stop_keeps_the_partial_answer(drive: Drive, client: str) -> None:
    result = drive(client, "stop")
    assert result["aborted"]["outcome"] == "aborted"
    assert result["partial"]["role"] == "assistant"
    stored = result["stored"][1]
    assert stored["id"] == result["partial"]["id"]
    assert stored["text"].startswith(result["partial"]["text"])
    assert "300" not in stored["text"]
    assert roles(result["messages"]) == ["user", "assistant", "user", "assistant"]
    assert result["status"] == "ready"


def test_regenerate_replaces_the_answer(drive: Drive, client: str) -> None:
    result = drive(client, "regenerate")
    assert roles(result["messages"]) == ["user", "assistant"]
    assert result["messages"][0] == result["first"][0]
    assert result["messages"][1]["id"] != result["first"][1]["id"]
    assert result["stored"] == result["messages"]


def test_clear_forgets_everywhere(drive: Drive, client: str) -> None:
    result = drive(client, "clear")
    assert result["stored"] == []
    assert roles(result["messages"]) == ["user", "assistant"]
    assert "Zelda" not in result["messages"][1]["text"]


def test_set_messages_reach_the_server_and_the_other_tab(drive: Drive, client: str) -> None:
    result = drive(client, "set-messages")
    assert result["stored"] == [{"id": "u-set", "role": "user", "text": "my name is Grace"}]
    assert "Grace" in result["messages"][-1]["text"]


def test_another_tab_sees_the_answer_live(drive: Drive, client: str) -> None:
    result = drive(client, "observer")
    assert result["liveAt"]["busy"] is True
    assert LONG not in result["liveAt"]["text"]
    assert result["observer"] == result["owner"]


def test_a_dropped_socket_loses_and_doubles_nothing(drive: Drive, client: str) -> None:
    result = drive(client, "resume")
    assert result["opened"] == 2
    assert result["numbers"] == COUNT
    assert roles(result["messages"]) == ["user", "assistant"]
    assert result["stored"] == result["messages"]


def test_a_reload_while_the_answer_streams(drive: Drive, client: str) -> None:
    result = drive(client, "reload")
    assert result["numbers"] == COUNT
    assert roles(result["messages"]) == ["user", "assistant"]


def test_a_socket_that_comes_back_after_the_end(drive: Drive, client: str) -> None:
    result = drive(client, "resume-late")
    assert LONG not in result["cutAt"]["text"]
    assert result["healed"], result["messages"]
    assert result["status"] == "ready"
    assert result["error"] is None
    assert result["numbers"] == COUNT
    assert result["messages"] == result["stored"]


def test_a_message_written_offline(drive: Drive, client: str) -> None:
    result = drive(client, "offline-send")
    assert result["healed"], result["messages"]
    assert roles(result["messages"]) == ["user", "assistant", "user", "assistant"]
    assert result["messages"] == result["stored"]


def test_a_queued_request_can_be_stopped(drive: Drive, client: str) -> None:
    result = drive(client, "queued-cancel")
    assert result["terminal"]["outcome"] == "aborted"
    assert result["terminal"]["body"] == ""
    # The second tab had seen half of the running answer and sent it along: that half is not stored beside the whole,
    # and the whole stands before the message that waited behind it.
    assert roles(result["stored"]) == ["user", "assistant", "user"]
    assert result["stored"][1]["text"].endswith(LONG)
    assert len(set(ids(result["stored"]))) == len(result["stored"])
    assert roles(result["next"])[-2:] == ["user", "assistant"]


def test_an_error_ends_the_turn_and_not_the_chat(drive: Drive, client: str) -> None:
    result = drive(client, "error")
    assert result["message"]
    assert result["failedTerminals"][-1]["done"] is True
    assert result["failedTerminals"][-1]["outcome"] == "error"
    assert [f for f in result["failedTerminals"] if f.get("error")]
    assert result["messages"][-1]["role"] == "assistant"
    assert result["messages"][-1]["text"]


def test_two_sessions_know_nothing_of_each_other(drive: Drive, client: str) -> None:
    result = drive(client, "isolation")
    for mine, theirs, key in (("Ada", "Bob", "first"), ("Bob", "Ada", "second")):
        stored = result["storedFirst" if key == "first" else "storedSecond"]
        for messages in (result[key], stored):
            text = " ".join(message["text"] for message in messages)
            assert mine in messages[-1]["text"]
            assert theirs not in text


def test_state_reaches_the_other_tab_once(drive: Drive, client: str) -> None:
    result = drive(client, "state")
    assert result["state"] == {"theme": "dark", "n": 0}
    assert result["seen"].count({"state": {"theme": "dark", "n": 0}, "source": "server"}) == 1


def test_a_refused_session_id_is_final(drive: Drive, client: str) -> None:
    result = drive(client, "connection-error")
    assert result["message"].startswith("Agent connection closed: ")
    assert len(result["refused"]) == 1
    assert result["reconnects"] == 0
    [close] = result["closes"]
    assert 4000 <= close["code"] < 5000
