"""State, calls, and frames nobody understands (protocol 8, numbers 43 to 48)."""

from __future__ import annotations

from typing import Any

import pytest

from cutty_agent.agent.base import rpc
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import PutState
from session.harness import LateStore, MakeWorld, Stage, World, chat_request, echo, of, user


@pytest.mark.parametrize("value", [0, "", False, None, {"n": 1}, []])
async def test_8_43_falsy_state_survives_a_reconnect(world: World, value: object) -> None:
    client, other = await world.join("a"), await world.join("b")
    client.send({"type": "cf_agent_state", "state": value})
    assert (await other.until(of("cf_agent_state")))["state"] == value
    await client.settled()
    assert client.seen("cf_agent_state") == [], "no echo to the sender"
    world.restarted()
    late = await world.join("c")
    assert [frame["state"] for frame in late.seen("cf_agent_state")] == [value]
    assert late.seen("cf_agent_identity")[0]["stateFollows"] is True
    types = [frame["type"] for frame in late.frames]
    assert types[:3] == ["cf_agent_identity", "cf_agent_state", "cf_agent_mcp_servers"]


async def test_8_43_initial_state_is_sent_once(make_world: MakeWorld) -> None:
    world = make_world(initial_state={"n": 0})
    client = await world.join("a")
    await client.settled()
    assert [frame["state"] for frame in client.seen("cf_agent_state")] == [{"n": 0}]


async def test_8_43_a_corrupt_row_heals(make_world: MakeWorld) -> None:
    store = MemoryStore()
    world = make_world(store, initial_state={"n": 0})
    snapshot = await store.claim(world.address(), owner=None, now_ms=0)
    await store.commit(world.address(), snapshot.epoch, [PutState(b"{broken")], now_ms=0)
    client = await world.join("a")
    assert client.seen("cf_agent_state")[0]["state"] == {"n": 0}
    assert (await store.claim(world.address(), owner=None, now_ms=0)).state == b'{"n":0}'


async def test_8_43_a_rejected_update_is_answered_with_an_error_and_the_truth(make_world: MakeWorld) -> None:
    def validate(self: Any, state: Any, connection: Any) -> None:
        if state == "bad":
            raise ValueError("a secret reason")

    world = make_world(initial_state="good", validate_state=validate)
    client, other = await world.join("a"), await world.join("b")
    client.send({"type": "cf_agent_state", "state": "bad"})
    assert await client.until(of("cf_agent_state_error")) == {
        "type": "cf_agent_state_error",
        "error": "State update rejected",
    }
    await client.settled()
    assert [frame["state"] for frame in client.seen("cf_agent_state")] == ["good", "good"]
    await other.settled()
    assert len(other.seen("cf_agent_state")) == 1


async def test_8_43_the_broadcast_happens_although_the_hook_raises(make_world: MakeWorld) -> None:
    async def broken(self: Any, state: Any, connection: Any) -> None:
        raise RuntimeError("hook")

    world = make_world(on_state_changed=broken)
    client, other = await world.join("a"), await world.join("b")
    client.send({"type": "cf_agent_state", "state": 1})
    assert (await other.until(of("cf_agent_state")))["state"] == 1
    await client.settled()


@rpc
async def add(self: Any, a: int, b: int) -> int:
    return a + b


@rpc
def sync(self: Any) -> str:
    return "at once"


@rpc
async def void(self: Any) -> None:
    return None


@rpc
async def fails(self: Any) -> None:
    raise ValueError("as it was said")


@rpc
async def silent(self: Any) -> None:
    raise ValueError


@rpc
async def odd(self: Any) -> object:
    return object()


@rpc
async def several(self: Any) -> Any:
    yield 1
    yield 2


@rpc
async def stumbles(self: Any) -> Any:
    raise ValueError("before the first")
    yield 1


@rpc
async def set_it(self: Any, value: Any) -> None:
    await self.set_state(value)


METHODS = {each.__name__: each for each in (add, sync, void, fails, silent, odd, several, stumbles, set_it)}


@pytest.mark.parametrize(
    ("method", "args", "answers"),
    [
        ("add", [1, 2], [{"success": True, "result": 3, "done": True}]),
        ("sync", [], [{"success": True, "result": "at once", "done": True}]),
        ("void", [], [{"success": True, "done": True}]),
        ("fails", [], [{"success": False, "error": "as it was said"}]),
        ("silent", [], [{"success": False, "error": "Unknown error occurred"}]),
        ("nope", [], [{"success": False, "error": "Method nope does not exist"}]),
        ("then", [], [{"success": False, "error": "Method then does not exist"}]),
        ("set_state", [1], [{"success": False, "error": "Method set_state is not callable"}]),
        ("__init__", [], [{"success": False, "error": "Method __init__ does not exist"}]),
        (
            "several",
            [],
            [
                {"success": True, "result": 1, "done": False},
                {"success": True, "result": 2, "done": False},
                {"success": True, "done": True},
            ],
        ),
        ("stumbles", [], [{"success": False, "error": "before the first"}]),
    ],
)
async def test_8_46_calls_and_their_answers(
    make_world: MakeWorld, method: str, args: list[object], answers: list[dict[str, object]]
) -> None:
    client = await make_world(**METHODS).join("a")
    client.send({"type": "rpc", "id": "1", "method": method, "args": args, "extra": True})
    await client.until(lambda frame: frame["type"] == "rpc" and frame.get("done", True))
    await client.settled()
    got = [frame for frame in client.seen("rpc") if frame["id"] == "1"]
    assert got == [{"type": "rpc", "id": "1", **answer} for answer in answers]


