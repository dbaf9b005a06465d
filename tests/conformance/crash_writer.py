"""A process that writes to a store until it is killed, and prints what the store acknowledged.

Run as ``python crash_writer.py DIRECTORY thread|process``. Prints ``claim SESSION EPOCH`` and ``commit SESSION N`` lines.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from cutty_agent.engines.embedded import EmbeddedStore, open_store
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AddUsage,
    AppendChunks,
    DropChunks,
    Op,
    Park,
    PutGrant,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
)
from cutty_agent.wire.card import Grant

SESSIONS = 20


def say(*words: object) -> None:
    """One whole line, at once: nothing of it can be lost in a buffer."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def write(store: EmbeddedStore, name: str) -> None:
    """Commit for ever; each commit changes eight tables so that every one of them tells its number."""
    address = Address("chat", name)
    snapshot = await store.claim(address, owner=name, now_ms=1)
    say("claim", name, snapshot.epoch)
    last = int(snapshot.state or b"0")
    n = last + 1
    while True:
        number = b"%d" % n
        ops: list[Op] = [
            PutMessage(f"m{n}", number * 50),
            PutState(number),
            PutValue("last", number),
            PutTurn("turn", number, open=True),
            AddUsage(name, n, "completed", input_tokens=n),
            PutGrant("somebody", Grant("read", n)),
            Park(f"{n}"),
            AppendChunks("turn", n, (number,)),
        ]
        if n % 10 == 0:  # chunks never reach further back than the last multiple of ten
            ops[-1:] = [DropChunks(("turn",)), AppendChunks("turn", n, (number,))]
        await store.commit(address, snapshot.epoch, ops, now_ms=n, expires_ms=n + 10**9)
        say("commit", name, n)
        n += 1


async def main(directory: Path, writer: str) -> None:
    store = await open_store(directory, apart=writer == "process")
    await asyncio.gather(*(write(store, f"s{n}") for n in range(SESSIONS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
