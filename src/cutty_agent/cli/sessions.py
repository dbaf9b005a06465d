"""``cutty-agent sessions``: look at sessions, follow one, remove some."""

from __future__ import annotations

import heapq
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..config import load
from ..ids import Address, check_session_id
from . import transcript
from .operator import open_server, open_sessions
from .tail import Follower
from .terminal import ago, complain, day, note, output, readable_errors

_EPILOG = (
    "Examples:  cutty-agent sessions ls  ·  cutty-agent sessions show session-1  ·  "
    "cutty-agent sessions tail support/session-1  ·  cutty-agent sessions rm session-1 session-2 --yes"
)

app = typer.Typer(
    name="sessions",
    help="Look at the sessions of a server, follow one live, remove some.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path | None, typer.Option("--data", help="Data directory of the server (default: cutty-data).")
]
Url = Annotated[
    str | None, typer.Option("--url", help="Address of the server (default: the one of the data directory).")
]
Agent = Annotated[str, typer.Option("--agent", help="Agent of ids that do not name theirs.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A session id, or agent/id.")]


@app.command(
    "ls",
    epilog="Examples:  cutty-agent sessions ls --limit 5  ·  cutty-agent sessions ls --json | jq '.[].id'",
)
def ls(
    agent: Annotated[str | None, typer.Option("--agent", help="Only sessions of this agent.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List sessions, those that were active last first.

    Works with a running server, and on the data directory when none runs.
    """
    with readable_errors(), open_sessions(load(data=data), url) as source:
        total = 0

        def counted() -> Any:
            nonlocal total
            for row in source.rows(agent):
                total += 1
                yield row

        newest = heapq.nlargest(limit, counted(), key=lambda row: row["active_ms"])
    if as_json:
        _print_json(newest)
        return
    if not newest:
        note("There are no sessions yet.")
        return
    output().print(_table(newest))
    if total > len(newest):
        note(f"{len(newest)} of {total} sessions; --limit shows more.")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("session", no_wrap=True, overflow="ellipsis")
    table.add_column("messages", justify="right", min_width=8)
    table.add_column("last active", no_wrap=True)
    table.add_column("created", no_wrap=True)
    table.add_column("now", no_wrap=True)
    for row in rows:
        now = Text("answering", "green") if row["open_turns"] else Text("")
        if row.get("sockets"):
            now.append(f"{', ' if now.plain else ''}{row['sockets']} connected", "cyan")
        table.add_row(
            Text.assemble((f"{row['agent']}/", "dim"), row["id"]),
            str(row["messages"]),
            ago(row["active_ms"]),
            Text(day(row["created_ms"]), "dim"),
            now,
        )
    return table


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
    """Print the conversation of a session, its tool calls and its turns."""
    with readable_errors():
        address = parse_address(id, agent)
        with open_sessions(load(data=data), url) as source:
            session = source.show(address)
            messages = source.messages(address)
    if as_json:
        _print_json({**session, "transcript": messages})
        return
    console = output()
    console.print(transcript.header(session))
    for line in transcript.conversation(session, messages):
        console.print(line)
    table = transcript.turns(session)
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


@app.command("rm", epilog="Example:  cutty-agent sessions rm session-1 support/anna --yes")
def rm(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Session ids, or agent/id.")],
    agent: Agent = "chat",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Remove sessions with all they have, for good. Their open pages are told so."""
    with readable_errors():
        addresses = list(dict.fromkeys(parse_address(each, agent) for each in ids))
        with open_sessions(load(data=data), url) as source:
            if not yes:
                _confirm(addresses)
            missing = 0
            for address, removed in source.delete(addresses):
                if removed:
                    print(f"removed {address}")
                else:
                    missing += 1
                    complain(f"There is no session {address}.")
    if missing:
        raise typer.Exit(1)


def _confirm(addresses: list[Address]) -> None:
    named = ", ".join(map(str, addresses[:5])) + (" …" if len(addresses) > 5 else "")
    if not sys.stdin.isatty():
        complain("This needs a confirmation. Say --yes to remove without being asked.")
        raise typer.Exit(1)
    plural = "session" if len(addresses) == 1 else f"{len(addresses)} sessions"
    if not typer.confirm(f"Remove {plural} {named} for good?", err=True):
        note("Nothing was removed.")
        raise typer.Exit(1)


def parse_address(text: str, agent: str) -> Address:
    """``id`` or ``agent/id``.

    Raises:
        BadAddress: the id is not one.
    """
    named, slash, session = text.partition("/")
    return Address(named, check_session_id(session)) if slash else Address(agent, check_session_id(text))


def _print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
