"""``cutty-agent check``: do sessions of this app leak into each other?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .serve import load_app
from .terminal import output, printable, readable_errors

if TYPE_CHECKING:
    from ..testing.isolation import Finding, Report

_PLACE = 56
"""Characters of a place that stand in one line."""


app = typer.Typer(add_completion=False)


@app.command(
    "check",
    epilog="Examples:  cutty-agent check app:app  ·  cutty-agent check app:app --sessions 50 --seed 7 --json",
)
def check(
    target: Annotated[str, typer.Argument(metavar="MODULE:APP", help="Your App.")],
    sessions: Annotated[int, typer.Option(help="Sessions that talk at once.")] = 20,
    turns: Annotated[int, typer.Option(help="Turns of each session.")] = 5,
    seed: Annotated[int | None, typer.Option(help="Repeat the plan of an earlier run.")] = None,
    real_model: Annotated[
        bool, typer.Option("--real-model", help="Ask the real model; it costs money and needs its key.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Drive many sessions of your app at once and name whatever crosses from one to another.

    Every session says words of its own, and everything is searched for the words of others: frames, histories, states,
    logs, tool calls, errors, shared objects and variables of your modules. Visitors stop, reload and break off at
    random. Your app runs in this process on a temporary data directory; tools are really called, models of
    Pydantic AI are replaced by one that repeats its input. Exit code 1 when something crossed.
    """
    with readable_errors():
        report = _run(target, sessions, turns, seed, real_model=real_model, quiet=as_json)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report.as_dict()), indent=2).decode())
    else:
        _show(report)
    if not report.isolated:
        raise typer.Exit(1)


def _run(
    target: str, sessions: int, turns: int, seed: int | None, *, real_model: bool, quiet: bool
) -> Report:
    from ..testing.isolation.run import check as run

    with _bar(sessions * turns, quiet=quiet) as show:
        return asyncio.run(
            run(
                target,
                sessions=sessions,
                turns=turns,
                seed=seed,
                real_model=real_model,
                progress=show,
                loader=load_app,
            )
        )


@contextlib.contextmanager
def _bar(turns: int, *, quiet: bool) -> Iterator[Callable[[Report], None] | None]:
    """Progress on standard error, where somebody may watch it."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("Checking"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} turns, {task.fields[crossed]} crossed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("check", total=turns, crossed=0)

        def show(report: Report) -> None:
            bar.update(task, completed=report.counts["turns"], crossed=len(report.findings))

        yield show


def _show(report: Report) -> None:
    console = output()
    if report.isolated:
        console.print(Text("✓ Nothing crossed.", "green"))
    else:
        console.print(_table(report.findings))
    for note in report.notes:
        console.print(Text(f"! {printable(note)}", "yellow"))
    console.print(Text(printable(report.figures), "dim"))
    if not report.isolated:
        console.print(Text(f"\n✗ {len(report.findings)} way(s) across sessions.", "bold red"))
        for remedy in dict.fromkeys(finding.remedy for finding in report.findings):
            console.print(Text(f"  → {remedy}", "yellow"))


def _table(findings: list[Finding]) -> Table:
    table = Table("What", "From", "To", show_edge=False, pad_edge=False)
    longest = max(len(finding.place) for finding in findings)
    table.add_column("Where", min_width=min(longest, _PLACE), overflow="fold")
    table.add_column("Times", justify="right")
    table.add_column("Excerpt", overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.kind, "bold"),
            f"session {finding.source}",
            "anybody" if finding.target is None else f"session {finding.target}",
            Text(printable(finding.place)),
            str(finding.times),
            Text(printable(finding.excerpt)),
        )
    return table
