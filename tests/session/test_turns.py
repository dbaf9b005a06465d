"""Turns that overlap, stop, fail and follow each other (protocol 8, numbers 5, 8 and 36 to 42)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cutty_agent.agent.chat import ChatResponse
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import DeleteMessages, PutTurn
from cutty_agent.wire.principal import NOBODY
from session.harness import LateStore, MakeWorld, Stage, World, echo, text_of, user


async def test_8_5_a_subset_of_stored_ids_deletes_and_an_unknown_id_does_not(
    world: World, stage: Stage
) -> None:
    stage.auto = echo("answer")
    client = await world.join("a")
    client.request("r1", [user("u1", "one")])
    await client.ended("r1")
    answer = (await world.messages())[1]
    client.request("r2", [user("u1", "one"), answer, user("u2", "two")])
    await client.ended("r2")
    client.request("r3", [user("u3", "stale list")])
    await client.ended("r3")
    assert [message["id"] for message in await world.messages()][::2] == ["u1", "u2", "u3"]
    client.request("r4", [user("u1", "one")], trigger="regenerate-message")
    await client.ended("r4")
    assert await world.texts() == [("user", "one"), ("assistant", "answer")]
    assert (await world.messages())[1]["id"] != answer["id"]


async def test_8_8_only_the_newest_messages_are_kept(stage: Stage, make_world: MakeWorld) -> None:
    stage.auto = echo("answer")
    world = make_world(max_persisted_messages=3)
    client = await world.join("a")
    client.request("r0", [user(f"old{n}", str(n)) for n in range(150)])
    await client.ended("r0")
    client.request("r1", [user("last", "last")])
    await client.ended("r1")
    texts = await world.texts()
    assert texts == [("assistant", "answer"), ("user", "last"), ("assistant", "answer")]
    world.restarted()
    assert await world.texts() == texts


async def test_8_36_two_requests_at_once_run_one_after_the_other(world: World, stage: Stage) -> None:
    client, other = await world.join("a"), await world.join("b")
    first, second = client.ask("one"), other.ask("two")
    scene = await stage.next()
    assert (scene.id, scene.texts) == (first, [("user", "one")])
    scene.say("first")
    await client.reads("first")
    assert len(stage.scenes) == 1
    scene.end()
    scene = await stage.next()
    assert scene.texts == [("user", "one"), ("assistant", "first"), ("user", "two")]
    scene.end("second")
    await client.ended(second)
    assert (client.text(first), client.text(second)) == ("first", "second")
    assert await world.texts() == [
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
        ("assistant", "second"),
    ]
    assert len(client.ends(first)) == len(client.ends(second)) == 1


async def test_a_second_message_before_the_first_answer_does_not_hide_the_first(
    world: World, stage: Stage
) -> None:
    """The client's list then ends with two user messages, of which only one is new."""
    client = await world.join("a")
    client.ask("one")
    scene = await stage.next()
    client.ask("two")
    client.ask("three")
    await client.settled()
    scene.end("first")
    scene = await stage.next()
    assert scene.texts == [("user", "one"), ("assistant", "first"), ("user", "two")]
    scene.end("second")
    scene = await stage.next()
    assert scene.texts[2:] == [("user", "two"), ("assistant", "second"), ("user", "three")]
    scene.end("third")
    await client.ended("r-a3")
    assert [text for _, text in await world.texts()] == ["one", "first", "two", "second", "three", "third"]


