"""Sessions without sockets: a world of one registry over one store, clients that record frames, scripted agents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from cutty_agent.agent.base import rpc
from cutty_agent.agent.chat import ChatAgent, ChatResponse
from cutty_agent.agent.turn import Turn
from cutty_agent.clock import Clock
from cutty_agent.config import Access, Lifetimes, Limits, Settings
from cutty_agent.ids import Address
from cutty_agent.ports.door import Link, Opening
from cutty_agent.ports.store import Op, SessionStore
from cutty_agent.session.gate import SessionGate
from cutty_agent.session.registry import Registry
from cutty_agent.wire.client import Dialect
from cutty_agent.wire.principal import NOBODY, Principal

Frame = dict[str, Any]
PATIENCE_S = 4.0
"""How long a test waits for something that must come."""

RESPONSE = "cf_agent_use_chat_response"
_END = object()


async def within(awaitable: Awaitable[Any], what: str) -> Any:
    """The result, or a failure that says what did not come."""
    try:
        return await asyncio.wait_for(awaitable, PATIENCE_S)
    except TimeoutError:
        raise AssertionError(f"{what} did not come within {PATIENCE_S} s") from None


class News:
    """Wakes those who wait for a condition whenever something happened."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def tell(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        async def wait() -> Any:
            while not (found := condition()):
                waiter = asyncio.get_running_loop().create_future()
                self._waiters.append(waiter)
                await waiter
            return found

        return await within(wait(), what)


async def eventually(condition: Callable[[], Any], what: str) -> Any:
    """For what has no event to wait for: looks at every turn of the loop."""

    async def look() -> Any:
        while True:
            if found := condition():
                return found
            await asyncio.sleep(0.001)

    return await within(look(), what)


class Scene:
    """One turn of a scripted agent, played by the test: it says what the test tells it to say."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.id = turn.request_id
        self.left = False
        """The handler has ended, whichever way."""
        self._lines: asyncio.Queue[object] = asyncio.Queue()

    @property
    def texts(self) -> list[tuple[str, str]]:
        """What the handler was given to read, as (role, text)."""
        return [(message["role"], text_of(message)) for message in self.turn.messages]

    def say(self, *items: object) -> Scene:
        """Produce these: strings or chunks."""
        for item in items:
            self._lines.put_nowait(item)
        return self

    def end(self, *items: object) -> None:
        """Produce these and return."""
        self.say(*items, _END)

    def fail(self, error: BaseException) -> None:
        """Raise inside the handler."""
        self.say(error)

    async def play(self) -> AsyncIterator[object]:
        try:
            while (item := await self._lines.get()) is not _END:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.left = True


class Stage:
    """Where turns appear, in the order in which they start. ``auto`` plays those the test does not care for."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.responses: list[ChatResponse] = []
        self.heard: list[object] = []
        self.auto: Callable[[Turn], Sequence[object]] | None = None
        self.news = News()
        self._seen = 0

    def enter(self, turn: Turn) -> Scene:
        scene = Scene(turn)
        self.scenes.append(scene)
        if self.auto is not None:
            scene.end(*self.auto(turn))
        self.news.tell()
        return scene

    async def next(self) -> Scene:
        """The next turn that starts, each once."""
        self._seen += 1
        wanted = self._seen
        await self.news.until(lambda: len(self.scenes) >= wanted, f"turn number {wanted}")
        return self.scenes[wanted - 1]

    async def response(self, number: int) -> ChatResponse:
        """The ``number``-th report to ``on_chat_response``, counted from 1."""
        await self.news.until(lambda: len(self.responses) >= number, f"response number {number}")
        return self.responses[number - 1]


class Scripted(ChatAgent):
    """Plays what its stage says."""

    stage: Stage

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[object]:
        async for item in self.stage.enter(turn).play():
            yield item

    async def on_chat_response(self, response: ChatResponse) -> None:
        self.stage.responses.append(response)
        self.stage.news.tell()

    async def on_message(self, connection: Any, message: str | bytes) -> None:
        self.stage.heard.append(message)
        self.stage.news.tell()

    @rpc(read_only=True)
    async def here(self) -> str:
        """Answered when everything sent before has been handled."""
        return "here"


