"""Checks of the machine: interpreter, SQLite, limits, speed of the processor."""

from __future__ import annotations

import asyncio
import importlib.util
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from ...config import Settings
from ...engines.embedded.connection import connect_writer
from .finding import Finding

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 35, 0)

OPEN_FILES = 4096
"""A lower limit is worth a warning: each socket is an open file."""

SLOW_TURN_US = 500.0
"""A turn of the event loop that takes longer is worth a warning, in microseconds."""


def python(_: Settings) -> Finding:
    """The interpreter."""
    said = f"{sys.version.split()[0]} ({sys.executable})"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("python", "failed", said, "Install Python 3.11 or later.")
    return Finding("python", "ok", said)


def sqlite(_: Settings) -> Finding:
    """The SQLite library, and whether it keeps what it has confirmed."""
    said = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return Finding("sqlite", "failed", said, "Install a Python that comes with SQLite 3.35 or later.")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            connection = connect_writer(Path(scratch) / "doctor.db", busy_timeout_s=1.0)
            try:
                mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
                level = connection.execute("PRAGMA synchronous").fetchone()[0]
            finally:
                connection.close()
    except sqlite3.Error as error:
        return Finding("sqlite", "failed", f"{said}: {error}", "Install a Python with a complete SQLite.")
    if mode != "wal" or level != 2:
        return Finding(
            "sqlite",
            "failed",
            f"{said} runs with journal_mode {mode} and synchronous {level}",
            "Install a Python whose SQLite can do WAL with FULL synchronisation.",
        )
    return Finding("sqlite", "ok", f"{said}, WAL with FULL synchronisation")


def open_files(_: Settings) -> Finding:
    """Each open socket is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        return Finding(
            "open files",
            "warning",
            f"at most {soft}, so fewer sockets than that",
            f"Raise it before the start: ulimit -n {65536 if hard == resource.RLIM_INFINITY else hard}",
        )
    return Finding("open files", "ok", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft}")


def fast_parts(_: Settings) -> Finding:
    """The compiled parts below the server."""
    missing = [name for name in ("uvloop", "httptools") if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "fast parts",
            "failed",
            f"{' and '.join(missing)} missing",
            f"Install: pip install {' '.join(missing)}",
        )
    return Finding("fast parts", "ok", f"uvloop {version('uvloop')}, httptools {version('httptools')}")


def event_loop(_: Settings) -> Finding:
    """How fast this processor turns the event loop."""

    async def turn() -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            for _ in range(1000):
                await asyncio.sleep(0)
            times.append((time.perf_counter() - started) * 1000)
        return statistics.median(times)

    try:
        import uvloop

        took_us = uvloop.run(turn())
    except ImportError:
        took_us = asyncio.run(turn())
    said = f"{took_us:.1f} µs a turn"
    if took_us > SLOW_TURN_US:
        return Finding("event loop", "warning", said, "This processor is busy or slow; look at its load.")
    return Finding("event loop", "ok", said)
