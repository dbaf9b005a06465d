"""A client that does not read costs no memory, holds up nobody, and loses nothing when it comes back."""

from __future__ import annotations

import asyncio
import socket

import pytest

from faults.conftest import MakeServer
from faults.process import Server
from faults.visitor import Visitor, visit

pytestmark = pytest.mark.faults

MIB = 1024 * 1024
FILLER = 3000
WORDS = 10_000
"""Together 30 MB of text."""

LARGE = {
    "NUMBERED_FILLER": str(FILLER),
    "NUMBERED_PAUSE_MS": "0",
    "CUTTY_LIMITS__MESSAGE_BYTES": str(64 * MIB),
    "CUTTY_LIMITS__ANSWER_BYTES": str(64 * MIB),
}


def narrow(server: Server) -> socket.socket:
    """A connected socket that takes little before it is full."""
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    end.connect(("127.0.0.1", server.port))
    end.setblocking(False)
    return end


def numbers(visitor: Visitor) -> list[int]:
    """Which words it was shown, in order."""
    return [int(word.split(":")[1].rstrip("x")) for word in visitor.words()]


def peak(server: Server) -> float:
    """The most memory the process ever had, in MiB."""
    with open(f"/proc/{server.process.pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


async def watch(server: Server, slow: int) -> float:
    """One session with a large answer, two who read and ``slow`` who do not; the peak memory of the server."""
    await server.start()
    session = f"beside-{slow}"
    async with (
        visit(server, session, label="asks") as owner,
        visit(server, session, label="looks") as viewer,
        asyncio.TaskGroup() as group,
    ):
        idle = [
            await visit(server, session, label=f"slow{n}", sock=narrow(server), max_queue=1).__aenter__()
            for n in range(slow)
        ]
        await owner.ask("q", WORDS)
        ends = [group.create_task(each.end()) for each in (owner, viewer)]
        for end in ends:
            assert (await end)["outcome"] == "completed"
        assert numbers(owner) == numbers(viewer) == list(range(WORDS))
        most = peak(server)
        for each in idle:
            each.socket.transport.abort()
    assert await server.stop() == 0
    assert server.errors() == []
    return most


async def test_those_who_do_not_read_cost_no_memory(make_server: MakeServer) -> None:
    alone = await watch(make_server(**LARGE), 0)
    beside = await watch(make_server(**LARGE), 4)
    print(f"\npeak {alone:.0f} MiB without slow readers, {beside:.0f} MiB with 4 (a 30 MB answer)")
    assert beside - alone < 4 * 4, "more than a few MiB for each reader that does not read"


async def test_a_reader_that_stops_for_a_while_gets_the_rest_in_order(make_server: MakeServer) -> None:
    server = make_server(**LARGE)
    await server.start()
    async with (
        visit(server, "s", label="asks") as owner,
        visit(server, "s", label="slow", sock=narrow(server), max_queue=1) as slow,
    ):
        await owner.ask("q", WORDS)
        assert (await owner.end())["outcome"] == "completed"
        assert (await slow.end())["outcome"] == "completed"
        assert numbers(slow) == list(range(WORDS))
        await owner.ask("r", 2)
        assert (await slow.end())["outcome"] == "completed"
    assert await server.stop() == 0
    assert server.errors() == []


async def test_a_reader_that_never_reads_is_sent_away_and_may_resume(make_server: MakeServer) -> None:
    server = make_server(**LARGE, CUTTY_LIMITS__UNREAD_S="2", CUTTY_LIFETIMES__IDLE_S="0.4")
    await server.start()
    async with visit(server, "s", label="asks") as owner:
        async with visit(server, "s", label="slow", sock=narrow(server), max_queue=1) as slow:
            await owner.ask("q", WORDS)
            assert (await owner.end())["outcome"] == "completed"
            assert numbers(owner) == list(range(WORDS))
            async with asyncio.timeout(30):
                while "connection.not_reading" not in server.log():
                    assert (await server.get("/health"))[0] == 200
            assert await slow.closed() in {1013, 1006}
            seen = numbers(slow)
            assert seen == list(range(len(seen)))
            assert len(seen) < WORDS
        async with visit(server, "s", label="slow") as back:
            healed = await back.until(lambda frame: frame["type"] == "cf_agent_chat_messages")
            assert healed["connect"] is True
            text = healed["messages"][1]["parts"][0]["text"]
            assert [int(word.split(":")[1].rstrip("x")) for word in text.split()] == list(range(WORDS))
    assert await server.stop() == 0
    assert server.errors() == []