@pytest.mark.parametrize("form", ["text", "chunks"])
async def test_8_37_cancel_in_mid_stream_keeps_the_partial_answer(
    world: World, stage: Stage, form: str
) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    if form == "text":
        scene.say("half")
    else:
        scene.say({"type": "text-start", "id": "t"}, {"type": "text-delta", "id": "t", "delta": "half"})
    await client.reads("half")
    client.cancel(request)
    end = await client.ended(request)
    assert end["outcome"] == "aborted"
    assert scene.left
    scene.say("more")
    assert await world.texts() == [("user", "hi"), ("assistant", "half")]
    assert (await world.messages())[1]["parts"][-1]["state"] == "done"
    client.cancel(request)
    client.cancel("unknown")
    await client.settled()
    assert len(client.ends(request)) == 1
    assert client.ends("unknown") == []
    second = client.ask("again")
    (await stage.next()).end("fine")
    assert (await client.ended(second))["outcome"] == "completed"


async def test_cancel_before_any_output_ends_aborted_without_a_message(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    await stage.next()
    client.cancel(request)
    assert (await client.ended(request))["outcome"] == "aborted"
    assert await world.texts() == [("user", "hi")]


async def test_cancel_of_a_queued_turn_ends_aborted_for_all(world: World, stage: Stage) -> None:
    client, other = await world.join("a"), await world.join("b")
    first, second = client.ask("one"), client.ask("two")
    scene = await stage.next()
    client.cancel(second)
    for tab in (client, other):
        assert (await tab.ended(second))["outcome"] == "aborted"
    scene.end("first")
    await client.ended(first)
    assert len(stage.scenes) == 1
    assert len(client.ends(second)) == 1
    texts = [("user", "one"), ("assistant", "first"), ("user", "two")]
    assert await world.texts() == texts, "the answer belongs before what was sent after its question"
    world.restarted()
    assert await world.texts() == texts


@pytest.mark.parametrize("manner", ["goes on", "returns", "raises"])
async def test_a_handler_that_does_not_take_a_cancellation_ends_all_the_same(
    stage: Stage, make_world: MakeWorld, manner: str
) -> None:
    async def stubborn(self: Any, turn: Any) -> Any:
        scene = stage.enter(turn)
        while True:
            try:
                async for item in scene.play():
                    yield item
                return
            except asyncio.CancelledError:
                if manner == "returns":
                    return
                if manner == "raises":
                    raise RuntimeError("in a manner of its own") from None
                yield "still here"

    world = make_world(on_chat_message=stubborn)
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).say("half")
    queued = client.ask("more")
    await client.reads("half")
    client.cancel(request)
    assert (await client.ended(request))["outcome"] == "aborted"
    (await stage.next()).fail(asyncio.CancelledError())
    if manner == "raises":
        assert (await client.ended(queued))["outcome"] == "error"
    else:
        client.cancel(queued)
        await client.ended(queued)


async def test_a_cancellation_from_within_the_handler_is_an_error_and_not_a_hang(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).fail(asyncio.CancelledError())
    assert (await client.ended(request))["outcome"] == "error"
    second = client.ask("again")
    (await stage.next()).end("fine")
    assert (await client.ended(second))["outcome"] == "completed"


async def test_8_38_clear_in_mid_stream_leaves_nothing(world: World, stage: Stage) -> None:
    client, other = await world.join("a"), await world.join("b")
    first, second = client.ask("one"), client.ask("two")
    scene = await stage.next()
    scene.say("half")
    await other.reads("half")
    client.clear()
    await client.ended(first)
    assert (await client.ended(second))["outcome"] == "skipped"
    await client.settled()
    await other.settled()
    assert scene.left
    assert len(other.seen("cf_agent_chat_clear")) == 1
    assert client.seen("cf_agent_chat_clear") == []
    assert await world.texts() == []
    world.restarted()
    assert await world.texts() == []
    assert await world.store.interrupted() == []