class Peer:
    """A fake socket. Reads everything at once unless ``congested``; then what is sent waits in ``buffered``."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.news = News()
        self.congested = False
        self.buffered = 0
        self.peak = 0
        self.closed: tuple[int, str] | None = None
        self.deaf = False

    def send(self, frame: bytes) -> None:
        self.send_many([frame])

    def send_many(self, frames: list[bytes]) -> None:
        assert self.closed is None, f"sent after close: {frames[0]!r}"
        if self.deaf:
            return
        self.frames += [json.loads(frame) for frame in frames]
        if self.congested:
            self.buffered += sum(map(len, frames))
            self.peak = max(self.peak, self.buffered)
        self.news.tell()

    def close(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.news.tell()


class Client:
    """One browser tab. Reconnecting keeps the label and begins a new list of frames."""

    def __init__(
        self,
        world: World,
        label: str,
        *,
        session: str = "s",
        labelled: bool = True,
        dialect: Dialect | None = None,
        by_query: bool = False,
        who: Principal | str = NOBODY,
        peer: str = "",
    ) -> None:
        self.world = world
        self.opening = Opening(
            Address("chat", session),
            label,
            labelled=labelled,
            dialect=dialect,
            by_query=by_query,
            principal=Principal(who) if isinstance(who, str) else who,
            peer=peer,
        )
        self.label = label
        self.messages: list[Frame] = []
        self.peer = Peer()
        self.link: Link | None = None
        self._sent = 0
        self._calls = 0

    # -- the socket

    def connect(self) -> Client:
        self.peer = Peer()
        self.link = self.world.gate.connect(self.peer, self.opening)
        return self

    async def join(self) -> Client:
        """Connect and wait for the greeting."""
        self.connect()
        await self.until(of("cf_agent_mcp_servers"))
        return self

    def leave(self) -> Client:
        """The socket is lost."""
        link, self.link = self.link, None
        self.peer.deaf = True
        if link is not None:
            link.lost()
        return self

    @property
    def frames(self) -> list[Frame]:
        return self.peer.frames

    def send(self, frame: Mapping[str, Any] | str | bytes) -> None:
        assert self.link is not None
        self.link.receive(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    # -- waiting

    async def until(self, match: Callable[[Frame], Any], *, after: int = 0, what: str = "") -> Frame:
        """The first frame from index ``after`` on that matches."""

        def found() -> Frame | None:
            return next((frame for frame in self.frames[after:] if match(frame)), None)

        try:
            return cast(Frame, await self.peer.news.until(found, what or "the frame"))
        except AssertionError as error:
            wanted = what or getattr(match, "__qualname__", str(match))
            got = "\n  ".join(json.dumps(frame)[:200] for frame in self.frames[-30:])
            raise AssertionError(
                f"{self.label}: {wanted}: {error}; closed={self.peer.closed}; got\n  {got}"
            ) from None

    async def ended(self, request_id: str) -> Frame:
        """The terminal frame of a request."""
        return await self.until(
            lambda frame: frame.get("type") == RESPONSE and frame["id"] == request_id and frame["done"],
            what=f"the end of {request_id}",
        )

    async def reads(self, text: str, request_id: str | None = None) -> None:
        """Wait until this text has been received, live or in a replay."""
        await self.peer.news.until(lambda: text in self.text(request_id), f"{self.label}: the text {text!r}")

    async def closed(self) -> tuple[int, str]:
        """The code and reason the server closed this socket with."""
        found = await self.peer.news.until(lambda: self.peer.closed, f"{self.label}: a close")
        return cast(tuple[int, str], found)

    async def settled(self) -> None:
        """Everything sent so far has been handled."""
        self._calls += 1
        call = f"call-{self.label}-{self._calls}"
        self.send({"type": "rpc", "id": call, "method": "here", "args": []})
        await self.until(lambda frame: frame.get("id") == call, what="the answer to a call")

    # -- what a client does

    def ask(self, text: str, id: str | None = None, **body: Any) -> str:
        """Send a user message after all that is known; returns the request id."""
        self._sent += 1
        number = f"{self.label}{self._sent}"
        self.messages.append(user(f"u-{number}", text))
        return self.request(id or f"r-{number}", self.messages, **body)

    def request(self, id: str, messages: Sequence[Frame], **body: Any) -> str:
        text = json.dumps({"messages": messages, "trigger": "submit-message", **body})
        self.send(chat_request(id, text))
        return id

    def cancel(self, request_id: str) -> None:
        self.send({"type": "cf_agent_chat_request_cancel", "id": request_id})

    def clear(self) -> None:
        self.send({"type": "cf_agent_chat_clear"})

    async def probe(self, probe_id: str = "p") -> Frame:
        """Ask what runs; the answer to this probe."""
        self.send({"type": "cf_agent_stream_resume_request", "probeId": probe_id})
        return await self.until(lambda frame: frame.get("probeId") == probe_id, what=f"answer to {probe_id}")

    def ack(self, request_id: str) -> None:
        self.send({"type": "cf_agent_stream_resume_ack", "id": request_id})

    def tool_result(self, call: str, output: object = None, **fields: Any) -> None:
        self.send(
            {
                "type": "cf_agent_tool_result",
                "toolCallId": call,
                "toolName": "getTime",
                "output": output,
                **fields,
            }
        )

    def approve(self, call: str, approved: bool, **fields: Any) -> None:
        self.send({"type": "cf_agent_tool_approval", "toolCallId": call, "approved": approved, **fields})

    # -- what it has seen

    def seen(self, type: str) -> list[Frame]:
        return [frame for frame in self.frames if frame.get("type") == type]

    def responses(self, request_id: str | None = None) -> list[Frame]:
        return [frame for frame in self.seen(RESPONSE) if request_id in {None, frame["id"]}]

    def ends(self, request_id: str | None = None) -> list[Frame]:
        return [frame for frame in self.responses(request_id) if frame["done"]]

    def chunks(self, request_id: str | None = None) -> list[Frame]:
        """Bodies of the chunk frames, decoded."""
        return [
            json.loads(frame["body"])
            for frame in self.responses(request_id)
            if frame["body"] and not frame["done"] and not frame.get("error")
        ]

    def text(self, request_id: str | None = None) -> str:
        return "".join(chunk["delta"] for chunk in self.chunks(request_id) if chunk["type"] == "text-delta")

    def transcripts(self) -> list[list[tuple[str, str]]]:
        """Every broadcast transcript as (role, text) pairs."""
        return [
            [(message["role"], text_of(message)) for message in frame["messages"]]
            for frame in self.seen("cf_agent_chat_messages")
        ]


class World:
    """A server: one registry over a store."""

    def __init__(
        self,
        store: SessionStore,
        stage: Stage,
        settings: Settings,
        agent: Callable[[], ChatAgent],
        clock: Clock,
    ) -> None:
        self.store = store
        self.stage = stage
        self.settings = settings
        self.clock = clock
        self.agent = agent
        self.registry = Registry(store, {"chat": agent}, settings, clock)
        self.gate = SessionGate(self.registry)
        self.dead: list[Registry] = []

    def client(self, label: str, **kwargs: Any) -> Client:
        return Client(self, label, **kwargs)

    async def join(self, label: str, **kwargs: Any) -> Client:
        return await self.client(label, **kwargs).join()

    async def join_or_not(self, label: str) -> Client | None:
        """A client that was greeted, or ``None`` when the server closed it instead."""
        client = self.client(label).connect()
        await client.peer.news.until(lambda: client.frames or client.peer.closed, "a greeting or a close")
        if client.peer.closed is None:
            return client
        client.leave()
        return None

    def address(self, session: str = "s") -> Address:
        return Address("chat", session)

    async def messages(self, session: str = "s", *, dialect: Dialect = "v5") -> list[Frame]:
        """``get-messages``."""
        return cast(list[Frame], json.loads(await self.gate.messages(self.address(session), NOBODY, dialect)))

    async def texts(self, session: str = "s") -> list[tuple[str, str]]:
        return [(message["role"], text_of(message)) for message in await self.messages(session)]

    async def asleep(self, session: str = "s") -> None:
        """Wait until the session has left memory."""
        slots, address = self.registry.slots, self.address(session)
        await eventually(lambda: address not in slots or slots[address].actor is None, "sleep")

    def restarted(self) -> None:
        """The process is gone and a new one runs on the same store; the old one was not told."""
        self.dead.append(self.registry)
        self.registry = Registry(self.store, {"chat": self.agent}, self.settings, self.clock)
        self.gate = SessionGate(self.registry)

    async def close(self) -> None:
        for registry in [*self.dead, self.registry]:
            await registry.close(grace_s=0)


def scripted(stage: Stage, **attributes: Any) -> type[Scripted]:
    """An agent class on this stage with class attributes or methods of its own."""
    return type("Chat", (Scripted,), {"stage": stage, **attributes})


def settings(
    *,
    limits: Mapping[str, Any] | None = None,
    lifetimes: Mapping[str, Any] | None = None,
    access: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings for tests: nothing waits before it is written, nothing falls asleep by itself."""
    return Settings(
        limits=Limits(**(limits or {})),
        access=Access(**(access or {})),
        lifetimes=Lifetimes(**{"idle_s": 600.0, "flush_s": 0.0, "grace_s": 0.0, **(lifetimes or {})}),
    )


