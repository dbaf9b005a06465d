"""What a history of 5,000 messages costs a turn, awake, and the memory of the server when its session sleeps."""

from __future__ import annotations

import asyncio
import re
import statistics

import msgspec
import uvloop

from bench.agents import WORD
from bench.load import Client, connect, masked, question, request
from bench.processes import Server, running

MESSAGES = 5000
TURNS = 60
SESSIONS = 10
IDLE_S = "2.0"
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


async def turns(client: Client, label: str, history: bytes) -> float:
    """Median seconds of a turn of 50 words."""
    found = [await client.turn(request(f"{label}{n}", "50", history=history)) for n in range(TURNS)]
    return statistics.median(found[10:])


async def retelling(client: Client, label: str, history: list[bytes]) -> float:
    """The same from a client that sends the whole conversation each time, its own questions and the answers too."""
    found: list[float] = []
    said = b"".join(message + b"," for message in history)
    for n in range(TURNS):
        frame, asked = request(f"{label}{n}", "50", history=said), question(f"{label}{n}", "50")
        client.heard = []
        found.append(await client.turn(frame))
        answer_id = _ANSWER_ID.search(b"".join(client.heard))
        client.heard = None
        if answer_id is None:
            raise RuntimeError("the answer had no message id")
        said += asked + b"," + answer(answer_id[1].decode(), 50) + b","
    return statistics.median(found[10:])


def answer(message_id: str, words: int) -> bytes:
    """The answer as a client that read it sends it again."""
    part = {"type": "text", "text": WORD * words, "state": "done"}
    return msgspec.json.encode(
        {"id": message_id, "role": "assistant", "parts": [{"type": "step-start"}, part]}
    )


async def measure(server: Server) -> None:
    """The same turns in an empty session and in ones with the history; then let all sleep."""
    short = await connect(server.port, "short")
    messages = conversation()
    frame = masked(b'{"type":"cf_agent_chat_messages","messages":[' + b",".join(messages) + b"]}")
    base = await turns(short, "s", b"")
    warm = await fill(server, "warm", frame)
    partial = await turns(warm, "p", b"")
    whole = await retelling(warm, "w", messages)
    print(f"history  empty session                          {base * 1e3:.2f} ms a turn")
    print(
        f"history  {MESSAGES:,} messages, newest one sent       {partial * 1e3:.2f} ms  ratio {partial / base:.2f} (aim 2)"
    )
    print(
        f"history  {MESSAGES:,} messages, whole transcript sent {whole * 1e3:.2f} ms  ratio {whole / base:.2f} (aim 2)"
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
