"""The ``cutty-agent`` command."""

from __future__ import annotations

from typing import Annotated

import typer

from . import audit, chat, check, data, doctor, migrate, new, replay, revoke, serve, sessions, stats

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


app.command("serve", epilog=serve.EPILOG)(serve.serve)
app.command(
    "chat",
    epilog="Examples:  cutty-agent chat  ·  cutty-agent chat 'hello'  ·  "
    "cutty-agent chat --session anna 'what is my name?'  ·  git diff | cutty-agent chat -",
)(chat.chat)
app.add_typer(sessions.app)
app.command(
    "audit",
    epilog="Examples:  cutty-agent audit --action access.refused  ·  cutty-agent audit --action session. --actor operator  ·  "
    "cutty-agent audit --session support/anna --json",
)(audit.audit)
app.command(
    "revoke", epilog="Examples:  cutty-agent revoke user:anna  ·  cutty-agent revoke 3f0c9a1e --for 30d"
)(revoke.revoke)
app.command("replay", epilog=replay.EPILOG)(replay.replay)
app.command("stats", epilog=stats.EPILOG)(stats.stats)
app.add_typer(data.app)
app.add_typer(migrate.app)
app.command(
    "check",
    epilog="Examples:  cutty-agent check app:app  ·  cutty-agent check app:app --sessions 50 --seed 7 --json",
)(check.check)
app.command("doctor", epilog="Examples:  cutty-agent doctor  ·  cutty-agent doctor --data /srv/cutty --json")(
    doctor.doctor
)
app.command("new", epilog="Examples:  cutty-agent new myapp  ·  cutty-agent new --here")(new.new)