class LateStore:
    """Passes everything on at once, but answers a commit only when :meth:`late` lets it."""

    def __init__(self, inner: SessionStore) -> None:
        self.inner = inner
        self.holds: Callable[[Sequence[Op]], bool] = lambda ops: False
        self.held = News()
        self.waiting = 0
        self._open = asyncio.Event()

    def hold(self, *kinds: type) -> None:
        """Answers to commits that hold an operation of these kinds wait for :meth:`release`."""
        self._open.clear()
        self.holds = lambda ops: any(isinstance(op, kinds) for op in ops)

    def release(self) -> None:
        self.holds = lambda ops: False
        self._open.set()

    async def stuck(self) -> None:
        """Wait until a commit waits."""
        await self.held.until(lambda: self.waiting, "a held commit")

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], **when: int) -> Awaitable[None]:
        answer = self.inner.commit(address, epoch, ops, **when)
        return self._late(answer) if self.holds(ops) else answer

    async def _late(self, answer: Awaitable[None]) -> None:
        self.waiting += 1
        self.held.tell()
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1
        await answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


MakeWorld = Callable[..., World]
"""The fixture that makes worlds."""

# -- shapes


def of(*types: str) -> Callable[[Frame], bool]:
    """Matches frames of these types."""

    def is_of(frame: Frame) -> bool:
        return frame.get("type") in types

    is_of.__qualname__ = " or ".join(types)
    return is_of


