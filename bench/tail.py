"""What a session notices of an operator who follows it live: the same turns with and without a tail, turn and turn about."""

from __future__ import annotations

import asyncio
import statistics
import sys

import uvloop

from bench.load import connect, request
from bench.processes import Server, running

ROUNDS = 12
TURNS = 80
CHUNKS = "200"
TOKEN = "the token of an operator for a benchmark"


async def follow(server: Server) -> asyncio.subprocess.Process:
    """A reader in a process of its own, attached."""
    url = f"http://127.0.0.1:{server.port}/admin/sessions/instant/watched/tail"
    script = (
        "import socket,sys\n"
        f"s=socket.create_connection(('127.0.0.1',{server.port}))\n"
        f"s.sendall(b'GET {url.partition(str(server.port))[2]} HTTP/1.1\\r\\nHost: localhost\\r\\n"
        f"Authorization: Bearer {TOKEN}\\r\\n\\r\\n')\n"
        "s.recv(65536); print('attached',flush=True)\n"
        "while s.recv(1<<20): pass\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def measure(server: Server) -> tuple[list[float], list[float]]:
    """Medians of the rounds without and with a tail, seconds a turn."""
    client = await connect(server.port, "watched")
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS * 2 + 2):
        tail = await follow(server) if number % 2 else None
        times = [await client.turn(request(f"w{number}-{at}", CHUNKS)) for at in range(TURNS)]
        if number >= 2:
            found[number % 2].append(statistics.median(times))
        if tail is not None:
            tail.kill()
            await tail.wait()
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
