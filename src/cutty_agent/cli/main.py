"""The ``cutty-agent`` command."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from . import chat, doctor, serve, sessions

app = typer.Typer(
    name="cutty-agent",
    help="Durable, isolated AI chat sessions on your own machines.",
    epilog="Start with:  cutty-agent serve  ·  cutty-agent chat 'hello'  ·  cutty-agent sessions ls  ·  cutty-agent doctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"cutty-agent {version('cutty-agent')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Durable, isolated AI chat sessions on your own machines."""


app.command(
    "serve",
    epilog="Examples:  cutty-agent serve  ·  cutty-agent serve --model anthropic:claude-sonnet-4-5  ·  "
    "cutty-agent serve app:app --port 8000 --reload",
)(serve.serve)
app.command(
    "chat",
    epilog="Examples:  cutty-agent chat  ·  cutty-agent chat 'hello'  ·  "
    "cutty-agent chat --session anna 'what is my name?'  ·  git diff | cutty-agent chat -",
)(chat.chat)
app.add_typer(sessions.app)
app.command("doctor", epilog="Examples:  cutty-agent doctor  ·  cutty-agent doctor --data /srv/cutty --json")(
    doctor.doctor
)
