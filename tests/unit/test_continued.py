"""Continuations as the AI SDK's event stream."""

from __future__ import annotations

import json
from typing import Any

from cutty_agent.core.continued import Continued


def read(*chunks: dict[str, Any], begun: bool = False) -> list[dict[str, Any]]:
    continued = Continued("m1", begun=begun)
    found = [json.loads(body) for chunk in chunks for body in continued.read([json.dumps(chunk).encode()])]
    assert continued.read([]) == []
    return found


def delta(id: str) -> dict[str, Any]:
    return {"type": "text-delta", "id": id, "delta": "x"}


def test_text_that_goes_on_gets_a_beginning_once() -> None:
    end = {"type": "text-end", "id": "t"}
    assert read({"type": "start"}, delta("t"), delta("t"), end, {"type": "finish"}) == [
        {"type": "start", "messageId": "m1"},
        {"type": "text-start", "id": "t"},
        delta("t"),
        delta("t"),
        end,
        {"type": "finish"},
    ]


def test_what_follows_a_result_begins_a_step() -> None:
    start = {"type": "text-start", "id": "t"}
    assert read({"type": "start"}, start, delta("t"))[1:] == [{"type": "start-step"}, start, delta("t")]
    assert read({"type": "start"}, {"type": "start-step"}, start)[1:] == [{"type": "start-step"}, start]
    assert read({"type": "start"}, {"type": "error", "errorText": "e"})[1:] == [
        {"type": "error", "errorText": "e"}
    ]


def test_a_response_begins_once() -> None:
    assert read({"type": "start"}, delta("t"), begun=True)[0] == {"type": "text-start", "id": "t"}
