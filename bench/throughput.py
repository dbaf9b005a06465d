"""Chunks per second at 200 sessions, stored durably, against the bare server: turns of 200 and of 50 chunks. Measured
without a log as the bare server, and once more with the log of ``cutty-agent serve`` in a file."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from time import perf_counter

import uvloop

from bench.load import Client, connect, request
from bench.processes import Server, running

SESSIONS = 200
ROUNDS = 30
TURNS = 4
FRAMES_BESIDE_WORDS = 4  # start, text-start, text-end, finish
_ids = itertools.count()


async def one_round(clients: list[Client], words: int) -> float:
    """Every session takes :data:`TURNS` turns, one after another and all sessions at once; seconds."""
    for client in clients:
        client.chunks = 0

    async def talk(client: Client) -> None:
        for _ in range(TURNS):
            await client.turn(request(f"r{next(_ids)}", str(words)))

    start = perf_counter()
    await asyncio.gather(*(talk(client) for client in clients))
    took = perf_counter() - start
    wrong = [client.chunks for client in clients if client.chunks != TURNS * (words + FRAMES_BESIDE_WORDS)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} sessions got a wrong number of chunks, for example {wrong[0]}")
    return took


async def measure(servers: dict[str, Server]) -> None:
    """Rounds of the servers in turn, each time in another order, so that a machine that changes speed changes it for
    all."""
    clients = {
        name: list(await asyncio.gather(*(connect(server.port, f"s{n}") for n in range(SESSIONS))))
        for name, server in servers.items()
    }
    names = list(servers)
    for words in (200, 50):
        rates: dict[str, list[float]] = {name: [] for name in servers}
        cpu: dict[str, list[float]] = {name: [] for name in servers}
        for turn in range(ROUNDS + 1):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                server = servers[name]
                before = server.cpu_s()
                took = await one_round(clients[name], words)
                if turn >= 1:
                    total = SESSIONS * TURNS * (words + FRAMES_BESIDE_WORDS)
                    rates[name].append(total / took)
                    cpu[name].append((server.cpu_s() - before) / total * 1e6)
        for name in servers:
            low, high = min(rates[name]), max(rates[name])
            print(
                f"throughput {words:>4} chunks/turn  {name:<6} {statistics.median(rates[name]):>10,.0f} chunks/s "
                f"(min {low:,.0f}, max {high:,.0f})  {statistics.median(cpu[name]):.2f} µs CPU/chunk"
            )
        for name, aim in (("ours", "; aim 0.5"), ("logged", "")):
            pairs = zip(rates[name], rates["bare"], strict=True)
            ratio = statistics.median(own / bare for own, bare in pairs)
            print(
                f"throughput {words:>4} chunks/turn  ratio {name}/bare {ratio:.2f} "
                f"(median of {ROUNDS} rounds{aim})"
            )


def main() -> None:
    """Run it."""
    with running("bare") as bare, running("ours") as ours, running("logged") as logged:
        uvloop.run(measure({"bare": bare, "ours": ours, "logged": logged}))


if __name__ == "__main__":
    main()
