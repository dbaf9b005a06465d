"""What every store must do, as rules that run on any engine.

An engine's own tests run all of :data:`STORE_RULES`::

    @pytest.mark.parametrize("rule", STORE_RULES.values(), ids=STORE_RULES.keys())
    async def test_rule(rule, tmp_path):
        await rule(lambda: open_my_store(tmp_path))

The opener is called once or, by rules about restarts, again after a close; each call must open the same data,
which is empty when the rule starts. A rule that is broken raises ``AssertionError``. For readable failures call
``pytest.register_assert_rewrite("cutty_agent.testing.conformance")`` before importing this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..errors import BadRequest, StaleEpoch, StoreUnavailable
from ..ids import Address
from ..ports.store import (
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
    SessionRow,
    SessionStore,
    Snapshot,
    StoredMessage,
    StoredTurn,
)

Opener = Callable[[], Awaitable[SessionStore]]
StoreRule = Callable[[Opener], Awaitable[None]]

STORE_RULES: dict[str, StoreRule] = {}
"""Every rule by its name."""

ADA = Address("chat", "ada")
BOB = Address("chat", "bob")
NOW = 1_790_000_000_000

EVERYTHING: list[Op] = [
    PutMessage("m1", b'{"id":"m1"}'),
    PutMessage("m2", '{"id":"m2","text":"größer \U0001f991"}'.encode()),
    PutState(b'{"title":"Tea"}'),
    PutValue("owner", b'"u1"'),
    PutValue("schlüssel", b"2"),
    PutTurn("t1", b"\x00\xff opaque \n", open=False),
    PutTurn("t2", b"{}", open=True),
    AppendChunks("t2", 0, (b'{"n":0}', b'{"n":1}')),
]
"""One of each kind of row."""


def _rule(
    law: Callable[[SessionStore], Awaitable[None]],
) -> Callable[[SessionStore], Awaitable[None]]:
    """Register a rule about one opened store."""

    async def rule(opener: Opener) -> None:
        store = await opener()
        try:
            await law(store)
        finally:
            await store.close()

    STORE_RULES[law.__name__] = rule
    return law


def _restart_rule(law: StoreRule) -> StoreRule:
    """Register a rule that opens and closes by itself."""
    STORE_RULES[law.__name__] = law
    return law


async def _refused(answer: Awaitable[object], error: type[Exception]) -> None:
    try:
        await answer
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


async def _with(store: SessionStore, *ops: Op, address: Address = ADA) -> Snapshot:
    """Claim, commit the operations, claim again: the session as a new owner finds it."""
    claim = await store.claim(address, now_ms=NOW)
    await store.commit(address, claim.epoch, ops, now_ms=NOW)
    return await store.claim(address, now_ms=NOW)


def _ids(snapshot: Snapshot) -> list[str]:
    return [message.id for message in snapshot.messages]


# --- claims and epochs


@_rule
async def a_first_claim_makes_an_empty_session(store: SessionStore) -> None:
    first = await store.claim(ADA, now_ms=NOW)
    assert first == Snapshot(first.epoch, True, NOW, [], None, {}, [])
    second = await store.claim(ADA, now_ms=NOW + 5)
    assert second == Snapshot(second.epoch, False, NOW, [], None, {}, [])


@_rule
async def every_claim_has_a_larger_epoch(store: SessionStore) -> None:
    epochs = [(await store.claim(ADA, now_ms=NOW)).epoch for _ in range(5)]
    together = await asyncio.gather(*(store.claim(ADA, now_ms=NOW) for _ in range(5)))
    assert epochs == sorted(set(epochs))
    assert len({claim.epoch for claim in together}) == 5
    assert min(claim.epoch for claim in together) > epochs[-1]


@_rule
async def of_claims_made_together_only_the_latest_may_write(store: SessionStore) -> None:
    claims = await asyncio.gather(*(store.claim(ADA, now_ms=NOW) for _ in range(5)))
    assert [claim.created for claim in claims].count(True) == 1
    latest = max(claim.epoch for claim in claims)
    for claim in claims:
        answer = store.commit(ADA, claim.epoch, [PutMessage(f"m{claim.epoch}", b"{}")], now_ms=NOW)
        await (answer if claim.epoch == latest else _refused(answer, StaleEpoch))
    assert await store.messages(ADA) == [StoredMessage(f"m{latest}", b"{}")]


@_rule
async def a_stale_writer_is_refused_and_leaves_no_trace(store: SessionStore) -> None:
    old = await store.claim(ADA, now_ms=NOW)
    new = await store.claim(ADA, now_ms=NOW)
    await store.commit(ADA, new.epoch, [PutMessage("m1", b'"new"'), PutState(b"1")], now_ms=NOW)
    rows = await store.sessions()
    late: list[list[Op]] = [
        [PutMessage("m1", b'"old"'), PutState(b"2")],
        [PutState(None), PutValue("k", b"1"), PutTurn("t", b"{}", open=True)],
        [AppendChunks("t", 0, (b"{}",)), ClearMessages()],
        [DeleteMessages(("m1",))],
        [],
    ]
    for ops in late:
        await _refused(store.commit(ADA, old.epoch, ops, now_ms=NOW + 9), StaleEpoch)
    assert await store.sessions() == rows
    assert await store.chunks(ADA, "t") == []
    found = await store.claim(ADA, now_ms=NOW)
    assert found == Snapshot(found.epoch, False, NOW, [StoredMessage("m1", b'"new"')], b"1", {}, [])


@_rule
async def an_epoch_that_was_never_given_is_refused(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)
    for epoch in (0, claim.epoch - 1, claim.epoch + 1):
        await _refused(store.commit(ADA, epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)
    await _refused(store.commit(BOB, claim.epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)
    assert await store.messages(ADA) == []
    assert await store.messages(BOB) is None


@_rule
async def one_refused_commit_does_not_harm_others_of_the_same_moment(store: SessionStore) -> None:
    addresses = [Address("chat", f"s{n}") for n in range(12)]
    old = [await store.claim(address, now_ms=NOW) for address in addresses]
    owners = [
        claim if n % 3 else await store.claim(address, now_ms=NOW)
        for n, (address, claim) in enumerate(zip(addresses, old, strict=True))
    ]
    answers = await asyncio.gather(
        *(
            store.commit(address, claim.epoch, [PutMessage("m", b"{}")], now_ms=NOW + 1)
            for address, claim in zip(addresses, old, strict=True)
        ),
        return_exceptions=True,
    )
    for n, (answer, address, owner) in enumerate(zip(answers, addresses, owners, strict=True)):
        assert isinstance(answer, StaleEpoch) if n % 3 == 0 else answer is None
        assert await store.messages(address) == ([StoredMessage("m", b"{}")] if n % 3 else [])
        await store.commit(address, owner.epoch, [], now_ms=NOW + 2)


@_rule
async def a_snapshot_does_not_change_afterwards(store: SessionStore) -> None:
    snapshot = await _with(store, *EVERYTHING)
    messages, values, turns = list(snapshot.messages), dict(snapshot.values), list(snapshot.turns)
    changes: list[Op] = [ClearMessages(), PutState(None), PutValue("owner", None), DeleteTurns(("t1",))]
    await store.commit(ADA, snapshot.epoch, changes, now_ms=NOW)
    assert (snapshot.messages, snapshot.values, snapshot.turns) == (messages, values, turns)


# --- what a session keeps


@_rule
async def a_later_claim_finds_what_was_committed(store: SessionStore) -> None:
    found = await _with(store, *EVERYTHING)
    _assert_everything(found)
    assert await store.messages(ADA) == found.messages
    assert await store.chunks(ADA, "t2") == [b'{"n":0}', b'{"n":1}']


def _assert_everything(found: Snapshot) -> None:
    assert found.messages == [
        StoredMessage("m1", b'{"id":"m1"}'),
        StoredMessage("m2", '{"id":"m2","text":"größer \U0001f991"}'.encode()),
    ]
    assert found.state == b'{"title":"Tea"}'
    assert found.values == {"owner": b'"u1"', "schlüssel": b"2"}
    assert found.turns == [StoredTurn("t1", b"\x00\xff opaque \n", False), StoredTurn("t2", b"{}", True)]


@_rule
async def a_replaced_message_keeps_its_place(store: SessionStore) -> None:
    found = await _with(
        store, *(PutMessage(f"m{n}", b"1") for n in range(4)), PutMessage("m1", b"2"), PutMessage("m0", b"3")
    )
    assert found.messages == [StoredMessage(f"m{n}", body) for n, body in enumerate([b"3", b"2", b"1", b"1"])]


@_rule
async def a_deleted_message_comes_back_at_the_end(store: SessionStore) -> None:
    first = await _with(
        store, *(PutMessage(id, b"1") for id in "abcd"), DeleteMessages(("b", "d", "unknown"))
    )
    assert _ids(first) == ["a", "c"]
    assert _ids(await _with(store, PutMessage("b", b"2"))) == ["a", "c", "b"]


@_rule
async def the_operations_of_a_commit_apply_in_order(store: SessionStore) -> None:
    found = await _with(
        store,
        PutMessage("a", b"1"),
        PutValue("k", b"1"),
        ClearMessages(),
        PutMessage("b", b"2"),
        DeleteMessages(("b",)),
        PutMessage("b", b"3"),
        PutMessage("a", b"4"),
        PutValue("k", None),
        PutState(b"1"),
        PutState(None),
        PutState(b"2"),
        PutTurn("t", b"1", open=True),
        AppendChunks("t", 0, (b"1",)),
        DeleteTurns(("t",)),
        PutTurn("t", b"2", open=False),
        AppendChunks("t", 0, (b"2",)),
    )
    assert found.messages == [StoredMessage("b", b"3"), StoredMessage("a", b"4")]
    assert (found.state, found.values) == (b"2", {})
    assert found.turns == [StoredTurn("t", b"2", False)]
    assert await store.chunks(ADA, "t") == [b"2"]


@_rule
async def a_state_of_null_is_not_the_same_as_no_state(store: SessionStore) -> None:
    assert (await _with(store, PutState(b"null"))).state == b"null"
    assert (await _with(store, PutState(None))).state is None


@_rule
async def values_are_set_replaced_and_removed_by_key(store: SessionStore) -> None:
    first = await _with(store, PutValue("a", b"1"), PutValue("b", b"1"), PutValue("a", b"2"))
    assert first.values == {"a": b"2", "b": b"1"}
    assert (await _with(store, PutValue("a", None), PutValue("unknown", None))).values == {"b": b"1"}


@_rule
async def a_replaced_turn_keeps_its_place(store: SessionStore) -> None:
    found = await _with(
        store,
        *(PutTurn(id, b"1", open=True) for id in "abc"),
        PutTurn("a", b"2", open=False),
        DeleteTurns(("b", "x")),
    )
    assert found.turns == [StoredTurn("a", b"2", False), StoredTurn("c", b"1", True)]


@_rule
async def bodies_come_back_byte_for_byte(store: SessionStore) -> None:
    record = bytes(range(256)) * 3
    large = b'"' + b"x" * 1_000_000 + b'"'
    found = await _with(
        store,
        PutMessage("ä'\";--", large),
        PutTurn("t", record, open=False),
        PutMessage("\U0001f991", b'"\\n"'),
    )
    assert found.messages == [StoredMessage("ä'\";--", large), StoredMessage("\U0001f991", b'"\\n"')]
    assert found.turns == [StoredTurn("t", record, False)]


# --- streams


@_rule
async def chunks_come_back_in_order(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)
    bodies = [f'{{"n":{n},"text":"ä"}}'.encode() for n in range(300)]
    start = 0
    for size in (1, 2, 5, 40, 1, 12, 100, 139):
        ops: list[Op] = [
            AppendChunks("t", start, tuple(bodies[start : start + size])),
            PutMessage("m", b"{}"),
        ]
        await store.commit(ADA, claim.epoch, ops, now_ms=NOW)
        start += size
    assert await store.chunks(ADA, "t") == bodies
    assert await store.chunks(ADA, "other") == []
    assert await store.chunks(BOB, "t") == []


@_rule
async def turns_of_a_session_have_separate_streams(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)
    for n in range(10):
        ops = [AppendChunks("a", n, (b"1%d" % n,)), AppendChunks("b", n, (b"2%d" % n,))]
        await store.commit(ADA, claim.epoch, ops, now_ms=NOW)
    await store.commit(ADA, claim.epoch, [AppendChunks("c", 0, ())], now_ms=NOW)
    assert await store.chunks(ADA, "a") == [b"1%d" % n for n in range(10)]
    assert await store.chunks(ADA, "b") == [b"2%d" % n for n in range(10)]
    assert await store.chunks(ADA, "c") == []


@_rule
async def dropped_chunks_leave_the_record_and_deleted_turns_leave_nothing(store: SessionStore) -> None:
    ops = [op for id in "abc" for op in (PutTurn(id, b"{}", open=False), AppendChunks(id, 0, (b"1", b"2")))]
    found = await _with(store, *ops, DropChunks(("a", "unknown")), DeleteTurns(("b",)))
    assert [turn.id for turn in found.turns] == ["a", "c"]
    assert [await store.chunks(ADA, id) for id in "abc"] == [[], [], [b"1", b"2"]]


# --- many at once


@_rule
async def commits_of_a_session_apply_in_the_order_of_the_calls(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)
    answers = [
        store.commit(
            ADA,
            claim.epoch,
            [PutState(b"%d" % n), PutMessage(f"m{n}", b"{}"), AppendChunks("t", n, (b"%d" % n,))],
            now_ms=NOW + n,
        )
        for n in range(50)
    ]
    for answer in reversed(answers):
        await answer
    found = await store.claim(ADA, now_ms=NOW)
    assert found.state == b"49"
    assert _ids(found) == [f"m{n}" for n in range(50)]
    assert await store.chunks(ADA, "t") == [b"%d" % n for n in range(50)]
    assert (await store.sessions())[0].active_ms == NOW + 49


@_rule
async def a_commit_is_queued_when_it_is_called(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)
    early = store.commit(ADA, claim.epoch, [PutMessage("early", b"{}")], now_ms=NOW)
    next_claim = await store.claim(ADA, now_ms=NOW)
    assert _ids(next_claim) == ["early"]
    await early


@_rule
async def a_cancelled_waiter_does_not_undo_its_commit(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)

    async def wait() -> None:
        await store.commit(ADA, claim.epoch, [PutMessage("m1", b"{}")], now_ms=NOW)

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)  # it has called commit and waits
    waiter.cancel()
    await asyncio.wait([waiter])
    await store.commit(ADA, claim.epoch, [PutMessage("m2", b"{}")], now_ms=NOW)
    assert _ids(await store.claim(ADA, now_ms=NOW)) == ["m1", "m2"]


@_rule
async def sessions_do_not_see_each_other(store: SessionStore) -> None:
    addresses = [Address(agent, f"s{n}") for agent in ("chat", "chat-2", "s1") for n in range(20)]
    claims = await asyncio.gather(*(store.claim(address, now_ms=NOW) for address in addresses))

    async def write(address: Address, epoch: int) -> None:
        name = str(address).encode()
        for n in range(3):
            ops: list[Op] = [
                PutMessage("m", b'"%s"' % name),
                PutState(name),
                PutValue("k", name),
                PutTurn("t", name, open=True),
                AppendChunks("t", n, (name,)),
            ]
            await store.commit(address, epoch, ops, now_ms=NOW)

    await asyncio.gather(*(write(a, claim.epoch) for a, claim in zip(addresses, claims, strict=True)))
    gone = addresses[7]
    assert await store.delete(gone)
    for address in addresses:
        name, found = str(address).encode(), await store.claim(address, now_ms=NOW)
        if address == gone:
            assert found.created
            continue
        assert found.messages == [StoredMessage("m", b'"%s"' % name)]
        assert (found.state, found.values) == (name, {"k": name})
        assert found.turns == [StoredTurn("t", name, True)]
        assert await store.chunks(address, "t") == [name] * 3


# --- lists, deletes, restarts


@_rule
async def interrupted_lists_the_sessions_with_an_open_turn(store: SessionStore) -> None:
    await _with(store, PutTurn("t1", b"{}", open=True), PutTurn("t2", b"{}", open=True))
    bob = await _with(store, PutTurn("t1", b"{}", open=False), address=BOB)
    assert await store.interrupted() == [ADA]
    await store.commit(BOB, bob.epoch, [PutTurn("t1", b"{}", open=True)], now_ms=NOW)
    assert sorted(await store.interrupted()) == [ADA, BOB]
    await _with(store, PutTurn("t1", b"{}", open=False), DeleteTurns(("t2",)))
    assert await store.interrupted() == [BOB]
    await store.delete(BOB)
    assert await store.interrupted() == []


@_rule
async def sessions_are_listed_by_address_in_pages(store: SessionStore) -> None:
    addresses = [
        Address(agent, session) for agent in ("b", "a-1", "a") for session in ("Z", "a", "a.b", "10", "9")
    ]
    for n, address in enumerate(addresses):
        await store.claim(address, now_ms=NOW + n)
    seen: list[Address] = []
    while page := await store.sessions(after=seen[-1] if seen else None, limit=4):
        assert len(page) <= 4
        seen += [row.address for row in page]
    assert seen == sorted(addresses)
    assert [row.address for row in await store.sessions(agent="a")] == sorted(addresses[10:])
    assert [row.address for row in await store.sessions(agent="a", after=Address("a", "9"), limit=2)] == [
        Address("a", "Z"),
        Address("a", "a"),
    ]
    assert await store.sessions(agent="none") == []


@_rule
async def a_listed_session_shows_its_counts_and_times(store: SessionStore) -> None:
    claim = await store.claim(ADA, now_ms=NOW)
    assert await store.sessions() == [SessionRow(ADA, NOW, NOW, 0, 0)]
    await store.commit(ADA, claim.epoch, EVERYTHING, now_ms=NOW + 7)
    assert await store.sessions() == [SessionRow(ADA, NOW, NOW + 7, 2, 1)]
    await store.commit(ADA, claim.epoch, [], now_ms=NOW + 8)
    assert await store.sessions() == [SessionRow(ADA, NOW, NOW + 8, 2, 1)]


@_rule
async def a_page_has_1_to_1000_sessions(store: SessionStore) -> None:
    await store.claim(ADA, now_ms=NOW)
    for limit in (-1, 0, 1001):
        await _refused(store.sessions(limit=limit), BadRequest)
    assert len(await store.sessions(limit=1)) == len(await store.sessions(limit=1000)) == 1


@_rule
async def a_deleted_session_is_gone_and_its_owner_fenced(store: SessionStore) -> None:
    owner = await _with(store, *EVERYTHING)
    assert await store.delete(ADA) is True
    assert await store.delete(ADA) is False
    assert await store.messages(ADA) is None
    assert await store.chunks(ADA, "t2") == []
    assert (await store.sessions(), await store.interrupted()) == ([], [])
    await _refused(store.commit(ADA, owner.epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)
    assert await store.messages(ADA) is None


@_rule
async def a_session_made_again_is_empty_and_has_a_larger_epoch(store: SessionStore) -> None:
    owner = await _with(store, *EVERYTHING)
    await store.delete(ADA)
    again = await store.claim(ADA, now_ms=NOW + 5)
    assert again == Snapshot(again.epoch, True, NOW + 5, [], None, {}, [])
    assert again.epoch > owner.epoch
    assert await store.chunks(ADA, "t2") == []
    await _refused(store.commit(ADA, owner.epoch, [PutMessage("m", b"{}")], now_ms=NOW), StaleEpoch)


@_restart_rule
async def everything_survives_a_restart(opener: Opener) -> None:
    store = await opener()
    before = await _with(store, *EVERYTHING)
    rows = await store.sessions()
    await store.close()
    store = await opener()
    assert await store.sessions() == rows
    assert await store.interrupted() == [ADA]
    assert await store.chunks(ADA, "t2") == [b'{"n":0}', b'{"n":1}']
    found = await store.claim(ADA, now_ms=NOW + 1)
    _assert_everything(found)
    assert (found.created, found.created_ms) == (False, NOW)
    assert found.epoch > before.epoch
    await _refused(store.commit(ADA, before.epoch, [ClearMessages()], now_ms=NOW), StaleEpoch)
    assert await store.check() == []
    await store.close()


@_restart_rule
async def epochs_of_deleted_sessions_are_remembered_over_a_restart(opener: Opener) -> None:
    store = await opener()
    before = await _with(store, PutMessage("m", b"{}"))
    await store.delete(ADA)
    await store.close()
    store = await opener()
    after = await store.claim(ADA, now_ms=NOW)
    assert (after.created, after.messages) == (True, [])
    assert after.epoch > before.epoch
    await store.close()


@_restart_rule
async def close_finishes_what_is_queued_and_ends_the_rest(opener: Opener) -> None:
    store = await opener()
    claim = await store.claim(ADA, now_ms=NOW)
    queued = [store.commit(ADA, claim.epoch, [PutMessage(f"m{n}", b"{}")], now_ms=NOW) for n in range(20)]
    await store.close()
    await store.close()
    for answer in queued:
        await answer
    await _refused(store.claim(ADA, now_ms=NOW), StoreUnavailable)
    await _refused(store.commit(ADA, claim.epoch, [ClearMessages()], now_ms=NOW), StoreUnavailable)
    await _refused(store.delete(ADA), StoreUnavailable)
    for read in (
        store.messages(ADA),
        store.chunks(ADA, "t"),
        store.interrupted(),
        store.sessions(),
        store.check(),
    ):
        await _refused(read, StoreUnavailable)
    store = await opener()
    assert _ids(await store.claim(ADA, now_ms=NOW)) == [f"m{n}" for n in range(20)]
    await store.close()


@_restart_rule
async def close_answers_a_claim_that_is_under_way(opener: Opener) -> None:
    store = await opener()
    await _with(store, PutMessage("m", b"{}"))
    claim = asyncio.ensure_future(store.claim(ADA, now_ms=NOW))
    await asyncio.sleep(0)  # it has called claim and waits
    await store.close()
    assert (await claim).messages == [StoredMessage("m", b"{}")]


@_rule
async def a_sound_store_has_no_problems(store: SessionStore) -> None:
    owner = await _with(store, *EVERYTHING)
    await _with(store, *EVERYTHING, address=BOB)
    await store.delete(BOB)
    await store.commit(
        ADA, owner.epoch, [ClearMessages(), DeleteTurns(("t1", "t2")), PutState(None)], now_ms=NOW
    )
    assert await store.check() == []
