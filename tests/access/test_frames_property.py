"""Whatever comes over a socket: nothing crashes, the session stays usable, and nobody else hears of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from access.asgi import Frame, Socket
from access.callers import bearer, token
from access.house import CANARY, House, house, message, said
from access.test_table import FRAME

ADA, BOB = bearer(token("ada")), bearer(token("bob"))

TAGS = [name for name in FRAME if name.startswith("cf_") or name == "rpc"]
DEEP = 3_000
"""Deeper than any decoder goes."""

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "x" * 10_000, "\x00", "\u2028", "../..", "user:ada", "__class__", "running", "c1"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)

ODD = [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "[" * DEEP + "]" * DEEP,
    '{"type":"rpc","id":"r","method":"look","args":' + "[" * DEEP + "]" * DEEP + "}",
    '{"type":"cf_agent_state","state":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}",
    '{"type":"cf_agent_state","state":1e999}',
    '{"type":"cf_agent_state","state":"\\ud800"}',
    '{"type":"cf_agent_state","state":{"a":1,"a":2}}',
    '{"type":"cf_agent_chat_messages","messages":[{"id":"n","role":"user","parts":[{"type":"text","text":1e999}]}]}',
    '{"type":"cf_agent_chat_messages","messages":[' + "[" * DEEP + "]" * DEEP + "]}",
    '{"type":"cf_agent_tool_result","toolCallId":"c1","output":' + "[" * DEEP + "]" * DEEP + "}",
    '{"type":"cf_agent_use_chat_request","id":"deep","init":{"body":"{\\"messages\\":'
    + "[" * DEEP
    + "]" * DEEP
    + '}"}}',
    '{"type":"cf_agent_use_chat_request","id":"far","init":{"body":"{\\"messages\\":[],\\"n\\":1e999}"}}',
    '{"type":"cf_agent_use_chat_request","id":"' + "i" * 100_000 + '","init":{"body":"{\\"messages\\":[]}"}}',
    '{"type":"rpc","id":"' + "i" * 100_000 + '","method":"look","args":[]}',
    '{"type":"rpc","id":"r","method":"__init__","args":[]}',
    '{"type":"rpc","id":"r","method":"set_state","args":[{"a":1}]}',
    '{"message":"' + "m" * 100_000 + '"}',
    '\ufeff{"type":"cf_agent_chat_clear"}',
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid frame with a field that is another, missing or of nobody's."""
    frame: Frame = dict(draw(st.sampled_from([each for each in FRAME.values() if isinstance(each, dict)])))
    for _ in range(draw(st.integers(1, 2))):
        field = draw(st.sampled_from([*frame, "type", "id", "init", "messages", "own"]))
        if draw(st.booleans()):
            frame[field] = draw(values)
        else:
            frame.pop(field, None)
    return json.dumps(frame)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """A chat request whose inner JSON is odd."""
    body: Any = said("more", "u3")
    where = draw(st.sampled_from(["body", "messages", "message", "part", "trigger", "clientTools", "own"]))
    value = draw(values)
    if where == "body":
        body = value
    elif where == "message":
        body["messages"][0] = value
    elif where == "part":
        body["messages"][0]["parts"] = [value, {"type": draw(st.text(max_size=12)), "text": value}]
    else:
        body[where] = value
    text = draw(st.sampled_from([json.dumps(body), json.dumps(body)[:-3], json.dumps(body) + "]"]))
    return json.dumps(
        {"type": "cf_agent_use_chat_request", "id": draw(st.text(max_size=5)), "init": {"body": text}}
    )


tagged = st.builds(
    lambda tag, fields: json.dumps({**fields, "type": tag}),
    st.sampled_from(TAGS),
    st.dictionaries(
        st.sampled_from(
            ["id", "method", "args", "state", "messages", "init", "toolCallId", "output", "probeId"]
        ),
        values,
    ),
)
frames = st.lists(
    st.one_of(
        mutated(),
        bodies(),
        tagged,
        values.map(json.dumps),
        st.text(max_size=60),
        st.binary(max_size=60),
        st.sampled_from(ODD),
    ),
    min_size=1,
    max_size=6,
)


class Lived:
    """A server on a loop of its own, with somebody in another session who must not be sent anything."""

    def __init__(self, runner: asyncio.Runner, at: House, bystander: Socket) -> None:
        self.run = runner.run
        self.at = at
        self.bystander = bystander
        self.sessions = 0


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    stack = AsyncExitStack()

    async def begin() -> tuple[House, Socket]:
        at = await stack.enter_async_context(house())
        await at.expect(200, "POST", "/agents/chat/bobs", BOB, body=said("of bob's"))
        return at, await at.connect("/agents/chat/bobs", BOB).greeted()

    with asyncio.Runner() as runner:
        yield Lived(runner, *runner.run(begin()))
        runner.run(stack.aclose())


def every(*odd: str) -> Any:
    """Run the test on each of these before what Hypothesis makes."""

    def mark(test: Any) -> Any:
        for each in odd:
            test = example(sent=[each])(test)
        return test

    return mark


@every(*ODD)
@given(sent=frames)
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_a_socket_survives_whatever_is_sent(lived: Lived, sent: list[str | bytes]) -> None:
    lived.run(_survives(lived, sent))


async def _survives(lived: Lived, sent: list[str | bytes]) -> None:
    lived.sessions += 1
    path, before = f"/agents/chat/f{lived.sessions}", len(lived.bystander.received)
    with capture_logs() as logs:
        socket = await lived.at.connect(f"{path}?_pk=a", ADA).greeted()
        for frame in sent:
            socket.send(frame)
        # The same socket is still answered, and so is a turn of the same session.
        assert (await socket.call("look"))["result"] == CANARY
        other = await lived.at.connect(f"{path}?_pk=b", ADA).greeted()
        body = json.dumps({"message": message("still there?", "last"), "trigger": "submit-message"})
        other.send({"type": "cf_agent_use_chat_request", "id": "last", "init": {"body": body}})
        end = await other.frame(lambda frame: frame.get("id") == "last" and frame.get("done"), what="the end")
        assert (end["outcome"], end.get("error")) == ("completed", None)
        stored = (await lived.at.expect(200, "GET", f"{path}/get-messages", ADA)).json()
        assert f"{CANARY} answers still there?" in stored[-1]["content"]
        await socket.leave()
        await other.leave()
    assert [log for log in logs if log["log_level"] in {"error", "critical"}] == []
    assert lived.bystander.received[before:] == [], "another session heard of it"
    assert lived.bystander.closed is None
