"""A data directory with a few sessions of known owners, ages and contents, for tests of the commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from click.testing import Result
from typer.testing import CliRunner

from cutty_agent.cli.main import app
from cutty_agent.engines.embedded.store import open_store
from cutty_agent.engines.sealed import Keyring, SealedStore
from cutty_agent.ids import Address
from cutty_agent.ports.store import AddUsage, Lifetime, Op, PutGrant, PutMessage, PutTurn, SessionStore
from cutty_agent.wire.card import Grant
from cutty_agent.wire.turn_record import TurnRecord, encode_turn

KEYS = "new:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
MADE_MS = 1_790_000_000_000
DAY_MS = 86_400_000
CANARY = "canary-3f1c9e"
ANNA, BO = "user:anna", "user:bo"
OLD, SHARED, OTHER = Address("chat", "old"), Address("chat", "shared"), Address("support", "bo")

T = TypeVar("T")


def run(*arguments: str | Path, given: str | None = None) -> Result:
    """One command to its end."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)


def with_store(directory: Path, work: Callable[[SessionStore], Coroutine[Any, Any, T]]) -> T:
    """Do something with the store of a directory."""

    async def whole() -> T:
        store = await open_store(directory)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(whole())


def fill(directory: Path, now_ms: int, keys: str | None = None) -> None:
    """Anna's ``chat/old``, idle for 40 days, and ``chat/shared``, of an hour ago; Bo's ``support/bo``, of now."""

    async def work(plain: SessionStore) -> None:
        store = SealedStore(plain, Keyring.parse(keys))
        for address, owner, active_ms in (
            (OLD, ANNA, now_ms - 40 * DAY_MS),
            (SHARED, ANNA, now_ms - 3_600_000),
            (OTHER, BO, now_ms),
        ):
            await _make(store, address, owner, active_ms)
        card = await store.card(SHARED)
        assert card is not None
        snapshot = await store.claim(SHARED, owner=ANNA, now_ms=card.active_ms)
        grant = PutGrant(BO, Grant("read", card.active_ms))
        expires_ms = now_ms + 10 * DAY_MS + DAY_MS // 2
        await store.commit(SHARED, snapshot.epoch, [grant], now_ms=now_ms - 3_600_000, expires_ms=expires_ms)

    with_store(directory, work)


async def _make(store: SessionStore, address: Address, owner: str, active_ms: int) -> None:
    made_ms = active_ms - 1000
    snapshot = await store.claim(address, owner=owner, now_ms=made_ms, lifetime=Lifetime())
    said = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": f"{CANARY} {address}"}]}
    record = TurnRecord(
        "t1",
        "submit",
        ("u1",),
        outcome="completed",
        by=owner,
        accepted_ms=made_ms,
        first_ms=made_ms + 340,
        ended_ms=made_ms + 2100,
        model="openai:gpt-4o",
        input_tokens=1200,
        output_tokens=34,
        cost_nano=12_300_000,
        calls=1,
    )
    used = AddUsage(
        owner,
        active_ms,
        "completed",
        "openai:gpt-4o",
        input_tokens=1200,
        output_tokens=34,
        cost_nano=12_300_000,
        calls=1,
    )
    ops: list[Op] = [
        PutMessage("u1", json.dumps(said).encode()),
        PutTurn("t1", encode_turn(record), open=False),
        used,
    ]
    await store.commit(address, snapshot.epoch, ops, now_ms=active_ms)
