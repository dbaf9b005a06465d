"""Settings of the interpreter for a process that does nothing but serve."""

from __future__ import annotations

import gc
import sys

SWITCH_S = 0.002
"""How long a thread that wants to run waits for another, in seconds. A writer in a thread (``writer``) asks for its
turn after each statement; with the default of 5 ms a busy event loop would make every commit wait for a tenth of a second."""


def collect_rarely() -> None:
    """Collect garbage more rarely. Before the server is imported, because that makes many objects and no garbage."""
    gc.set_threshold(20_000, 20, 50)


def tune() -> None:
    """Let threads take turns sooner; what exists now is never looked at again by the garbage collector.

    Nor is it looked through before: imports leave next to no garbage, and a collection takes tens of milliseconds.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
