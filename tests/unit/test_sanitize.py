"""What is taken out before storing (protocol 3.11)."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.core.sanitize import sanitize


def message(*parts: Any) -> dict[str, Any]:
    return {"id": "a", "role": "assistant", "parts": list(parts)}


def tool(**more: Any) -> dict[str, Any]:
    return {
        "type": "tool-code",
        "toolCallId": "c",
        "state": "output-available",
        "providerExecuted": True,
        **more,
    }


def test_8_9_openai_item_ids_are_stripped_and_other_metadata_kept() -> None:
    openai = {"itemId": "i", "reasoningEncryptedContent": "e"}
    dirty = message(
        {"type": "text", "text": "x", "providerMetadata": {"openai": openai}},
        {"type": "text", "text": "x", "providerMetadata": {"openai": {**openai, "keep": 1}}},
        {
            "type": "text",
            "text": "x",
            "providerMetadata": {"openai": openai, "anthropic": {"signature": "s"}},
        },
        {"type": "tool-t", "toolCallId": "c", "callProviderMetadata": {"openai": openai}},
    )
    before = repr(dirty)
    assert sanitize(dirty) == message(
        {"type": "text", "text": "x"},
        {"type": "text", "text": "x", "providerMetadata": {"openai": {"keep": 1}}},
        {"type": "text", "text": "x", "providerMetadata": {"anthropic": {"signature": "s"}}},
        {"type": "tool-t", "toolCallId": "c"},
    )
    assert repr(dirty) == before


def test_8_9_empty_reasoning_is_dropped_and_other_reasoning_kept() -> None:
    kept = [
        {"type": "reasoning", "text": "hm"},
        {"type": "reasoning", "text": "", "providerMetadata": {"anthropic": {"redactedData": "r"}}},
    ]
    bare = {"type": "reasoning", "text": "", "providerMetadata": {"openai": {"itemId": "i"}}}
    assert sanitize(message({"type": "reasoning", "text": ""}, *kept, bare)) == message(*kept)


def test_long_strings_of_provider_tools_are_cut_to_the_limit() -> None:
    cut = sanitize(
        message(tool(input={"code": "x" * 501}, output=["y" * 600, {"encrypted_content": "z" * 900}]))
    )
    code = cut["parts"][0]["input"]["code"]
    assert code.endswith("x… [truncated, original length: 501]")
    assert len(code) == 500
    assert cut["parts"][0]["output"][0].endswith("… [truncated, original length: 600]")
    assert cut["parts"][0]["output"][1] == {"encrypted_content": "z" * 900}


@pytest.mark.parametrize(
    "part",
    [
        tool(output="x" * 500),
        tool(type="tool-web_search", output="x" * 900),
        tool(type="dynamic-tool", toolName="web_fetch", output="x" * 900),
        tool(providerExecuted=False, output="x" * 900),
        {"type": "text", "text": "x" * 900},
        {"type": "text", "text": "x", "providerMetadata": {"openai": {"other": 1}}},
        {"type": "text", "text": "x", "providerMetadata": {"openai": None}},
        {"type": "text", "text": "x", "providerMetadata": "odd"},
        "not a part",
    ],
)
def test_the_same_object_comes_back_when_nothing_changes(part: Any) -> None:
    clean = message(part)
    assert sanitize(clean) is clean
