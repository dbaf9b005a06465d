"""The turns of a session as a table: what each came to, took and cost."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from .terminal import clock, count, dollars, printable, took

OUTCOMES = {"completed": "green", "error": "red", "aborted": "yellow", "skipped": "dim"}


def table(session: dict[str, Any]) -> Table | None:
    """The turn records, oldest first; ``None`` when there are none."""
    records = session.get("turns") or ()
    if not records:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("turn", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column("kind")
    table.add_column("accepted", no_wrap=True)
    table.add_column("outcome")
    table.add_column("model", no_wrap=True, overflow="ellipsis", max_width=28)
    for name in ("tokens", "cost", "first", "took"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("remark", overflow="fold")
    for record in records:
        outcome = record.get("outcome") or ("open" if record.get("open") else "?")
        at = record.get("accepted_ms") or record.get("progress_ms")
        table.add_row(
            Text(printable(str(record.get("id")))),
            str(record.get("kind", "")),
            clock(at) if at else "",
            Text(outcome, OUTCOMES.get(outcome, "bold")),
            Text(printable(record.get("model") or "")),
            _tokens(record),
            dollars(record.get("cost_nano") or 0),
            _since_acceptance(record, "first_ms"),
            _since_acceptance(record, "ended_ms"),
            Text("; ".join(_remarks(record))),
        )
    return table


def _tokens(record: dict[str, Any]) -> str:
    into, out = record.get("input_tokens") or 0, record.get("output_tokens") or 0
    return f"{count(into)} → {count(out)}" if into or out else ""


def _since_acceptance(record: dict[str, Any], field: str) -> str:
    began, at = record.get("accepted_ms") or 0, record.get(field) or 0
    return took(max(0, at - began)) if began and at else ""


def _remarks(record: dict[str, Any]) -> list[str]:
    remarks = []
    if record.get("error"):
        remarks.append(printable(str(record["error"])))
    if record.get("interruptions"):
        remarks.append(f"{record['interruptions']} interruption(s)")
    if record.get("by"):
        remarks.append(f"by {printable(record['by'])}")
    return remarks
