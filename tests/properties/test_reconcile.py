"""Laws of reconciliation: nothing doubled, nothing lost, nothing moved, and once is enough."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from cutty_agent.core.reconcile import Row, reconcile
from cutty_agent.core.sanitize import sanitize
from cutty_agent.wire.chunks import UIMessage

texts = st.sampled_from(["a", "b", "a b", ""])
states = st.sampled_from(
    ["input-streaming", "input-available", "approval-requested", "output-available", "output-error"]
)
tools = st.builds(
    lambda id, state: {
        "type": "tool-t",
        "toolCallId": id,
        "toolName": "t",
        "state": state,
        "input": {},
        "output": id,
    },
    st.sampled_from(["c1", "c2"]),
    states,
)
parts = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, texts) | tools,
    max_size=3,
    unique_by=lambda part: part.get("toolCallId", part.get("text")),
)
named = st.builds(
    lambda id, role, parts: {"id": id, "role": role, "parts": parts},
    st.sampled_from([f"m{n}" for n in range(8)]),
    st.sampled_from(["user", "assistant", "system"]),
    parts,
)
bare = st.builds(
    lambda id, role, text: {"id": id, "role": role, "content": text},
    st.sampled_from(["m1", "m2", "x1", 5]),
    st.sampled_from(["user", "assistant", "data"]),
    texts,
)
nameless = st.builds(lambda text: {"role": "user", "content": text}, texts)
junk = st.sampled_from(
    [{}, {"id": "m1"}, {"id": "m1", "role": "robot", "parts": []}, {"id": None, "role": [], "parts": 5}]
)
transcripts = st.lists(named, max_size=6, unique_by=lambda message: message["id"])
requests = st.lists(named | bare | junk, max_size=6)


def rows(messages: list[dict[str, Any]]) -> list[Row]:
    return [Row.of(message) for message in messages]


def bodies(messages: list[dict[str, Any]]) -> list[bytes]:
    return [msgspec.json.encode(message) for message in messages]


@given(
    stored=transcripts,
    incoming=st.lists(named | bare | junk | nameless, max_size=6),
    delete=st.booleans(),
    trust=st.booleans(),
)
def test_ids_stay_unique_and_stored_rows_keep_their_order(
    stored: list[Any], incoming: list[Any], delete: bool, trust: bool
) -> None:
    before = rows(stored)
    merge = reconcile(before, bodies(incoming), delete_missing=delete, trust_client=trust)
    ids = [row.id for row in merge.rows]
    assert len(ids) == len(set(ids))
    kept = [row.id for row in before if row.id not in merge.delete]
    assert ids[: len(kept)] == kept
    if not delete:
        assert merge.delete == ()
    assert [row for row in merge.rows if row not in before] == merge.put
    assert set(merge.new_user_ids) <= {row.id for row in merge.put}
    for row in merge.rows:
        message = row.message()
        assert (message["id"], message["role"]) == (row.id, row.role)


@given(stored=transcripts, incoming=requests, delete=st.booleans(), trust=st.booleans())
@example(
    stored=[{"id": "m0", "role": "assistant", "parts": []}],
    incoming=[
        {"id": "m2", "role": "assistant", "content": "a"},
        {"id": "m2", "role": "assistant", "parts": []},
    ],
    delete=False,
    trust=True,
)
def test_the_same_request_again_changes_nothing(
    stored: list[Any], incoming: list[Any], delete: bool, trust: bool
) -> None:
    once = reconcile(rows(stored), bodies(incoming), delete_missing=delete, trust_client=trust)
    fresh = [Row(row.id, row.role, row.body) for row in once.rows]  # nothing remembered
    twice = reconcile(fresh, bodies(incoming), delete_missing=False, trust_client=trust)
    assert twice.rows == once.rows
    echo = reconcile(once.rows, [row.body for row in once.rows], delete_missing=delete, trust_client=trust)
    assert (echo.rows, echo.put, echo.delete) == (once.rows, [], ())


@given(stored=transcripts, incoming=requests)
def test_without_trust_no_stored_answer_changes_but_for_calls_that_waited(
    stored: list[Any], incoming: list[Any]
) -> None:
    merge = reconcile(rows(stored), bodies(incoming), delete_missing=False)
    known = {message["id"]: message for message in stored}
    for row in merge.rows:
        if row.role != "assistant":
            continue
        old, new = known[row.id]["parts"], row.message()["parts"]
        assert len(old) == len(new)
        for before, after in zip(old, new, strict=True):
            assert before == after or before["state"] in {"input-available", "approval-requested"}


@given(stored=transcripts, sent=named | bare | nameless | junk, delete=st.booleans())
def test_one_message_needs_no_merging_and_is_taken_the_same(
    stored: list[Any], sent: Any, delete: bool
) -> None:
    def read_in_full(message: UIMessage) -> UIMessage:
        return sanitize(message)

    merge = reconcile(rows(stored), bodies([sent]), delete_missing=delete)
    long = reconcile(rows(stored), bodies([sent]), delete_missing=delete, prepare=read_in_full)
    assert [row.message() for row in merge.rows] == [row.message() for row in long.rows]
    assert [row.id for row in merge.put] == [row.id for row in long.put]
    assert (merge.delete, merge.new_user_ids, merge.trailing_user_ids) == (
        long.delete,
        long.new_user_ids,
        long.trailing_user_ids,
    )
    assert (merge.sent is None) == (long.sent is None)