async def test_8_46_a_result_that_is_no_json_is_an_error(make_world: MakeWorld) -> None:
    client = await make_world(**METHODS).join("a")
    client.send({"type": "rpc", "id": "1", "method": "odd", "args": []})
    assert (await client.until(of("rpc")))["success"] is False


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "rpc", "method": "add", "args": [1, 2]},
        {"type": "rpc", "id": "1", "method": "add", "args": None},
        {"type": "rpc", "id": "1", "method": "add"},
        {"type": "rpc", "id": 1, "method": "add", "args": []},
    ],
)
async def test_8_46_malformed_calls_are_not_answered(make_world: MakeWorld, frame: dict[str, Any]) -> None:
    client = await make_world(**METHODS).join("a")
    client.send(frame)
    await client.settled()
    assert [frame["id"] for frame in client.seen("rpc")] == ["call-a-1"]


async def test_8_46_an_answer_to_a_client_that_left_is_dropped(make_world: MakeWorld) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store, **METHODS)
    client, other = await world.join("a"), await world.join("b")
    store.hold(PutState)
    client.send({"type": "rpc", "id": "1", "method": "set_it", "args": [1]})
    await store.stuck()
    client.leave()
    store.release()
    assert (await other.until(of("cf_agent_state")))["state"] == 1
    await other.settled()


async def test_8_47_two_sockets_with_the_same_label_and_one_without(world: World, stage: Stage) -> None:
    stage.auto = echo("hello")
    first, second = await world.join("same"), await world.join("same")
    nameless = await world.join("", labelled=False)
    request = first.ask("hi")
    for tab in (first, second, nameless):
        await tab.ended(request)
    first.leave()
    again = second.ask("more")
    await second.ended(again)
    second.leave()
    nameless.leave()
    slot = world.registry.slots[world.address()]
    assert slot.connections == []
    assert world.registry.sockets == 0


async def test_8_47_a_socket_that_leaves_before_the_session_is_awake(world: World, stage: Stage) -> None:
    client = world.client("a").connect()
    client.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
    client.leave()
    other = await world.join("b")
    await other.settled()
    assert client.frames == []
    assert len(world.registry.slots[world.address()].connections) == 1


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "garbage",
        "{",
        '{"type":"nope"}',
        "[]",
        "null",
        "12",
        '"text"',
        "{}",
        '{"type":5}',
        b"\xff\xfe",
        "\ud7ff",
    ],
)
async def test_8_48_frames_that_are_none_of_ours_go_to_the_application(
    world: World, stage: Stage, frame: str | bytes
) -> None:
    client = await world.join("a")
    client.send(frame)
    await stage.news.until(lambda: stage.heard, "on_message")
    assert client.peer.closed is None
    stage.auto = echo("fine")
    assert (await client.ended(client.ask("hi")))["outcome"] == "completed"


async def test_8_48_binary_goes_to_the_application(world: World, stage: Stage) -> None:
    client = await world.join("a")
    assert client.link is not None
    client.link.receive_binary(b"\x00\x01")
    await stage.news.until(lambda: stage.heard == [b"\x00\x01"], "on_message")


def body(text: str) -> dict[str, Any]:
    return chat_request("bad", text)


