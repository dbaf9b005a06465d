"""``cutty-agent stats``: turns, sessions, latencies, tokens and cost, as tables and small plots, or for programs."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..admin import figures
from ..ports.analytics import DAY_MS, HOUR_MS, By, Step
from . import moments, plots
from .operator import PAGE
from .options import Data, Json, Url, parse_owner, print_json
from .reaching import open_operator
from .remote import ServerOperator
from .settings import load
from .terminal import count, dollars, note, output, printable, readable_errors, took

if TYPE_CHECKING:
    from ..config import Settings
    from ..engines.embedded.readonly import ReadOnlyStore

EPILOG = (
    "Examples:  cutty-agent stats  ·  cutty-agent stats --from 30d  ·  cutty-agent stats --by model --from 2026-11-01  ·  "
    "cutty-agent stats --by day --csv > usage.csv"
)

HOURLY_MS = 4 * DAY_MS
"""The longest range that is shown by the hour unless somebody wants days."""

_COLUMNS = ("turns", "errors", "aborted", "input_tokens", "output_tokens", "cost_nano", "calls", "tools")
_MEANS = ("mean_first_ms", "mean_duration_ms")


class Range(msgspec.Struct, frozen=True):
    """What is asked about. Times are milliseconds since 1970 UTC, the second one exclusive."""

    from_ms: int
    to_ms: int
    agent: str | None = None
    owner: str | None = None

    @property
    def step(self) -> Step:
        """How fine an overview of it is."""
        return "hour" if self.to_ms - self.from_ms <= HOURLY_MS else "day"


class Source(Protocol):
    """Where the figures are: a running server, or the data directory."""

    def overview(self, wanted: Range) -> dict[str, Any]:
        """Points over time and their sums."""
        ...

    def usage(self, wanted: Range, by: By) -> Iterator[dict[str, Any]]:
        """One row for each day, hour, agent, owner or model."""
        ...


class _Server:
    def __init__(self, server: ServerOperator) -> None:
        self._server = server

    def overview(self, wanted: Range) -> dict[str, Any]:
        found: dict[str, Any] = self._server.get("/admin/overview", {**_query(wanted), "step": wanted.step})
        return found

    def usage(self, wanted: Range, by: By) -> Iterator[dict[str, Any]]:
        after: str | None = ""
        while after is not None:
            query = {**_query(wanted), "by": by, "limit": str(PAGE), "after": after}
            page = self._server.get("/admin/usage", query)
            yield from page["rows"]
            after = page["next"]


def _query(wanted: Range) -> dict[str, str]:
    return {
        "from": str(wanted.from_ms),
        "to": str(wanted.to_ms),
        "agent": wanted.agent or "",
        "owner": wanted.owner or "",
    }


class _Directory:
    def __init__(self, store: ReadOnlyStore) -> None:
        self._store = store

    def overview(self, wanted: Range) -> dict[str, Any]:
        figures.check_range(wanted.from_ms, wanted.to_ms, wanted.step)
        periods = self._store.periods(
            step=wanted.step, from_ms=wanted.from_ms, to_ms=wanted.to_ms, agent=wanted.agent
        )
        return figures.overview(periods, wanted.step, wanted.from_ms, wanted.to_ms)

    def usage(self, wanted: Range, by: By) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            page = self._store.usage(
                by=by,
                from_ms=wanted.from_ms,
                to_ms=wanted.to_ms,
                agent=wanted.agent,
                owner=wanted.owner,
                after=after,
                limit=PAGE,
            )
            yield from (figures.usage_row(row, by) for row in page.rows)
            after = page.next
            if after is None:
                return


@contextmanager
def _open(settings: Settings, url: str | None) -> Iterator[Source]:
    with open_operator(settings, url) as operator:
        if isinstance(operator, ServerOperator):
            yield _Server(operator)
            return
    from ..engines.embedded.readonly import open_readonly

    with open_readonly(settings.data) as store:
        yield _Directory(store)


app = typer.Typer(add_completion=False)


@app.command("stats", epilog=EPILOG)
def stats(
    begin: Annotated[
        moments.Moment | None,
        typer.Option(
            "--from",
            parser=moments.parse,
            metavar="WHEN",
            help="2026-11-22, 2026-11-22T18:00 (UTC), or 7d ago (default: 24h, with --by day 30d).",
        ),
    ] = None,
    end: Annotated[
        moments.Moment | None,
        typer.Option(
            "--to", parser=moments.parse, metavar="WHEN", help="Until then, not included (default: now)."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="WHAT", help="A row for each day, hour, agent, owner or model."),
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Only of this agent.")] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only of this owner, such as user:anna; not by hour.")
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_lines: Annotated[bool, typer.Option("--jsonl", help="Print JSON lines, one for each row.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Rows of the table at most; programs get them all.")
    ] = 50,
    data: Data = None,
    url: Url = None,
) -> None:
    """Print what the turns came to: how many, how long they took, what they consumed.

    Works with a running server, and on the data directory when none runs. Hours and days are of UTC and taken whole.
    """
    if by is not None and by not in {"day", "hour", "agent", "owner", "model"}:
        raise typer.BadParameter(f"--by is {by[:30]!r}: give day, hour, agent, owner or model.")
    if as_json + as_csv + as_lines > 1:
        raise typer.BadParameter("Give one of --json, --csv and --jsonl.")
    kind: By | None = by  # type: ignore[assignment]  # one of them, as just checked
    if owner is not None and kind is None:
        kind = "day"
    with readable_errors():
        wanted = _range(begin, end, kind, agent, parse_owner(owner) if owner is not None else None)
        with _open(load(data=data), url) as source:
            if kind is None:
                _print_overview(source.overview(wanted), as_json=as_json, as_csv=as_csv, as_lines=as_lines)
                return
            rows = list(source.usage(wanted, kind))
    if as_json:
        print_json({"from": wanted.from_ms, "to": wanted.to_ms, "by": kind, "rows": rows})
    elif as_csv or as_lines:
        _print_rows(rows, [kind, *_COLUMNS, *_MEANS], as_csv=as_csv, renamed=("key", kind))
    elif not rows:
        note("No turn ended in that time.")
    else:
        output().print(_usage_table(rows[:limit], kind))
        if len(rows) > limit:
            note(f"{limit} of {len(rows)} rows; --limit shows more.")


def _range(
    begin: moments.Moment | None,
    end: moments.Moment | None,
    by: By | None,
    agent: str | None,
    owner: str | None,
) -> Range:
    now_ms = time.time_ns() // 1_000_000
    to_ms = now_ms + HOUR_MS - now_ms % HOUR_MS if end is None else end.ms(now_ms)
    usual_ms = DAY_MS if by in {None, "hour"} else 30 * DAY_MS
    from_ms = to_ms - usual_ms if begin is None else begin.ms(now_ms)
    if from_ms >= to_ms:
        raise typer.BadParameter("--from must be before --to.")
    return Range(from_ms, to_ms, agent, owner)


# -- for programs


def _print_overview(found: dict[str, Any], *, as_json: bool, as_csv: bool, as_lines: bool) -> None:
    if as_json:
        print_json(found)
    elif as_csv or as_lines:
        rows = [_flat(point) for point in found["points"]]
        _print_rows(rows, list(rows[0]), as_csv=as_csv)
    else:
        output().print(_overview(found))


def _flat(point: dict[str, Any]) -> dict[str, Any]:
    """A point without objects in it: ``first_ms.p95`` becomes ``first_p95_ms``."""
    flat: dict[str, Any] = {}
    for name, value in point.items():
        if name in {"first_ms", "duration_ms"}:
            for share in ("p50", "p95", "p99"):
                flat[f"{name.removesuffix('_ms')}_{share}_ms"] = value[share] if value else None
        else:
            flat[name] = value
    return flat


def _print_rows(
    rows: list[dict[str, Any]], columns: list[str], *, as_csv: bool, renamed: tuple[str, str] | None = None
) -> None:
    if renamed is not None:
        old, new = renamed
        rows = [{new if name == old else name: value for name, value in row.items()} for row in rows]
    if as_csv:
        writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        for row in rows:
            print(msgspec.json.encode(row).decode())


# -- for people


def _overview(found: dict[str, Any]) -> RenderableType:
    points, totals = found["points"], found["totals"]
    hourly = found["step"] == "hour"
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(style="cyan", no_wrap=True)

    def line(name: str, shown: str, value: Callable[[dict[str, Any]], float]) -> None:
        grid.add_row(name, shown, plots.sparkline([value(point) for point in points], 96))

    line("turns", count(totals["turns"]), lambda p: p["turns"])
    line("errors", count(totals["errors"]), lambda p: p["errors"])
    line("stopped", count(totals["aborted"]), lambda p: p["aborted"])
    line("messages", count(totals["messages"]), lambda p: p["messages"])
    line("sessions active", count(totals["sessions_active"]), lambda p: p["sessions_active"])
    line("  returning", count(totals["sessions_returning"]), lambda p: p["sessions_returning"])
    line("  new", count(totals["sessions_created"]), lambda p: p["sessions_created"])
    line("  expired", count(totals["sessions_expired"]), lambda p: p["sessions_expired"])
    line("tokens in", count(totals["input_tokens"]), lambda p: p["input_tokens"])
    line("tokens out", count(totals["output_tokens"]), lambda p: p["output_tokens"])
    line("cost", dollars(totals["cost_nano"]) or "$0", lambda p: p["cost_nano"])
    line("first words, p95", _percentile(totals["first_ms"]), lambda p: _p95(p["first_ms"]))
    line("whole turn, p95", _percentile(totals["duration_ms"]), lambda p: _p95(p["duration_ms"]))
    line("most turns at once", count(totals["peak_running"]), lambda p: p["peak_running"])
    line("most sockets at once", count(totals["peak_sockets"]), lambda p: p["peak_sockets"])
    span = f"{_moment(points[0]['at'], hourly=hourly)} to {_moment(found['to'], hourly=True)} UTC, by {found['step']}"
    latencies = Text(
        "  ".join(
            f"{name}: {', '.join(f'{share} {took(round(ms))}' for share, ms in totals[field].items())}."
            for name, field in (("First words", "first_ms"), ("Whole turn", "duration_ms"))
            if totals[field]
        ),
        "dim",
    )
    return Group(Text(span, "bold"), grid, latencies)


def _percentile(found: dict[str, float] | None) -> str:
    return took(round(found["p95"])) if found else ""


def _p95(found: dict[str, float] | None) -> float:
    return found["p95"] if found else 0.0


def _moment(ms: int, *, hourly: bool) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M" if hourly else "%Y-%m-%d")


def _usage_table(rows: list[dict[str, Any]], by: By) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(by, no_wrap=True, overflow="ellipsis", max_width=40)
    for name in ("turns", "errors", "stopped", "tokens in", "out", "cost", "calls", "tools", "first", "took"):
        table.add_column(name, justify="right", no_wrap=True)
    measure = "cost_nano" if any(row["cost_nano"] for row in rows) else "turns"
    table.add_column("", style="cyan", no_wrap=True, min_width=24)  # the plot of what the rows are ordered by
    most = max(row[measure] for row in rows)
    for row in rows:
        table.add_row(
            Text(printable(row["key"]) or "none"),
            count(row["turns"]),
            Text(count(row["errors"]), "red" if row["errors"] else "dim"),
            count(row["aborted"]),
            count(row["input_tokens"]),
            count(row["output_tokens"]),
            dollars(row["cost_nano"]),
            count(row["calls"]),
            count(row["tools"]),
            "" if row["mean_first_ms"] is None else took(round(row["mean_first_ms"])),
            "" if row["mean_duration_ms"] is None else took(round(row["mean_duration_ms"])),
            plots.bar(row[measure], most, 24),
        )
    return table
