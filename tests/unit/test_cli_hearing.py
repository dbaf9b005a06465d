"""An answer that is replayed any number of times is told once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.cli.answer import Channel, Hearing


class Ear:
    def __init__(self) -> None:
        self.heard: dict[str, str] = {"text": "", "reasoning": ""}
        self.tools: list[tuple[str, str]] = []
        self.remarks: list[str] = []

    def text(self, channel: Channel, text: str) -> None:
        self.heard[channel] += text

    def tool(self, name: str, call: dict[str, Any]) -> None:
        self.tools.append((name, call["state"]))

    def remark(self, text: str) -> None:
        self.remarks.append(text)


ANSWER: list[dict[str, Any]] = [
    {"type": "start", "messageId": "assistant_1"},
    {"type": "reasoning-start", "id": "r"},
    {"type": "reasoning-delta", "id": "r", "delta": "hmm "},
    {"type": "reasoning-delta", "id": "r", "delta": "yes"},
    {"type": "text-start", "id": "a"},
    {"type": "text-delta", "id": "a", "delta": "Let me "},
    {"type": "text-delta", "id": "a", "delta": "look."},
    {"type": "tool-input-available", "toolCallId": "c", "toolName": "look", "input": {"at": 1}},
    {"type": "tool-output-available", "toolCallId": "c", "output": 7},
    {"type": "text-start", "id": "b"},
    {"type": "text-delta", "id": "b", "delta": "It is "},
    {"type": "text-delta", "id": "b", "delta": "seven."},
    {"type": "finish"},
]
WHOLE = "Let me look.\n\nIt is seven."
STORED = {
    "id": "assistant_1",
    "role": "assistant",
    "parts": [
        {"type": "reasoning", "text": "hmm yes"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool-look", "toolCallId": "c", "state": "output-available", "input": {}, "output": 7},
        {"type": "text", "text": "It is seven."},
    ],
}


@given(st.lists(st.integers(0, len(ANSWER)), max_size=5), st.booleans())
def test_each_word_once_however_often_it_is_cut_off(cuts: list[int], stored: bool) -> None:
    ear = Ear()
    hearing = Hearing(ear)
    for cut in cuts:
        for chunk in ANSWER[:cut]:
            hearing.chunk(chunk)
        hearing.again()
    if stored:
        hearing.message(STORED)
    else:
        for chunk in ANSWER:
            hearing.chunk(chunk)
    assert ear.heard == {"text": WHOLE, "reasoning": "hmm yes"}
    assert ear.tools == [("look", "output-available")]
    assert ear.remarks == []
    assert hearing.text == WHOLE


def test_a_replay_in_other_pieces_is_told_once() -> None:
    ear = Ear()
    hearing = Hearing(ear)
    for piece in ("on", "e t", "wo"):
        hearing.chunk({"type": "text-delta", "delta": piece})
    hearing.again()
    for piece in ("one two thr", "ee"):
        hearing.chunk({"type": "text-delta", "delta": piece})
    assert ear.heard["text"] == "one two three"


def test_an_answer_that_was_begun_anew_is_told_as_such() -> None:
    ear = Ear()
    hearing = Hearing(ear)
    hearing.chunk({"type": "text-delta", "delta": "Good morning"})
    hearing.again()
    hearing.chunk({"type": "text-delta", "delta": "Hello"})
    hearing.chunk({"type": "text-delta", "delta": " you"})
    assert ear.heard["text"] == "Good morningHello you"
    assert len(ear.remarks) == 1
    assert hearing.text == "Hello you"
