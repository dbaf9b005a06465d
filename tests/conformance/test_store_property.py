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
from cutty_agent.errors import CuttyError
from cutty_agent.ids import Address
from cutty_agent.ports.store import (
    FOREVER,
    AddUsage,
    AppendChunks,
    ClearMessages,
    DeleteMessages,
    DeleteTurns,
    DropChunks,
    Lifetime,
    Op,
    Park,
    PutGrant,
    PutMessage,
    PutOwner,
    PutState,
    PutTurn,
    PutValue,
    SessionStore,
    Snapshot,
    Spent,
)
from cutty_agent.wire.card import Grant
from cutty_agent.wire.principal import NEVER_MS

NAMES = st.sampled_from(["a", "b", "c"])
ADDRESSES = [Address("chat", "1"), Address("chat", "2"), Address("other", "1")]
OWNERS = st.sampled_from(["", "user:a", "user:b"])
TIMES = st.integers(0, 20)
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
    st.builds(PutOwner, OWNERS),
    st.builds(
        PutGrant, NAMES, st.none() | st.builds(Grant, st.sampled_from(["read", "write"]), TIMES, TIMES)
    ),
    st.builds(Park, st.none() | NAMES),
    st.builds(
        AddUsage,
        OWNERS,
        TIMES,
        st.sampled_from(["completed", "error", "aborted"]),
        NAMES,
        TIMES,
        TIMES,
        TIMES,
        first_ms=st.none() | TIMES,
    ),
)


class Do(msgspec.Struct, frozen=True):
    """One call: what is done to which session, by its present owner or by the one before."""

    what: str
    address: Address
    stale: bool = False
    ops: tuple[Op, ...] = ()
    owner: str | None = None
    lifetime: Lifetime = FOREVER
    create: bool = True
    expired: bool = False
    ends: int = NEVER_MS


CALLS = st.one_of(
    st.builds(
        Do,
        st.just("claim"),
        st.sampled_from(ADDRESSES),
        owner=st.none() | OWNERS,
        lifetime=st.builds(Lifetime, st.sampled_from([NEVER_MS, 3]), st.sampled_from([NEVER_MS, 6])),
        create=st.sampled_from([True, True, False]),
        expired=st.sampled_from([False, False, True]),
    ),
    st.builds(Do, st.sampled_from(["delete", "sweep"]), st.sampled_from(ADDRESSES)),
    st.builds(
        Do,
        st.just("commit"),
        st.sampled_from(ADDRESSES),
        st.sampled_from([False, False, False, True]),
        st.lists(OPS, max_size=6).map(tuple),
        ends=TIMES | st.just(NEVER_MS),
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


async def sums(store: SessionStore) -> list[Spent]:
    return [await store.spent(day_ms=0, owner=owner) for owner in (None, "", "user:a")]


async def play(store: SessionStore, steps: list[list[Do]]) -> list[object]:
    """All that the store says on the way and in the end; epochs are told by their rank."""
    said: list[object] = []
    epochs: dict[Address, list[int]] = {address: [0] for address in ADDRESSES}
    spent = await sums(store)  # outlives the sessions of the examples before

    async def say(do: Do, epoch: int, now_ms: int) -> object:
        try:
            if do.what == "claim":
                return await store.claim(
                    do.address,
                    owner=do.owner,
                    now_ms=now_ms,
                    lifetime=do.lifetime,
                    create=do.create,
                    expired=do.expired,
                )
            if do.what == "delete":
                return await store.delete(do.address)
            if do.what == "sweep":
                return await store.delete_expired(ADDRESSES, now_ms=now_ms)
            await store.commit(do.address, epoch, do.ops, now_ms=now_ms, expires_ms=do.ends)
            return "written"
        except CuttyError as error:
            return type(error)

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
                answer = (answer.created, answer.card.created_ms)
            said.append(answer)
        for address in ADDRESSES:
            said += [await store.card(address), await store.messages(address), await store.state(address)]
            said.extend([await store.chunks(address, turn) for turn in "abc"])
        said += [await store.sessions(), sorted(await store.interrupted())]
        said += [await store.sessions(owner="user:a", agent="chat"), await store.sessions(parked=True)]
        said += [
            sorted(await store.expired(now_ms=now_ms, limit=10)),
            await store.sessions(idle_since_ms=now_ms),
        ]
    for earlier, now in zip(spent, await sums(store), strict=True):
        said.append((now.tokens - earlier.tokens, now.cost_nano - earlier.cost_nano))
    for address in ADDRESSES:
        await store.delete_expired([address], now_ms=99)
        snapshot = await store.claim(address, owner=None, now_ms=99)
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
