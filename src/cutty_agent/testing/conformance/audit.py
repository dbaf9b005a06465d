"""The audit log, and revocations."""

from __future__ import annotations

import asyncio

from ...errors import BadRequest
from ...ids import Address
from ...ports.store import AuditEntry, AuditRow, SessionStore
from .rule import ADA, BOB, NOW, Opener, committed, refused, restart_rule, rule


def entry(
    n: int, actor: str = "operator", action: str = "session.erased", address: Address = ADA
) -> AuditEntry:
    return AuditEntry(
        NOW + n, actor, action, address.agent, address.session, "203.0.113.9", f"It was {n}.", n + 1
    )


def details(rows: list[AuditRow]) -> list[int]:
    """Which of the numbered entries these are."""
    return [row.entry.count - 1 for row in rows]


@rule
async def entries_come_back_newest_first_and_whole(store: SessionStore) -> None:
    entries = [entry(0), entry(1), AuditEntry(NOW - 5, "user:ada", "access.refused")]
    await store.note(entries[:2])
    await store.note(entries[2:])
    await store.note([])
    rows = await store.audit()
    assert [row.entry for row in rows] == entries[::-1]
    assert [row.seq for row in rows] == sorted({row.seq for row in rows}, reverse=True)


@rule
async def entries_noted_one_after_the_other_keep_that_order(store: SessionStore) -> None:
    await asyncio.gather(*(store.note([entry(2 * n), entry(2 * n + 1)]) for n in range(40)))
    assert details(await store.audit()) == list(range(79, -1, -1))


@rule
async def a_page_of_the_log_goes_on_before_the_last(store: SessionStore) -> None:
    await store.note([entry(n) for n in range(25)])
    seen: list[AuditRow] = []
    while page := await store.audit(before=seen[-1].seq if seen else None, limit=10):
        assert len(page) <= 10
        seen += page
    assert details(seen) == list(range(24, -1, -1))
    for limit in (0, 1001):
        await refused(store.audit(limit=limit), BadRequest)


@rule
async def the_log_narrows_down_by_action_actor_and_session(store: SessionStore) -> None:
    await store.note(
        [
            entry(0),
            entry(1, action="session.exported"),
            entry(2, "user:ada", "access.refused"),
            entry(3, "user:ada", "access.refused", BOB),
            entry(4, "user:bob", "access"),
            entry(5, "user:bob", "accessory.refused", BOB),
            AuditEntry(NOW, "user:bob", "access/refused", count=7),
        ]
    )
    assert details(await store.audit(action="session.")) == [1, 0]
    assert details(await store.audit(action="access.")) == [3, 2]
    assert details(await store.audit(action="access")) == [4]
    assert details(await store.audit(actor="user:ada")) == [3, 2]
    assert details(await store.audit(address=BOB)) == [5, 3]
    assert details(await store.audit(address=Address("chat", "ad"))) == []
    assert details(await store.audit(actor="user:ada", address=BOB, action="access.refused")) == [3]
    first = (await store.audit(actor="user:bob"))[0]
    assert details(await store.audit(actor="user:bob", before=first.seq, limit=1)) == [5]


@rule
async def the_log_narrows_down_by_time(store: SessionStore) -> None:
    times = (5, 1, 9, 3)
    await store.note([AuditEntry(NOW + ms, "operator", "session.read", detail=str(ms)) for ms in times])
    for from_ms, to_ms, expected in ((None, None, "3915"), (3, None, "395"), (None, 5, "31"), (3, 9, "35")):
        found = await store.audit(
            from_ms=None if from_ms is None else NOW + from_ms, to_ms=None if to_ms is None else NOW + to_ms
        )
        assert "".join(row.entry.detail for row in found) == expected


@rule
async def the_log_outlives_the_sessions_it_is_about(store: SessionStore) -> None:
    await committed(store)
    await store.note([entry(0)])
    await store.delete(ADA)
    assert details(await store.audit(address=ADA)) == [0]


@restart_rule
async def old_entries_are_forgotten_and_their_numbers_not_given_again(opener: Opener) -> None:
    store = await opener()
    await store.note([entry(n) for n in range(1200)])
    last = (await store.audit(limit=1))[0].seq
    assert await store.forget_audit(before_ms=NOW) == 0
    assert await store.forget_audit(before_ms=NOW + 1190) == 1190
    assert details(await store.audit(limit=1000)) == list(range(1199, 1189, -1))
    assert await store.forget_audit(before_ms=NOW + 5000) == 10
    await store.close()
    store = await opener()
    assert await store.audit() == []
    await store.note([entry(3)])
    assert (await store.audit())[0].seq > last
    await store.close()


@restart_rule
async def a_revocation_holds_until_its_end(opener: Opener) -> None:
    store = await opener()
    await store.revoke("user:ada", until_ms=NOW + 100, now_ms=NOW)
    await store.revoke("jti-7", until_ms=NOW + 50, now_ms=NOW)
    await store.close()
    store = await opener()
    assert await store.revocations(now_ms=NOW + 49) == {"user:ada": NOW + 100, "jti-7": NOW + 50}
    assert await store.revocations(now_ms=NOW + 50) == {"user:ada": NOW + 100}
    await store.revoke("user:ada", until_ms=NOW + 200, now_ms=NOW + 60)
    assert await store.revocations(now_ms=NOW) == {"user:ada": NOW + 200}  # the other was forgotten
    await store.revoke("user:ada", until_ms=NOW + 61, now_ms=NOW + 61)  # that takes it back
    assert await store.revocations(now_ms=NOW) == {}
    await store.close()
