"""``cutty-agent sessions rm``, ``erase`` and ``purge``: take sessions away for good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from . import duration
from .files import new_file
from .operator import Operator, Subject, Wanted
from .options import Agent, Data, Json, OptionalId, Url, User, Yes, parse_address, parse_subject, print_json
from .reaching import open_operator
from .settings import load
from .terminal import complain, confirm, note, plural, readable_errors

if TYPE_CHECKING:
    from ..admin.receipts import Purged, Receipt


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("rm", epilog="Example:  cutty-agent sessions rm session-1 support/anna --yes")(rm)
    app.command(
        "erase",
        epilog="Examples:  cutty-agent sessions erase session-1  ·  "
        "cutty-agent sessions erase --user user:anna --yes --receipt anna.json",
    )(erase)
    app.command(
        "purge",
        epilog="Examples:  cutty-agent sessions purge --older-than 30d --dry-run  ·  "
        "cutty-agent sessions purge --older-than 4w --agent support --yes",
    )(purge)


def rm(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Session ids, or agent/id.")],
    agent: Agent = "chat",
    yes: Yes = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Remove sessions with all they have, for good. Their open pages are told so."""
    with readable_errors():
        addresses = list(dict.fromkeys(parse_address(each, agent) for each in ids))
        with open_operator(load(data=data), url) as source:
            if not yes:
                named = ", ".join(map(str, addresses[:5])) + (" …" if len(addresses) > 5 else "")
                what = "session" if len(addresses) == 1 else f"{len(addresses)} sessions"
                confirm(f"Remove {what} {named} for good?")
            missing = 0
            for address, removed in source.delete(addresses):
                if removed:
                    print(f"removed {address}")
                else:
                    missing += 1
                    complain(f"There is no session {address}.")
    if missing:
        raise typer.Exit(1)


def erase(
    id: OptionalId = None,
    user: User = None,
    receipt: Annotated[
        Path | None,
        typer.Option("--receipt", metavar="FILE", help="Write the receipt as JSON to a new file."),
    ] = None,
    agent: Agent = "chat",
    yes: Yes = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Erase a session, or all sessions of an owner, and print a receipt.

    Nothing of it can then be read from the store's files. Sums of usage and the audit log stay; neither holds a word
    of the conversation.
    """
    with readable_errors():
        subject = parse_subject(id, user, agent)
        with open_operator(load(data=data), url) as source:
            if not yes:
                confirm(_question(source, subject))
            if receipt is None:
                given = source.erase(subject)
            else:
                with new_file(receipt) as file:  # there is a place for the receipt before anything is erased
                    given = source.erase(subject)
                    file.write(msgspec.json.format(msgspec.json.encode(given), indent=2) + b"\n")
    if as_json:
        print_json(given)
    else:
        _print(given)
    if not given.overwritten:
        complain(
            "Something of it may still be in the files of the store: another program has them open. "
            "Close it, then erase another session, or stop the server and run: cutty-agent data compact."
        )


def _question(source: Operator, subject: Subject) -> str:
    if isinstance(subject, str):
        number = sum(1 for _ in source.rows(Wanted(owner=subject)))
        return f"Erase all of {subject} ({plural(number, 'session')}) for good?"
    messages = source.show(subject)["messages"]
    return f"Erase session {subject} ({plural(messages, 'message')}) for good?"


def _print(given: Receipt) -> None:
    at = datetime.fromtimestamp(given.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"erased {given.subject}")
    counts = ((given.sessions, "session"), (given.messages, "message"), (given.turns, "turn"))
    print(f"  removed      {', '.join(plural(number, noun) for number, noun in counts)}")
    print(f"  at           {at}")
    print(f"  overwritten  {'yes' if given.overwritten else 'not yet'}")
    print(f"  receipt      {given.receipt}")


def purge(
    older_than: Annotated[
        duration.Duration,
        typer.Option(
            "--older-than",
            parser=duration.parse,
            metavar="TIME",
            help="Without activity for so long: 90s, 15m, 12h, 30d, 4w.",
        ),
    ],
    agent: Annotated[str | None, typer.Option("--agent", help="Only sessions of this agent.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    yes: Yes = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Remove all sessions that have not been active for some time. Those open in a window stay.

    Space is given back to the disk. It may be interrupted and started again.
    """
    with readable_errors(), open_operator(load(data=data), url) as source:
        found = source.purge(older_than.seconds, agent, dry_run=True, told=lambda _: None)
        if not dry_run and found.found:
            if not yes:
                confirm(f"Remove {plural(found.found, 'session')} without activity for {older_than}?")
            found = _purge(source, older_than.seconds, agent, found.found)
    if as_json:
        print_json(found)
    elif dry_run or not found.found:
        print(f"{plural(found.found, 'session')} without activity for {older_than}")
        if found.found:
            note("Nothing was removed; this was a dry run.")
    else:
        print(f"removed {plural(found.sessions, 'session')} with {plural(found.messages, 'message')}")


def _purge(source: Operator, older_s: float, agent: str | None, total: int) -> Purged:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("sessions"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("removing", total=total)
        return source.purge(
            older_s, agent, dry_run=False, told=lambda step: bar.update(task, completed=step.sessions)
        )
