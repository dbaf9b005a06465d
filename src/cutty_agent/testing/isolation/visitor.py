"""One visitor of the author's app: asks, stops, reloads, breaks off and comes back, by a plan from the seed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import httpx
import msgspec

from .finding import Evidence
from .hearing import Hearing
from .instances import Application
from .names import Names
from .plan import ASKED, FAIL, LAST, MALFORMED, TOLD, Fate
from .report import STUCK
from .socket import HOST
from .tab import Tab


class Visitor:
    """A session of its own with one or two tabs, and HTTP besides.

    Ids of requests, messages and tabs are the same for all visitors: nothing but the session tells them apart.
    """

    def __init__(
        self,
        app: Application,
        names: Names,
        evidence: Evidence,
        counts: Counter[str],
        rng: Random,
        *,
        number: int,
        agent: str,
        idle_s: float,
        patience_s: float,
        headers: Callable[[str], Mapping[str, str]] | None,
        rpc: Callable[[str], frozenset[str]],
    ) -> None:
        self.number = number
        self.session = names.session_id(number)
        self.canaries: list[str] = []
        self._names = names
        self._counts = counts
        self._rng = rng
        self._idle_s = idle_s
        self._patience_s = patience_s
        self._rpc = rpc
        self._agent = agent
        self._hearing = hearing = Hearing(names, number, evidence, counts)
        given = dict(headers(self.session)) if headers is not None else {}
        self._path = f"/agents/{agent}/{self.session}"
        self._web = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url=f"http://{HOST}",
            headers=given,
            timeout=patience_s,
        )
        self._tabs = [
            Tab(app, f"{agent}/{self.session}", label, hearing, given, counts, patience_s=patience_s)
            for label in ("tab-a", "tab-b")
        ]
        self._asked = 0

    @property
    def _tab(self) -> Tab:
        return self._tabs[0]

    async def live(self, plan: Sequence[Fate], over: Callable[[], bool]) -> None:
        """A turn for each fate, with what happens around it; ends early when it is over."""
        rng = self._rng
        await self._tab.join()
        if self.number % 3 == 0:
            await self._second_tab(0)
        for turn, fate in enumerate(plan, 1):
            if over():
                break
            if not self._tab.open:
                await self._come_back()
            await asyncio.sleep(rng.random() * 0.003)
            for _ in range(rng.choice((0, 0, 1, 1, 2))):
                await self._something(turn)
            await self._turn(turn, fate)
            self._counts["turns"] += 1

    async def end(self) -> None:
        """Say one last word, wait until nothing runs, read everything once more. The main tab stays open."""
        await self._tabs[1].leave()
        await self._come_back()
        await self._over_socket(self._message(0, words=LAST), "plain")
        await self._come_back()
        await self._read_history()

    async def leave(self) -> None:
        """Close everything."""
        for tab in self._tabs:
            await tab.leave()
        await self._web.aclose()

    # -- a turn

    async def _turn(self, turn: int, fate: Fate) -> None:
        if fate == "sleep":  # until the server has put the session to sleep
            self._counts["sleeps"] += 1
            await asyncio.sleep(self._idle_s * 1.5 + 0.1)
        message = self._message(turn, words=FAIL if fate == "fail" else None)
        if fate in ("http", "http stop"):
            await self._over_http(message, stop=fate == "http stop")
        else:
            await self._over_socket(message, fate)

    def _message(self, turn: int, words: str | None = None) -> tuple[dict[str, Any], bool]:
        """A user message, and whether it asks the agent to fail."""
        rng = self._rng
        if words is not None:
            text = words.format(c=self._canary(turn))
        elif self.canaries and rng.random() < 0.3:
            text = rng.choice(ASKED)
        else:
            text = rng.choice(TOLD).format(c=self._canary(turn))
        self._asked += 1
        return {
            "id": f"u-{self._asked}",
            "role": "user",
            "parts": [{"type": "text", "text": text}],
        }, words == FAIL

    def _canary(self, turn: int) -> str:
        token = self._names.canary(self.number, turn)
        self.canaries = [*self.canaries[-20:], token]
        return token

    async def _over_socket(self, asked: tuple[dict[str, Any], bool], fate: Fate) -> None:
        (message, fails), request, tab = asked, f"r-{self._asked}", self._tab
        body = json.dumps({"messages": [message], "trigger": "submit-message"})
        tab.send(type="cf_agent_use_chat_request", id=request, init={"method": "POST", "body": body})
        if fate in ("cancel", "break off", "clear"):
            await self._in_the_middle(request)
        if fate == "break off":
            self._counts["reconnects"] += 1
            await self._come_back()
        elif fate == "clear":
            self._counts["clears"] += 1
            tab.send(type="cf_agent_chat_clear")
            await tab.rest()
        else:
            if fate == "cancel":
                self._counts["cancels"] += 1
                tab.send(type="cf_agent_chat_request_cancel", id=request)
            if await tab.until(lambda: request in tab.ended, "the end of a turn"):
                self._judge(tab.ended[request].get("outcome") == "error", fails)
        tab.ended.clear()
        tab.begun.clear()

    async def _in_the_middle(self, request: str) -> None:
        """Some time within the answer, or before it begins."""
        if self._rng.random() < 0.7:
            await self._tab.until(
                lambda: request in self._tab.begun or request in self._tab.ended,
                "the beginning of a turn",
                patience_s=2.0,
            )
        await asyncio.sleep(self._rng.random() * 0.006)

    async def _over_http(self, asked: tuple[dict[str, Any], bool], *, stop: bool) -> None:
        message, fails = asked
        posted = asyncio.create_task(self._web.post(self._path, json={"messages": [message]}))
        if stop:
            await asyncio.sleep(self._rng.random() * 0.01)
            self._counts["cancels"] += 1
            await self._get("POST", f"{self._path}/stop")
        response = await self._answered(posted, "a turn over HTTP")
        if response is None:
            return
        self._counts["http answers"] += 1
        if response.status_code >= 400:
            self._hearing.answer(
                "error text", f"the HTTP {response.status_code} answer to a turn", response.text
            )
            self._judge(True, fails)
        else:
            self._hearing.events(f"http-{self._asked}", response.text)
            self._judge('"type":"error"' in response.text, fails)

    def _judge(self, failed: bool, asked: bool) -> None:
        self._counts["answers"] += 1
        if failed:
            self._counts["turns failed" if asked else "turns failed unasked"] += 1

    # -- around the turns

    async def _something(self, turn: int) -> None:
        act = self._rng.choices(
            (self._set_state, self._app_frame, self._call, self._malformed, self._read_history, self._request,
             self._second_tab, self._upsert),
            (5, 3, 3, 3, 4, 2, 3, 2),
        )[0]  # fmt: skip
        await act(turn)

    async def _set_state(self, turn: int) -> None:
        state = self._tab.state
        if state is None or isinstance(state, dict):
            self._tab.state = {**(state or {}), "note": self._canary(turn)}
            self._tab.send(type="cf_agent_state", state=self._tab.state)

    async def _app_frame(self, turn: int) -> None:
        self._tab.send(type="note", text=self._canary(turn))

    async def _call(self, turn: int) -> None:
        method = self._rng.choice(["no_such_method", *sorted(self._rpc(self._agent))])
        name, _, count = method.partition("/")
        args = [self._canary(turn) for _ in range(int(count or 1))]
        self._tab.send(type="rpc", id=f"c-{turn}", method=name, args=args)

    async def _malformed(self, turn: int) -> None:
        self._tab.raw(self._rng.choice(MALFORMED))
        self._counts["malformed frames"] += 1

    async def _read_history(self, turn: int = 0) -> None:
        response = await self._get("GET", f"{self._path}/get-messages")
        if response is None or response.status_code != 200:
            return
        self._hearing.answer("history", "get-messages", response.text)
        with contextlib.suppress(msgspec.DecodeError):
            self._counts["messages read"] += len(msgspec.json.decode(response.content, type=list[Any]))

    async def _request(self, turn: int) -> None:
        await self._get("GET", f"{self._path}/page?text={self._canary(turn)}")

    async def _second_tab(self, turn: int) -> None:
        tab = self._tabs[1]
        if tab.open:
            await tab.leave()
        else:
            await tab.join()
            self._counts["second tabs"] += 1

    async def _upsert(self, turn: int) -> None:
        self._asked += 1
        part = {"type": "text", "text": f"A note of mine: {self._canary(turn)}"}
        message = {"id": f"u-{self._asked}", "role": "user", "parts": [part]}
        self._tab.send(type="cf_agent_chat_messages", messages=[message])

    async def _come_back(self) -> None:
        await self._tab.join()
        await self._tab.rest()
        self._tab.ended.clear()
        self._tab.begun.clear()

    async def _get(self, method: str, path: str) -> httpx.Response | None:
        response = await self._answered(
            asyncio.create_task(self._web.request(method, path)),
            f"{method} …/{path.rpartition('/')[2].partition('?')[0]}",
        )
        if response is not None:
            self._counts["http answers"] += 1
            kind = "http answer" if response.status_code < 400 else "error text"
            if "get-messages" not in path:
                place = f"the HTTP {response.status_code} answer to {method} {path.partition('?')[0]}"
                self._hearing.answer(kind, self._names.shown(place), response.text)  # type: ignore[arg-type]  # both are kinds
        return response

    async def _answered(self, asking: asyncio.Task[httpx.Response], what: str) -> httpx.Response | None:
        try:
            async with asyncio.timeout(
                self._patience_s
            ):  # the transport in this process has no timeout of its own
                return await asking
        except (TimeoutError, httpx.HTTPError):
            self._counts[f"{STUCK}the answer to {what}"] += 1
            return None
