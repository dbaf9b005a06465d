"""Cuts anywhere in a byte stream never change what is read from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.agent import sse
from cutty_agent.agent.sse import BodyDecoder, Decoder, SseDecoder, TextDecoder
from cutty_agent.errors import TooLarge

CHUNKS = st.lists(
    st.fixed_dictionaries({"type": st.just("text-delta"), "id": st.just("t"), "delta": st.text(max_size=20)}),
    max_size=6,
)
NOISE = st.sampled_from(
    [": keep-alive", "event: message", "id: 7", "data: [DONE]", "data: {half", "", "data: 5"]
)


def read(decoder: Decoder, body: bytes, cuts: list[int]) -> list[object]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    found = [item for a, b in pairwise(places) for item in decoder.feed(body[a:b])]
    return [*found, *decoder.finish()]


@given(
    chunks=CHUNKS,
    noise=NOISE,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    space=st.sampled_from(["", " "]),
    escaped=st.booleans(),
    last_end=st.booleans(),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
    make=st.sampled_from([SseDecoder, BodyDecoder]),
)
def test_events_survive_every_cut(
    chunks: list[dict[str, str]],
    noise: str,
    end: str,
    space: str,
    escaped: bool,
    last_end: bool,
    cuts: list[int],
    make: Callable[[], Decoder],
) -> None:
    lines = [
        ": ok",
        *(f"data:{space}{json.dumps(chunk, ensure_ascii=escaped)}{end}{noise}" for chunk in chunks),
    ]
    body = end.join(lines) + (end if last_end else "")
    assert read(make(), body.encode("utf-8", "surrogatepass"), cuts) == chunks


@given(text=st.text(max_size=60), cuts=st.lists(st.integers(0, 300), max_size=12))
def test_plain_text_survives_every_cut(text: str, cuts: list[int]) -> None:
    body = text.encode()
    assert "".join(map(str, read(TextDecoder(), body, cuts))) == text.removeprefix("\ufeff")
    if not text.lstrip("\r\n\ufeff").startswith(("data:", "event:", "id:", "retry:", ":")):
        assert "".join(map(str, read(BodyDecoder(), body, cuts))) == text.removeprefix("\ufeff")


def test_bytes_that_are_no_text_and_a_cut_off_character() -> None:
    assert read(TextDecoder(), b"a\xffb\xe2\x82", []) == ["a\ufffdb", "\ufffd"]
    assert read(BodyDecoder(), b"\xe2\x82", []) == ["\ufffd"]
    assert read(BodyDecoder(), b"", []) == []


def test_unicode_line_separators_inside_json_do_not_end_a_line() -> None:
    body = 'data: {"type":"x","s":"a\u2028b\x85c"}\n'.encode()
    assert read(SseDecoder(), body, []) == [{"type": "x", "s": "a\u2028b\x85c"}]


def test_objects_that_are_no_chunks_are_skipped_and_openai_events_kept() -> None:
    body = b'data: {"a":1}\n\ndata: [1]\n\ndata: {"type":3}\n\ndata: {"choices":[]}\n\n'
    assert read(SseDecoder(), body, []) == [{"choices": []}]


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_LINE", 100)
    decoder = SseDecoder()
    decoder.feed(b"data: " + b"x" * 94)
    with pytest.raises(TooLarge, match="100 characters"):
        decoder.feed(b"x")
