"""``python -m bench [NAME …]``: run the benchmarks, all or those named."""

from __future__ import annotations

import sys

from bench import access, analytics, history, idle, latency, limits, sessions, sweep, tail, throughput

ALL = {
    "throughput": throughput.main,
    "sessions": sessions.main,
    "idle": idle.main,
    "latency": latency.main,
    "history": history.main,
    "access": access.main,
    "limits": limits.main,
    "analytics": analytics.main,
    "sweep": sweep.main,
    "tail": tail.main,
}


def main() -> None:
    """Run what was asked for."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(ALL)}.")
    for name in names:
        ALL[name]()


if __name__ == "__main__":
    main()
