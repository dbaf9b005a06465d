"""The ``cutty-agent`` command."""

from __future__ import annotations

import typer

from . import serve

app = typer.Typer(
    name="cutty-agent",
    help="Durable, isolated AI chat sessions on your own machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main() -> None:
    """Durable, isolated AI chat sessions on your own machines."""


app.command("serve")(serve.serve)
