"""The operator's token: where it lies and how a request shows it."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from ..errors import StoreUnavailable, Unauthorized

TOKEN_FILE = "admin.token"
"""In the data directory, readable by its owner only."""

_REMEDY = f"Send Authorization: Bearer with the token from {TOKEN_FILE} in the data directory, or CUTTY_ADMIN_TOKEN."


def kept_token(directory: Path) -> str:
    """The token of a data directory that exists; made at the first call, the same ever after.

    A file that others may read is closed to them.

    Raises:
        StoreUnavailable: the file cannot be read or made.
    """
    path = directory / TOKEN_FILE
    try:
        token = read_token(directory)
        if token is None:
            _make(path)
            token = read_token(directory)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"The operator's token {path} cannot be used: {error.strerror}.",
            remedy="Let this user read and write the file, or set CUTTY_ADMIN_TOKEN.",
        ) from error
    assert token is not None
    return token


def read_token(directory: Path) -> str | None:
    """The token of a data directory; ``None`` when none has been made yet. Raises ``OSError`` when unreadable."""
    try:
        return (directory / TOKEN_FILE).read_text("ascii").strip() or None
    except FileNotFoundError:
        return None


def _make(path: Path) -> None:
    # Written aside and renamed, so that a crash cannot leave an empty token.
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as opened:
        opened.write(f"{secrets.token_urlsafe(32)}\n")
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(path)


def check_bearer(authorization: str | None, token: str) -> None:
    """Let a request pass whose ``Authorization`` header carries the token; takes the same time however wrong it is.

    Raises:
        Unauthorized: there is no such header, or the token is another.
    """
    if not is_token(shown_token(authorization), token):
        raise wrong_token()


def shown_token(authorization: str | None) -> str:
    """The token that an ``Authorization`` header carries.

    Raises:
        Unauthorized: it carries none.
    """
    scheme, _, shown = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not shown.strip():
        raise Unauthorized("The operator's API needs a token.", remedy=_REMEDY)
    return shown.strip()


def is_token(shown: str, token: str) -> bool:
    """Whether this is the token; takes the same time however wrong it is."""
    return hmac.compare_digest(shown.encode("utf-8", "replace"), token.encode())


def wrong_token() -> Unauthorized:
    """The error about a token that is nobody's."""
    return Unauthorized("This is not the operator's token.", remedy=_REMEDY)
