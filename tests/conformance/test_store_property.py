"""Whatever is done to them, the engines hold the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutty_agent.engines.embedded import open_store
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.errors import StaleEpoch
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    DropChunks,
    Op,
    PutMessage,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    Snapshot,
)

NAMES = st.sampled_from(["a", "b", "c"])
ADDRESSES = [Address("chat", "1"), Address("chat", "2"), Address("other", "1")]
BODIES = st.binary(max_size=6)
SOME = st.lists(NAMES, max_size=3).map(tuple)
LINES = st.lists(st.binary(max_size=4).map(lambda body: body.replace(b"\n", b"n")), max_size=4).map(tuple)

OPS: st.SearchStrategy[Op] = st.one_of(
    st.builds(PutMessage, NAMES, BODIES),
    st.builds(DeleteMessages, SOME),
    st.builds(ClearMessages),
    st.builds(PutState, st.none() | BODIES),
    st.builds(PutValue, NAMES, st.none() | BODIES),
    st.builds(PutTurn, NAMES, BODIES, st.booleans()),
    st.builds(DeleteTurns, SOME),
    st.builds(AppendChunks, NAMES, st.just(0), LINES),
    st.builds(DropChunks, SOME),
)


class Do(msgspec.Struct, frozen=True):
    """One call: what is done to which session, by its present owner or by the one before."""

    what: str
    address: Address
    stale: bool = False
    ops: tuple[Op, ...] = ()


CALLS = st.one_of(
    st.builds(Do, st.sampled_from(["claim", "claim", "delete"]), st.sampled_from(ADDRESSES)),
    st.builds(
        Do,
        st.just("commit"),
        st.sampled_from(ADDRESSES),
        st.sampled_from([False, False, False, True]),
        st.lists(OPS, max_size=6).map(tuple),
    ),
)
STEPS = st.lists(st.lists(CALLS, min_size=1, max_size=6), max_size=12)
"""Calls of one step are made together, without waiting for each other."""


def numbered(steps: list[list[Do]]) -> list[list[Do]]:
    """The steps with appended chunks numbered without gaps, as sessions do it."""
    appended: dict[tuple[Address, str], int] = {}

    def place(address: Address, op: Op) -> Op:
        if not isinstance(op, AppendChunks):
            return op
        first = appended.get((address, op.turn), 0)
        appended[address, op.turn] = first + len(op.bodies)
        return msgspec.structs.replace(op, first=first)

    return [
        [msgspec.structs.replace(do, ops=tuple(place(do.address, op) for op in do.ops)) for do in step]
        for step in steps
    ]


async def play(store: SessionStore, steps: list[list[Do]]) -> list[object]:
    """All that the store says on the way and in the end; epochs are told by their rank."""
    said: list[object] = []
    epochs: dict[Address, list[int]] = {address: [0] for address in ADDRESSES}

    async def say(do: Do, epoch: int, now_ms: int) -> object:
        try:
            if do.what == "claim":
                return await store.claim(do.address, now_ms=now_ms)
            if do.what == "delete":
                return await store.delete(do.address)
            await store.commit(do.address, epoch, do.ops, now_ms=now_ms)
            return "written"
        except StaleEpoch:
            return "stale"

    for now_ms, step in enumerate(steps):
        owners = {address: given[-1] for address, given in epochs.items()}
        before = {address: given[-2] if len(given) > 1 else 0 for address, given in epochs.items()}
        answers = await asyncio.gather(
            *(say(do, (before if do.stale else owners)[do.address], now_ms) for do in step)
        )
        for do, answer in zip(step, answers, strict=True):
            if isinstance(answer, Snapshot):
                epochs[do.address].append(answer.epoch)
                # Made together with later calls, a claim may or may not see those: its content is compared below.
                answer = (answer.created, answer.created_ms)
            said.append(answer)
        for address in ADDRESSES:
            said.append(await store.messages(address))
            said.extend([await store.chunks(address, turn) for turn in "abc"])
        said += [await store.sessions(), sorted(await store.interrupted())]
    for address in ADDRESSES:
        snapshot = await store.claim(address, now_ms=99)
        assert snapshot.epoch > epochs[address][-1]
        said.append(msgspec.structs.replace(snapshot, epoch=0))
        await store.delete(address)
    return said


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_memory_and_embedded_say_the_same(
    steps: list[list[Do]], tmp_path: Path, runner: asyncio.Runner
) -> None:
    async def both() -> None:
        steps_ = numbered(steps)
        embedded = await open_store(tmp_path)
        try:
            said = await play(embedded, steps_)
            assert await embedded.check() == []
        finally:
            await embedded.close()
        assert said == await play(MemoryStore(), steps_)

    runner.run(both())
