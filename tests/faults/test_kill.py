"""Servers are killed at random moments under load: what anybody has been shown stays, exactly once."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from random import Random

import pytest

from cutty_agent.engines.embedded.readonly import open_readonly
from faults.crowd import Crowd
from faults.process import Server

KILLS = int(os.environ.get("FAULTS_KILLS", "200"))
SERVERS = 2
SESSIONS = 12
LONGEST = 60
GENERATION = 20
"""Kills until new sessions come; the old ones are left as they are, some in mid-answer."""


async def terrorise(server: Server, rng: Random, kills: int) -> Crowd:
    """Kill and restart the server under the load of a crowd, then let everything come to rest."""
    crowd = Crowd(server, rng, sessions=SESSIONS, longest=LONGEST)
    try:
        for n in range(kills):
            if n % GENERATION == 0:
                await crowd.leave()
                crowd.arrive()
            await server.start()
            await asyncio.sleep(rng.uniform(0.02, 0.3))
            await server.kill()
            crowd.crashed()
            crowd.check()
        await server.start()
        async with asyncio.timeout(60):
            await crowd.settle()
        assert await server.stop() == 0, server.log()
    finally:
        await crowd.leave()
        await server.bury()
    return crowd


def verdict(server: Server, crowd: Crowd) -> None:
    """The store after the last stop against what was seen."""
    with open_readonly(server.data) as store:
        assert store.check() == []
        problems = [problem for witness in crowd.witnesses for problem in witness.verify(store)]
        assert [row.address.session for row in store.sessions(limit=1000) if row.open_turns] == []
    assert not problems, "\n".join(problems[:20])
    assert not server.errors(), "\n".join(server.errors()[:10])


@pytest.mark.faults
@pytest.mark.timeout(400)
async def test_a_killed_server_loses_doubles_and_disorders_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or time.time_ns() % 1_000_000)
    print(f"\nFAULTS_SEED={seed} repeats the random choices of this run")
    servers = [Server(tmp_path / f"data{n}") for n in range(SERVERS)]
    began = time.monotonic()
    runs = [
        asyncio.create_task(terrorise(server, Random(f"{seed}/{n}"), KILLS // SERVERS))
        for n, server in enumerate(servers)
    ]
    try:
        crowds = await asyncio.gather(*runs)
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
    for server, crowd in zip(servers, crowds, strict=True):
        verdict(server, crowd)
    everyone = [witness for crowd in crowds for witness in crowd.witnesses]
    starts = sorted(start for server in servers for start in server.starts)
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s; {len(everyone)} sessions, "
        f"{sum(len(w.asked) for w in everyone)} questions, {sum(len(w.accepted) for w in everyone)} accepted, "
        f"{sum(len(w.stopped) for w in everyone)} stopped, {sum(w.terminals for w in everyone)} ends seen, "
        f"{sum(sum(w.words.values()) for w in everyone)} words seen; start to ready {starts[len(starts) // 2]:.2f} s"
    )
    assert sum(len(witness.words) for witness in everyone) > KILLS, "there was hardly any load"
