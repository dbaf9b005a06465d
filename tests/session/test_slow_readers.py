"""Sockets that do not read as fast as an answer is written."""

from __future__ import annotations

import pytest

from session.harness import RESPONSE, Client, MakeWorld, Stage, World, echo

LIMIT = 65_536


def read_on(client: Client) -> None:
    """The peer takes everything that waits."""
    client.peer.congested, client.peer.buffered = False, 0
    assert client.link is not None
    client.link.writable()


def seqs(client: Client, request: str) -> list[int]:
    return [frame["seq"] for frame in client.responses(request) if "seq" in frame]


@pytest.mark.parametrize("pauses", [1, 3])
async def test_a_slow_reader_catches_up_once_and_in_order(world: World, stage: Stage, pauses: int) -> None:
    slow, fast = await world.join("slow"), await world.join("fast")
    request = fast.ask("hi")
    scene = await stage.next()
    words: list[str] = []
    for n in range(pauses):
        slow.peer.congested = True
        batch = [f"{n}.{m} " for m in range(300)]
        words += batch
        scene.say(*batch)
        await fast.reads(batch[-1])
        if n < pauses - 1:
            read_on(slow)
            await slow.reads(batch[-1])
    scene.end("end")
    await fast.ended(request)
    assert slow.ends(request) == []
    read_on(slow)
    await slow.ended(request)
    assert slow.text(request) == fast.text(request) == "".join(words) + "end"
    assert seqs(slow, request) == list(range(len(seqs(slow, request))))
    types = [frame["type"] for frame in slow.frames]
    assert types[-2:] == ["cf_agent_chat_messages", RESPONSE], (
        "the transcript, then the end, behind all chunks"
    )


async def test_what_waits_for_a_slow_reader_is_bounded(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(limits={"unread_bytes": LIMIT})
    slow, fast = await world.join("slow"), await world.join("fast")
    slow.peer.congested = True
    request = fast.ask("hi")
    scene = await stage.next()
    for n in range(40):
        scene.say(f"{n} " + "x" * 10_000)
        await fast.reads(f"{n} x")
    assert slow.peer.peak < LIMIT, "chunks stay in the stream"
    scene.end()
    await fast.ended(request)
    await fast.settled()
    assert not slow.peer.closed, "one transcript of 400 kB may wait, however long it is"
    stage.auto = echo("again")
    fast.ask("again")
    assert (await slow.closed())[0] == 1013, "another one does not fit any more"
    assert slow.peer.peak < LIMIT


async def test_small_frames_to_a_socket_that_does_not_read_are_bounded(make_world: MakeWorld) -> None:
    world = make_world(limits={"unread_bytes": LIMIT})
    slow, fast = await world.join("slow"), await world.join("fast")
    slow.peer.congested = True
    for n in range(100):
        fast.send({"type": "cf_agent_state", "state": f"{n}" + "x" * 1000})
    code, reason = await slow.closed()
    assert code == 1013
    assert "resume" in reason
    assert slow.peer.peak < LIMIT + 2000
    await fast.settled()


async def test_a_socket_that_never_reads_again_is_dropped(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(limits={"unread_s": 0.05}, lifetimes={"idle_s": 0.2})
    slow, fast = await world.join("slow"), await world.join("fast")
    slow.peer.congested = True
    request = fast.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await fast.reads("one ")
    assert (await slow.closed())[0] == 1013
    scene.end("two")
    await fast.ended(request)


async def test_a_slow_reader_is_not_lost_at_the_next_turn(world: World, stage: Stage) -> None:
    slow, fast = await world.join("slow"), await world.join("fast")
    first = fast.ask("one")
    slow.peer.congested = True
    (await stage.next()).end("first")
    await fast.ended(first)
    second = fast.ask("two")
    (await stage.next()).end("second")
    await fast.ended(second)
    read_on(slow)
    await slow.ended(second)
    assert (slow.text(first), slow.text(second)) == ("first", "second")
    ends = [frame["id"] for frame in slow.ends()]
    assert ends == [first, second]


async def test_a_replay_to_a_slow_reader_goes_on_live(world: World, stage: Stage) -> None:
    fast = await world.join("fast")
    request = fast.ask("hi")
    scene = await stage.next()
    words = [f"{n} " for n in range(1000)]
    scene.say(*words)
    await fast.reads(words[-1])
    slow = await world.join("slow")
    slow.peer.congested = True
    slow.ack(request)
    await fast.settled()
    scene.say("live ")
    await fast.reads("live ")
    read_on(slow)
    await slow.reads("live ")
    scene.end()
    await slow.ended(request)
    assert slow.text(request) == "".join(words) + "live "
    assert seqs(slow, request) == list(range(len(seqs(slow, request))))
    assert len([frame for frame in slow.frames if frame.get("replayComplete")]) == 1


@pytest.mark.parametrize("dialect", ["v4", "raw"])
async def test_a_slow_reader_of_an_older_dialect_gets_every_line_once(
    world: World, stage: Stage, dialect: str
) -> None:
    slow = await world.join("slow", dialect=dialect)
    fast = await world.join("fast", dialect=dialect)
    plain = await world.join("plain")
    slow.peer.congested = True
    requests = []
    for n in range(2):
        requests.append(plain.ask(f"question {n}"))
        scene = await stage.next()
        scene.say("one ")
        await plain.reads("one ", requests[-1])
        scene.end("two")
        await plain.ended(requests[-1])
    read_on(slow)
    await slow.ended(requests[-1])
    for request in requests:
        assert [frame["body"] for frame in slow.responses(request)] == [
            frame["body"] for frame in fast.responses(request)
        ]
