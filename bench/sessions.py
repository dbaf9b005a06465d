"""New sessions accepted, stored and greeted per second, on the server's one core; the bare server beside it."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from time import perf_counter

import uvloop

from bench.load import connect
from bench.processes import Server, running

AT_ONCE = 64
BATCH = 1000
ROUNDS = 6
_ids = itertools.count()


async def one_round(server: Server) -> float:
    """Open ``BATCH`` sockets to sessions that do not exist yet, ``AT_ONCE`` at a time; seconds."""
    gate = asyncio.Semaphore(AT_ONCE)
    clients = []

    async def enter() -> None:
        async with gate:
            clients.append(await connect(server.port, f"new-{next(_ids)}"))

    start = perf_counter()
    await asyncio.gather(*(enter() for _ in range(BATCH)))
    took = perf_counter() - start
    for client in clients:
        client.transport.abort()
    return took


async def measure(servers: dict[str, Server]) -> None:
    """Rounds of both servers in turn."""
    rates: dict[str, list[float]] = {name: [] for name in servers}
    cpu: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(ROUNDS + 1):
        for name, server in servers.items():
            before = server.cpu_s()
            took = await one_round(server)
            if turn:
                rates[name].append(BATCH / took)
                cpu[name].append((server.cpu_s() - before) / BATCH * 1e6)
    for name in servers:
        print(
            f"new sessions  {name:<5} {statistics.median(rates[name]):>8,.0f} /s "
            f"(min {min(rates[name]):,.0f}, max {max(rates[name]):,.0f})  "
            f"{statistics.median(cpu[name]):.0f} µs CPU each"
        )
    ratio = statistics.median(ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True))
    print(f"new sessions  ratio ours/bare {ratio:.2f} (median of {ROUNDS} pairs; aim: 1,000 /s)")


def main() -> None:
    """Run it."""
    with running("bare") as bare, running("ours") as ours:
        uvloop.run(measure({"bare": bare, "ours": ours}))


if __name__ == "__main__":
    main()
