"""``cutty-agent audit``: what operators did, and which accesses were refused."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from .operator import Entries
from .options import Agent, Data, Json, Url, parse_address, print_json
from .reaching import open_operator
from .settings import load
from .terminal import clock, note, output, printable, readable_errors

app = typer.Typer(add_completion=False)


@app.command(
    "audit",
    epilog="Examples:  cutty-agent audit --action access.refused  ·  cutty-agent audit --action session. --actor operator  ·  "
    "cutty-agent audit --session support/anna --json",
)
def audit(
    action: Annotated[
        str | None,
        typer.Option("--action", help="Only this action, or those that begin so when it ends with a dot."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="Only of this one: operator, or an owner such as user:anna.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="Only about this session, an id or agent/id."),
    ] = None,
    agent: Agent = "chat",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 50,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Print the audit log, the newest entry first: every action of an operator and every refused access.

    Works with a running server, and on the data directory when none runs.
    """
    with readable_errors():
        address = parse_address(session, agent) if session is not None else None
        with open_operator(load(data=data), url) as source:
            found = list(source.audit(Entries(action, actor, address), limit))
    if as_json:
        print_json(found)
    elif not found:
        note("There is nothing in the audit log, or nothing that fits.")
    else:
        output().print(_table(found))


def _table(entries: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("when", "who", "what", "session", "from"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.add_column("detail", overflow="fold")
    for entry in entries:
        refused = entry["action"].startswith("access.")
        name = f"{entry['agent']}/{entry['session']}" if entry["session"] else ""
        times = f"{entry['count']} times. " if entry["count"] > 1 else ""
        table.add_row(
            Text(clock(entry["at_ms"]), "dim"),
            Text(printable(entry["actor"] or "anybody")),
            Text(printable(entry["action"]), "yellow" if refused else ""),
            Text(printable(name)),
            Text(printable(entry["peer"]), "dim"),
            Text(times + printable(entry["detail"])),
        )
    return table
