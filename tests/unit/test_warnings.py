"""What is warned of: the cause by name, once, with its remedy."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from cutty_agent.agent.chat import ChatAgent
from cutty_agent.clock import SystemClock
from cutty_agent.config import Settings
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import SharedAgent
from cutty_agent.ids import Address
from cutty_agent.ports.door import Opening
from cutty_agent.session.default_session import DefaultSession
from cutty_agent.session.gate import SessionGate
from cutty_agent.session.instances import compare, take
from cutty_agent.session.metrics import Metrics, NoMetrics
from cutty_agent.session.registry import Registry
from cutty_agent.session.telemetry import Telemetry
from cutty_agent.session.warnings import Warnings
from cutty_agent.session.watchdog import Watchdog, where
from cutty_agent.wire.principal import NOBODY
from session.harness import Peer, eventually


def holds_up_the_loop(seconds: float) -> None:
    secret = "a local that nobody may log"
    time.sleep(seconds)
    del secret


async def test_a_blocked_loop_is_named_by_its_line() -> None:
    metrics = Metrics()
    with capture_logs() as logs:
        watchdog = Watchdog(metrics, Warnings())
        watchdog.start()
        for _ in range(2):
            await asyncio.sleep(0)
            holds_up_the_loop(0.8)
            await eventually(lambda: logs, "the warning")
        await watchdog.stop()
    (warning,) = logs
    assert warning["event"] == "loop.blocked"
    file, _, function = warning["cause"].rpartition(":")
    assert file.endswith("test_warnings.py")
    assert function.split()[0].isdigit()
    assert function.endswith("holds_up_the_loop")
    assert warning["seconds"] >= 0.25
    assert "to_thread" in warning["remedy"]
    assert "nobody may log" not in str(warning)
    assert 'cutty_event_loop_lag_seconds_bucket{le="0.25"}' in metrics.text().decode()


async def test_a_loop_that_waits_is_not_blocked() -> None:
    """What the watchdog looks at when the process got no time: the loop's own frames."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loop.call_soon_threadsafe(ready.set)
    await asyncio.to_thread(ready.wait)
    assert thread.ident is not None
    ident = thread.ident
    await eventually(lambda: where(sys._current_frames().get(ident)) is None, "the loop to wait")
    loop.call_soon_threadsafe(loop.stop)
    await asyncio.to_thread(thread.join)
    loop.close()


def test_a_slow_commit_says_what_it_waited_for() -> None:
    telemetry = Telemetry(NoMetrics())
    with capture_logs() as logs:
        telemetry.wrote(3, 0.2, 0.1)
        telemetry.wrote(3, 0.4, 0.39)
        telemetry.wrote(3, 0.9, 0.85)
        telemetry.wrote(3, 0.9, 0.01)
    assert [(log["event"], log["cause"]) for log in logs] == [
        ("commit.slow", "the disk"),
        ("commit.slow", "writes before it"),
    ]
    assert "SSD" in logs[0]["remedy"]


async def test_a_shared_instance_is_refused_also_when_the_first_session_sleeps() -> None:
    shared = ChatAgent()
    registry = Registry(MemoryStore(), {"chat": lambda: shared}, Settings(), SystemClock())
    first, second = Address("chat", "one"), Address("chat", "two")
    await registry.actor(registry.slot(first), NOBODY)
    with pytest.raises(SharedAgent, match="another session") as caught:
        await registry.actor(registry.slot(second), NOBODY)
    assert "chat/one" not in str(caught.value)
    assert "new instance" in caught.value.remedy
    registry._sleep(registry.slot(first))
    with pytest.raises(SharedAgent):
        await registry.actor(registry.slot(second), NOBODY)
    actor = await registry.actor(registry.slot(first), NOBODY)
    assert actor.agent is shared
    await registry.close(grace_s=0)


