"""What somebody wrote stays in its place in a transcript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.admin import markdown
from cutty_agent.admin.attachments import attachments

TRICKY = st.text(alphabet=st.sampled_from("`~#>\n\r -*a\\[]<&!|_\x1b\u202e"), max_size=60)


def shown(*parts: dict[str, Any]) -> str:
    return "".join(markdown.message({"id": "m", "role": "user", "parts": list(parts)}, 1, None, {}))


@given(TRICKY)
def test_a_fence_is_never_closed_by_its_content(text: str) -> None:
    first, *content, last = markdown.fenced(text).split("\n")
    assert first == last
    assert len(last) >= 3
    assert set(last) == {"`"}
    assert not any(line.strip(" ").startswith(last) for line in content)


@given(TRICKY)
def test_every_line_of_a_quote_is_one(text: str) -> None:
    quoted = markdown.quote(text)
    assert "\r" not in quoted
    assert all(line.startswith(">") for line in quoted.split("\n"))


@given(TRICKY)
def test_a_code_span_ends_where_it_should(text: str) -> None:
    span = markdown.code(text)
    assert "\n" not in span
    fence = re.match(r"`+", span)
    assert fence is not None
    inside = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in [run for run in re.findall(r"`+", inside) if len(run) == len(fence[0])]


@given(TRICKY)
def test_plain_text_means_itself(text: str) -> None:
    told = markdown.plain(text)
    assert "\n" not in told
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>]", told.replace("\\\\", ""))


def test_structure_cannot_be_forged() -> None:
    text = "hello\n## 2 · assistant\n```\nnever closed\n</details>"
    out = shown({"type": "text", "text": text}, {"type": "reasoning", "text": text})
    assert [line for line in out.split("\n") if line.startswith("## ")] == ["## 1 · user", "## 2 · assistant"]
    fences = [line for line in out.split("\n") if line.startswith("```")]
    assert fences == ["````text", "```", "````"]  # the forged heading is inside of them


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a(b)", "[a](<https://example.org/a(b)>)"),
        ("javascript:alert(1)", "a `javascript:alert(1)`"),
        ("https://example.org/>x", "a `https://example.org/>x`"),
        ("data:image/png;base64,????", "cannot be decoded"),
    ],
)
def test_links_go_to_the_web_only(url: str, expected: str) -> None:
    assert expected in shown({"type": "file", "filename": "a", "mediaType": "text/plain", "url": url})


def test_tools_show_what_went_in_and_what_came_out() -> None:
    out = shown(
        {
            "type": "dynamic-tool",
            "toolName": "a`b",
            "toolCallId": "c",
            "state": "output-error",
            "input": {"x": [1, 2]},
            "errorText": "no ``` way",
        }
    )
    assert "**Tool** ``a`b`` (output-error)" in out
    assert '```json\n{\n  "x": [\n    1,\n    2\n  ]\n}\n```' in out
    assert "````text\nno ``` way\n````" in out


def test_what_is_long_is_cut_and_says_so() -> None:
    tool = {"type": "tool-x", "toolCallId": "c", "state": "output-available", "input": {}}
    out = shown({**tool, "output": "y" * 50_000})
    assert "Cut after 20000 of 50000 characters" in out
    assert len(out) < 22_000
    deep: Any = 1
    for _ in range(150):
        deep = [deep, 1, 1, 1]
    assert len(shown({**tool, "output": deep})) < 10_000


def test_other_parts_are_shown_as_json() -> None:
    out = shown({"type": "data-weather", "id": "w", "data": {"celsius": 4}}, {"type": "custom", "kind": "k"})
    assert '`data-weather`\n\n```json\n{\n  "celsius": 4\n}\n```' in out
    assert '`custom`\n\n```json\n{\n  "kind": "k"\n}\n```' in out


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:text/plain;base64,aGVsbG8=", b"hello"),
        ("data:text/plain;charset=utf-8;base64,aGVsbG8", b"hello"),
        ("DATA:text/plain;base64,aGVs%0AbG8%3D", b"hello"),
        ("data:text/plain;base64,aGVs\r\n bG8=", b"hello"),
        ("data:text/plain;base64,-_-_", b"\xfb\xff\xbf"),
        ("data:text/plain,a%20b", b"a b"),
        ("data:,", b""),
    ],
)
def test_data_urls_of_every_kind_are_decoded(url: str, data: bytes) -> None:
    part = {"type": "file", "mediaType": "text/plain", "url": url}
    ((_, file),) = attachments({"id": "m", "parts": [part]}, 1)
    assert b"".join(file.pieces()) == data
    assert file.size == len(data)


@pytest.mark.parametrize(
    "url", ["data:text/plain;base64,a", "data:text/plain;base64,äö", "data:", "https://x", 5]
)
def test_what_is_no_file_is_none(url: object) -> None:
    assert list(attachments({"id": "m", "parts": [{"type": "file", "url": url}]}, 1)) == []


@pytest.mark.parametrize(
    ("filename", "media_type", "path"),
    [
        ("../../etc/passwd", "text/plain", "files/0007-passwd.txt"),
        ("C:\\x\\Übung 1.PDF", "application/pdf", "files/0007-bung-1.pdf"),
        ("invoice.pdf.exe", "application/pdf", "files/0007-invoice-pdf.pdf"),
        ("...", "image/png; x=1", "files/0007-file.png"),
        (None, "application/x-unknown", "files/0007-file.bin"),
        ("x" * 300, "", "files/0007-" + "x" * 40 + ".txt"),
    ],
)
def test_names_of_files_are_safe(filename: str | None, media_type: str, path: str) -> None:
    part = {"type": "file", "mediaType": media_type, "filename": filename, "url": "data:,x"}
    ((_, file),) = attachments({"id": "m", "parts": [part]}, 7)
    assert file.path == path
