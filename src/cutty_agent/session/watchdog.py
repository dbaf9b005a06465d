"""Watches the event loop from a thread: how late it is, and which line of code holds it up."""

from __future__ import annotations

import asyncio
import sys
import sysconfig
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from .metrics import NoMetrics
from .warnings import Warnings

log = structlog.get_logger("cutty_agent.watchdog")

PAUSE_S: Final = 0.1
"""Between two probes, in seconds."""

BLOCKED_S: Final = 0.25
"""A loop that is later than this is blocked, in seconds. One that is blocked for less than this and a pause together may
go unnoticed."""

_FOREIGN: Final = tuple(
    str(Path(path))
    for path in {*map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")), sys.prefix}
    if path
)
_PACKAGE: Final = str(Path(__file__).parent.parent)
_LOOP: Final = ("selectors.py", "/asyncio/base_events.py", "/asyncio/runners.py")


class Watchdog:
    """One for each loop. Costs a wake-up of the loop every tenth of a second."""

    def __init__(self, metrics: NoMetrics, warnings: Warnings) -> None:
        self._metrics = metrics
        self._warnings = warnings
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._answered = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cutty-watchdog", daemon=True)

    def start(self) -> None:
        """Begin; from the loop's own thread."""
        self._thread.start()

    async def stop(self) -> None:
        """End; returns when the thread is gone."""
        self._stop.set()
        self._answered.set()
        await asyncio.to_thread(self._thread.join)

    def _watch(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self._answered.clear()
            asked = time.perf_counter()
            try:
                self._loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:
                return  # the loop is closed
            held: tuple[str, str] | None = None
            step: FrameType | None = None
            while not self._answered.wait(BLOCKED_S / 2) and not self._stop.is_set():
                frame = sys._current_frames().get(self._loop_thread)
                before, step = step, _step(frame)
                if (
                    before is not None and before is step
                ):  # still the same one, so it is that which holds up the loop
                    held = held or where(frame)
                del frame
            del step
            lag = time.perf_counter() - asked
            self._metrics.lagged(lag)
            if held is not None and lag >= BLOCKED_S and not self._stop.is_set():
                self._warn(held, lag)

    def _warn(self, held: tuple[str, str], lag: float) -> None:
        culprit, inside = held
        self._warnings.once(
            "loop.blocked",
            culprit,
            inside=inside,
            seconds=round(lag, 3),
            remedy="Everybody waits meanwhile: use an async library there, or await asyncio.to_thread(...).",
        )


def _step(frame: FrameType | None) -> FrameType | None:
    """What the loop has called: the outermost frame that is not the loop's own. ``None`` when it waits for events."""
    if frame is None or frame.f_code.co_filename.endswith(_LOOP):
        return None
    while frame.f_back is not None and not frame.f_back.f_code.co_filename.endswith(
        (*_LOOP, "/asyncio/events.py")
    ):
        frame = frame.f_back
    return frame


def where(frame: FrameType | None) -> tuple[str, str] | None:
    """The line that a thread is at, as ``file:line function``: the innermost of the application's own, and the
    innermost of all. ``None`` when the thread only waits for events, which is what a starved process looks like."""
    if frame is None or frame.f_code.co_filename.endswith(_LOOP):
        return None
    inside = _named(frame)
    own: str | None = None
    ours: str | None = None
    at: FrameType | None = frame
    while at is not None:
        if not _is_foreign(at):
            if not at.f_code.co_filename.startswith(_PACKAGE):
                own = _named(at)
                break
            ours = ours or _named(at)
        at = at.f_back
    # The outermost frame of the application is its entry point, and it runs the loop.
    if own is not None and _runs_the_loop(at):
        own = None
    return own or ours or inside, inside


def _is_foreign(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return not name.startswith(_PACKAGE) and (name.startswith(("<", *_FOREIGN)))


def _runs_the_loop(frame: FrameType | None) -> bool:
    """Whether a frame is only there because the loop was started in it."""
    while frame is not None:
        frame = frame.f_back
        if frame is not None and frame.f_code.co_name in {"run_forever", "run_until_complete", "run"}:
            return False
    return True


def _named(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    try:
        shown = path.relative_to(Path.cwd())
    except ValueError:
        shown = path
    return f"{shown}:{frame.f_lineno} {frame.f_code.co_name}"
