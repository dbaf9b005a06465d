"""What a session notices of an operator who follows it live: the same turns with and without a tail, turn and turn about."""

from __future__ import annotations

import asyncio
import statistics

import httpx
import uvloop

from bench.load import connect, request
from bench.processes import Server, running

ROUNDS = 12
TURNS = 80
CHUNKS = "200"
TOKEN = "an operator's token for a benchmark"


async def follow(server: Server, attached: asyncio.Event) -> None:
    """Read everything the tail says until cancelled."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{server.port}/admin/sessions/instant/watched/tail"
    async with (
        httpx.AsyncClient(timeout=None) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        async for _ in answer.aiter_bytes():
            attached.set()


async def measure(server: Server) -> tuple[list[float], list[float]]:
    """Medians of the rounds without and with a tail, seconds a turn."""
    client = await connect(server.port, "watched")
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS * 2 + 2):
        tail, attached = None, asyncio.Event()
        if number % 2:
            tail = asyncio.ensure_future(follow(server, attached))
            await attached.wait()
        times = [await client.turn(request(f"w{number}-{at}", CHUNKS)) for at in range(TURNS)]
        if number >= 2:
            found[number % 2].append(statistics.median(times))
        if tail is not None:
            tail.cancel()
            await asyncio.wait([tail])
    return found


def main() -> None:
    """Run it."""
    with running("ours", env={"CUTTY_ADMIN_TOKEN": TOKEN}) as server:
        without, with_tail = uvloop.run(measure(server))
    alone, watched = statistics.median(without), statistics.median(with_tail)
    print(
        f"tail  turn of {CHUNKS} chunks p50 {alone * 1e3:.2f} ms alone, {watched * 1e3:.2f} ms watched; "
        f"ratio {watched / alone:.2f}"
    )


if __name__ == "__main__":
    main()
