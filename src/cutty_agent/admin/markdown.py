"""A conversation as Markdown for people: what somebody wrote cannot break out of its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ..core.parts import Part, call_id, parts_of, state_of, tool_name
from ..wire.chunks import UIMessage
from .attachments import filename_of

SHOWN: Final = 20_000
"""Characters of a tool's input or output that are shown; all of it is in ``messages.jsonl``."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BACKTICKS = re.compile(r"`+")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|&~])")
_WEB = re.compile(r"(?:https?://|mailto:)[^\s<>\x00-\x1f]+", re.IGNORECASE)


def iso(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC: ``2026-01-31T09:30:00.250Z``. Beyond the year 9999 it stays there."""
    at = datetime.fromtimestamp(min(max(ms, 0), 253_402_300_799_999) / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def heading(agent: str, session: str, owner: str, created_ms: int) -> str:
    """The beginning of a transcript."""
    of = f" of {code(owner)}" if owner else ""
    return f"# Session {code(f'{agent}/{session}')}\n\nCreated {iso(created_ms)}{of}.\n"


def message(found: UIMessage, number: int, at: str | None, files: Mapping[int, str]) -> Iterator[str]:
    """One message: a heading, then its parts. ``at`` is its time; ``files`` are paths by ``id()`` of their parts."""
    when = f" · {plain(at)}" if at else ""
    yield f"\n## {number} · {plain(str(found.get('role', '?')))}{when}\n"
    for part in parts_of(found):
        shown = _part(part, files.get(id(part)))
        if shown:
            yield f"\n{shown}\n"


def unreadable(number: int) -> str:
    """What stands for a message that is not one."""
    return f"\n## {number} · unreadable\n\nThis message cannot be shown. It is in `messages.jsonl` as it was stored.\n"


# -- pieces of Markdown


def plain(text: str) -> str:
    """Text on one line that means nothing but itself."""
    return _SPECIAL.sub(r"\\\1", " ".join(_CONTROL.sub("", text).split()))


def code(text: str) -> str:
    """Text on one line as a code span, whatever backticks are in it."""
    line = " ".join(_CONTROL.sub("", text).split())
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{space}{line}{space}{fence}"


def quote(text: str) -> str:
    """Markdown as a block quote: a block that is left open in it ends with it."""
    lines = _LINE_END.split(_CONTROL.sub("", text).strip("\r\n"))
    return "\n".join(f"> {line}".rstrip() if not line.strip() else f"> {line}" for line in lines)


def fenced(text: str, language: str = "") -> str:
    """Text as a code block, fenced by more backticks than it holds in a row."""
    clean = "\n".join(_LINE_END.split(_CONTROL.sub("", text)))
    fence = "`" * max(3, _longest_run(clean) + 1)
    return f"{fence}{language}\n{clean}\n{fence}"


def link(label: str, target: str, *, image: bool = False) -> str:
    """A link to a file of the archive or to the web; any other address is shown but cannot be followed."""
    return f"{'!' if image else ''}[{plain(label)}](<{target}>)"


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


# -- parts of messages


def _part(part: Part, path: str | None) -> str | None:
    kind: str = part["type"]
    if kind == "text":
        text = _string(part, "text")
        return quote(text) if text.strip() else None
    if kind == "reasoning":
        text = _string(part, "text")
        return _folded("Reasoning", fenced(text, "text")) if text.strip() else None
    if call_id(part) is not None:
        return _tool(part)
    if kind in {"file", "reasoning-file"}:
        return _file(part, path)
    if kind == "source-url":
        url = _string(part, "url")
        return f"Source: {_web_link(_string(part, 'title') or url, url)}"
    if kind == "step-start":
        return None
    content = {key: value for key, value in part.items() if key != "type"}
    return f"{code(kind)}\n\n{_value(content.get('data', content))}"


def _tool(part: Part) -> str:
    shown = [f"**Tool** {code(tool_name(part) or '?')} ({plain(state_of(part) or 'unknown')})"]
    if part.get("input") is not None:
        shown.append(f"Input:\n\n{_value(part['input'])}")
    if "output" in part:
        shown.append(f"Output:\n\n{_value(part['output'])}")
    if part.get("errorText"):
        shown.append(f"Error:\n\n{_value(part['errorText'])}")
    return "\n\n".join(shown)


def _file(part: Part, path: str | None) -> str:
    name = filename_of(part) or _string(part, "mediaType") or "file"
    image = _string(part, "mediaType").startswith("image/")
    if path is not None:
        return f"File: {link(name, path, image=image)}"
    url = _string(part, "url")
    if url[:5].lower() == "data:":
        return f"File: {plain(name)} (its data cannot be decoded; they are in `messages.jsonl` as they were stored)"
    return f"File: {_web_link(name, url)}"


def _web_link(label: str, url: str) -> str:
    return link(label, url) if _WEB.fullmatch(url) else f"{plain(label)} {code(url[:500])}"


def _folded(summary: str, content: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"


def _value(value: Any) -> str:
    """A JSON value or a text as a code block, cut where it gets long."""
    language = "text"
    text = value if isinstance(value, str) else ""
    if not isinstance(value, str):
        language = "json"
        compact = msgspec.json.encode(value)
        wide = msgspec.json.format(compact, indent=2) if len(compact) <= SHOWN else compact
        # Something nested deeply is mostly indentation then.
        text = (wide if len(wide) <= 4 * len(compact) else compact).decode()
    if len(text) <= 4 * SHOWN and (language == "json" or len(text) <= SHOWN):
        return fenced(text, language)
    cut = f"Cut after {SHOWN} of {len(text)} characters; all of it is in `messages.jsonl`."
    return f"{fenced(text[:SHOWN], language)}\n\n{cut}"


def _string(part: Part, key: str) -> str:
    value = part.get(key)
    return value if isinstance(value, str) else ""
