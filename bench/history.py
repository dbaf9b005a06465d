"""What a history of 5,000 messages costs a turn, awake, and the memory of the server when its session sleeps."""

from __future__ import annotations

import asyncio
import itertools
import re
import statistics

import msgspec
import uvloop

from bench.agents import WORD
from bench.load import Client, connect, masked, question, request
from bench.processes import Server, running

MESSAGES = 5000
TURNS = 15
ROUNDS = 10
SESSIONS = 10
IDLE_S = "2.0"
_ids = itertools.count()
_ANSWER_ID = re.compile(rb'messageId\\":\\"(assistant_[^\\"]+)')


def conversation() -> list[bytes]:
    """Messages of about 300 bytes, as a client would send them."""
    text = "All work and no play makes a long conversation. " * 4
    return [
        msgspec.json.encode(
            {"id": f"m{n}", "role": "user", "parts": [{"type": "text", "text": f"{n} {text}"}]}
        )
        for n in range(MESSAGES)
    ]


async def turns(client: Client, unsent: bytes) -> float:
    """Median seconds of a turn of 50 words.

    Before each a frame with the conversation ``unsent`` is made and thrown away, which takes this client as long as
    :class:`Teller` takes to make the one it sends: disk and processor answer later after a pause of some milliseconds
    than in the middle of work, and without this the pause would count as a cost of the history.
    """
    took: list[float] = []
    for _ in range(TURNS):
        request("unsent", "50", history=unsent)
        took.append(await client.turn(request(f"r{next(_ids)}", "50")))
    return statistics.median(took)


class Teller:
    """A client that sends the whole conversation each time, its own questions and the answers too. ``said`` is that
    conversation so far, as it stands in a request."""

    def __init__(self, client: Client, history: list[bytes]) -> None:
        self._client = client
        self.said = b"".join(message + b"," for message in history)

    async def turns(self) -> float:
        """Median seconds of a turn of 50 words."""
        return statistics.median([await self._turn() for _ in range(TURNS)])

    async def _turn(self) -> float:
        client, name = self._client, f"w{next(_ids)}"
        frame, asked = request(name, "50", history=self.said), question(name, "50")
        client.heard = []
        took = await client.turn(frame)
        answer_id = _ANSWER_ID.search(b"".join(client.heard))
        client.heard = None
        if answer_id is None:
            raise RuntimeError("the answer had no message id")
        self.said += asked + b"," + answer(answer_id[1].decode(), 50) + b","
        return took


def answer(message_id: str, words: int) -> bytes:
    """The answer as a client that read it sends it again."""
    part = {"type": "text", "text": WORD * words, "state": "done"}
    return msgspec.json.encode(
        {"id": message_id, "role": "assistant", "parts": [{"type": "step-start"}, part]}
    )


async def measure(server: Server) -> None:
    """The same turns in an empty session and in ones with the history, in rounds, so that a machine that changes speed
    changes it for all; then let all sleep."""
    messages = conversation()
    frame = masked(b'{"type":"cf_agent_chat_messages","messages":[' + b",".join(messages) + b"]}")
    short = await connect(server.port, "short")
    newest = await fill(server, "newest", frame)
    teller = Teller(await fill(server, "whole", frame), messages)
    rounds = [
        (await turns(short, teller.said), await turns(newest, teller.said), await teller.turns())
        for _ in range(ROUNDS + 1)
    ][1:]
    base, *others = (list(column) for column in zip(*rounds, strict=True))
    print(f"history  empty session                          {statistics.median(base) * 1e3:.2f} ms a turn")
    for what, found in zip(("newest one sent      ", "whole transcript sent"), others, strict=True):
        ratio = statistics.median(long / short for long, short in zip(found, base, strict=True))
        print(
            f"history  {MESSAGES:,} messages, {what} {statistics.median(found) * 1e3:.2f} ms  "
            f"ratio {ratio:.2f} (median of {ROUNDS} rounds; aim 2)"
        )
    # The first lot fills the caches of the store and the allocator; what the second adds is the cost of a session.
    for lot in range(2):
        before = server.memory()
        for number in range(SESSIONS):
            await fill(server, f"long-{lot}-{number}", frame)
        awake = (server.memory() - before) / SESSIONS
        await asyncio.sleep(float(IDLE_S) * 3)
        asleep = (server.memory() - before) / SESSIONS
        print(
            f"history  memory of one such session, lot {lot + 1}: "
            f"{awake / 2**20:+.2f} MiB awake, {asleep / 2**20:+.2f} MiB asleep"
        )


async def fill(server: Server, name: str, frame: bytes) -> Client:
    """A session with the whole conversation."""
    client = await connect(server.port, name)
    client.transport.write(frame)
    await client.turn(request(f"first-{name}", "1"))
    return client


def main() -> None:
    """Run it."""
    with running("ours", IDLE_S) as server:
        uvloop.run(measure(server))


if __name__ == "__main__":
    main()
