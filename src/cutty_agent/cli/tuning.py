"""Settings of the interpreter for a process that does nothing but serve."""

from __future__ import annotations

import gc
import sys

SWITCH_S = 0.002
"""How long a thread that wants to run waits for another, in seconds. A writer in a thread (``writer``) asks for its
turn after each statement; with the default of 5 ms a busy event loop would make every commit wait for a tenth of a second."""


def tune() -> None:
    """Let threads take turns sooner and collect garbage more rarely; what exists now is never looked at again."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
