"""Which message of an old file goes where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cutty_agent.core.history_import import PREFIX, History, Imported, Skipped
from cutty_agent.core.rows import load

MINUTE = 60_000


def read(*values: Any, split_min: int = 30) -> list[Imported | Skipped]:
    history = History(owner_field="user", session_field="sessionId", split_idle_ms=split_min * MINUTE)
    texts = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    return [each for number, text in enumerate(texts, 1) for each in history.read(number, text)]


def said(text: str, *, role: str = "user", at_min: float | None = None, **metadata: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": text}
    if metadata:
        message["metadata"] = metadata
    if at_min is not None:
        message["createdAt"] = 1_700_000_000_000 + round(at_min * MINUTE)
    return message


def answer(text: str, **more: Any) -> dict[str, Any]:
    return said(text, role="assistant", **more)


def places(found: list[Imported | Skipped]) -> dict[str, list[str]]:
    """The texts of each session, in order."""
    by_session: dict[str, list[str]] = {}
    for each in found:
        assert isinstance(each, Imported), each
        by_session.setdefault(each.session, []).append(json.loads(each.body)["parts"][0]["text"])
    return by_session


def test_sessions_and_owners_are_read_from_metadata() -> None:
    found = read(
        said("hi", user="ada", sessionId="s1"),
        answer("hello Ada"),
        said("yo", user="bob", sessionId="s2"),
        answer("hello Bob"),
        said("more", user="ada", sessionId="s1"),
    )
    assert places(found) == {"s1": ["hi", "hello Ada", "more"], "s2": ["yo", "hello Bob"]}
    assert [each.owner for each in found if isinstance(each, Imported)] == ["ada", "ada", "bob", "bob", "ada"]


def test_two_owners_of_one_session_id_never_share_it() -> None:
    found = read(said("mine", user="ada", sessionId="x"), said("yours", user="bob", sessionId="x"))
    first, second = (each for each in found if isinstance(each, Imported))
    assert first.session == "x"
    assert second.session.startswith(PREFIX)
    assert (first.owner, second.owner) == ("ada", "bob")


def test_an_answer_that_may_be_to_either_of_two_people_goes_to_neither() -> None:
    found = read(
        said("a?", user="ada"), said("b?", user="bob"), answer("for one"), answer("for the other"),
        said("c?", user="ada"), answer("for ada"),
    )  # fmt: skip
    assert [(each.line, type(each).__name__) for each in found] == [
        (1, "Imported"), (2, "Imported"), (3, "Skipped"), (4, "Skipped"), (5, "Imported"), (6, "Imported"),
    ]  # fmt: skip
    kept = [each for each in found if isinstance(each, Imported)]
    assert list(places(kept).values()) == [["a?", "c?", "for ada"], ["b?"]]


def test_a_pause_begins_a_new_session_where_none_is_named() -> None:
    found = read(
        said("1", user="ada", at_min=0), said("2", user="ada", at_min=29), said("3", user="ada", at_min=60),
        said("x", user="bob", at_min=61), said("4", user="ada", at_min=62),
    )  # fmt: skip
    assert list(places(found).values()) == [["1", "2"], ["3", "4"], ["x"]]


def test_without_times_owners_and_sessions_all_is_one_session() -> None:
    assert list(places(read(said("1"), answer("2"), said("3"), answer("4"))).values()) == [
        ["1", "2", "3", "4"]
    ]


@pytest.mark.parametrize("shared", ["default", "default-session"])
def test_the_name_of_the_shared_session_tells_nothing(shared: str) -> None:
    found = read(
        said("1", user="ada", sessionId=shared), said("2", user="bob", sessionId=shared),
        said("3", user="ada", sessionId=shared),
    )  # fmt: skip
    assert list(places(found).values()) == [["1", "3"], ["2"]]
    assert shared not in places(found)


def test_a_conversation_a_line() -> None:
    found = read(
        {"id": "c1", "user": "ada", "messages": [said("1"), answer("2")]},
        {"messages": [said("3"), answer("4")]},
        [said("5"), answer("6")],
        {"id": "c1", "user": "ada", "messages": [said("7")]},
        {"id": "default", "messages": [said("8", user="ada"), answer("9"), said("10", user="bob")]},
    )
    names = places(found)
    assert names["c1"] == ["1", "2", "7"]
    assert list(names.values())[1:] == [["3", "4"], ["5", "6"], ["8", "9"], ["10"]]


def test_equal_conversations_without_a_name_stay_apart() -> None:
    assert len(places(read([said("hi")], [said("hi")]))) == 2


def test_both_generations_become_messages_of_today() -> None:
    found = read(
        {"id": 1, "role": "user", "content": "old", "createdAt": "2025-01-01T10:00:00Z"},
        {
            "role": "assistant",
            "content": "4",
            "toolInvocations": [
                {"toolCallId": "c", "toolName": "add", "args": {"a": 2}, "result": 4, "state": "result"}
            ],
        },
        {
            "id": "u2",
            "role": "user",
            "parts": [{"type": "text", "text": "new"}],
            "sessionId": "",
            "user": None,
        },
    )
    rows = load([each.body for each in found if isinstance(each, Imported)])
    assert [row.role for row in rows] == ["user", "assistant", "user"]
    assert rows[1].message()["parts"][1]["output"] == 4
    assert rows[0].message()["metadata"] == {"createdAt": "2025-01-01T10:00:00Z"}
    assert "sessionId" not in rows[2].message()


def test_a_second_reading_gives_the_same_and_repetitions_stay() -> None:
    lines = [
        said("yes", user="ada"),
        said("yes", user="ada"),
        said("yes", user="bob"),
        said("no", user="ada"),
    ]
    first, second = read(*lines), read(*lines)
    assert first == second
    ids = [(each.session, each.id) for each in first if isinstance(each, Imported)]
    assert len(ids) == len(set(ids)) == 4
    assert all(id.startswith(PREFIX) for _, id in ids)
    # lines that are added later change nothing of what was before
    assert read(*lines, said("more", user="ada"))[:4] == first


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "not JSON"),
        (b"[", "JSON array"),
        (b'"text"', "not an object"),
        (b"7", "not an object"),
        (b"{}", "no role"),
        (b'{"role":"robot","content":"x"}', "no role"),
        (b'{"role":"user"}', "neither parts nor content"),
        (b'{"role":"user","content":""}', "empty"),
        (b'{"messages":[7]}', "not an object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"role":"user","content":"x","data":' + b"[" * 400 + b"]" * 400 + b"}", "too deep"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_bad_lines_are_named_with_their_number(line: bytes, reason: str) -> None:
    found = read(said("1"), line, said("2"))
    [bad] = [each for each in found if isinstance(each, Skipped)]
    assert bad.line == 2
    assert reason in bad.reason
    assert len(found) == 3


def test_empty_lines_and_byte_order_marks_are_nothing() -> None:
    assert read(b"", b"  \r\n") == []
    assert len(places(read(b'\xef\xbb\xbf{"role":"user","content":"x"}\r\n'))) == 1


def test_an_id_no_address_may_have_is_replaced() -> None:
    [found] = read(said("x", sessionId="a/b?c"))
    assert isinstance(found, Imported)
    assert found.session.startswith(PREFIX)
    assert found == read(said("x", sessionId="a/b?c"))[0]
