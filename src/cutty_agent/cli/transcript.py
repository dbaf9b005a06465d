"""A session written out for a terminal: its messages with their tool calls, and its turns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ..wire.principal import LINK, NEVER_MS
from .terminal import ago, clock, count, dollars, plural, printable, until

WIDE = 200
"""Characters of a tool's input or output that are shown."""

_SPEAKERS = {
    "user": ("user", "bold cyan"),
    "assistant": ("assistant", "bold green"),
    "system": ("system", "bold"),
}
_MADE_AT = re.compile(r"assistant_(\d{13})_")


def header(session: dict[str, Any]) -> RenderableType:
    """What a session is and whose, in a few lines."""
    said = [
        f"created {clock(session['created_ms'])}",
        f"last active {ago(session['active_ms'])}",
        plural(session["messages"], "message"),
    ]
    if "awake" in session:
        said.append("in memory" if session["awake"] else "asleep")
        said.append(plural(session["sockets"], "open socket"))
    if session.get("running"):
        said.append("answering now")
    if session.get("queued"):
        said.append(f"{len(session['queued'])} waiting")
    lines = [Text.assemble((f"{session['agent']}/", "dim"), (session["id"], "bold"))]
    lines += [Text(" · ".join(said), "dim"), Text(" · ".join(_standing(session)), "dim")]
    lines += [_share(grantee, grant) for grantee, grant in (session.get("shares") or {}).items()]
    if session.get("parked") is not None:
        lines.append(Text(f"parked: {printable(session['parked'])}", "red"))
    return Group(*lines)


def _standing(session: dict[str, Any]) -> list[str]:
    """Whose it is, until when, and what it has consumed."""
    said = [f"owner {printable(session['owner'])}" if session.get("owner") else "no owner"]
    ends = session.get("expires_ms")
    if ends is None:
        said.append("does not expire")
    else:
        left = until(ends)
        said.append(f"expired {clock(ends)}" if left == "over" else f"expires {left}, {clock(ends)}")
    tokens = (session.get("input_tokens") or 0) + (session.get("output_tokens") or 0)
    if tokens:
        said.append(f"{count(tokens)} tokens")
    if session.get("cost_nano"):
        said.append(dollars(session["cost_nano"]))
    return said


def _share(grantee: str, grant: dict[str, Any]) -> Text:
    who = f"whoever has the link {grantee[5:13]}…" if grantee.startswith(LINK) else printable(grantee)
    ends = grant.get("expires_ms") or NEVER_MS
    said = f"shared with {who}, who may {grant.get('mode')}"
    return Text(said if ends >= NEVER_MS else f"{said}; ends {until(ends)}", "dim")


def conversation(session: dict[str, Any], messages: list[dict[str, Any]]) -> Iterator[RenderableType]:
    """Every message: who, when, and what."""
    accepted = {
        message_id: turn["progress_ms"]
        for turn in reversed(session.get("turns", ()))  # the first that names a message accepted it
        for message_id in turn.get("message_ids", ())
        if turn.get("progress_ms")
    }
    for message in messages:
        name, style = _SPEAKERS.get(message.get("role", ""), (str(message.get("role")), "bold"))
        made_at = _MADE_AT.match(str(message.get("id", "")))
        at = int(made_at[1]) if made_at else accepted.get(message.get("id"))
        when = clock(at) if at else ""
        yield Text("")
        yield Text.assemble((printable(name), style), ("  " + when if when else "", "dim"))
        for part in message.get("parts") or ():
            shown = part_text(part)
            if shown is not None:
                yield Padding(shown, (0, 0, 0, 2), expand=False)


def part_text(part: dict[str, Any]) -> Text | None:
    """One part of a message; ``None`` for what a reader need not see."""
    kind = str(part.get("type", ""))
    if kind == "text":
        return Text(printable(str(part.get("text", ""))).strip("\n"))
    if kind == "reasoning":
        return Text(printable(str(part.get("text", ""))).strip("\n"), "dim italic")
    if kind == "dynamic-tool" or kind.startswith("tool-"):
        return tool_text(str(part.get("toolName") or kind.removeprefix("tool-")), part)
    if kind == "file":
        return Text(f"[file {printable(str(part.get('filename') or part.get('mediaType', '')))}]", "dim")
    if kind == "source-url":
        return Text(f"[source {printable(str(part.get('url', '')))}]", "dim")
    if kind.startswith("data-"):
        return Text(f"[{printable(kind)} {brief(part.get('data'))}]", "dim")
    return None


def tool_text(name: str, part: dict[str, Any]) -> Text:
    """A tool call: its name, what it was given and what came of it."""
    said = Text.assemble((f"⚙ {printable(name)} ", "magenta"), (brief(part.get("input")), "dim"))
    state = part.get("state")
    if state == "output-available":
        said.append(f" → {brief(part.get('output'))}", "dim")
    elif state == "output-error":
        said.append(f" ✗ {printable(str(part.get('errorText', '')))}", "red")
    elif state == "output-denied":
        said.append(" denied", "yellow")
    elif state == "approval-requested":
        said.append(" waits for approval", "yellow")
    elif state is not None:
        said.append(" …", "dim")
    return said


def brief(value: Any) -> str:
    """A JSON value on one line, cut where it gets long."""
    if value is None:
        return ""
    text = printable(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    text = " ".join(text.split())
    return text if len(text) <= WIDE else f"{text[:WIDE]}…"
