"""Files a command makes: whole or not at all, for their owner only, and never in place of another by accident."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import CuttyError


class FileRefused(CuttyError):
    """A file that a command was to write is there already, or cannot be written."""

    code = "file.refused"


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file to be written, which is at ``path`` when the block has ended well. Otherwise nothing is left of it, and
    what was there before is untouched.

    Raises:
        FileRefused: it exists and ``force`` is false, or the disk does not take it.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    reserved = False
    try:
        if path.is_dir():
            raise FileRefused(f"{path} is a directory.", remedy="Name a file.")
        if not force:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # nobody else takes the name
            reserved = True
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException as error:
        for left in (aside, *([path] if reserved else [])):
            with contextlib.suppress(OSError):
                left.unlink()
        if isinstance(error, FileExistsError):
            raise FileRefused(
                f"{path} is there already.", remedy="Name another file, or say --force to replace it."
            ) from error
        if isinstance(error, OSError):
            raise FileRefused(
                f"{path} cannot be written: {error.strerror}.", remedy="Name another file, or make room."
            ) from error
        raise


def plain_name(text: str) -> str:
    """A name that every file system takes: letters, digits and ``-_.``, at most 100 characters."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "-" for each in text)
    return plain[:100].lstrip(".") or "export"