async def test_a_socket_of_a_refused_session_is_told() -> None:
    shared = ChatAgent()
    registry = Registry(MemoryStore(), {"chat": lambda: shared}, Settings(), SystemClock())
    gate = SessionGate(registry)
    await registry.actor(registry.slot(Address("chat", "one")), NOBODY)
    peer = Peer()
    with capture_logs() as logs:
        link = gate.connect(peer, Opening(Address("chat", "two"), "tab"))
        await peer.news.until(lambda: peer.closed, "a close")
    assert peer.closed is not None
    assert "one" not in peer.closed[1].split()
    (refused,) = [log for log in logs if log["event"] == "session.not_woken"]
    assert refused["session"] == "two"
    assert "another session" in refused["error"]
    link.lost()
    await registry.close(grace_s=0)


def test_instances_that_share_what_they_could_change() -> None:
    common: list[str] = []

    class Kept(ChatAgent):
        cache: dict[str, str] = {}
        LIMITS = [1, 2]

        def __init__(self, mine: list[str]) -> None:
            super().__init__()
            self.notes = mine
            self.client = object()

    one, two, alone = Kept(common), Kept(common), Kept([])
    warnings = Warnings()
    with capture_logs() as logs:
        compare(alone, [one], "chat", warnings)
        compare(one, [one, two], "chat", warnings)
        compare(two, [one], "chat", warnings)
    assert [log["cause"] for log in logs] == ["Kept.cache", "Kept.notes"]


async def test_debug_compares_at_a_wake() -> None:
    common: dict[str, Any] = {}

    class Kept(ChatAgent):
        def __init__(self) -> None:
            super().__init__()
            self.notes = common

    async def wakes(settings: Settings) -> list[str]:
        registry = Registry(MemoryStore(), {"chat": Kept}, settings, SystemClock())
        with capture_logs() as logs:
            for name in ("one", "two"):
                await registry.actor(registry.slot(Address("chat", name)), NOBODY)
        await registry.close(grace_s=0)
        return [log["cause"] for log in logs if log["event"] == "agent.shares"]

    assert await wakes(Settings(debug=True)) == ["Kept.notes"]
    assert await wakes(Settings()) == []


def test_a_default_session_used_from_two_places() -> None:
    at, other = Address("chat", "default"), Address("chat", "mine")

    def warned(*places: tuple[Address, str, str]) -> list[str]:
        watched = DefaultSession(Warnings())
        with capture_logs() as logs:
            for address, peer, origin in places:
                watched.used(address, peer=peer, origin=origin)
        return [log["seen"] for log in logs]

    assert warned((at, "1.1.1.1", ""), (at, "1.1.1.1", "http://a")) == []
    assert warned((other, "1.1.1.1", ""), (other, "2.2.2.2", "")) == []
    assert warned((at, "1.1.1.1", ""), (at, "2.2.2.2", ""), (at, "3.3.3.3", "")) == [
        "a second network address"
    ]
    assert warned((at, "1.1.1.1", "http://a"), (at, "1.1.1.1", "http://b")) == ["a second web origin"]


async def test_the_gate_tells_of_a_default_session() -> None:
    registry = Registry(MemoryStore(), {"chat": ChatAgent}, Settings(), SystemClock())
    gate = SessionGate(registry)
    address = Address("chat", "default")
    with capture_logs() as logs:
        for peer in ("198.51.100.1", "198.51.100.2"):
            gate.connect(Peer(), Opening(address, "tab", peer=peer)).lost()
    (warning,) = [log for log in logs if log["event"] == "session.default_shared"]
    assert warning["session"] == "default"
    assert "CUTTY_ACCESS__VISITORS" in warning["remedy"]
    await registry.close(grace_s=0)


def test_a_flood_of_causes_is_bounded() -> None:
    warnings = Warnings()
    with capture_logs() as logs:
        for n in range(2000):
            warnings.once("x", f"cause {n}", remedy="none")
    assert len(logs) == 500


def test_taking_an_instance_twice_for_one_session_is_no_sharing() -> None:
    agent = ChatAgent()
    address = Address("chat", "s")
    assert take(agent, address) is take(agent, address) is agent
