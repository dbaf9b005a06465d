"""Removing 100,000 expired sessions while 200 others talk: how long it takes, and what those who talk notice."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from pathlib import Path
from time import perf_counter, time_ns

import httpx
import uvloop

from bench.load import connect, request
from bench.processes import Server, running
from cutty_agent.engines.embedded.store import open_store
from cutty_agent.ids import Address
from cutty_agent.ports.store import Lifetime, PutMessage

EXPIRED = 100_000
MESSAGES = 4
TALKERS = 200
PAUSE_S = 0.5
BEFORE_S = 8.0
TOKEN = "an operator's token for a benchmark"
BODY = b'{"id":"m","role":"user","parts":[{"type":"text","text":"' + b"x" * 400 + b'"}]}'


async def fill(directory: Path) -> None:
    """Make sessions that have expired."""
    store = await open_store(directory)
    long_ago = time_ns() // 1_000_000 - 86_400_000

    async def make(number: int) -> None:
        address = Address("instant", f"old-{number}")
        snapshot = await store.claim(address, owner="", now_ms=long_ago, lifetime=Lifetime(idle_ms=1000))
        ops = [PutMessage(f"m{at}", BODY) for at in range(MESSAGES)]
        await store.commit(address, snapshot.epoch, ops, now_ms=long_ago, expires_ms=long_ago + 1000)

    for start in range(0, EXPIRED, 1000):
        await asyncio.gather(*(make(number) for number in range(start, start + 1000)))
    await store.close()


async def talk(server: Server, label: str, found: list[float], stop: asyncio.Event) -> None:
    """One talker: a turn of 20 chunks, a pause, and again."""
    client = await connect(server.port, label)
    number = 0
    while not stop.is_set():
        found.append(await client.turn(request(f"{label}-{number}", "20")))
        number += 1
        await asyncio.sleep(PAUSE_S)
    client.transport.close()


async def measure(server: Server) -> tuple[list[float], list[float], float, int]:
    """Latencies of turns before and during the sweep, its seconds, and how many sessions it removed."""
    found: list[float] = []
    stop = asyncio.Event()
    talkers = []
    for number in range(TALKERS):
        talkers.append(asyncio.ensure_future(talk(server, f"t{number}", found, stop)))
        await asyncio.sleep(PAUSE_S / TALKERS)
    await asyncio.sleep(2)
    found.clear()
    await asyncio.sleep(BEFORE_S)
    before = found[:]
    found.clear()
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=600
    ) as operator:
        start = perf_counter()
        removed = (await operator.post("/admin/sweep")).json()["sessions"]
        seconds = perf_counter() - start
    during = found[:]
    stop.set()
    await asyncio.gather(*talkers)
    return before, during, seconds, removed


def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory() as data:
        directory = Path(data)
        asyncio.run(fill(directory))
        full = sum(file.stat().st_size for file in directory.iterdir())
        env = {"CUTTY_ADMIN_TOKEN": TOKEN, "CUTTY_LIFETIMES__SWEEP_S": "100000"}
        with running("ours", data=directory, env=env) as server:
            before, during, seconds, removed = uvloop.run(measure(server))
        left = sum(file.stat().st_size for file in directory.iterdir())
    for name, times in (("before", before), ("during", during)):
        times.sort()
        print(
            f"sweep  {name}  turn p50 {statistics.median(times) * 1e3:.2f} ms  p99 {times[int(len(times) * 0.99)] * 1e3:.2f} ms  "
            f"max {times[-1] * 1e3:.2f} ms  ({len(times)} turns of {TALKERS} sessions)"
        )
    ratio = statistics.median(during) / statistics.median(before)
    print(
        f"sweep  {removed} expired sessions with {MESSAGES} messages each in {seconds:.1f} s; p50 ratio {ratio:.2f}; "
        f"files {full / 2**20:.0f} MiB before, {left / 2**20:.0f} MiB after"
    )


if __name__ == "__main__":
    main()