BAD_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "not json": (body("{"), "not valid"),
    "not an object": (body("[]"), "not valid"),
    "no messages": (body("{}"), '"messages"'),
    "messages is text": (body('{"messages":"x"}'), "$.messages"),
    "trigger is a number": (body('{"messages":[],"trigger":1}'), "$.trigger"),
    "tools is text": (body('{"messages":[],"clientTools":"x"}'), "$.clientTools"),
    "method": ({**body("{}"), "init": {"method": "GET", "body": "{}"}}, "'GET'"),
    "no body": ({**body("{}"), "init": {"method": "POST"}}, "no body"),
    "body is an object": ({**body("{}"), "init": {"method": "POST", "body": {}}}, "$.init.body"),
    "no init": ({"type": "cf_agent_use_chat_request", "id": "bad"}, "init"),
    "init is text": ({"type": "cf_agent_use_chat_request", "id": "bad", "init": "x"}, "$.init"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_bad_request_ends_with_an_error_that_names_what_is_wrong(
    world: World, stage: Stage, name: str
) -> None:
    frame, named = BAD_REQUESTS[name]
    client = await world.join("a")
    client.send(frame)
    end = await client.ended("bad")
    assert end["error"] is True
    assert named in end["body"]
    stage.auto = echo("fine")
    assert (await client.ended(client.ask("hi")))["outcome"] == "completed"
    assert len(stage.scenes) == 1


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        ({"type": "cf_agent_use_chat_request", "init": {"method": "POST", "body": "{}"}}, "id"),
        ({"type": "cf_agent_use_chat_request", "id": 7, "init": {}}, "$.id"),
        ({"type": "cf_agent_chat_request_cancel"}, "id"),
        ({"type": "cf_agent_chat_request_cancel", "id": None}, "$.id"),
        ({"type": "cf_agent_chat_messages"}, "messages"),
        ({"type": "cf_agent_chat_messages", "messages": {}}, "$.messages"),
        ({"type": "cf_agent_tool_result"}, "toolCallId"),
        ({"type": "cf_agent_tool_result", "toolCallId": 1}, "$.toolCallId"),
        ({"type": "cf_agent_tool_approval", "toolCallId": "c"}, "approved"),
        ({"type": "cf_agent_tool_approval", "toolCallId": "c", "approved": "yes"}, "$.approved"),
        ({"type": "cf_agent_stream_resume_request", "probeId": 1}, "$.probeId"),
        ({"type": "cf_agent_stream_resume_ack"}, "id"),
    ],
)
async def test_a_malformed_frame_is_answered_with_an_error_that_names_the_field(
    world: World, stage: Stage, frame: dict[str, Any], named: str
) -> None:
    client = await world.join("a")
    client.send(frame)
    error = (await client.until(lambda frame: "error" in frame))["error"]
    assert error["code"] == "frame.invalid"
    assert frame["type"] in error["message"]
    assert named in error["message"]
    assert error["remedy"]
    stage.auto = echo("fine")
    assert (await client.ended(client.ask("hi")))["outcome"] == "completed"


@pytest.mark.parametrize(
    ("limits", "messages", "named"),
    [
        ({"message_bytes": 1024}, [user("u", "x" * 2000)], "limits.message_bytes is 1024"),
        ({"history_messages": 2}, [user(f"u{n}", "x") for n in range(3)], "limits.history_messages is 2"),
    ],
)
async def test_an_oversize_request_names_the_limit(
    stage: Stage, make_world: MakeWorld, limits: dict[str, int], messages: list[Any], named: str
) -> None:
    world = make_world(limits=limits)
    client = await world.join("a")
    client.request("big", messages)
    end = await client.ended("big")
    assert named in end["body"]
    client.send({"type": "cf_agent_chat_messages", "messages": messages})
    error = (await client.until(lambda frame: isinstance(frame.get("error"), dict)))["error"]
    assert error["code"] == "limit.size"
    assert await world.texts() == []
    stage.auto = echo("fine")
    assert (await client.ended(client.ask("hi")))["outcome"] == "completed"


@pytest.mark.parametrize("id", ["", "x" * 257])
async def test_a_request_id_of_bad_length_is_refused(world: World, stage: Stage, id: str) -> None:
    client = await world.join("a")
    client.request(id, [user("u", "x")])
    await client.settled()
    assert stage.scenes == []
    answers = [frame for frame in client.frames if "error" in frame]
    assert answers, "an unusable id is answered all the same"


@pytest.mark.parametrize(
    "message",
    ["null", "1", "{}", '{"id":"x"}', '{"id":"x","role":"user"}', '{"id":"x","role":"wizard","parts":[]}']
    + [
        '{"id":"x","role":"user","parts":"text"}',
        '{"id":"x","role":"user","parts":[{"type":"text","text":"\\ud800"}]}',
    ],
)
async def test_messages_that_cannot_be_read_are_skipped_and_the_turn_ends(
    world: World, stage: Stage, message: str
) -> None:
    stage.auto = echo("fine")
    client = await world.join("a")
    client.send(chat_request("odd", f'{{"messages":[{message}]}}'))
    await client.ended("odd")
    assert (await client.ended(client.ask("hi")))["outcome"] == "completed"


async def test_a_flood_of_frames_is_cut_off(make_world: MakeWorld) -> None:
    world = make_world(limits={"early_frames": 10})
    client = world.client("a").connect()
    for _ in range(11):
        client.send({"type": "cf_agent_stream_resume_request"})
    code, reason = await client.closed()
    assert code == 1013
    assert "limits.early_frames = 10" in reason
    assert (await world.join("b")).peer.closed is None


async def test_set_messages_upserts_and_shows_the_others(world: World, stage: Stage) -> None:
    client, other = await world.join("a"), await world.join("b")
    client.send({"type": "cf_agent_chat_messages", "messages": [user("u1", "one"), user("u2", "two")]})
    await other.until(of("cf_agent_chat_messages"))
    client.send({"type": "cf_agent_chat_messages", "messages": [user("u2", "changed")]})
    client.send({"type": "cf_agent_chat_messages", "messages": []})
    await client.settled()
    assert await world.texts() == [("user", "one"), ("user", "changed")]
    assert client.transcripts() == []
    assert stage.scenes == []
