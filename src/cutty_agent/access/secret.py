"""The secrets that sign cookies: from the settings, or kept in the data directory."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from ..config import Access
from ..errors import ConfigError, StoreUnavailable

SECRET_FILE = "secret.key"
"""In the data directory, readable by its owner only; several secrets are separated by white space, the first signs."""

MIN_SECRET = 32
"""Characters of one secret."""


def signing_secrets(access: Access, directory: Path | None) -> tuple[str, ...]:
    """The secrets for signatures, at least one; the first signs, all verify.

    ``access.secret`` wins, then the file in the data directory, which exists and gets one at the first call. Without
    a directory the secret lives as long as this process, and so do the cookies it signs.

    Raises:
        ConfigError: one of the secrets is too short.
        StoreUnavailable: the file cannot be read or made.
    """
    if access.secret is not None:
        return _checked(access.secret.split(), "access.secret", "Set CUTTY_ACCESS__SECRET to longer ones")
    if directory is None:
        return (_new(),)
    path = directory / SECRET_FILE
    return _checked(_kept(path).split(), str(path), "Remove the file, which ends all visitors' cookies")


def _checked(found: list[str], source: str, remedy: str) -> tuple[str, ...]:
    if not found or min(map(len, found)) < MIN_SECRET:
        raise ConfigError(
            f"A secret of {source} is shorter than {MIN_SECRET} characters.",
            remedy=f"{remedy}; a good one is: openssl rand -base64 32.",
        )
    return tuple(found)


def _kept(path: Path) -> str:
    try:
        kept = _read(path)
        if not kept:
            _make(path)
            kept = _read(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise StoreUnavailable(
            f"The secret {path} cannot be used: {reason}.",
            remedy="Let this user read and write the file, or set CUTTY_ACCESS__SECRET.",
        ) from error
    return kept


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _make(path: Path) -> None:
    # Written aside and renamed, so that a crash cannot leave an empty secret.
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as opened:
        opened.write(f"{_new()}\n")
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(path)


def _new() -> str:
    return secrets.token_urlsafe(32)
