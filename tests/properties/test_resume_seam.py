"""The seam between replay and live chunks, under random disconnects, orders and latencies (protocol 10, number 21)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutty_agent.clock import SystemClock
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from cutty_agent.ports.store import Op
from cutty_agent.wire.principal import NEVER_MS
from session.harness import RESPONSE, Client, Frame, Scene, Stage, World, eventually, scripted
from session.harness import settings as server_settings


class Reader:
    """What a browser of AI SDK 5 to 7 makes of the frames of its sockets (protocol 3.12).

    A replay begins with ``start``, which resets the message of that id; live chunks are appended; replays it did
    not ask for and chunks it cannot place are recorded as faults.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.following: dict[str, str] = {}
        self.next: dict[str, int] = {}
        self.ends: list[str] = []
        self.faults: list[str] = []

    def socket(self) -> None:
        """A new socket: streams must be resumed or begin anew."""
        self.next.clear()
        self.following.clear()

    def take(self, frame: Frame) -> None:
        if frame.get("type") == "cf_agent_chat_messages":
            self.texts = {
                message["id"]: "".join(part.get("text", "") for part in message["parts"])
                for message in frame["messages"]
                if message["role"] == "assistant"
            }
        if frame.get("type") != RESPONSE:
            return
        request = frame["id"]
        if frame["done"]:
            self.ends.append(request)
        elif frame["body"]:
            self.chunk(request, json.loads(frame["body"]), frame)

    def chunk(self, request: str, chunk: dict[str, Any], frame: Frame) -> None:
        if chunk["type"] == "start":
            self.next[request] = 0
            self.following[request] = chunk["messageId"]
            self.texts[chunk["messageId"]] = ""
        if frame["seq"] != self.next.get(request):
            self.faults.append(f"{request}: chunk {frame['seq']} instead of {self.next.get(request)}")
        self.next[request] = frame["seq"] + 1
        if chunk["type"] == "text-delta" and request in self.following:
            self.texts[self.following[request]] += chunk["delta"]


class Jittery(MemoryStore):
    """Answers after a random number of turns of the loop."""

    def __init__(self, delays: Sequence[int]) -> None:
        super().__init__()
        self._delays = delays
        self._commits = 0

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        answer = super().commit(address, epoch, ops, now_ms=now_ms, expires_ms=expires_ms)
        self._commits += 1
        return self._late(answer, self._delays[self._commits % len(self._delays)])

    async def _late(self, answer: Awaitable[None], ticks: int) -> None:
        await ticked(ticks)
        await answer


async def ticked(turns: int) -> None:
    """Let the loop turn so often."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Tab:
    """A client that reconnects as it is told and answers as the real one does, if in its own order."""

    def __init__(self, world: World, label: str) -> None:
        self.client = Client(world, label)
        self.reader = Reader()
        self.acked: set[str] = set()
        self.read = 0
        self.connect()

    def connect(self, *, probe: bool = True) -> None:
        self.drop()
        self.client.connect()
        self.reader.socket()
        self.acked.clear()
        self.read = 0
        if probe:
            self.probe()

    def drop(self) -> None:
        self.pump(answer=False)
        if self.client.link is not None:
            self.client.leave()

    def probe(self) -> None:
        self.client.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})

    def pump(self, *, answer: bool = True) -> None:
        """Read what came; acknowledge each stream once for each socket."""
        for frame in self.client.frames[self.read :]:
            self.reader.take(frame)
            if (
                frame.get("type") == "cf_agent_stream_resuming"
                and answer
                and frame["id"] not in self.acked
                and self.client.link is not None
            ):
                self.acked.add(frame["id"])
                self.client.ack(frame["id"])
        self.read = len(self.client.frames)


STEP = st.sampled_from(
    ["say", "say", "say", "chunk", "drop", "connect", "connect silently", "probe", "pump", "pump", "tick"]
)
ACTIONS = st.lists(st.tuples(STEP, st.integers(0, 2), st.integers(0, 6)), max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    actions=ACTIONS,
    delays=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    fails=st.booleans(),
    turns=st.integers(1, 2),
)
def test_every_client_ends_with_the_whole_answer_each_chunk_once(
    actions: list[tuple[str, int, int]], delays: list[int], fails: bool, turns: int
) -> None:
    asyncio.run(_play(actions, delays, fails, turns))


async def _play(actions: list[tuple[str, int, int]], delays: list[int], fails: bool, turns: int) -> None:
    stage = Stage()
    world = World(Jittery(delays), stage, server_settings(), scripted(stage), SystemClock())
    tabs = [Tab(world, label) for label in "abc"]
    said: list[str] = []
    for turn in range(turns):
        await eventually(lambda: tabs[0].client.frames or tabs[0].client.link is None, "a greeting")
        if tabs[0].client.link is None:
            tabs[0].connect()
        request = tabs[0].client.ask(f"question {turn}")
        scene = await stage.next()
        said.append(await _act(scene, tabs, actions if turn == 0 else actions[::-1]))
        if fails and turn == 0:
            scene.fail(RuntimeError("broken"))
        else:
            scene.end("the end")
            said[-1] += "the end"
        await stage.response(turn + 1)
        await _settle(tabs, request)
    whole = [text for role, text in await world.texts() if role == "assistant" and text]
    assert whole == [text for text in said if text]
    for tab in tabs:
        assert tab.reader.faults == []
        assert [text for text in tab.reader.texts.values() if text] == whole, tab.client.label
    await world.close()


async def _act(scene: Scene, tabs: list[Tab], actions: list[tuple[str, int, int]]) -> str:
    said = ""
    for number, (step, who, ticks) in enumerate(actions):
        tab = tabs[who]
        match step:
            case "say":
                said += f"{number} "
                scene.say(f"{number} ")
            case "chunk":
                scene.say({"type": "data-note", "data": number})
            case "drop":
                tab.drop()
            case "connect":
                tab.connect()
            case "connect silently":
                tab.connect(probe=False)
            case "probe" if tab.client.link is not None:
                tab.probe()
            case "pump":
                tab.pump()
        await ticked(ticks)
    return said


async def _settle(tabs: list[Tab], request: str) -> None:
    """Everyone comes back, resumes what there is, and has heard the end exactly once on its last socket."""
    for tab in tabs:
        if tab.client.link is None:
            tab.connect()
        else:
            tab.probe()
    for _ in range(3):
        for tab in tabs:
            await tab.client.settled()
            tab.pump()
    for tab in tabs:
        await tab.client.settled()
        tab.pump()
        ends = [frame for frame in tab.client.ends(request) if not frame.get("replay")]
        # A failure is told again to whoever resumes it; every other end comes once.
        assert len(ends) <= 1 or all(frame.get("error") for frame in ends), tab.client.frames
