"""``cutty-agent revoke``: refuse a user or a token from now on."""

from __future__ import annotations

from typing import Annotated

import typer

from . import duration
from .options import Data, Url
from .reaching import open_operator
from .settings import load
from .terminal import note, plural, readable_errors

app = typer.Typer(add_completion=False)


@app.command(
    "revoke",
    epilog="Examples:  cutty-agent revoke user:anna  ·  cutty-agent revoke 3f0c9a1e --for 30d",
)
def revoke(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="user:anna, visitor:…, or the id (jti) of one token.")
    ],
    lasts: Annotated[
        duration.Duration | None,
        typer.Option(
            "--for",
            parser=duration.parse,
            metavar="TIME",
            help="For so long, such as 30d (default: for ever).",
        ),
    ] = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Refuse a user, a visitor or a token from now on; their open sockets are closed (4401).

    For a token, the rest of its life is long enough. Without a server it holds from the next start on.
    """
    with readable_errors(), open_operator(load(data=data), url) as source:
        closed = source.revoke(key, lasts.seconds if lasts is not None else None)
    print(f"revoked {key}{f' for {lasts}' if lasts is not None else ''}")
    if closed is None:
        note("It holds from the next start of the server on.")
    elif closed:
        note(f"{plural(closed, 'open socket')} closed.")
