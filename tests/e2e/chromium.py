"""The browser of these tests: one that is installed, not one that is downloaded."""

from __future__ import annotations

import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """The path of the first of :data:`PROGRAMS` on ``PATH``."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
