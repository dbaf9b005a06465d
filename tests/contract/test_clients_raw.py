"""Front ends on a bare WebSocket: Cutty's (protocol 5.2), the minimal dialect (5.3), routing of `default` (5.4), v5 by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Drive

pytestmark = [pytest.mark.contract, pytest.mark.timeout(700)]


def assert_one_bubble(bubble: dict[str, Any]) -> None:
    """The front end could read everything, and saw one end, last and done."""
    assert bubble["lost"] == []
    assert len(bubble["ids"]) <= 1
    assert (bubble["ends"], bubble["endIsDone"], bubble["afterEnd"]) == (1, True, 0)


def test_the_cutty_front_end(drive: Drive) -> None:
    result = drive("raw", "cutty")
    for bubble in (result["one"], result["two"], result["failed"]):
        assert_one_bubble(bubble)
        assert bubble["text"]
    assert "Ada" in result["two"]["text"]
    assert result["misread"] == []
    assert all(isinstance(message["content"], str) for message in result["stored"])
    # The answer came back with an id the front end made up: it must not be stored a second time.
    assert [m["role"] for m in result["stored"]][:4] == ["user", "assistant", "user", "assistant"]
    assert [m["content"] for m in result["stored"]].count(result["one"]["text"]) == 1
    assert [m["id"] for m in result["direct"]] == [m["id"] for m in result["stored"]]


def test_the_minimal_dialect(drive: Drive) -> None:
    result = drive("raw", "minimal")
    assert_one_bubble(result["one"])
    assert_one_bubble(result["two"])
    assert "Grace" in result["two"]["text"]
    assert result["misread"] == []
    first = result["stored"][0]
    assert (first["role"], first["content"]) == ("user", "my name is Grace")
    assert first["metadata"] == {"user": "a@b.example", "page": "/generate"}
    assert len(result["stored"]) == 4


def test_default_is_routed_by_query_and_by_header(drive: Drive) -> None:
    result = drive("raw", "default")
    assert result["names"] == result["sessions"]
    for stored, direct, mine, theirs in (
        (result["storedByQuery"], result["direct"][0], "Ada", "Bob"),
        (result["storedByHeader"], result["direct"][1], "Bob", "Ada"),
    ):
        assert [m["id"] for m in stored] == [m["id"] for m in direct]
        text = " ".join(message["content"] for message in stored)
        assert mine in text
        assert theirs not in text


def test_canonical_frames_by_hand(drive: Drive) -> None:
    result = drive("raw", "v5")
    assert result["none"]["reason"] == "idle"
    assert result["none"]["probeId"] == "p1"
    assert result["refused"]["error"] is True
    assert result["terminal"]["outcome"] == "completed"
    assert result["terminal"]["messageIds"] == ["u1"]
    assert result["seqs"] == list(range(len(result["seqs"])))
    assert result["types"][0] == "start"
    assert result["types"][-1] == "finish"
    assert [int(n) for n in re.findall(r"\d+", result["text"])] == [1, 2, 3, 4, 5]
    assert [m["id"] for m in result["stored"]] == ["u1", result["startId"]]
