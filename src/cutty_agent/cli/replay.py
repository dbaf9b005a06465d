"""``cutty-agent replay``: run an exported session's turns again, and say what came out otherwise."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from ..errors import ConfigError, NotFound
from .options import Json, print_json
from .serve import load_app
from .terminal import output, plural, printable, readable_errors

if TYPE_CHECKING:
    from ..admin.archive_reader import ArchivedSession
    from ..agent.chat import AgentFactory
    from .replaying import Prepare, Replayed

EPILOG = (
    "Examples:  cutty-agent replay chat-session-1.zip  ·  cutty-agent replay anna.zip --session chat/session-1  ·  "
    "cutty-agent replay bug.zip --agent myproject.agents:app --run-tools  ·  cutty-agent replay bug.zip --json"
)

SHOWN = 20
"""Differences of one session that are printed."""


app = typer.Typer(add_completion=False)


@app.command("replay", epilog=EPILOG)
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A ZIP file of sessions export.")],
    session: Annotated[
        list[str] | None,
        typer.Option("--session", metavar="ID", help="Only this session, or agent/id; repeat for more."),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            metavar="MODULE:APP",
            help="Run the agents of your App; their Pydantic AI models say what was recorded.",
        ),
    ] = None,
    run_tools: Annotated[
        bool,
        typer.Option("--run-tools", help="With --agent: run tools instead of returning what they returned."),
    ] = False,
    json: Json = False,
) -> None:
    """Run the turns of exported sessions again and compare the outcome with the export.

    Each session is rebuilt by a server of its own in a temporary directory: its messages are sent again, and its answers
    are made of what was recorded. Nothing of the export is changed, and no model is called. Ends with 1 when something
    came out otherwise.
    """
    from . import logs

    with readable_errors(), logs.quiet(logging.CRITICAL):  # what failed then fails again, and is compared
        if run_tools and agent is None:
            raise ConfigError("--run-tools needs --agent.", remedy="Name your App: --agent module:app.")
        factories = load_app(agent).agents if agent is not None else None
        results = [
            asyncio.run(_run(recorded, factories, run_tools=run_tools))
            for recorded in _chosen(file, session or [])
        ]
    if json:
        print_json([_as_json(result) for result in results])
    else:
        console = output()
        for result in results:
            _show(console, result)
    if not all(result.same for result in results):
        raise typer.Exit(1)


async def _run(
    recorded: ArchivedSession, factories: dict[str, AgentFactory] | None, *, run_tools: bool
) -> Replayed:
    from .replaying import playback, run_again

    prepare: Prepare = playback
    if factories is not None:
        factory = factories.get(recorded.address.agent)
        if factory is None:
            raise ConfigError(
                f"That App has no agent {recorded.address.agent!r}.",
                remedy=f"It has {', '.join(sorted(factories))}; choose other sessions with --session.",
            )
        from .replaying_agent import with_agent  # Pydantic AI takes half a second to import

        prepare = with_agent(factory, run_tools=run_tools)
    return await run_again(recorded, prepare, by_model=factories is not None)


def _chosen(file: Path, wanted: list[str]) -> list[ArchivedSession]:
    from ..admin.archive_reader import read_archive

    chosen = [
        recorded
        for recorded in read_archive(file)
        if not wanted or {str(recorded.address), recorded.address.session} & set(wanted)
    ]
    missing = [
        name
        for name in wanted
        if not any(name in {str(each.address), each.address.session} for each in chosen)
    ]
    if missing:
        raise NotFound(
            f"{file} holds no session {missing[0]}.",
            remedy="Leave --session out to run all sessions of the file.",
        )
    return chosen


def _show(console: Console, result: Replayed) -> None:
    name = printable(f"{result.agent}/{result.session}")
    counts = f"{plural(result.turns, 'turn')}, {plural(result.messages, 'message')}"
    if result.same:
        console.print(f"[green]same[/]       {name}  {counts}", highlight=False)
        return
    console.print(
        f"[bold red]different[/]  {name}  {counts}, {plural(len(result.differences), 'difference')}",
        highlight=False,
    )
    for difference in result.differences[:SHOWN]:
        where = f"message {difference.message + 1} ({difference.id}) {difference.path}".rstrip()
        console.print(f"  {printable(where)}", highlight=False, markup=False)
        for label, value in (("recorded", difference.recorded), ("replayed", difference.replayed)):
            shown = "nothing" if value is None else value
            console.print(f"    {label}  {printable(shown)}", highlight=False, markup=False)
    if len(result.differences) > SHOWN:
        console.print(
            f"  and {len(result.differences) - SHOWN} more; --json has all of them", highlight=False
        )


def _as_json(result: Replayed) -> dict[str, object]:
    return {**msgspec.to_builtins(result), "same": result.same}
