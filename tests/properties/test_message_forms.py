"""Laws of what makes messages storable and readable: once is enough, nothing raises, limits hold."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.compact import compact
from cutty_agent.core.legacy import normalise
from cutty_agent.core.repair import repair
from cutty_agent.core.sanitize import sanitize
from cutty_agent.core.tools import apply_approval, apply_result, pending, settled

json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=3)
    | st.integers(400, 2500).map(lambda n: "x" * n),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["openai", "itemId", "a", "encrypted_b"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = [
    "text", "state", "toolCallId", "toolName", "input", "output", "providerExecuted", "providerMetadata",
    "callProviderMetadata", "approval", "toolInvocation", "source", "data", "mimeType", "url", "reasoning",
]  # fmt: skip
sensible = st.fixed_dictionaries(
    {"type": st.just("tool-t"), "toolCallId": st.sampled_from(["c1", "c2"])},
    optional={
        "state": st.sampled_from(
            ["input-streaming", "input-available", "approval-responded", "output-available"]
        ),
        "input": json,
        "output": json,
        "providerExecuted": st.booleans(),
        "approval": st.just({"id": "p", "approved": True}) | json,
    },
)
odd = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(
        ["text", "reasoning", "tool-t", "dynamic-tool", "tool-invocation", "file", "source", "data-x"]
    )
    | json,
    st.dictionaries(st.sampled_from(KEYS), json, max_size=5),
)
parts = st.lists(sensible | odd | json, max_size=5)
wild = st.fixed_dictionaries(
    {},
    optional={
        "id": json,
        "role": st.sampled_from(["user", "assistant", "data"]) | json,
        "parts": parts | json,
        "content": json,
        "reasoning": json,
        "toolInvocations": json | st.lists(st.just({"toolCallId": "c1", "toolName": "t", "state": "result"})),
        "experimental_attachments": json | st.just([{"url": "data:x"}]),
        "createdAt": json,
        "metadata": json,
    },
)
messages = st.fixed_dictionaries(
    {"id": st.just("m"), "role": st.just("assistant"), "parts": parts}, optional={"metadata": json}
)


@given(message=wild, index=st.integers(0, 9))
def test_normalise_is_idempotent(message: dict[str, Any], index: int) -> None:
    once = normalise(message, index)
    if once is not None:
        assert normalise(once, index + 1) is once
        assert isinstance(once["id"], str)
        assert once["id"]


@given(message=messages)
def test_sanitize_is_idempotent_and_leaves_its_input(message: dict[str, Any]) -> None:
    before = msgspec.json.encode(message)
    once = sanitize(message)
    assert sanitize(once) is once
    assert msgspec.json.encode(message) == before


@given(message=messages, clients=st.sets(st.sampled_from(["t", "x"])))
def test_repair_is_idempotent(message: dict[str, Any], clients: set[str]) -> None:
    once, _ = repair([message], clients)
    assert repair(once, clients) == (once, [])


@given(message=messages, limit=st.integers(1, 8000))
def test_a_compacted_message_fits_or_is_as_small_as_it_gets(message: dict[str, Any], limit: int) -> None:
    got = compact(message, limit)
    if len(msgspec.json.encode(message)) <= limit:
        assert got is message
    elif len(msgspec.json.encode(got)) > limit:
        texts = [
            p["text"] for p in got["parts"] if isinstance(p, dict) and p.get("type") == "text" and "text" in p
        ]
        assert not any(isinstance(text, str) and len(text) > 1000 for text in texts)
        assert compact(got, limit)["parts"] == got["parts"]


@given(message=messages, output=json, approved=st.booleans())
def test_an_answered_call_waits_no_more(message: dict[str, Any], output: Any, approved: bool) -> None:
    for part in pending(message):
        id = part["toolCallId"]
        after = apply_result(message, id, output=output) or message
        assert apply_result(after, id, output=output) is None or len(pending(after)) > 0
    assert settled(message) == (pending(message) == [])
    apply_approval(message, "c1", approved)
