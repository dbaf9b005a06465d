"""A request that is read only as far as it is new means the same as one that is read whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cutty_agent.core.reconcile import Merge, reconcile
from cutty_agent.session.echo import Echo
from cutty_agent.session.transcript import Transcript
from cutty_agent.wire import repeat
from cutty_agent.wire.client import ChatRequest, decode_body, decode_frame

Message = dict[str, Any]

words = st.sampled_from(["a", "b", 'quo"te', "back\\slash", "ü€", "\n\t\x01", '{"messages":[', "]", ""])
ids = st.sampled_from([f"m{n}" for n in range(6)])
messages = st.builds(
    lambda id, role, text: {"id": id, "role": role, "parts": [{"type": "text", "text": text}]},
    ids,
    st.sampled_from(["user", "user", "assistant"]),
    words,
)
calls = st.builds(
    lambda id, state: {
        "id": id,
        "role": "assistant",
        "parts": [{"type": "tool-t", "toolCallId": "c1", "state": state, "input": {}, "output": 1}],
    },
    ids,
    st.sampled_from(["input-available", "output-available"]),
)
junk = st.sampled_from([{}, {"id": "m1"}, {"role": "user", "content": "a"}, {"id": "m2", "role": "data"}])
steps = st.one_of(
    st.tuples(st.just("more"), st.lists(messages | calls | junk, min_size=1, max_size=3)),  # the usual
    st.tuples(st.just("answer"), words),
    st.tuples(st.just("other"), st.lists(messages | junk, max_size=4)),  # another list altogether
    st.tuples(st.just("fewer"), st.integers(0, 5)),
    st.tuples(st.just("edit"), st.tuples(st.integers(0, 5), words)),
    st.tuples(st.just("extra"), st.lists(messages, min_size=1, max_size=2)),  # the same once more, elsewhere
)


class Side:
    """A session reduced to its transcript."""

    def __init__(self, *, echoes: bool) -> None:
        self.transcript = Transcript([])
        self.echo = Echo(self.transcript) if echoes else None
        self.cuts = 0

    def take(self, text: bytes) -> Merge:
        echo = self.echo or Echo(self.transcript)
        cut = echo.cut(text)
        self.cuts += cut.repeat is not None
        frame = decode_frame(cut.short)
        assert isinstance(frame, ChatRequest)
        body, _ = decode_body(frame.init.body or "")
        assert isinstance(body.messages, list)
        merge = reconcile(
            self.transcript.rows,
            body.messages,
            delete_missing=True,
            by_id=self.transcript.by_id,
            known=cut.known,
        )
        self.transcript.rows = merge.rows
        echo.note(cut, body.messages, merge)
        return merge


@pytest.fixture(autouse=True, scope="module")
def _short_ones_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeat, "LEAST", 1)
        yield


def chat_request(said: list[Message], number: int, **extra: Any) -> bytes:
    """As a browser writes it."""
    body = json.dumps(
        {"messages": said, "trigger": "submit-message", **extra}, ensure_ascii=False, separators=(",", ":")
    )
    frame = {
        "id": f"r{number}",
        "init": {"method": "POST", "body": body},
        "type": "cf_agent_use_chat_request",
    }
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()


MORE = [{"id": f"m{n}", "role": "user", "parts": [{"type": "text", "text": "a"}]} for n in range(6)]


@given(script=st.lists(steps, max_size=12), prepares=st.booleans())
@example(
    script=[("more", MORE[:2]), ("more", MORE[2:3]), ("answer", "b"), ("more", MORE[3:4])], prepares=True
)
@example(script=[("more", MORE[:1]), ("extra", MORE[1:2]), ("more", MORE[2:3])], prepares=False)
def test_cut_or_whole_is_the_same(script: list[tuple[str, Any]], prepares: bool) -> None:
    cutting, whole = Side(echoes=True), Side(echoes=False)
    said: list[Message] = []
    for number, (kind, what) in enumerate(script):
        extra: Message = {}
        match kind:
            case "more":
                said = [*said, *what]
            case "answer":
                answer = {
                    "id": f"answer{number}",
                    "role": "assistant",
                    "parts": [{"type": "text", "text": what}],
                }
                for side in (cutting, whole):
                    row = reconcile(
                        [], [json.dumps(answer).encode()], delete_missing=False, trust_client=True
                    ).put
                    side.transcript.rows = [*side.transcript.rows, *row]
                said = [*said, answer]
                continue
            case "other":
                said = list(what)
            case "fewer":
                said = said[:what]
            case "edit":
                at, text = what
                said = [
                    {**each, "parts": [{"type": "text", "text": text}]} if index == at else each
                    for index, each in enumerate(said)
                ]
            case _:
                said = [*said, *what]
                extra = {"again": {"messages": said}, "messages2": said[-1:]}
        text = chat_request(said, number, **extra)
        one, other = cutting.take(text), whole.take(text)
        assert (one.rows, one.put, one.delete) == (other.rows, other.put, other.delete)
        assert (one.new_user_ids, one.trailing_user_ids) == (other.new_user_ids, other.trailing_user_ids)
        if prepares and cutting.echo is not None:
            cutting.echo.prepare()
            assert not cutting.echo.unprepared


def test_a_conversation_that_grows_is_cut_each_time() -> None:
    side = Side(echoes=True)
    for count in range(1, 6):
        side.take(chat_request(MORE[:count], count))
    assert side.cuts == 4
    assert [row.id for row in side.transcript.rows] == ["m0", "m1", "m2", "m3", "m4"]


def test_a_list_that_only_looks_longer_is_read_whole() -> None:
    """The last message stands once more behind the list, and a comma follows what would be taken for the list."""
    side = Side(echoes=True)
    first = chat_request(MORE[:2], 1, behind=[MORE[1]])
    side.take(first)
    assert side.echo is not None
    # The same text up to the place behind the list, and then one more message there.
    second = chat_request(MORE[:2], 2, behind=[MORE[1], MORE[2]])
    assert side.echo.cut(second).repeat is None
    side.take(second)
    assert [row.id for row in side.transcript.rows] == ["m0", "m1"]
