"""One run with known numbers, as the API, the commands, the stored turns and the session rows tell it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cutty_agent.admin import api
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.agent.turn import Turn
from cutty_agent.app import App
from cutty_agent.config import Access, Jwt, Settings
from cutty_agent.engines.embedded.readonly import open_readonly
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ids import Address
from cutty_agent.ports.store import PutMessage
from cutty_agent.testing.faults import Fault, FaultyStore
from cutty_agent.wire.turn_record import decode_turn
from unit.access_lab import SECRET, signed
from unit.cli_lab import run

TOKEN = "a-token-of-the-operator"
BEARER = {"authorization": f"Bearer {TOKEN}"}
NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
END_MS = NOW_MS - NOW_MS % HOUR_MS + HOUR_MS
"""Of the hour that runs now."""
MODEL = "openai:gpt-4o"
IN_NANO, OUT_NANO = 2_500, 10_000
"""What a token of this model costs, in and out."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


clock = Clock()


class Chat(ChatAgent):
    """Says what its model consumed, as the visitor asks: tokens in and out, milliseconds before its
    first word, and whether it fails."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        asked = [int(word) for word in turn.text.split() if word.isdecimal()]
        into, out, took_ms = asked
        clock.ms += took_ms
        yield "Well, "
        turn.usage.input_tokens, turn.usage.output_tokens = into, out
        turn.usage.requests, turn.usage.model = 1, MODEL
        if "fail" in turn.text:
            raise RuntimeError("by plan")
        yield "yes."


class Support(Chat):
    pass


TURNS = [
    ("chat", "a", "1000 100 1000"),
    ("chat", "a", "3000 50 1000"),
    ("chat", "b", "500 10 100"),
    ("chat", "b", "700 0 100 fail"),
    ("support", "c", "2000 200 10000"),
]


def settings(directory: Path, **more: Any) -> Settings:
    return Settings(data=directory, admin_token=TOKEN, **more)


@asynccontextmanager
async def serving(given: Settings, **how: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = App([Chat, Support], given, clock=clock, **how)
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http,
    ):
        yield http


async def say(http: httpx.AsyncClient, agent: str, session: str, text: str, id: str) -> None:
    message = {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}
    await http.post(f"/agents/{agent}/{session}", json={"message": message})


async def get(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(f"/admin/{path}", params=query, headers=BEARER)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def figures(http: httpx.AsyncClient) -> dict[str, Any]:
    found = await get(http, "overview", to=END_MS)
    del found["now"]
    by = {kind: await get(http, "usage", by=kind, to=END_MS) for kind in ("agent", "model", "owner", "day")}
    return {"overview": found, "usage": by}


async def test_one_run_with_known_numbers_is_told_alike_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clock.ms = NOW_MS
    data = tmp_path / "data"
    async with serving(settings(data)) as http:
        for at, (agent, session, text) in enumerate(TURNS):
            await say(http, agent, session, text, f"u{at}")
        before = await figures(http)
        rows = (await get(http, "sessions", sort="cost", order="desc"))["sessions"]
        shown = await get(http, "sessions/chat/b")
        pages = await get(http, "sessions/chat/a/turns", limit=1)
        older = await get(http, "sessions/chat/a/turns", before=pages["next"])
        now = (await get(http, "overview"))["now"]
    spent = {
        "chat/a": (4000, 150),
        "chat/b": (1200, 10),
        "support/c": (2000, 200),
    }
    cost = {name: into * IN_NANO + out * OUT_NANO for name, (into, out) in spent.items()}
    total = sum(cost.values())

    totals = before["overview"]["totals"]
    assert totals["turns"] == 5
    assert (totals["errors"], totals["aborted"], totals["messages"]) == (1, 0, 10)
    assert (totals["input_tokens"], totals["output_tokens"]) == (7200, 360)
    assert totals["cost_nano"] == total
    assert (totals["sessions_created"], totals["sessions_active"], totals["sessions_returning"]) == (3, 3, 0)
    assert totals["calls"] == 5
    # 100, 100, 1,000, 1,000 and 10,000 ms, each within its bucket.
    assert 546 < totals["duration_ms"]["p50"] <= 1_418
    assert 8_703 < totals["duration_ms"]["p95"] <= totals["duration_ms"]["p99"] <= 15_933
    assert totals["first_ms"] == totals["duration_ms"]
    assert len(before["overview"]["points"]) == 24
    busy = [point for point in before["overview"]["points"] if point["turns"]]
    assert [point["at"] for point in busy] == [NOW_MS - NOW_MS % HOUR_MS]
    assert {name: busy[0][name] for name in totals if "peak" not in name} == {
        name: value for name, value in totals.items() if "peak" not in name
    }

    # The rows of the sessions, and their turns as they are stored.
    assert {f"{row['agent']}/{row['id']}": row["cost_nano"] for row in rows} == cost
    assert [row["cost_nano"] for row in rows] == sorted(cost.values(), reverse=True)
    assert {
        f"{row['agent']}/{row['id']}": (row["input_tokens"], row["output_tokens"]) for row in rows
    } == spent
    assert sum(row["turns"] for row in rows) == 5
    assert (shown["turn_count"], shown["errors"]) == (2, 1)
    assert [turn["outcome"] for turn in shown["turns"]] == ["completed", "error"]
    assert [turn["ended_ms"] - turn["accepted_ms"] for turn in shown["turns"]] == [100, 100]
    assert [turn["input_tokens"] for turn in (*older["turns"], *pages["turns"])] == [1000, 3000]
    assert older["next"] is None
    with open_readonly(data) as store:
        records = [
            decode_turn(turn.record)
            for agent, session in (("chat", "a"), ("chat", "b"), ("support", "c"))
            for turn in store.turns(Address(agent, session))
        ]
    assert sum(record.cost_nano for record in records) == total
    assert sum(record.ended_ms - record.accepted_ms for record in records) == 12_200
    assert sum(record.first_ms - record.accepted_ms for record in records) == 12_200

    # The sums, whatever they are by.
    for kind, expected in {
        "agent": [("chat", 4, cost["chat/a"] + cost["chat/b"]), ("support", 1, cost["support/c"])],
        "model": [(MODEL, 5, total)],
        "owner": [("", 5, total)],
        "day": [("2026-09-21", 5, total)],
    }.items():
        found = before["usage"][kind]
        assert [(row["key"], row["turns"], row["cost_nano"]) for row in found["rows"]] == expected
        assert found["next"] is None
        assert sum(row["turns"] * row["mean_duration_ms"] for row in found["rows"]) == pytest.approx(12_200)
        assert sum(row["turns"] * row["mean_first_ms"] for row in found["rows"]) == pytest.approx(12_200)
    assert (now["sessions"], now["parked"], now["running"], now["queued"], now["sockets"]) == (3, 0, 0, 0, 0)

    # The commands, on the directory.
    span = ("--from", "2026-09-21", "--to", "2026-09-22", "--data", data)
    told = json.loads(run("stats", *span, "--json").stdout)
    same = [name for name in totals if not name.startswith("peak")]
    assert {name: told["totals"][name] for name in same} == {name: totals[name] for name in same}
    by_agent = list(csv.DictReader(io.StringIO(run("stats", *span, "--by", "agent", "--csv").stdout)))
    assert [(row["agent"], int(row["turns"]), int(row["cost_nano"])) for row in by_agent] == [
        ("chat", 4, cost["chat/a"] + cost["chat/b"]),
        ("support", 1, cost["support/c"]),
    ]
    lines = [json.loads(line) for line in run("stats", *span, "--jsonl").stdout.splitlines()]
    assert len(lines) == 24
    assert sum(line["cost_nano"] for line in lines) == total
    table = run("stats", *span, "--by", "model").stdout
    assert MODEL in table
    assert f"${total / 1e9:.4f}" in table
    assert f"${total / 1e9:.4f}" in run("stats", *span).stdout

    # And after a restart.
    async with serving(settings(data)) as http:
        after = await figures(http)
    peaks = {"peak_running": 1, "peak_sockets": 0}
    for point in (after["overview"]["totals"], *after["overview"]["points"]):
        if point["turns"]:
            assert {name: point[name] for name in peaks} == peaks
            point |= dict.fromkeys(peaks, 0)
    assert after == before


async def test_a_turn_whose_commit_is_tried_again_counts_once(tmp_path: Path) -> None:
    """The answer of the store is lost: the session is loaded anew and finds that the turn has ended."""
    clock.ms = NOW_MS
    store = FaultyStore(MemoryStore())

    async def opened() -> FaultyStore:
        return store

    async with serving(settings(tmp_path), open_store=opened) as http:
        await say(http, "chat", "a", "1000 100 1000", "u1")
        for fault in (Fault.UNANSWERED, Fault.REFUSED):
            # The second write of a turn is its end, for an answer that is shorter than a flush.
            store._commits = iter([None, fault])
            await say(http, "chat", "a", "1000 100 1000", f"u-{fault.name}")
            store._commits = iter([])
            await say(http, "chat", "a", "1000 100 1000", f"u-after-{fault.name}")
        totals = (await get(http, "overview", to=END_MS))["totals"]
        [row] = (await get(http, "sessions"))["sessions"]
        usage = (await get(http, "usage", by="owner", to=END_MS))["rows"]
    assert totals["turns"] == row["turns"] == sum(each["turns"] for each in usage)
    assert totals["cost_nano"] == row["cost_nano"]
    assert totals["turns"] in {4, 5}


# -- who may do what

GENERAL = [f"{method} /admin/{name}" for method, name in api._GENERAL]
SESSION = [f"{method} /admin/sessions/chat/a/{name}".rstrip("/") for method, name in api._ROUTES]
PRINCIPAL = [
    f"{method} /admin/principals/user:ada/{name}".rstrip("/") for method, name in api._PRINCIPAL_ROUTES
]
ROUTES = [*GENERAL, *SESSION, *PRINCIPAL]
ACTS = [route for route in ROUTES if not route.startswith("GET") or route.endswith("/export")]
BODIES: dict[str, Any] = {
    "POST /admin/purge": {"older_than": 1},
    "POST /admin/revocations": {"key": "user:mallory"},
    "PUT /admin/sessions/chat/a/state": {"title": "Tea"},
}
QUERIES = {"GET /admin/usage": "?by=day"}


def by_jwt(scope: str, **claims: Any) -> dict[str, str]:
    token = signed(**{"scope": scope, "sub": "olga", "exp": NOW_MS // 1000 + 600, **claims})
    return {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def with_rule(store: MemoryStore) -> AsyncIterator[httpx.AsyncClient]:
    async def opened() -> MemoryStore:
        return store

    clock.ms = NOW_MS
    given = Settings(admin_token=TOKEN, access=Access(jwt=Jwt(secret=SECRET)))
    async with serving(given, open_store=opened) as http:
        yield http


async def filled() -> MemoryStore:
    store = MemoryStore()
    snapshot = await store.claim(Address("chat", "a"), owner="user:ada", now_ms=NOW_MS)
    message = PutMessage("m", b'{"id":"m","role":"user","parts":[]}')
    await store.commit(Address("chat", "a"), snapshot.epoch, [message], now_ms=NOW_MS)
    return store


async def ask(http: httpx.AsyncClient, route: str, headers: dict[str, str]) -> httpx.Response:
    method, path = route.split(" ")
    request = http.build_request(
        method, path + QUERIES.get(route, ""), headers=headers, json=BODIES.get(route)
    )
    return await http.send(request)


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.endswith("/tail")])
async def test_who_may_only_look_can_do_nothing(route: str) -> None:
    """A tail looks too, and has no end."""
    store = await filled()
    async with with_rule(store) as http:
        answer = await ask(http, route, by_jwt("chat cutty:view"))
        if route not in ACTS:
            assert answer.status_code in {200, 204}, answer.text
            return
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "access.forbidden"
    store = store.reopened()
    found = await store.claim(Address("chat", "a"), owner="user:ada", now_ms=NOW_MS, create=False)
    assert [message.id for message in found.messages] == ["m"]
    assert (found.state, found.card.parked) == (None, None)
    assert await store.revocations(now_ms=NOW_MS) == {}
    [refused] = await store.audit()
    assert (refused.entry.action, refused.entry.actor) == ("access.refused", "user:olga")


@pytest.mark.parametrize("route", ACTS)
async def test_what_somebody_does_is_in_the_audit_log_under_their_name(route: str) -> None:
    store = await filled()
    async with with_rule(store) as http:
        answer = await ask(http, route, by_jwt("cutty:act"))
        assert answer.status_code == 200, answer.text
    [acted] = await store.reopened().audit()
    assert acted.entry.actor == "user:olga"
    assert acted.entry.action != "access.refused"
    about = Address("chat", "a") if "/sessions/" in route else Address("", "")
    assert Address(acted.entry.agent, acted.entry.session) == about


@pytest.mark.parametrize("headers", [by_jwt("chat"), by_jwt("cutty:vie"), by_jwt("cutty:act", exp=1), {}])
async def test_without_a_scope_a_token_is_as_good_as_none(headers: dict[str, str]) -> None:
    async with with_rule(await filled()) as http:
        for route in ROUTES:
            answer = await ask(http, route, headers)
            assert answer.status_code == 401, route
            assert answer.json()["error"]["code"] == "auth.required"


async def test_me_says_who_i_am(tmp_path: Path) -> None:
    async with with_rule(await filled()) as http:
        for headers, actor, scopes in (
            (BEARER, "operator", ["view", "act"]),
            (by_jwt("cutty:act"), "user:olga", ["view", "act"]),
            (by_jwt("cutty:view"), "user:olga", ["view"]),
        ):
            found = (await http.get("/admin/me", headers=headers)).json()
            assert (found["actor"], found["scopes"]) == (actor, scopes)


async def test_a_cookie_is_no_operators_token() -> None:
    """A page of another site could send it."""
    clock.ms = NOW_MS
    store = await filled()

    async def opened() -> MemoryStore:
        return store

    given = Settings(admin_token=TOKEN, access=Access(jwt=Jwt(secret=SECRET, cookie="session")))
    token = by_jwt("cutty:act")["authorization"].removeprefix("Bearer ")
    async with serving(given, open_store=opened) as http:
        answer = await http.post("/admin/sessions/chat/a/park", headers={"cookie": f"session={token}"})
        assert answer.status_code == 401


# -- settings, limits, state


async def test_settings_are_shown_and_secrets_are_not(tmp_path: Path) -> None:
    secret = "s3cret-" * 6
    given = settings(
        tmp_path / "data",
        api_key="sk-very-secret",
        base_url="http://me:pass@localhost:11434/v1",
        access=Access(jwt=Jwt(secret=secret), secret="another-" * 5),
        encryption={"keys": "new:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
    )
    async with serving(given) as http:
        answer = await http.get("/admin/config", headers=BEARER)
    for hidden in (secret, "sk-very-secret", "another-", TOKEN, "AAECAw", "me:pass"):
        assert hidden not in answer.text
    found = {each["name"]: each for each in answer.json()["settings"]}
    assert found["limits.frames_burst"] == {
        "name": "limits.frames_burst",
        "value": 200,
        "default": 200,
        "secret": False,
        "source": "default",
        "description": "frames one socket may send at once",
    }
    assert (found["api_key"]["value"], found["api_key"]["source"]) == ("••••", "set")
    assert found["access.jwt.secret"]["value"] == "••••"
    assert (found["data"]["value"], found["data"]["source"]) == (str(tmp_path / "data"), "set")
    assert found["access.visitors"]["value"] is False


async def test_limits_tell_what_they_refused_and_what_is_parked(tmp_path: Path) -> None:
    clock.ms = NOW_MS
    given = settings(tmp_path / "data", limits={"requests_per_minute": 2})
    async with serving(given) as http:
        for at in range(4):
            await say(http, "chat", "a", "1 1 1", f"u{at}")
        await http.post("/admin/sessions/chat/a/park", headers=BEARER, json={"reason": "too fast"})
        found = await get(http, "limits")
    assert found["refusals"] == {"limits.requests_per_minute": 2}
    [limit] = [each for each in found["limits"] if each["name"] == "limits.requests_per_minute"]
    assert (limit["value"], limit["unit"]) == (2, "per minute")
    [parked] = found["parked"]
    assert (parked["id"], parked["parked"]) == ("a", "too fast")
    assert found["now"]["parked"] == 1


async def test_an_operator_sets_the_state_of_a_sleeping_session() -> None:
    store = await filled()
    async with with_rule(store) as http:
        path = "/admin/sessions/chat/a/state"
        assert (await http.get(path, headers=BEARER)).status_code == 204
        for value in ({"title": "Tea"}, [1, 2], None, "text"):
            answer = await http.put(path, headers=BEARER, content=json.dumps(value))
            assert answer.json() == {"stored": True}
            assert (await http.get(path, headers=BEARER)).json() == value
        assert (await http.put(path, headers=BEARER, content="{")).status_code == 400
        unknown = await http.put("/admin/sessions/chat/nobody/state", headers=BEARER, content="1")
        assert unknown.status_code == 404
    assert await store.reopened().messages(Address("chat", "nobody")) is None


@pytest.mark.parametrize(
    "query",
    [
        "overview?step=week",
        "overview?from=5&to=5",
        "overview?from=-1&to=5",
        f"overview?from=0&to={NOW_MS}",
        "overview?from=x",
        "usage",
        "usage?by=cost",
        "usage?by=hour&owner=user:ada",
        "usage?by=day&limit=0",
        "usage?by=owner&after=x",
        "sessions?sort=age",
        "sessions?order=up",
        "sessions?status=gone",
        "sessions?sort=cost&after=chat/a",
        "sessions/chat/a/turns?before=nothing",
        "sessions/chat/a/turns?limit=0",
    ],
)
async def test_a_wrong_question_is_refused_by_name(query: str) -> None:
    async with with_rule(await filled()) as http:
        answer = await http.get(f"/admin/{query}", headers=BEARER)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["remedy"]