def chat_request(id: str, body: str, **extra: Any) -> Frame:
    return {
        "type": "cf_agent_use_chat_request",
        "id": id,
        "init": {"method": "POST", "body": body},
        **extra,
    }


def user(id: str, text: str) -> Frame:
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}


def assistant(id: str, text: str) -> Frame:
    return {"id": id, "role": "assistant", "parts": [{"type": "text", "text": text}]}


def text_of(message: Mapping[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def tool_call(call: str, name: str = "getTime", input: Mapping[str, Any] | None = None) -> Frame:
    return {"type": "tool-input-available", "toolCallId": call, "toolName": name, "input": input or {}}


def approval(call: str, name: str = "pay") -> list[Frame]:
    return [
        tool_call(call, name),
        {"type": "tool-approval-request", "approvalId": f"a-{call}", "toolCallId": call},
    ]


def echo(*texts: str) -> Callable[[Turn], Iterable[object]]:
    """For :attr:`Stage.auto`: always these pieces."""
    return lambda turn: texts


async def call_tools(client: Client, stage: Stage, *items: object, **body: object) -> str:
    """A finished turn that made these calls."""
    request = client.ask("use your tools", **body)
    (await stage.next()).end(*items)
    await client.ended(request)
    return request


def part_of(message: Mapping[str, Any], call: str) -> Frame:
    """The part of a tool call; empty when there is none."""
    return next((part for part in message["parts"] if part.get("toolCallId") == call), {})
