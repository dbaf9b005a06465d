"""The ``cutty-agent`` command."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS: Final = (
    "serve",
    "chat",
    "audit",
    "revoke",
    "replay",
    "stats",
    "check",
    "doctor",
    "new",
    "sessions",
    "data",
    "migrate",
)
"""In the order of the help; each is the ``app`` of the module of its name."""


class _Commands(UserDict[str, Any]):
    """Imports and builds a command when it is asked for: a server starts without what all the others need."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            self.data[name] = get_command(import_module(f".{name}", __package__).app)
        return self.data[name]


class _Group(TyperGroup):
    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = _Commands(dict.fromkeys(COMMANDS))


app = typer.Typer(
    name="cutty-agent",
    cls=_Group,
    help="Durable, isolated AI chat sessions on your own machines.",
    epilog="Start with:  cutty-agent serve  ·  cutty-agent chat 'hello'  ·  cutty-agent sessions ls  ·  cutty-agent doctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"cutty-agent {version('cutty-agent')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Durable, isolated AI chat sessions on your own machines."""