async def test_8_39_a_submit_after_a_clear_does_not_overlap(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(message_concurrency="drop")
    client = await world.join("a")
    client.ask("one")
    await stage.next()
    client.clear()
    client.messages.clear()
    second = client.ask("two")
    (await stage.next()).end("fine")
    assert (await client.ended(second))["outcome"] == "completed"
    assert await world.texts() == [("user", "two"), ("assistant", "fine")]


async def test_8_39_latest_runs_only_the_newest(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(message_concurrency="latest")
    client, other = await world.join("a"), await world.join("b")
    requests = [client.ask("one")]
    scene = await stage.next()
    requests += [client.ask(text) for text in ("two", "three", "four")]
    await client.settled()
    for request in requests[1:3]:
        assert (await client.ended(request))["outcome"] == "skipped"
        assert other.ends(request) == [], "skipped is told to the owner only"
    scene.end("first")
    scene = await stage.next()
    assert scene.id == requests[3]
    assert scene.texts == [
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
        ("user", "three"),
        ("user", "four"),
    ]
    scene.end("last")
    await client.ended(requests[3])
    await stage.response(2)
    assert [response.request_id for response in stage.responses] == [requests[0], requests[3]]


async def test_8_39_merge_makes_one_message_of_those_that_wait(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(message_concurrency="merge")
    client, other = await world.join("a"), await world.join("b")
    requests = [client.ask("one")]
    scene = await stage.next()
    requests += [client.ask(text) for text in ("two", "three", "four")]
    await client.settled()
    scene.end("first")
    scene = await stage.next()
    merged = [("user", "one"), ("assistant", "first"), ("user", "two\n\nthree\n\nfour")]
    assert scene.texts == merged
    scene.end("last")
    for request, outcome in zip(requests, ["completed", "skipped", "skipped", "completed"], strict=True):
        assert (await client.ended(request))["outcome"] == outcome
    whole = [*merged, ("assistant", "last")]
    assert await world.texts() == whole
    assert (await world.messages())[2]["id"] == "u-a4"
    assert client.transcripts()[-1] == other.transcripts()[-1] == whole, (
        "the owner too: its list was collapsed"
    )
    assert len(stage.scenes) == 2


async def test_8_39_drop_turns_away_and_rolls_the_owner_back(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(message_concurrency="drop")
    client, other = await world.join("a"), await world.join("b")
    first = client.ask("one")
    scene = await stage.next()
    scene.say("half")
    await client.reads("half")
    dropped = client.ask("two")
    end = await client.ended(dropped)
    assert (end["outcome"], end["messageIds"]) == ("skipped", ["u-a1", "u-a2"])
    assert client.transcripts() == [[("user", "one"), ("assistant", "half")]]
    scene.end(" more")
    await other.ended(first)
    assert other.ends(dropped) == []
    assert await world.texts() == [("user", "one"), ("assistant", "half more")]
    client.request("r-again", [user("u-a1", "one")], trigger="regenerate-message")
    scene = await stage.next()
    client.request("r-more", [user("u-a1", "one")], trigger="regenerate-message")
    await client.settled()
    scene.end("x")
    (await stage.next()).end("y")
    assert (await client.ended("r-more"))["outcome"] == "completed", "regenerate is never dropped"


@pytest.mark.parametrize("pause", [1, 0, -5, "soon", None, True])
async def test_8_39_debounce_waits_for_a_quiet_period(
    stage: Stage, make_world: MakeWorld, pause: object
) -> None:
    world = make_world(message_concurrency={"strategy": "debounce", "debounceMs": pause})
    client = await world.join("a")
    requests = [client.ask("one")]
    scene = await stage.next()
    requests += [client.ask(text) for text in ("two", "three")]
    scene.end("first")
    assert (await client.ended(requests[1]))["outcome"] == "skipped"
    scene = await stage.next()
    assert scene.id == requests[2]
    scene.end("last")
    assert (await client.ended(requests[2]))["outcome"] == "completed"


@pytest.mark.parametrize("begun", [False, True])
async def test_8_40_a_handler_that_raises_ends_with_an_error_frame(
    world: World, stage: Stage, begun: bool
) -> None:
    client, other = await world.join("a"), await world.join("b")
    request = client.ask("hi")
    scene = await stage.next()
    if begun:
        scene.say("half")
    scene.fail(ValueError("secret"))
    for tab in (client, other):
        end = await tab.ended(request)
        assert (end["error"], end["outcome"]) == (True, "error")
        assert "secret" not in end["body"]
    assert await world.texts() == [("user", "hi"), *([("assistant", "half")] if begun else [])]
    second = client.ask("again")
    (await stage.next()).end("fine")
    await other.ended(second)
    assert other.text(second) == "fine"


async def test_an_error_chunk_ends_the_turn_and_is_not_forwarded(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).say("half").end({"type": "error", "errorText": "no more"}, "unheard")
    end = await client.ended(request)
    assert (end["body"], end["outcome"]) == ("", "error")
    said = next(frame for frame in client.responses(request) if frame.get("error"))
    assert (said["body"], said["done"]) == ("no more", False)
    assert "error" not in [chunk["type"] for chunk in client.chunks(request)]
    assert client.text(request) == "half"


async def test_8_41_a_response_hook_may_start_a_turn(stage: Stage, make_world: MakeWorld) -> None:
    async def once_more(self: Any, response: ChatResponse) -> None:
        stage.responses.append(response)
        if len(stage.responses) == 1:
            await self.save_messages([user("server-made", "and now?")])
        stage.news.tell()

    world = make_world(on_chat_response=once_more)
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).end("hello")
    scene = await stage.next()
    assert scene.texts[-1] == ("user", "and now?")
    scene.end("more")
    await client.ended(scene.id)
    second = await stage.response(2)
    assert [response.status for response in stage.responses] == ["completed", "completed"]
    stored = await world.messages()
    for response, at in zip(stage.responses, (1, 3), strict=True):
        assert response.message is not None
        assert response.message["id"] == stored[at]["id"]
        assert text_of(response.message) == text_of(stored[at])
    assert stage.responses[0].request_id == request
    assert second.request_id == scene.id
    assert client.transcripts()[-1][-1] == ("assistant", "more"), "a server turn is shown to everyone"


@pytest.mark.parametrize("how", ["completed", "error", "aborted"])
async def test_8_41_the_hook_fires_once_for_each_turn_that_ran(world: World, stage: Stage, how: str) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    queued = client.ask("queued")
    client.cancel(queued)
    scene.say("half")
    await client.reads("half")
    if how == "aborted":
        client.cancel(request)
    elif how == "error":
        scene.fail(RuntimeError("broken"))
    else:
        scene.end()
    response = await stage.response(1)
    await client.ended(queued)
    await client.settled()
    assert response.status == how
    assert response.message is not None
    assert text_of(response.message) == "half"
    assert len(stage.responses) == 1


async def test_8_42_every_request_gets_exactly_one_terminal(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(limits={"queued_turns": 4})
    client = await world.join("a")
    nothing = client.ask("no response")
    (await stage.next()).end()
    end = await client.ended(nothing)
    assert (end["body"], end["outcome"]) == ("", "completed")
    assert client.text(nothing) == "No response was generated by the agent."
    client.request("empty", [])
    (await stage.next()).end("from nothing")
    await client.ended("empty")
    client.request("malformed", "nonsense")  # type: ignore[arg-type]
    await client.ended("malformed")
    running = client.ask("running")
    scene = await stage.next()
    queued = [client.ask(f"queued {n}") for n in range(5)]
    await client.settled()
    scene.end("x")
    for _ in range(4):
        (await stage.next()).end("y")
    for request in [running, *queued]:
        await client.ended(request)
    await client.settled()
    for request in ["empty", "malformed", nothing, running, *queued]:
        assert len(client.ends(request)) == 1


async def test_a_request_id_never_runs_twice(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    client.request(request, client.messages)
    await client.settled()
    scene.end("once")
    await client.ended(request)
    client.request(request, client.messages)
    await client.settled()
    assert len(stage.scenes) == 1
    assert [end["outcome"] for end in client.ends(request)] == ["completed", "completed"], (
        "one that asks again after the end is told how it ended"
    )
    world.restarted()
    late = await world.join("a")
    late.request(request, client.messages)
    assert (await late.ended(request))["outcome"] == "completed"
    assert len(stage.scenes) == 1


@pytest.mark.parametrize("meanwhile", ["cancel", "clear"])
async def test_a_stop_while_waiting_messages_are_merged_is_not_lost(
    stage: Stage, make_world: MakeWorld, meanwhile: str
) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store, message_concurrency="merge")
    client = await world.join("a")
    client.ask("one")
    scene = await stage.next()
    client.ask("two")
    last = client.ask("three")
    await client.settled()
    scene.say("first")
    await client.reads("first")
    store.holds = lambda ops: any(isinstance(op, DeleteMessages) and op.ids == ("u-a2",) for op in ops)
    scene.end()
    await store.stuck()
    if meanwhile == "cancel":
        client.cancel(last)
        await client.settled()
    else:
        client.clear()
    store.release()
    assert (await client.ended(last))["outcome"] == "aborted"
    await client.settled()
    assert len(stage.scenes) == 1
    assert len(await world.texts()) == (3 if meanwhile == "cancel" else 0)


async def test_a_clear_over_http_while_a_request_is_being_stored_takes_it_along(
    stage: Stage, make_world: MakeWorld
) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store)
    client = await world.join("a")
    store.hold(PutTurn)
    request = client.ask("hi")
    await store.stuck()
    clearing = asyncio.ensure_future(world.gate.clear(world.address(), NOBODY))
    await asyncio.sleep(0)
    store.release()
    await clearing
    assert (await client.ended(request))["outcome"] == "skipped"
    await client.settled()
    assert stage.scenes == []
    assert await world.texts() == []
    assert await store.interrupted() == []


async def test_an_answer_that_cannot_be_stored_ends_with_an_error_and_the_session_lives_on(
    stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(limits={"message_bytes": 2000})
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).end("x" * 5000)
    end = await client.ended(request)
    assert end["error"] is True
    assert "limits.message_bytes is 2000" in end["body"]
    world.restarted()
    client = await world.join("b")
    second = client.ask("again")
    (await stage.next()).end("fine")
    assert (await client.ended(second))["outcome"] == "completed"


async def test_a_sanitize_hook_that_raises_fails_the_turn_and_not_the_session(
    stage: Stage, make_world: MakeWorld
) -> None:
    def sanitize(self: Any, message: dict[str, Any]) -> dict[str, Any]:
        if "poison" in text_of(message):
            raise ValueError("cannot read this")
        return message

    world = make_world(sanitize_message=sanitize)
    client = await world.join("a")
    request = client.ask("poison")
    assert (await client.ended(request))["error"] is True
    client.messages.clear()
    request = client.ask("fine")
    scene = await stage.next()
    scene.say("poison")
    await client.reads("poison")
    scene.end()
    assert (await client.ended(request))["error"] is True
    second = client.ask("again")
    scene = await stage.next()
    scene.say("poison")
    await client.reads("poison")
    world.restarted()
    client = await world.join("b")
    await client.probe()
    third = client.ask("and again")
    (await stage.next()).end("fine")
    assert (await client.ended(third))["outcome"] == "completed"
    assert second not in [scene.id for scene in stage.scenes[-1:]]


async def test_stop_all_ends_the_running_and_the_waiting_turns(world: World, stage: Stage) -> None:
    client = await world.join("a")
    requests = [client.ask(text) for text in ("one", "two", "three")]
    await stage.next()
    await client.settled()
    assert await world.gate.stop(world.address(), NOBODY, None) is True
    for request in requests:
        assert (await client.ended(request))["outcome"] == "aborted"
    assert await world.gate.stop(world.address(), NOBODY, None) is False
