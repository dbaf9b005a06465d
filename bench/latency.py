"""Time from request to first chunk at one session, the commits of the user message and of the chunk included."""

from __future__ import annotations

import asyncio
import statistics
from time import perf_counter

import uvloop

from bench.load import connect, request
from bench.processes import Server, running

TURNS = 1000


async def times(server: Server) -> list[float]:
    """Seconds from sending a request to the first text chunk, turn after turn."""
    loop = asyncio.get_running_loop()
    client = await connect(server.port, "latency")
    found = []
    for number in range(TURNS + 50):
        client.first = loop.create_future()
        start = perf_counter()
        turn = client.turn(request(f"l{number}", "20"))
        _, first = await asyncio.gather(turn, client.first)
        if number >= 50:
            found.append(first - start)
    return found


def main() -> None:
    """Run it."""
    medians = {}
    for name in ("bare", "ours"):
        with running(name) as server:
            found = sorted(uvloop.run(times(server)))
        medians[name] = statistics.median(found)
        print(
            f"first chunk  {name:<5} p50 {medians[name] * 1e3:.2f} ms  p99 {found[int(len(found) * 0.99)] * 1e3:.2f} ms  "
            f"max {found[-1] * 1e3:.2f} ms  ({TURNS} turns)"
        )
    print(f"first chunk  ratio ours/bare {medians['ours'] / medians['bare']:.1f} (aim: p50 3 ms, p99 15 ms)")


if __name__ == "__main__":
    main()
