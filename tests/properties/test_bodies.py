"""Chunks kept together are the same chunks, and the same frames, as chunks kept one by one."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.stream.bodies import Bodies, Deltas, unpack
from cutty_agent.transport.websocket_frames import text_head, weave
from cutty_agent.wire.response import ResponseFrames, quoted, quoted_deltas

_HEAD = b'{"type":"text-delta","id":"text-\\"1\\"","delta":'

text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\r\x00\x7f\u2028é😀'))
words = st.lists(text, min_size=1, max_size=20)
other = text.map(lambda each: msgspec.json.encode({"type": "data-x", "data": each}))
steps = st.lists(words | other | st.none(), max_size=12)
"""Words of a text, another chunk, or a look at all chunks so far."""


def _delta(word: str) -> bytes:
    return _HEAD + msgspec.json.encode(word) + b"}"


@given(steps, st.booleans(), st.integers(0, 60), st.integers(0, 60))
def test_what_is_kept_together_is_read_and_sent_as_if_it_was_not(
    steps: list[list[str] | bytes | None], continuation: bool, one: int, two: int
) -> None:
    bodies, plain = Bodies(), list[bytes]()
    for step in steps:
        if step is None:
            assert bodies[:] == plain
        elif isinstance(step, bytes):
            bodies.append(step)
            plain.append(step)
        else:
            bodies.add(Deltas(_HEAD, msgspec.json.Encoder().encode_lines(step), len(step)))
            plain += map(_delta, step)
    assert (len(bodies), bodies.size) == (len(plain), sum(map(len, plain)))
    assert unpack(bodies.packed()) == plain

    frames = ResponseFrames('r"1', continuation=continuation)
    low, high = sorted((min(one, len(plain)), min(two, len(plain))))
    for first, end in ((0, len(plain)), (low, len(plain)), (low, high)):
        expected = [frames.chunk(plain[seq], seq) for seq in range(first, end)]
        sent = bodies.frames(frames, first, end)
        assert (list(sent), len(sent)) == (expected, len(expected))
        assert weave(sent) == b"".join(text_head(len(each)) + each for each in expected)
    assert list(bodies) == plain


@given(st.lists(text.map(lambda each: each * 40), min_size=1, max_size=4), st.integers(1020, 1030))
def test_long_texts_and_late_chunks_are_sent_alike(texts: list[str], first: int) -> None:
    frames = ResponseFrames("r1")
    plain = list(map(_delta, texts))
    together = quoted_deltas(_HEAD, msgspec.json.Encoder().encode_lines(texts))
    assert together == quoted(plain)
    sent = frames.live(together, first)
    expected = [frames.chunk(body, seq) for seq, body in enumerate(plain, first)]
    assert list(sent) == expected
    assert weave(sent) == b"".join(text_head(len(each)) + each for each in expected)
