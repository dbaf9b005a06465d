"""Compaction to a byte limit, in the form clients know, and trimming (protocol 3.11)."""

from __future__ import annotations

from typing import Any

import msgspec

from cutty_agent.core.compact import compact, shortened


def tool(output: Any, id: str = "c1", state: str = "output-available") -> dict[str, Any]:
    return {"type": "tool-t", "toolCallId": id, "state": state, "input": {}, "output": output}


def message(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"id": "a", "role": "assistant", "parts": list(parts), **more}


def size(value: Any) -> int:
    return len(msgspec.json.encode(value))


def test_a_message_that_fits_is_the_same_object() -> None:
    whole = message(tool("x" * 5000))
    assert compact(whole, size(whole)) is whole


def test_tool_outputs_go_first_and_are_named() -> None:
    whole = message(
        tool("x" * 5000), tool("y" * 1000, "c2"), {"type": "text", "text": "z" * 2000}, metadata={"k": 1}
    )
    got = compact(whole, 5000)
    assert got["parts"][0]["output"] == "x" * 500 + "... [truncated 4500 chars]"
    assert got["parts"][1:] == whole["parts"][1:]
    assert got["metadata"] == {"k": 1, "compactedToolOutputs": ["c1"]}
    assert whole["parts"][0]["output"] == "x" * 5000


def test_texts_follow_oldest_first_until_it_fits() -> None:
    texts = [{"type": "text", "text": letter * 3000} for letter in "abc"]
    got = compact(message(*texts), 5000)
    note = "[Text truncated for storage (3000 chars). First 500 chars: {}...]"
    assert [part["text"] for part in got["parts"]] == [
        note.format("a" * 500),
        note.format("b" * 500),
        "c" * 3000,
    ]
    assert got["metadata"] == {"compactedTextParts": [0, 1]}
    assert size(got) <= 5000


def test_multibyte_text_counts_in_bytes() -> None:
    assert (
        "truncated for storage"
        in compact(message({"type": "text", "text": "é" * 1500}), 2000)["parts"][0]["text"]
    )


def test_structured_outputs_keep_their_shape() -> None:
    rows = [{"id": n, "text": "x" * 3000} for n in range(50)]
    got = shortened(rows)
    assert got[0] == {"id": 0, "text": "x" * 200 + "... [truncated 2800 chars]"}
    assert got[-1].startswith("... [truncated ")
    assert size(got) <= 1000
    table = shortened({"rows": rows[:3], "note": "y" * 5000})
    assert table["note"].endswith("... [truncated 4800 chars]")
    assert set(table["rows"][0]) == {"id", "text"}
    many = shortened({str(n): "v" * 50 for n in range(400)})
    assert many["truncated"].startswith("... [truncated ")
    assert size(many) <= 1000


def test_an_output_without_a_useful_shape_becomes_a_preview() -> None:
    got = shortened([[list(range(4000))]])
    assert got.startswith("[[[0,1,2")
    assert "... [truncated " in got


def test_what_is_not_an_output_stays() -> None:
    odd = [tool("x" * 3000, state="input-available"), {"type": "text", "text": ["x" * 3000]}, "x" * 3000]
    assert compact(message(*odd), 10) == message(*odd)
