"""What the access check and the limits add: the same server with and without them, turn and turn about."""

from __future__ import annotations

import contextlib
import statistics
import time
from time import perf_counter

import jwt
import uvloop

from bench.load import connect, request
from bench.processes import Server, running
from bench.servers import SECRET

ROUNDS = 15
CONNECTS = 60
TURNS = 120
SERVERS = ("ours", "ruled", "unlimited")


async def one_round(server: Server, number: int, ruled: bool) -> tuple[float, float]:
    """Median seconds of a connect to a session that exists, and of a turn of 20 chunks."""
    now = int(time.time())
    connects = []
    for at in range(CONNECTS):
        # A token of its own for every socket, as when many users come: nothing is remembered from before.
        claims = {"sub": f"user-{at}", "exp": now + 3600, "jti": f"{number}-{at}"}
        token = jwt.encode(claims, SECRET, "HS256") if ruled else None
        start = perf_counter()
        client = await connect(server.port, f"c{at}", token=token)
        connects.append(perf_counter() - start)
        client.transport.close()
    token = jwt.encode({"sub": "turns", "exp": now + 3600}, SECRET, "HS256") if ruled else None
    client = await connect(server.port, "turns", token=token)
    turns = [await client.turn(request(f"t{number}-{at}", "20")) for at in range(TURNS)]
    client.transport.close()
    return statistics.median(connects), statistics.median(turns)


def main() -> None:
    """Run it."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(running(name)) for name in SERVERS}
        for number in range(ROUNDS + 1):
            for name in SERVERS if number % 2 else reversed(SERVERS):
                result = uvloop.run(one_round(servers[name], number, name == "ruled"))
                if number:  # the first round makes the sessions and warms up
                    found[name].append(result)
    connects = {name: statistics.median(each[0] for each in rounds) for name, rounds in found.items()}
    turns = {name: statistics.median(each[1] for each in rounds) for name, rounds in found.items()}
    for name in SERVERS:
        print(
            f"access  {name:<9}  connect p50 {connects[name] * 1e3:.3f} ms   turn p50 {turns[name] * 1e3:.3f} ms"
        )
    added = (connects["ruled"] - connects["ours"]) * 1e3
    print(
        f"access  JWT check: connect +{added:.3f} ms (aim 0.2), turn ratio {turns['ruled'] / turns['ours']:.3f} (aim 1.05)"
    )
    added = (connects["ours"] - connects["unlimited"]) * 1e3
    print(
        f"limits  counting: connect +{added:.3f} ms (aim 0.2), turn ratio {turns['ours'] / turns['unlimited']:.3f} (aim 1.05)"
    )


if __name__ == "__main__":
    main()
