"""Checks of the data directory and the disk it is on."""

from __future__ import annotations

import fcntl
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from ...config import Settings
from ...engines.embedded.directory import LOCK, database_path
from ...engines.embedded.migrations import VERSION
from ...engines.embedded.readonly import open_readonly
from ...errors import CuttyError
from .. import running
from .finding import Finding

FREE_BYTES = 1024**3
"""Less free space is worth a warning."""

SCARCE_BYTES = 100 * 1024**2
"""Less free space is a failure."""

FSYNCS = 20

SLOW_FSYNC_MS = 50.0
"""A slower disk is worth a warning, in milliseconds."""

_NETWORKED = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.s3fs",
    }
)


def directory(settings: Settings) -> Finding:
    """Whether the data directory is there and writable, or can be made."""
    path = settings.data.absolute()
    if path.is_dir():
        if not os.access(path, os.W_OK | os.X_OK):
            return Finding("data directory", "failed", f"{path} cannot be written", _OWNER)
        if path.stat().st_mode & 0o077:
            return Finding(
                "data directory", "warning", f"{path} is open to other users", f"Close it: chmod 700 {path}"
            )
        return Finding("data directory", "ok", f"{path}")
    if path.exists():
        return Finding(
            "data directory", "failed", f"{path} is not a directory", "Choose another with --data."
        )
    parent = _nearest(path)
    if not os.access(parent, os.W_OK | os.X_OK):
        return Finding(
            "data directory", "failed", f"{path} cannot be made: {parent} cannot be written", _OWNER
        )
    return Finding("data directory", "ok", f"{path} (will be made at the first start)")


_OWNER = "Let the user who runs the server write there, or choose another directory with --data."


def filesystem(settings: Settings) -> Finding:
    """Whether locks and syncs can be trusted where the data lie."""
    kind = filesystem_of(_nearest(settings.data.absolute()))
    if kind is None:
        return Finding("filesystem", "ok", "its kind is not known on this system")
    if kind in _NETWORKED:
        return Finding(
            "filesystem",
            "warning",
            f"{kind}, a network filesystem",
            "Put the data directory on a local disk: SQLite's log does not work over a network.",
        )
    return Finding("filesystem", "ok", kind)


def filesystem_of(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The kind of filesystem a directory is on, from the table of mounts; ``None`` where there is no such table."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    best: tuple[int, str] | None = None
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        if path.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = len(point.parts), fields[2]
    return best[1] if best else None


def lock(settings: Settings) -> Finding:
    """Whether a server may take the data directory."""
    path = settings.data / LOCK
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return Finding("lock", "ok", "free")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
        server = running.find(settings.data)
        if server is not None:
            return Finding("lock", "ok", f"held by process {holder}, the server at {server.url}")
        return Finding(
            "lock",
            "warning",
            f"held by process {holder}, which does not answer as a server",
            f"If it hangs, end it: kill {holder}",
        )
    finally:
        os.close(file)
    return Finding("lock", "ok", "free")


def database(settings: Settings) -> Finding:
    """The integrity of the store and the version of its schema."""
    path = database_path(settings.data)
    if not path.is_file():
        return Finding("database", "ok", "none yet")
    started = time.monotonic()
    try:
        with open_readonly(settings.data) as store:
            problems = store.check()
    except CuttyError as error:
        return Finding("database", "failed", error.sentence, error.remedy)
    if problems:
        return Finding(
            "database",
            "failed",
            f"damaged: {'; '.join(problems[:3])}",
            "Stop the server and restore a backup, or save what can be read with sqlite3's .recover command.",
        )
    size = path.stat().st_size / 1024**2
    took = time.monotonic() - started
    return Finding("database", "ok", f"sound, schema {VERSION}, {size:.1f} MiB (checked in {took:.1f} s)")


def disk_space(settings: Settings) -> Finding:
    """How much the disk under the data still takes."""
    free = shutil.disk_usage(_nearest(settings.data.absolute())).free
    said = f"{free / 1024**3:.1f} GiB free"
    if free < SCARCE_BYTES:
        return Finding("disk space", "failed", said, "Make room: a full disk stops every answer.")
    if free < FREE_BYTES:
        return Finding("disk space", "warning", said, "Make room before it runs out.")
    return Finding("disk space", "ok", said)


def disk_speed(settings: Settings) -> Finding:
    """How long it takes until a small write is on the disk; each commit waits that long."""
    with tempfile.TemporaryFile(dir=_nearest(settings.data.absolute())) as file:
        times = []
        for _ in range(FSYNCS):
            file.write(b"x" * 4096)
            started = time.perf_counter()
            file.flush()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    median = statistics.median(times)
    said = f"fsync takes {median:.2f} ms (median of {FSYNCS})"
    if median > SLOW_FSYNC_MS:
        return Finding("disk speed", "warning", said, "Answers start late on this disk; use a faster one.")
    return Finding("disk speed", "ok", said)


def _nearest(path: Path) -> Path:
    """The path itself or the nearest directory above it that exists."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
