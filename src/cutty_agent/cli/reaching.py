"""Where an operator's command is answered: by which server and with which token, or from which directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..admin.token import TOKEN_FILE, read_token
from ..errors import StoreUnavailable, Unauthorized
from . import running
from .operator import NoServer
from .remote import ServerOperator

if TYPE_CHECKING:
    from ..config import Settings
    from .stored import StoredOperator


def open_operator(settings: Settings, url: str | None) -> ServerOperator | StoredOperator:
    """Through the server at ``url``, else the one that runs on the data directory, else the directory itself."""
    server = running.find(settings.data) if url is None else None
    if url is not None or server is not None:
        return open_server(settings, url)
    from .stored import StoredOperator  # with the store and its database

    return StoredOperator(settings)


def open_server(settings: Settings, url: str | None) -> ServerOperator:
    """Through a running server only.

    Raises:
        NoServer: none runs.
        Unauthorized: there is no token to show it.
    """
    if url is None:
        found = running.find_url(settings)
        if found is None:
            raise NoServer(
                f"No server runs on the data directory {settings.data}.",
                remedy="Start one with: cutty-agent serve. Or name one with --url or its directory with --data.",
            )
        url = found
    url = url.rstrip("/")
    token = settings.admin_token or (_kept(settings.data) if _is_local(url) else None)
    if token is None:
        raise Unauthorized(
            f"There is no operator's token for {url}.",
            remedy=f"Set CUTTY_ADMIN_TOKEN to the server's token, or give with --data the directory where its "
            f"{TOKEN_FILE} lies (used for servers on this machine only).",
        )
    return ServerOperator(url, token)


def _kept(directory: Path) -> str | None:
    try:
        return read_token(directory)
    except OSError as error:
        raise StoreUnavailable(
            f"The operator's token {directory / TOKEN_FILE} cannot be read: {error.strerror}.",
            remedy="Run this as the user who runs the server, or set CUTTY_ADMIN_TOKEN.",
        ) from error


def _is_local(url: str) -> bool:
    return running.is_loopback(urlsplit(url).hostname or "")
