"""``cutty-agent sessions``: look at sessions, follow one live. What changes them is in the modules beside this one."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import duration, exporting, removal, ruling, transcript, turns
from .operator import Wanted
from .options import Agent, Data, Id, Json, Url, parse_address, parse_owner, print_json
from .reaching import open_operator, open_server
from .settings import load
from .tail import Follower
from .terminal import ago, complain, count, dollars, note, output, printable, readable_errors, until

_EPILOG = (
    "Examples:  cutty-agent sessions ls --owner user:anna  ·  cutty-agent sessions show session-1  ·  "
    "cutty-agent sessions tail support/session-1  ·  cutty-agent sessions export session-1  ·  "
    "cutty-agent sessions purge --older-than 30d --dry-run"
)

app = typer.Typer(
    name="sessions",
    help="Look at the sessions of a server, follow one live; export, park, end and erase them.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(
    "ls",
    epilog="Examples:  cutty-agent sessions ls --limit 5  ·  cutty-agent sessions ls --idle 30d --owner user:anna  ·  "
    "cutty-agent sessions ls --parked  ·  cutty-agent sessions ls --json | jq '.[].id'",
)
def ls(
    agent: Annotated[str | None, typer.Option("--agent", help="Only sessions of this agent.")] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only sessions of this owner, such as user:anna.")
    ] = None,
    parked: Annotated[bool, typer.Option("--parked", help="Only those that may not run for now.")] = False,
    idle: Annotated[
        duration.Duration | None,
        typer.Option(
            "--idle",
            parser=duration.parse,
            metavar="TIME",
            help="Only those not active for so long: 12h, 30d.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List sessions, those that were active last first.

    Works with a running server, and on the data directory when none runs.
    """
    wanted = Wanted(
        agent,
        parse_owner(owner) if owner is not None else None,
        parked,
        idle.seconds if idle is not None else None,
    )
    with readable_errors(), open_operator(load(data=data), url) as source:
        total = 0

        def counted() -> Iterator[dict[str, Any]]:
            nonlocal total
            for row in source.rows(wanted):
                total += 1
                yield row

        newest = heapq.nlargest(limit, counted(), key=lambda row: row["active_ms"])
    if as_json:
        print_json(newest)
        return
    if not newest:
        note("There are no sessions yet." if wanted == Wanted() else "There are no such sessions.")
        return
    output().print(_table(newest))
    if total > len(newest):
        note(f"{len(newest)} of {total} sessions; --limit shows more.")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("session", no_wrap=True, overflow="ellipsis")
    table.add_column("messages", justify="right", min_width=8)
    table.add_column("owner", no_wrap=True, overflow="ellipsis", max_width=28)
    table.add_column("tokens", justify="right", no_wrap=True)
    table.add_column("cost", justify="right", no_wrap=True)
    table.add_column("last active", no_wrap=True)
    table.add_column("expires", no_wrap=True)
    table.add_column("now", no_wrap=True)
    for row in rows:
        ends = until(row["expires_ms"])
        table.add_row(
            Text.assemble((f"{row['agent']}/", "dim"), row["id"]),
            str(row["messages"]),
            Text(printable(row["owner"])),
            count(row["input_tokens"] + row["output_tokens"]),
            dollars(row["cost_nano"]),
            ago(row["active_ms"]),
            Text(ends, "red" if ends == "over" else "dim"),
            _now(row),
        )
    return table


def _now(row: dict[str, Any]) -> Text:
    said = []
    if row["parked"] is not None:
        said.append(Text("parked", "red"))
    if row["open_turns"]:
        said.append(Text("answering", "green"))
    if row.get("sockets"):
        said.append(Text(f"{row['sockets']} connected", "cyan"))
    return Text(", ").join(said)


@app.command(
    "show",
    epilog="Examples:  cutty-agent sessions show session-1  ·  cutty-agent sessions show support/anna --json",
)
def show(
    id: Id,
    agent: Agent = "chat",
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Print whose a session is, its conversation with its tool calls, and what each turn took."""
    with readable_errors():
        address = parse_address(id, agent)
        with open_operator(load(data=data), url) as source:
            session = source.show(address)
            messages = source.messages(address)
    if as_json:
        print_json({**session, "transcript": messages})
        return
    console = output()
    console.print(transcript.header(session))
    for line in transcript.conversation(session, messages):
        console.print(line)
    table = turns.table(session)
    if table is not None:
        console.print()
        console.print(table)


@app.command("tail", epilog="Example:  cutty-agent sessions tail session-1")
def tail(
    id: Id,
    agent: Agent = "chat",
    data: Data = None,
    url: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the frames as JSON lines.")] = False,
) -> None:
    """Follow a session live: messages, answers as they are written, tool calls, ends. Ctrl+C ends it.

    The session does not notice. An answer that is being written is shown from its beginning.
    """
    with readable_errors():
        address = parse_address(id, agent)
        with open_server(load(data=data), url) as server:
            follower = Follower(Console(highlight=False, soft_wrap=True))
            try:
                for frame in server.tail(address):
                    if as_json:
                        print(msgspec.json.encode(frame).decode(), flush=True)
                    else:
                        follower.take(frame)
            except KeyboardInterrupt:
                follower.finish()
                raise typer.Exit(0) from None
    if follower.refused is not None:
        complain(follower.refused)
        raise typer.Exit(1)


exporting.register(app)
ruling.register(app)
removal.register(app)
