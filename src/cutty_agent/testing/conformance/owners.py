"""Whose a session is: compared with every claim, given away, shared."""

from __future__ import annotations

import asyncio

from ...errors import NotFound, NotOwner
from ...ids import Address
from ...ports.store import Park, PutGrant, PutMessage, PutOwner, SessionStore
from ...wire.card import Card, Grant
from .rule import (
    ADA,
    BOB,
    EVERYTHING,
    ME,
    NOW,
    Opener,
    assert_everything,
    committed,
    refused,
    restart_rule,
    rule,
)

YOU = "user:bob"
READER = Grant("read", NOW, NOW + 60_000)
WRITER = Grant("write", NOW + 1)


@rule
async def the_first_owner_keeps_a_session(store: SessionStore) -> None:
    first = await store.claim(ADA, owner=ME, now_ms=NOW)
    assert first.card == Card(ME, NOW, NOW)
    assert (await store.claim(BOB, owner=YOU, now_ms=NOW)).card.owner == YOU
    assert (await store.claim(ADA, owner=ME, now_ms=NOW + 1)).card.owner == ME
    assert [(row.address, row.owner) for row in await store.sessions()] == [(ADA, ME), (BOB, YOU)]


@rule
async def a_session_of_another_owner_is_neither_claimed_nor_changed(store: SessionStore) -> None:
    mine = await committed(store, *EVERYTHING)
    rows = await store.sessions()
    for stranger in (YOU, "", ME.upper(), f"{ME}/", ME[:-1]):
        await refused(store.claim(ADA, owner=stranger, now_ms=NOW + 9), NotOwner)
        await refused(store.claim(ADA, owner=stranger, now_ms=NOW + 9, create=False), NotOwner)
    assert await store.sessions() == rows
    await store.commit(ADA, mine.epoch, [], now_ms=NOW)  # the refused claims did not fence it off
    assert_everything(await store.claim(ADA, owner=ME, now_ms=NOW))


@rule
async def of_strangers_that_claim_together_one_becomes_the_owner(store: SessionStore) -> None:
    principals = [f"visitor:{n}" for n in range(8)]
    answers = await asyncio.gather(
        *(store.claim(ADA, owner=principal, now_ms=NOW) for principal in principals), return_exceptions=True
    )
    owners = [
        principal
        for principal, answer in zip(principals, answers, strict=True)
        if not isinstance(answer, BaseException)
    ]
    assert len(owners) == 1
    assert [isinstance(answer, NotOwner) for answer in answers].count(True) == 7
    card = await store.card(ADA)
    assert card is not None
    assert card.owner == owners[0]


@rule
async def claims_of_many_owners_at_once_do_not_mix_them_up(store: SessionStore) -> None:
    addresses = [Address("chat", f"s{n}") for n in range(40)]
    for n, address in enumerate(addresses[:20]):
        await store.claim(address, owner=f"user:{n}", now_ms=NOW)

    async def claim(n: int, address: Address) -> object:
        stranger = n % 3 == 0 and n < 20
        try:
            found = await store.claim(
                address, owner="user:x" if stranger else f"user:{n}", now_ms=NOW + n, create=n % 4 != 3
            )
        except (NotOwner, NotFound) as error:
            return type(error)
        return found.created, found.card

    told = await asyncio.gather(*(claim(n, address) for n, address in enumerate(addresses)))
    for n, answer in enumerate(told):
        if n < 20:
            assert answer == (NotOwner if n % 3 == 0 else (False, Card(f"user:{n}", NOW, NOW + n)))
        else:
            assert answer == (NotFound if n % 4 == 3 else (True, Card(f"user:{n}", NOW + n, NOW + n)))


@rule
async def the_server_itself_may_claim_every_session(store: SessionStore) -> None:
    await committed(store, *EVERYTHING)
    found = await store.claim(ADA, owner=None, now_ms=NOW)
    assert_everything(found)
    assert found.card.owner == ME
    made = await store.claim(BOB, owner=None, now_ms=NOW)
    assert (made.created, made.card.owner) == (True, "")


@rule
async def a_session_of_nobody_is_not_anybodys(store: SessionStore) -> None:
    await committed(store, PutMessage("m", b"{}"), PutOwner(""))
    await refused(store.claim(ADA, owner=ME, now_ms=NOW), NotOwner)
    assert (await store.claim(ADA, owner="", now_ms=NOW)).card.owner == ""


@rule
async def a_session_that_may_not_be_made_is_not_made(store: SessionStore) -> None:
    for owner in (ME, None):
        await refused(store.claim(ADA, owner=owner, now_ms=NOW, create=False), NotFound)
    assert (await store.sessions(), await store.card(ADA)) == ([], None)
    await store.claim(ADA, owner=ME, now_ms=NOW)
    found = await store.claim(ADA, owner=ME, now_ms=NOW, create=False)
    assert (found.created, found.card.owner) == (False, ME)


