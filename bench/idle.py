"""Memory of idle open sessions that sleep, at 10,000, and the longest pause of the event loop with them."""

from __future__ import annotations

import asyncio
import resource
import statistics

import uvloop

from bench.load import Client, connect, request
from bench.processes import Server, running

SESSIONS = 10_000
AT_ONCE = 64
PROBES = 1000
IDLE_S = "1.0"


async def measure(name: str, server: Server) -> None:
    """Open all, let them fall asleep, read the memory; then probe one session for pauses, and wake some."""
    before = server.memory()
    gate = asyncio.Semaphore(AT_ONCE)
    clients: list[Client] = []

    async def enter(number: int) -> None:
        async with gate:
            clients.append(await connect(server.port, f"idle-{number}"))

    await asyncio.gather(*(enter(number) for number in range(SESSIONS)))
    await _settled(server)
    each = (server.memory() - before) / SESSIONS / 1024
    print(f"idle sessions  {name:<5} {each:.1f} KiB each at {SESSIONS:,} (aim 12)")
    if name == "ours":
        worst = await _pauses(server)
        print(
            f"idle sessions  {name:<5} {PROBES} probes of another session: median {statistics.median(worst) * 1e3:.1f} ms, "
            f"longest {max(worst) * 1e3:.1f} ms (aim: no pause over 50)"
        )
        woken = [
            await clients[at].turn(request(f"wake-{at}", "5")) for at in range(0, SESSIONS, SESSIONS // 50)
        ]
        print(
            f"idle sessions  {name:<5} waking one with a turn of 5 words: median {statistics.median(woken) * 1e3:.1f} ms, "
            f"longest {max(woken) * 1e3:.1f} ms"
        )
    for client in clients:
        client.transport.abort()


async def _settled(server: Server) -> None:
    """Wait until memory has stopped falling: the sessions sleep."""
    last = server.memory()
    for _ in range(20):
        await asyncio.sleep(1.0)
        now = server.memory()
        if abs(now - last) < 64 * 1024:
            return
        last = now


async def _pauses(server: Server) -> list[float]:
    client = await connect(server.port, "probe")
    times = []
    for number in range(PROBES):
        if number % 100 == 0:
            await client.turn(request(f"p{number}", "1"))
        times.append(await client.probe())
        await asyncio.sleep(0.005)
    client.transport.abort()
    return times


def main() -> None:
    """Run it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < SESSIONS + 100:
        raise SystemExit(
            f"{SESSIONS:,} sockets need as many open files; the limit here is {most} (ulimit -Hn)."
        )
    for name, arguments in (("bare", ()), ("ours", (IDLE_S,))):
        with running(name, *arguments) as server:
            uvloop.run(measure(name, server))


if __name__ == "__main__":
    main()
