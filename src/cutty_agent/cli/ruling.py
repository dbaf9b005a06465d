"""``cutty-agent sessions park``, ``unpark``, ``expire`` and ``stop``: what an operator decides about one session."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Agent, Data, Id, Url, Yes, parse_address
from .reaching import open_operator, open_server
from .settings import load
from .terminal import confirm, note, readable_errors

USUAL_REASON = "An operator parked this session."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "park",
        epilog="Example:  cutty-agent sessions park session-1 --reason 'It calls the model in a loop.'",
    )(park)
    app.command("unpark", epilog="Example:  cutty-agent sessions unpark session-1")(unpark)
    app.command("stop", epilog="Example:  cutty-agent sessions stop support/session-1")(stop)
    app.command("expire", epilog="Example:  cutty-agent sessions expire session-1 --yes")(expire)


def park(
    id: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why; its visitors are told so.")] = USUAL_REASON,
    agent: Agent = "chat",
    data: Data = None,
    url: Url = None,
) -> None:
    """Let no turn of a session run for now; what runs is stopped. Its visitors can still read it."""
    with readable_errors():
        address = parse_address(id, agent)
        with open_operator(load(data=data), url) as source:
            source.park(address, reason)
    print(f"parked {address}")


def unpark(id: Id, agent: Agent = "chat", data: Data = None, url: Url = None) -> None:
    """Let a parked session run again."""
    with readable_errors():
        address = parse_address(id, agent)
        with open_operator(load(data=data), url) as source:
            source.park(address, None)
    print(f"unparked {address}")


def stop(id: Id, agent: Agent = "chat", data: Data = None, url: Url = None) -> None:
    """Stop the answer that is being written, and those that wait. What was said stays."""
    with readable_errors():
        address = parse_address(id, agent)
        with open_server(load(data=data), url) as server:
            stopped = server.stop(address)
    if stopped:
        print(f"stopped {address}")
    else:
        note(f"Nothing runs in {address}.")


def expire(id: Id, yes: Yes = False, agent: Agent = "chat", data: Data = None, url: Url = None) -> None:
    """End a session now as if its time had come: its agent winds it up (on_expire), then it is removed.

    Without a server it is out of reach at once, and the next start winds it up.
    """
    with readable_errors():
        address = parse_address(id, agent)
        with open_operator(load(data=data), url) as source:
            if not yes:
                source.show(address)  # an unknown one is no question
                confirm(f"End session {address} for good?")
            removed = source.expire(address)
    print(f"expired {address}")
    if not removed:
        note("The next start of the server winds it up and removes it.")
