"""Laws of the fold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.fold import Fold, continuation_chunk

TYPES = [
    "start", "start-step", "step-start", "finish-step", "text-start", "text-delta", "text-end", "reasoning-start",
    "reasoning-delta", "reasoning-end", "tool-input-start", "tool-input-delta", "tool-input-available",
    "tool-input-error", "tool-output-available", "tool-output-error", "tool-approval-request", "tool-output-denied",
    "tool-approval-response", "source-url", "source-document", "file", "reasoning-file", "custom",
    "steering-message", "data-x", "message-metadata", "error", "abort", "reset-step", "finish", "nope",
]  # fmt: skip
FIELDS = [
    "id", "delta", "toolCallId", "toolName", "input", "inputTextDelta", "output", "errorText", "approvalId",
    "approved", "messageId", "messageMetadata", "providerMetadata", "dynamic", "preliminary", "data", "url",
    "kind", "parts", "sourceId", "citations", "transient", "finishReason",
]  # fmt: skip

json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from(["c1", "c2", "t1", "{}"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
wild = st.builds(
    lambda kind, fields: {"type": kind, **fields},
    st.sampled_from(TYPES) | json,
    st.dictionaries(st.sampled_from(FIELDS), json, max_size=6),
)


@given(chunks=st.lists(wild, max_size=30), again=st.lists(wild, max_size=10))
def test_no_chunk_raises_and_the_message_is_always_whole(chunks: list[Any], again: list[Any]) -> None:
    fold = Fold("m")
    for chunk in chunks:
        fold.apply(chunk)
    message = fold.finish()
    assert isinstance(message["id"], str)
    assert all(isinstance(part["type"], str) for part in message["parts"])
    assert not any(
        p.get("state") == "streaming" for p in message["parts"] if p["type"] in {"text", "reasoning"}
    )
    ids = [part["toolCallId"] for part in message["parts"] if part["type"].startswith("tool-")]
    assert len(ids) == len(set(ids))
    longer = Fold("n", base=message)
    for chunk in again:
        passed = continuation_chunk(longer, chunk)
        if passed is not None:
            longer.apply(passed)
    assert longer.message()["id"] == message["id"]
    assert len(longer.message()["parts"]) >= len(message["parts"])


@given(text=st.text(max_size=40), data=st.data(), named=st.booleans())
def test_how_a_text_is_split_does_not_matter(text: str, data: st.DataObject, named: bool) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    id = {"id": "t"} if named else {}
    whole, split, fast = Fold("m"), Fold("m"), Fold("m")
    for fold in (whole, split, fast):
        fold.apply({"type": "text-start", **id})
    whole.apply({"type": "text-delta", **id, "delta": text})
    for piece in pieces:
        split.apply({"type": "text-delta", **id, "delta": piece})
        if data.draw(st.booleans()):
            split.message()
    fast.text_deltas("t", pieces[:2])
    fast.text_deltas("t", pieces[2:])
    assert whole.message() == split.message() == fast.message()


text_steps = st.one_of(
    st.tuples(st.sampled_from(["text-start", "text-end"]), st.sampled_from(["a", "b"])),
    st.tuples(st.just("text-delta"), st.sampled_from(["a", "b"]), st.text(max_size=3)),
    st.just(("start-step",)),
)


@given(taken=st.lists(text_steps, max_size=12))
def test_the_short_ways_for_text_do_what_its_chunks_do(taken: list[tuple[str, ...]]) -> None:
    whole, fast = Fold("m"), Fold("m")
    for kind, *rest in taken:
        whole.apply({"type": kind, **dict(zip(("id", "delta"), rest, strict=False))})
        match kind:
            case "text-start":
                fast.text_start(rest[0])
            case "text-end":
                fast.text_end(rest[0])
            case "text-delta":
                fast.text_deltas(rest[0], [rest[1]])
            case _:
                fast.apply({"type": kind})
    assert whole.message() == fast.message()
    assert (whole.empty, whole.open_text) == (fast.empty, fast.open_text)


steps = st.lists(
    st.one_of(
        st.builds(lambda t: [{"type": "text-delta", "delta": t}], st.text(max_size=3)),
        st.builds(lambda t: [{"type": "reasoning-delta", "delta": t}], st.text(max_size=3)),
        st.just([{"type": "start-step"}]),
        st.just([{"type": "text-end"}]),
        st.builds(lambda n: [{"type": "data-x", "id": str(n), "data": n}], st.integers(0, 3)),
        st.builds(
            lambda n, kind: [{"type": kind, "toolCallId": f"c{n}", "toolName": "t", "input": {}, "output": n,
                              "errorText": "e", "approvalId": f"p{n}", "approved": True}],
            st.integers(0, 2),
            st.sampled_from(["tool-input-start", "tool-input-available", "tool-output-available",
                             "tool-output-error", "tool-approval-request", "tool-approval-response",
                             "tool-output-denied"]),
        ),
        st.builds(lambda n: [{"type": "message-metadata", "messageMetadata": {str(n): n}}], st.integers(0, 3)),
    ),
    max_size=14,
).map(lambda groups: [chunk for group in groups for chunk in group])  # fmt: skip


@given(chunks=steps, data=st.data())
def test_a_fold_taken_up_from_a_stored_message_ends_the_same(chunks: list[Any], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(chunks)))
    straight, first = Fold("m"), Fold("m")
    for chunk in chunks:
        straight.apply(chunk)
    for chunk in chunks[:cut]:
        first.apply(chunk)
    second = Fold("m", base=first.message())
    for chunk in chunks[cut:]:
        second.apply(chunk)
    assert second.message() == straight.message()
