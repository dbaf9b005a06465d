"""The fold of chunks into one message, protocol 4.3 row by row, and the rules of a continuation (3.8)."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.core.fold import Fold, continuation_chunk

Chunk = dict[str, Any]


def fold(*chunks: Chunk, base: dict[str, Any] | None = None) -> Fold:
    result = Fold("m1", base=base)
    for chunk in chunks:
        result.apply(chunk)
    return result


def parts(*chunks: Chunk) -> list[dict[str, Any]]:
    return fold(*chunks).message()["parts"]


def call(state: str = "input-available", id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"type": "tool-t", "toolCallId": id, "toolName": "t", "state": state, **more}


START = {"type": "tool-input-start", "toolCallId": "c1", "toolName": "t"}
INPUT = {"type": "tool-input-available", "toolCallId": "c1", "toolName": "t", "input": {"a": 1}}
OUTPUT = {"type": "tool-output-available", "toolCallId": "c1", "output": 4}
ASK = {"type": "tool-approval-request", "toolCallId": "c1", "approvalId": "p1"}
DENIED = {"type": "tool-output-denied", "toolCallId": "c1"}
ERROR = {"type": "tool-output-error", "toolCallId": "c1", "errorText": "no"}


def test_the_example_stream_of_the_protocol() -> None:
    message = fold(
        {"type": "start", "messageId": "assistant_1"},
        {"type": "start-step"},
        {"type": "text-start", "id": "t1"},
        {"type": "text-delta", "id": "t1", "delta": "Let me look. "},
        {"type": "text-end", "id": "t1"},
        {"type": "tool-input-start", "toolCallId": "c1", "toolName": "getWeather"},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"city":"Oslo"}'},
        {
            "type": "tool-input-available",
            "toolCallId": "c1",
            "toolName": "getWeather",
            "input": {"city": "Oslo"},
        },
        {"type": "tool-output-available", "toolCallId": "c1", "output": {"temp": 4}},
        {"type": "finish-step"},
        {"type": "finish", "finishReason": "stop", "messageMetadata": {"tokens": 12}},
    )
    assert message.finish_reason == "stop"
    assert message.finish() == {
        "id": "assistant_1",
        "role": "assistant",
        "metadata": {"tokens": 12},
        "parts": [
            {"type": "step-start"},
            {"type": "text", "text": "Let me look. ", "state": "done"},
            {
                "type": "tool-getWeather",
                "toolCallId": "c1",
                "toolName": "getWeather",
                "state": "output-available",
                "input": {"city": "Oslo"},
                "output": {"temp": 4},
            },
        ],
    }


@pytest.mark.parametrize("kind", ["text", "reasoning"])
class TestRuns:
    def test_interleaved_parts_are_told_apart_by_id(self, kind: str) -> None:
        got = parts(
            {"type": f"{kind}-start", "id": "a"},
            {"type": f"{kind}-start", "id": "b"},
            {"type": f"{kind}-delta", "id": "a", "delta": "1"},
            {"type": f"{kind}-delta", "id": "b", "delta": "2"},
            {"type": f"{kind}-delta", "id": "a", "delta": "3"},
            {"type": f"{kind}-end", "id": "a"},
        )
        assert got == [
            {"type": kind, "text": "13", "state": "done"},
            {"type": kind, "text": "2", "state": "streaming"},
        ]

    def test_chunks_without_ids(self, kind: str) -> None:
        got = parts(
            {"type": f"{kind}-start"},
            {"type": f"{kind}-delta", "delta": "a"},
            {"type": f"{kind}-delta", "delta": "b"},
            {"type": f"{kind}-end"},
            {"type": f"{kind}-delta", "delta": "c"},
        )
        assert [(part["text"], part["state"]) for part in got] == [("ab", "done"), ("c", "streaming")]

    def test_a_delta_without_a_start_creates_the_part(self, kind: str) -> None:
        assert parts({"type": f"{kind}-delta", "id": "x", "delta": "a"})[0]["text"] == "a"

    def test_an_id_used_again_after_its_end_is_a_new_part(self, kind: str) -> None:
        got = parts(
            {"type": f"{kind}-start", "id": "0"},
            {"type": f"{kind}-delta", "id": "0", "delta": "a"},
            {"type": f"{kind}-end", "id": "0"},
            {"type": f"{kind}-start", "id": "0"},
            {"type": f"{kind}-delta", "id": "0", "delta": "b"},
        )
        assert [part["text"] for part in got] == ["a", "b"]

    def test_the_end_brings_provider_metadata(self, kind: str) -> None:
        got = parts(
            {"type": f"{kind}-start", "id": "r", "providerMetadata": {"anthropic": {"a": 1}}},
            {"type": f"{kind}-end", "id": "r", "providerMetadata": {"anthropic": {"signature": "s"}}},
        )
        assert got[0]["providerMetadata"] == {"anthropic": {"a": 1, "signature": "s"}}

    def test_an_end_of_an_unknown_id_closes_nothing(self, kind: str) -> None:
        got = parts({"type": f"{kind}-start", "id": "a"}, {"type": f"{kind}-end", "id": "b"})
        assert got[0]["state"] == "streaming"


def test_citations_come_with_the_end_of_a_text() -> None:
    assert parts({"type": "text-start", "id": "a"}, {"type": "text-end", "id": "a", "citations": [1]})[0][
        "citations"
    ] == [1]


TOOL_ROWS: list[tuple[str, list[Chunk], dict[str, Any] | None]] = [
    ("a start", [START], call("input-streaming")),
    ("a dynamic start", [{**START, "dynamic": True}], {**call("input-streaming"), "type": "dynamic-tool"}),
    (
        "a start with extras",
        [{**START, "providerExecuted": True, "title": "T", "providerMetadata": {"p": {"x": 1}}}],
        call("input-streaming", providerExecuted=True, title="T", callProviderMetadata={"p": {"x": 1}}),
    ),
    ("a second start", [INPUT, START], call(input={"a": 1})),
    ("half an input is not stored", [START, {**START, "type": "tool-input-delta", "inputTextDelta": '{"a'}], call("input-streaming")),
    ("an input", [START, INPUT], call(input={"a": 1})),
    ("an input without a start", [INPUT], call(input={"a": 1})),
    ("an input as JSON text", [{**INPUT, "input": '{"a":1}'}], call(input={"a": 1})),
    ("an input of null", [{**INPUT, "input": None}], call(input={})),
    ("an input of an array", [{**INPUT, "input": [1]}], call(input={})),
    ("an input after the output", [INPUT, OUTPUT, {**INPUT, "input": {}}], call("output-available", input={"a": 1}, output=4)),
    ("an input for an approval without one", [START, ASK, INPUT], call("approval-requested", approval={"id": "p1"}, input={"a": 1})),
    ("an input for an approval that has one", [INPUT, ASK, {**INPUT, "input": {"b": 2}}], call("approval-requested", approval={"id": "p1"}, input={"a": 1})),
    ("an input error", [{**INPUT, "type": "tool-input-error", "errorText": "bad"}], call("output-error", input={"a": 1}, errorText="bad")),
    ("an input error keeps what was given", [{**INPUT, "input": "x", "type": "tool-input-error", "errorText": "bad"}], call("output-error", input={}, rawInput="x", errorText="bad")),
    ("an input error after the outcome", [INPUT, OUTPUT, {**INPUT, "type": "tool-input-error"}], call("output-available", input={"a": 1}, output=4)),
    ("an approval request parses the raw input", [START, {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"a":1}'}, ASK], call("approval-requested", input={"a": 1}, approval={"id": "p1"})),
    ("an approval request after the outcome", [INPUT, OUTPUT, ASK], call("output-available", input={"a": 1}, output=4)),
    ("an approval with a descriptor", [INPUT, {**ASK, "approvalDescriptor": {"d": 1}}], call("approval-requested", input={"a": 1}, approval={"id": "p1", "descriptor": {"d": 1}})),
    ("an approval response", [INPUT, ASK, {"type": "tool-approval-response", "approvalId": "p1", "approved": True, "reason": "r"}], call("approval-responded", input={"a": 1}, approval={"id": "p1", "approved": True, "reason": "r"})),
    ("a denial", [INPUT, DENIED], call("output-denied", input={"a": 1})),
    ("a denial after a yes", [INPUT, ASK, {"type": "tool-approval-response", "approvalId": "p1", "approved": True}, DENIED], call("approval-responded", input={"a": 1}, approval={"id": "p1", "approved": True})),
    ("a denial after a no", [INPUT, ASK, {"type": "tool-approval-response", "approvalId": "p1", "approved": False}, DENIED], call("output-denied", input={"a": 1}, approval={"id": "p1", "approved": False})),
    ("an output", [INPUT, OUTPUT], call("output-available", input={"a": 1}, output=4)),
    ("a preliminary output", [INPUT, {**OUTPUT, "preliminary": True}], call("output-available", input={"a": 1}, output=4, preliminary=True)),
    ("the final output after it", [INPUT, {**OUTPUT, "preliminary": True}, {**OUTPUT, "output": 5}], call("output-available", input={"a": 1}, output=5)),
    ("a preliminary output after the final one", [INPUT, OUTPUT, {**OUTPUT, "output": 5, "preliminary": True}], call("output-available", input={"a": 1}, output=4)),
    ("an output after a denial", [INPUT, DENIED, OUTPUT], call("output-denied", input={"a": 1})),
    ("an output with metadata", [INPUT, {**OUTPUT, "providerMetadata": {"p": {"x": 1}}}], call("output-available", input={"a": 1}, output=4, resultProviderMetadata={"p": {"x": 1}})),
    ("an error", [INPUT, ERROR], call("output-error", input={"a": 1}, errorText="no")),
    ("an error after the output", [INPUT, OUTPUT, ERROR], call("output-available", input={"a": 1}, output=4)),
    ("an error after a preliminary output", [INPUT, {**OUTPUT, "preliminary": True}, ERROR], call("output-error", input={"a": 1}, errorText="no")),
    ("an output of an unknown call", [OUTPUT], None),
    ("an error of an unknown call", [ERROR], None),
    ("an approval of an unknown call", [ASK], None),
    ("a start without a name", [{"type": "tool-input-start", "toolCallId": "c1"}], None),
    ("a start with a list for an id", [{**START, "toolCallId": []}], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("chunks", "part"), [row[1:] for row in TOOL_ROWS], ids=[row[0] for row in TOOL_ROWS]
)
def test_tool_calls(chunks: list[Chunk], part: dict[str, Any] | None) -> None:
    assert parts(*chunks) == ([part] if part else [])


@pytest.mark.parametrize(
    "chunk",
    [
        {"type": "file", "url": "data:a", "mediaType": "image/png", "filename": "a.png"},
        {"type": "reasoning-file", "url": "data:a", "mediaType": "image/png"},
        {"type": "source-url", "sourceId": "s", "url": "https://x"},
        {"type": "source-document", "sourceId": "s", "mediaType": "a/b", "title": "T"},
        {"type": "custom", "kind": "openai.x", "providerMetadata": {"openai": {"a": 1}}},
        {"type": "steering-message", "id": "s", "parts": [{"type": "text", "text": "stop"}]},
        {"type": "data-chart", "id": "d", "data": {"x": 1}},
    ],
)
def test_parts_that_are_stored_as_they_come(chunk: Chunk) -> None:
    assert parts(chunk) == [chunk]


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"type": None},
        {"type": 5},
        {"type": "nope"},
        {"type": "tool-nope", "toolCallId": "c"},
        {"type": "text-delta"},
        {"type": "text-delta", "delta": 5},
        {"type": "text-end"},
        {"type": "file"},
        {"type": "custom"},
        {"type": "steering-message", "parts": "x"},
        {"type": "data-x"},
        {"type": "data-x", "data": 1, "transient": True},
        {"type": "finish-step"},
        {"type": "abort"},
        {"type": "error", "errorText": "x"},
        {"type": "start", "messageMetadata": "x"},
        {"type": "tool-approval-response", "approvalId": {}, "approved": "yes"},
    ],
)
def test_chunks_that_leave_no_part(chunk: Chunk) -> None:
    assert fold(chunk).message() == {"id": "m1", "role": "assistant", "parts": []}


def test_data_of_the_same_type_and_id_is_replaced() -> None:
    got = parts(
        {"type": "data-a", "id": "1", "data": 1},
        {"type": "data-b", "id": "1", "data": 2},
        {"type": "data-a", "data": 3},
        {"type": "data-a", "data": 4},
        {"type": "data-a", "id": "1", "data": 5},
    )
    assert [part["data"] for part in got] == [5, 2, 3, 4]


def test_metadata_is_merged_from_start_message_metadata_and_finish() -> None:
    got = fold(
        {"type": "start", "messageMetadata": {"a": 1, "b": 1}},
        {"type": "message-metadata", "messageMetadata": {"b": 2}},
        {"type": "finish", "messageMetadata": {"c": 3}},
    ).message()
    assert got["metadata"] == {"a": 1, "b": 2, "c": 3}


def test_reset_step_throws_the_current_step_away() -> None:
    got = fold(
        {"type": "start-step"},
        {"type": "text-delta", "id": "a", "delta": "kept"},
        {"type": "start-step"},
        {"type": "text-delta", "id": "b", "delta": "gone"},
        INPUT,
        {"type": "reset-step"},
        {"type": "text-delta", "id": "b", "delta": "new"},
        {**INPUT, "input": {"b": 2}},
    )
    assert [part.get("text", part.get("input", part["type"])) for part in got.message()["parts"]] == [
        "step-start",
        "kept",
        "step-start",
        "new",
        {"b": 2},
    ]


def test_reset_step_leaves_the_base_of_a_continuation() -> None:
    base = {"id": "a", "role": "assistant", "parts": [{"type": "text", "text": "old", "state": "done"}]}
    assert (
        fold({"type": "text-delta", "id": "b", "delta": "x"}, {"type": "reset-step"}, base=base).message()
        == base
    )


def test_finish_closes_text_and_leaves_half_inputs() -> None:
    got = fold({"type": "text-delta", "id": "a", "delta": "x"}, START).finish()
    assert [part["state"] for part in got["parts"]] == ["done", "input-streaming"]


def test_a_message_does_not_change_after_it_was_returned() -> None:
    running = fold({"type": "text-delta", "id": "a", "delta": "x"}, INPUT, ASK)
    early = running.message()
    for chunk in (
        {"type": "text-delta", "id": "a", "delta": "y"},
        OUTPUT,
        {"type": "finish", "messageMetadata": {"a": 1}},
    ):
        running.apply(chunk)
    assert early["parts"][0]["text"] == "x"
    assert early["parts"][1]["state"] == "approval-requested"
    assert "metadata" not in early


def test_empty_means_nothing_but_step_starts() -> None:
    assert fold({"type": "start"}, {"type": "start-step"}).empty
    assert not fold({"type": "text-start", "id": "a"}).empty


def test_a_result_and_an_approval_reach_the_running_answer() -> None:
    running = fold(INPUT, {**INPUT, "toolCallId": "c2"}, {**ASK, "toolCallId": "c2"})
    assert running.apply_result("c1", output=1, state="output-available", error_text=None)
    assert not running.apply_result("c1", output=2, state="output-available", error_text=None)
    assert running.apply_approval("c2", True)
    assert not running.apply_approval("nope", True)
    first, second = running.message()["parts"]
    assert (first["output"], second["approval"]) == (1, {"id": "p1", "approved": True})


BASE = {
    "id": "assistant_1",
    "role": "assistant",
    "metadata": {"a": 1},
    "createdBy": "x",
    "parts": [
        {"type": "text", "text": "Hel", "state": "streaming"},
        call("output-available", input={}, output=1),
    ],
}


def continued(*chunks: Chunk, base: dict[str, Any] = BASE) -> tuple[list[Chunk], dict[str, Any]]:
    running = Fold("ignored", base=base)
    sent = []
    for chunk in chunks:
        passed = continuation_chunk(running, chunk)
        if passed is not None:
            running.apply(passed)
            sent.append(passed)
    return sent, running.finish()


def test_8_29_a_continuation_start_has_no_message_id_and_keeps_the_message() -> None:
    sent, message = continued({"type": "start", "messageId": "other", "messageMetadata": {"b": 2}})
    assert sent == [{"type": "start", "messageMetadata": {"b": 2}}]
    assert (message["id"], message["metadata"], message["createdBy"]) == (
        "assistant_1",
        {"a": 1, "b": 2},
        "x",
    )


def test_8_29_reasoning_start_is_kept_in_a_continuation() -> None:
    chunks = [{"type": "reasoning-start", "id": "r"}, {"type": "reasoning-delta", "id": "r", "delta": "hm"}]
    assert continued(*chunks)[0] == chunks


def test_text_flows_into_the_open_text_of_the_base() -> None:
    sent, message = continued(
        {"type": "text-start", "id": "n"},
        {"type": "text-delta", "id": "n", "delta": "lo"},
        {"type": "text-end", "id": "n"},
        {"type": "text-start", "id": "n2"},
        {"type": "text-delta", "id": "n2", "delta": "!"},
    )
    assert [chunk["type"] for chunk in sent] == ["text-delta", "text-end", "text-start", "text-delta"]
    assert [part.get("text") for part in message["parts"]] == ["Hello", None, "!"]


def test_two_texts_at_once_in_a_continuation_stay_two() -> None:
    _, message = continued(
        {"type": "text-start", "id": "a"},
        {"type": "text-start", "id": "b"},
        {"type": "text-delta", "id": "a", "delta": "lo"},
        {"type": "text-delta", "id": "b", "delta": "?"},
    )
    assert [part.get("text") for part in message["parts"]] == ["Hello", None, "?"]


def test_text_after_a_closed_text_is_a_new_part() -> None:
    base = {**BASE, "parts": [{"type": "text", "text": "Hel", "state": "done"}]}
    sent, message = continued(
        {"type": "text-start", "id": "n"}, {"type": "text-delta", "id": "n", "delta": "x"}, base=base
    )
    assert len(sent) == 2
    assert [part["text"] for part in message["parts"]] == ["Hel", "x"]


def test_8_30_a_replayed_settled_call_is_neither_sent_nor_stored() -> None:
    sent, message = continued(
        START, {**START, "type": "tool-input-delta", "inputTextDelta": "{"}, INPUT, ASK, DENIED
    )
    assert sent == []
    assert message["parts"][1] == BASE["parts"][1]


def test_a_half_streamed_call_of_the_base_may_be_completed() -> None:
    sent, message = continued(INPUT, base={**BASE, "parts": [call("input-streaming")]})
    assert sent == [INPUT]
    assert message["parts"] == [call(input={"a": 1})]


def test_8_29_a_chained_approval_keeps_earlier_parts() -> None:
    base = {**BASE, "parts": [call("approval-responded", input={}, approval={"id": "p1", "approved": True})]}
    second = [{**INPUT, "toolCallId": "c2"}, {**ASK, "toolCallId": "c2", "approvalId": "p2"}]
    sent, message = continued(OUTPUT, *second, base=base)
    assert sent == [OUTPUT, *second]
    assert [part["state"] for part in message["parts"]] == ["output-available", "approval-requested"]


def test_the_base_is_not_changed() -> None:
    base = {"id": "a", "role": "assistant", "parts": [call(input={})]}
    fold(OUTPUT, base=base)
    assert base["parts"] == [call(input={})]
