"""``cutty-agent sessions export``: all that is kept of a session, or of an owner, as a ZIP file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..ids import Address
from .files import FileRefused, new_file, plain_name
from .operator import Operator, Subject
from .options import Agent, Data, OptionalId, Url, User, parse_subject
from .reaching import open_operator
from .settings import load
from .terminal import readable_errors


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "export",
        epilog="Examples:  cutty-agent sessions export session-1  ·  "
        "cutty-agent sessions export --user user:anna -o anna.zip  ·  "
        "cutty-agent sessions export session-1 -o - > session.zip",
    )(export)


def export(
    id: OptionalId = None,
    user: User = None,
    to: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to write it; - is standard output (default: by its name).",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    agent: Agent = "chat",
    data: Data = None,
    url: Url = None,
) -> None:
    """Write all that is kept of a session, or of an owner, to a ZIP file.

    In it are messages, turns and state as JSON, the conversation as Markdown, and the files that came with it. The
    ZIP file can be read by its owner only; when something fails nothing is left of it.
    """
    with readable_errors():
        subject = parse_subject(id, user, agent)
        if to == "-":
            _refuse_terminal()
            with open_operator(load(data=data), url) as source:
                source.export(subject, sys.stdout.buffer.write)
            sys.stdout.buffer.flush()
            return
        path = _path(to, subject)
        with open_operator(load(data=data), url) as source:
            size = _write(source, subject, path, force)
    print(f"{path}  {size:,} bytes")


def _write(source: Operator, subject: Subject, path: Path, force: bool) -> int:
    size = 0
    with new_file(path, force=force) as file, Console(stderr=True).status(f"exporting {subject}") as status:

        def write(piece: bytes) -> None:
            nonlocal size
            file.write(piece)
            size += len(piece)
            status.update(f"exporting {subject}  {size / 1024**2:.1f} MiB")

        source.export(subject, write)
    return size


def _path(to: str | None, subject: Subject) -> Path:
    named = f"{subject.agent}-{subject.session}" if isinstance(subject, Address) else subject
    usual = Path(f"{plain_name(named)}.zip")
    if to is None:
        return usual
    path = Path(to)
    return path / usual if path.is_dir() else path


def _refuse_terminal() -> None:
    if sys.stdout.isatty():
        raise FileRefused(
            "A ZIP file is nothing for a terminal.", remedy="Redirect the output, or name a file with -o."
        )