@rule
async def a_session_can_be_given_to_another_owner(store: SessionStore) -> None:
    mine = await committed(store, *EVERYTHING)
    await store.commit(ADA, mine.epoch, [PutOwner("user:carl"), PutOwner(YOU)], now_ms=NOW)
    await refused(store.claim(ADA, owner=ME, now_ms=NOW), NotOwner)
    await refused(store.claim(ADA, owner="user:carl", now_ms=NOW), NotOwner)
    await store.commit(ADA, mine.epoch, [], now_ms=NOW)  # who writes has not changed with it
    assert_everything(await store.claim(ADA, owner=YOU, now_ms=NOW))


@rule
async def grants_are_on_the_card_until_they_are_taken_back(store: SessionStore) -> None:
    first = await committed(
        store, PutGrant(YOU, READER), PutGrant("link:ab", WRITER), PutGrant("user:c", READER)
    )
    assert first.card == Card(ME, NOW, NOW, grants={YOU: READER, "link:ab": WRITER, "user:c": READER})
    second = await committed(
        store,
        PutGrant(YOU, WRITER),
        PutGrant("link:ab", None),
        PutGrant("user:c", None),
        PutGrant("user:c", WRITER),
    )
    assert second.card.grants == {YOU: WRITER, "user:c": WRITER}
    assert await store.card(ADA) == second.card
    other = await committed(store, PutGrant("unknown", None), address=BOB)
    assert other.card.grants == {}
    await refused(store.claim(ADA, owner=YOU, now_ms=NOW), NotOwner)  # a share is not a claim


@rule
async def a_parked_session_says_why_until_it_may_run_again(store: SessionStore) -> None:
    parked = await committed(store, Park("Too many turns."), Park("It woke 900 times in a minute."))
    assert parked.card.parked == "It woke 900 times in a minute."
    assert [row.parked for row in await store.sessions(parked=True)] == [parked.card.parked]
    free = await committed(store, Park(None))
    assert (free.card.parked, await store.sessions(parked=True)) == (None, [])


@rule
async def a_deleted_session_takes_its_owner_grants_and_parking_with_it(store: SessionStore) -> None:
    await committed(store, PutGrant(YOU, WRITER), Park("stop"), *EVERYTHING)
    await store.delete(ADA)
    assert await store.card(ADA) is None
    assert (await store.claim(ADA, owner=YOU, now_ms=NOW + 5)).card == Card(YOU, NOW + 5, NOW + 5)
    assert await store.check() == []


@rule
async def lists_narrow_down_by_owner_activity_and_parking(store: SessionStore) -> None:
    addresses = [Address(agent, f"s{n}") for agent in ("a", "b") for n in range(6)]
    for n, address in enumerate(addresses):
        claim = await store.claim(address, owner=(ME, YOU, "")[n % 3], now_ms=NOW)
        await store.commit(address, claim.epoch, [Park("stop")] if n % 4 == 0 else [], now_ms=NOW + n)

    async def found(
        agent: str | None = None,
        owner: str | None = None,
        idle_since_ms: int | None = None,
        *,
        parked: bool = False,
    ) -> list[int]:
        """In pages of two; positions in ``addresses``, which are in order."""
        seen: list[Address] = []
        while page := await store.sessions(
            agent=agent,
            owner=owner,
            idle_since_ms=idle_since_ms,
            parked=parked,
            after=seen[-1] if seen else None,
            limit=2,
        ):
            assert len(page) <= 2
            seen += [row.address for row in page]
        return [addresses.index(address) for address in seen]

    assert await found(owner=ME) == [0, 3, 6, 9]
    assert await found(owner="") == [2, 5, 8, 11]
    assert await found(owner="user:x") == []
    assert await found("b", YOU) == [7, 10]
    assert await found(idle_since_ms=NOW + 3) == [0, 1, 2]
    assert await found(parked=True) == [0, 4, 8]
    assert await found("b", parked=True) == [8]
    assert await found(None, YOU, NOW + 10, parked=True) == [4]
    assert await store.sessions(agent="a", after=Address("b", "s1")) == []
    assert len(await store.sessions(agent="b", after=Address("a", "s1"))) == 6


@restart_rule
async def owners_and_grants_survive_a_restart(opener: Opener) -> None:
    store = await opener()
    before = await committed(store, PutGrant(YOU, READER), Park("stop"))
    await store.close()
    store = await opener()
    assert await store.card(ADA) == before.card
    await refused(store.claim(ADA, owner=YOU, now_ms=NOW), NotOwner)
    await store.close()
