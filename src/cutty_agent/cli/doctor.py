"""``cutty-agent doctor``: is this machine ready to serve, and is the server there well?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from .settings import load
from .terminal import readable_errors

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "bold red")}


app = typer.Typer(add_completion=False)


@app.command(
    "doctor",
    epilog="Examples:  cutty-agent doctor  ·  cutty-agent doctor --data /srv/cutty --json",
)
def doctor(
    data: Annotated[
        Path | None, typer.Option("--data", help="Data directory to look at (default: cutty-data).")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to look at (default: 8789).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check Python, SQLite, the data directory, access and encryption, the port, the model and the disk's speed.

    Changes nothing in an existing store. Exit code 1 when something keeps a server from working.
    """
    from .checks import examine  # with the store, the keys and the tokens

    with readable_errors():
        settings = load(data=data, port=port)
        found = []
        console = Console(highlight=False, soft_wrap=True)
        for finding in examine(settings):
            found.append(finding)
            if not as_json:
                mark, style = _MARKS[finding.state]
                console.print(
                    Text.assemble((f"{mark} ", style), (f"{finding.name:<16}", "bold"), finding.said)
                )
                if finding.remedy is not None:
                    console.print(Text(f"{'':<18}→ {finding.remedy}", "yellow"))
    failed = sum(finding.state == "failed" for finding in found)
    if as_json:
        body = msgspec.json.encode({"ok": not failed, "checks": found})
        print(msgspec.json.format(body, indent=2).decode())
    elif failed:
        console.print(Text(f"\n{failed} check{'' if failed == 1 else 's'} failed.", "bold red"))
    else:
        console.print(Text("\nAll is well.", "green"))
    if failed:
        raise typer.Exit(1)
