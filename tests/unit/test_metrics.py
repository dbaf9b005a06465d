"""``/metrics``: what it shows after known traffic, to whom, and that no label grows without bound."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cutty_agent import App
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.agent.turn import Turn
from cutty_agent.config import load
from cutty_agent.session.metrics import MAX_MODELS, MAX_TOOLS, Metrics
from cutty_agent.wire.turn_record import TurnRecord

TOKEN = "operator-token-of-the-test"


class Chat(ChatAgent):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
        turn.usage.input_tokens, turn.usage.output_tokens, turn.usage.requests = 1000, 500, 1
        turn.usage.model = "gpt-4o"
        if "fail" in turn.text:
            raise RuntimeError("no")
        yield {"type": "tool-input-available", "toolCallId": "c", "toolName": "clock", "input": {}}
        yield {"type": "tool-output-available", "toolCallId": "c", "output": 1}
        yield "hello"


@asynccontextmanager
async def served(
    directory: Path, peer: str = "127.0.0.1", **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    app = App([Chat], load(data=directory, admin_token=TOKEN, **settings))
    transport = httpx.ASGITransport(app, client=(peer, 5000))
    async with app.running(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def values(text: str) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def ask(client: httpx.AsyncClient, session: str, text: str) -> None:
    message = {"id": "u", "role": "user", "parts": [{"type": "text", "text": text}]}
    answer = await client.post(f"/agents/chat/{session}", json={"messages": [message]})
    assert answer.status_code == 200, answer.text


async def test_figures_after_known_traffic(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        await ask(client, "first", "hi")
        await ask(client, "second", "hi")
        await ask(client, "third", "fail")
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    seen = values(answer.text)
    assert seen["cutty_turns_total{agent=chat,outcome=completed}"] == 2
    assert seen["cutty_turns_total{agent=chat,outcome=error}"] == 1
    assert seen["cutty_tokens_total{agent=chat,direction=input,model=gpt-4o}"] == 3000
    assert seen["cutty_tokens_total{agent=chat,direction=output,model=gpt-4o}"] == 1500
    assert seen["cutty_model_calls_total{agent=chat,model=gpt-4o}"] == 3
    assert seen["cutty_cost_dollars_total{agent=chat,model=gpt-4o}"] == pytest.approx(
        3 * (1000 * 2.5e-6 + 500 * 10e-6)
    )
    assert seen["cutty_tool_calls_total{tool=clock}"] == 2
    assert seen["cutty_turn_seconds_count{agent=chat}"] == 3
    assert seen["cutty_turn_first_chunk_seconds_count{agent=chat}"] == 2
    assert seen["cutty_session_wakes_total{agent=chat}"] == 3
    assert seen["cutty_sessions_created_total{agent=chat}"] == 3
    assert seen["cutty_sessions_awake"] == 3
    assert seen["cutty_turns_running"] == seen["cutty_turns_queued"] == 0
    assert seen["cutty_store_commit_seconds_count"] >= 6
    assert seen["cutty_store_batch_writes_sum"] >= seen["cutty_store_batch_writes_count"] > 0
    assert seen["cutty_store_queue_depth"] == 0
    assert seen["process_resident_memory_bytes"] > 0


async def test_no_label_names_a_session_or_a_caller(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        await ask(client, "a-very-special-session", "hi")
        text = (await client.get("/metrics")).text
    assert "special" not in text
    names = set(re.findall(r'(\w+)="', text))
    assert names <= {
        "agent", "outcome", "model", "direction", "tool", "action", "limit", "le", "version",
        "generation", "implementation", "major", "minor", "patchlevel",
    }  # fmt: skip


async def test_refusals_are_counted_by_limit(tmp_path: Path) -> None:
    async with served(tmp_path, limits={"requests_per_minute": 1}) as client:
        await ask(client, "s", "hi")
        message = {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "again"}]}
        refused = await client.post("/agents/chat/s", json={"messages": [message]})
        assert refused.status_code == 429
        seen = values((await client.get("/metrics")).text)
    assert seen["cutty_limit_refusals_total{limit=limits.requests_per_minute}"] == 1


async def test_two_servers_in_one_process_count_for_themselves(tmp_path: Path) -> None:
    async with served(tmp_path / "a") as one, served(tmp_path / "b") as other:
        await ask(one, "s", "hi")
        assert "cutty_turns_total{agent=chat,outcome=completed}" in values((await one.get("/metrics")).text)
        assert "cutty_turns_total{" not in (await other.get("/metrics")).text


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.5", {}, 401),
        ("10.0.0.5", {"authorization": f"Bearer {TOKEN}"}, 200),
        ("10.0.0.5", {"authorization": "Bearer wrong-wrong-wrong-wrong"}, 401),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.5"}, 401),
        ("127.0.0.1", {"forwarded": "for=10.0.0.5"}, 401),
        ("127.0.0.1", {"origin": "http://evil.example"}, 401),
        ("127.0.0.1", {"sec-fetch-site": "cross-site"}, 401),
    ],
)
async def test_who_may_read(tmp_path: Path, peer: str, headers: dict[str, str], status: int) -> None:
    async with served(tmp_path, peer) as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("cutty_sockets" in answer.text) == (status == 200)


async def test_with_an_access_rule_this_machine_needs_the_token_too(tmp_path: Path) -> None:
    async with served(tmp_path, access={"visitors": True}) as client:
        assert (await client.get("/metrics")).status_code == 401
        shown = await client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert shown.status_code == 200
        assert values(shown.text)["cutty_access_refused_total"] == 1


async def test_open_and_off(tmp_path: Path) -> None:
    async with served(tmp_path / "a", "10.0.0.5", metrics="open") as client:
        assert (await client.get("/metrics")).status_code == 200
    async with served(tmp_path / "b", metrics="off") as client:
        answer = await client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 404
        assert "CUTTY_METRICS" in answer.json()["error"]["remedy"]


def test_models_and_tools_have_so_many_labels_and_no_more() -> None:
    metrics = Metrics()
    for n in range(MAX_MODELS + MAX_TOOLS + 50):
        record = TurnRecord(
            f"r{n}", "submit", outcome="completed", model=f"m{n}", calls=1, tools=(f"t{n}", "x" * 200)
        )
        metrics.turn_ended("chat", record)
    seen = values(metrics.text().decode())
    models = [key for key in seen if key.startswith("cutty_model_calls_total")]
    tools = [key for key in seen if key.startswith("cutty_tool_calls_total")]
    assert len(models) == MAX_MODELS + 1
    assert len(tools) == MAX_TOOLS + 1
    assert sum(seen[key] for key in models) == MAX_MODELS + MAX_TOOLS + 50
    assert seen["cutty_tool_calls_total{tool=other}"] == MAX_MODELS + 50 + MAX_MODELS + MAX_TOOLS + 50
