"""Options that many commands share, and how sessions and their owners are named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ..ids import Address, check_session_id
from ..wire.principal import USER, VISITOR

Data = Annotated[
    Path | None, typer.Option("--data", help="Data directory of the server (default: cutty-data).")
]
Url = Annotated[
    str | None, typer.Option("--url", help="Address of the server (default: the one of the data directory).")
]
Agent = Annotated[str, typer.Option("--agent", help="Agent of ids that do not name theirs.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A session id, or agent/id.")]
OptionalId = Annotated[str | None, typer.Argument(metavar="[ID]", help="A session id, or agent/id.")]
User = Annotated[
    str | None, typer.Option("--user", help="All sessions of this owner instead, such as user:anna.")
]


def parse_address(text: str, agent: str) -> Address:
    """``id`` or ``agent/id``.

    Raises:
        BadAddress: the id is not one.
    """
    named, slash, session = text.partition("/")
    return Address(named, check_session_id(session)) if slash else Address(agent, check_session_id(text))


def parse_owner(text: str) -> str:
    """A principal's id: ``user:anna`` or ``visitor:…``; a name without either is a user's."""
    return text if text.startswith((USER, VISITOR)) else f"{USER}{text}"


def parse_subject(id: str | None, user: str | None, agent: str) -> Address | str:
    """The session, or the owner of sessions, that a command is about.

    Raises:
        typer.BadParameter: neither is given, or both are.
        BadAddress: the id is not one.
    """
    if (id is None) == (user is None):
        raise typer.BadParameter("Give either a session ID or --user.")
    return parse_owner(user) if user is not None else parse_address(id or "", agent)


def print_json(value: object) -> None:
    """A value on standard output, for programs and for reading."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
