"""Streams and the resume handshake (protocol 8, numbers 6 and 11 to 23)."""

from __future__ import annotations

import json

import pytest

from cutty_agent.engines.memory import MemoryStore
from cutty_agent.ports.store import AppendChunks, PutMessage
from session.harness import (
    RESPONSE,
    LateStore,
    MakeWorld,
    Stage,
    World,
    assistant,
    chat_request,
    of,
    text_of,
    user,
)


async def test_8_6_the_owner_gets_no_transcript_of_its_own_turn_and_the_others_do(
    world: World, stage: Stage
) -> None:
    owner, other = await world.join("a"), await world.join("b")
    request = owner.ask("hi")
    (await stage.next()).end("hello")
    await owner.ended(request)
    await other.ended(request)
    assert owner.transcripts() == []
    assert other.transcripts() == [[("user", "hi")], [("user", "hi"), ("assistant", "hello")]]
    assert other.text(request) == owner.text(request) == "hello"


async def test_8_11_reconnect_in_mid_stream_replays_everything_then_goes_on_live(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("one ", "two ")
    await client.reads("two ")
    client.leave()
    await client.join()
    await client.until(of("cf_agent_stream_resuming"))
    client.ack(request)
    await client.until(lambda frame: frame.get("replayComplete"))
    scene.end("three")
    await client.ended(request)
    assert client.text(request) == "one two three"
    live = [not frame.get("replay") for frame in client.responses(request) if "seq" in frame]
    assert live == sorted(live), "a replayed chunk after a live one"
    assert [frame["seq"] for frame in client.responses(request) if "seq" in frame] == list(range(len(live)))
    assert any(live)
    assert not all(live)


async def test_8_12_no_live_chunk_between_resuming_and_ack(world: World, stage: Stage) -> None:
    owner = await world.join("a")
    request = owner.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await owner.reads("one ")
    late = await world.join("b")
    await late.until(of("cf_agent_stream_resuming"))
    scene.say("two ")
    await owner.reads("two ")
    await late.settled()
    assert late.responses() == []
    scene.end()
    await late.ended(request)


@pytest.mark.parametrize("ends_badly", [False, True])
async def test_8_12_a_tab_that_never_acknowledges_gets_the_next_turn(
    world: World, stage: Stage, ends_badly: bool
) -> None:
    owner = await world.join("a")
    first = owner.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await owner.reads("one ")
    late = await world.join("b")
    if ends_badly:
        scene.fail(RuntimeError("broken"))
    else:
        scene.end()
    await late.ended(first)
    second = owner.ask("again")
    (await stage.next()).end("live")
    await late.ended(second)
    assert late.text(second) == "live"


async def test_8_13_unsolicited_resuming_an_answer_and_a_double_ack_show_the_text_once(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await client.reads("one ")
    client.leave()
    await client.join()
    assert (await client.probe())["type"] == "cf_agent_stream_resuming"
    assert len(client.seen("cf_agent_stream_resuming")) == 2
    client.ack(request)
    client.ack(request)
    await client.settled()
    scene.end("two")
    await client.ended(request)
    # Each replay begins with the start chunk, which resets the message at the client.
    starts = [at for at, chunk in enumerate(client.chunks(request)) if chunk["type"] == "start"]
    last = client.chunks(request)[starts[-1] :]
    assert "".join(chunk.get("delta", "") for chunk in last) == "one two"
    assert len(client.ends(request)) == 1


async def test_second_probe_after_the_ack_does_not_mute_the_connection(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await client.reads("one ")
    client.leave()
    await client.join()
    client.ack(request)
    await client.reads("one ")
    await client.probe("again")
    scene.say("two ")
    await client.reads("two ")
    scene.end()
    await client.ended(request)
    assert client.text(request) == "one two "


@pytest.mark.parametrize("after_a_turn", [False, True])
async def test_8_14_an_idle_room_answers_none_idle(world: World, stage: Stage, after_a_turn: bool) -> None:
    client = await world.join("a")
    if after_a_turn:
        request = client.ask("hi")
        (await stage.next()).end("hello")
        await client.ended(request)
        client = await world.join("b")
    answer = await client.probe("mine")
    assert answer == {"type": "cf_agent_stream_resume_none", "reason": "idle", "probeId": "mine"}
    assert client.seen("cf_agent_stream_resuming") == []


async def test_8_15_pending_while_the_model_has_not_answered_then_resuming(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    client.leave()
    await client.join()
    assert (await client.probe("p1")) == {
        "type": "cf_agent_stream_pending",
        "id": request,
        "probeId": "p1",
    }
    scene.say("now ")
    resuming = await client.until(of("cf_agent_stream_resuming"))
    assert "probeId" not in resuming
    await client.settled()
    assert client.responses() == []
    client.ack(request)
    scene.end("then")
    await client.ended(request)
    assert client.text() == "now then"


async def test_8_15_pending_is_followed_by_none_when_the_turn_ends_without_a_stream(
    world: World, stage: Stage
) -> None:
    client = await world.join("a")
    client.ask("hi")
    await stage.next()
    other = await world.join("b")
    assert (await other.probe())["type"] == "cf_agent_stream_pending"
    client.cancel("r-a1")
    none = await other.until(of("cf_agent_stream_resume_none"))
    assert "reason" not in none
    assert "probeId" not in none


async def test_8_15_parking_between_two_queued_turns_survives_the_first(world: World, stage: Stage) -> None:
    client = await world.join("a")
    first, second = client.ask("one"), client.ask("two")
    await stage.next()
    other = await world.join("b")
    assert (await other.probe())["id"] == first
    client.cancel(first)
    await other.ended(first)
    scene = await stage.next()
    assert scene.id == second
    assert other.seen("cf_agent_stream_resume_none") == []
    scene.say("here")
    assert (await other.until(of("cf_agent_stream_resuming")))["id"] == second
    scene.end()


async def test_an_ack_before_the_first_chunk_is_as_good_as_one_after_it(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    client.leave()
    await client.join()
    await client.until(of("cf_agent_stream_pending"))
    client.ack(request)
    await client.settled()
    scene.say("one ")
    await client.reads("one ")
    assert client.seen("cf_agent_stream_resuming") == []
    scene.end("two")
    await client.ended(request)
    await client.settled()
    assert client.text(request) == "one two"
    assert client.seen("cf_agent_stream_resume_none") == []


@pytest.mark.parametrize("partial", ["", "some of it"])
async def test_8_16_8_17_a_failed_stream_is_told_to_every_tab_that_comes_later(
    world: World, stage: Stage, partial: str
) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    if partial:
        scene.say(partial)
        await client.reads(partial)
    client.leave()
    scene.fail(RuntimeError("secret"))
    await stage.response(1)
    for label in ["a", "b", "c"]:
        tab = await world.join(label)
        assert (await tab.probe())["type"] == "cf_agent_stream_resuming"
        tab.ack(request)
        end = await tab.ended(request)
        assert end["error"] is True
        assert "replay" not in end
        assert end["messageIds"] == ["u-a1"]
        assert "secret" not in end["body"]
        assert tab.text(request) == partial
        assert all(frame["replay"] for frame in tab.responses(request) if not frame["done"])


@pytest.mark.parametrize("how", ["completed", "aborted", "cleared"])
async def test_8_17_the_failure_is_forgotten_by_the_next_turn_or_a_clear(
    world: World, stage: Stage, how: str
) -> None:
    client = await world.join("a")
    client.ask("hi")
    (await stage.next()).fail(RuntimeError("broken"))
    await client.ended("r-a1")
    if how == "cleared":
        client.clear()
        await client.settled()
    else:
        second = client.ask("again")
        scene = await stage.next()
        if how == "aborted":
            client.cancel(second)
        else:
            scene.end("fine")
        await client.ended(second)
    assert (await (await world.join("b")).probe())["reason"] == "idle"


async def test_several_failed_queued_turns_each_keep_their_record(world: World, stage: Stage) -> None:
    client = await world.join("a")
    requests = [client.ask(text) for text in ("one", "two", "three")]
    for number in range(3):
        (await stage.next()).say(f"part {number}").fail(RuntimeError("broken"))
    for request in requests:
        await client.ended(request)
    tab = await world.join("b")
    assert (await tab.probe())["id"] == requests[-1]
    for number, request in enumerate(requests):
        tab.ack(request)
        end = await tab.ended(request)
        assert end["error"] is True
        assert tab.text(request) == f"part {number}"


async def test_8_17_the_failure_survives_a_restart(world: World, stage: Stage) -> None:
    client = await world.join("a")
    client.ask("hi")
    (await stage.next()).say("half").fail(RuntimeError("broken"))
    await client.ended("r-a1")
    world.restarted()
    tab = await world.join("b")
    assert (await tab.probe())["id"] == "r-a1"
    tab.ack("r-a1")
    assert (await tab.ended("r-a1"))["error"] is True
    assert tab.text() == "half"


async def test_8_18_the_answer_is_served_before_done_arrives(stage: Stage, make_world: MakeWorld) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store)
    client = await world.join("a")
    request = client.ask("hi")
    store.hold(PutMessage)
    await store.stuck()
    store.release()
    scene = await stage.next()
    store.hold(PutMessage)
    scene.end("hello")
    await store.stuck()
    await client.settled()
    assert client.ends() == []
    store.release()
    await client.ended(request)
    assert await world.texts() == [("user", "hi"), ("assistant", "hello")]


async def test_8_18_resume_between_the_end_of_the_stream_and_its_storage(
    stage: Stage, make_world: MakeWorld
) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store)
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("hello")
    await client.reads("hello")
    store.hold(PutMessage)
    scene.end()
    await store.stuck()
    tab = await world.join("b")
    assert (await tab.probe())["type"] == "cf_agent_stream_resuming"
    tab.ack(request)
    await tab.until(lambda frame: frame.get("replayComplete"))
    assert tab.ends() == []
    store.release()
    await tab.ended(request)
    order = [
        "replayComplete"
        if frame.get("replayComplete")
        else "end"
        if frame.get("done")
        else "transcript"
        if frame["type"] == "cf_agent_chat_messages"
        else "chunk"
        for frame in tab.frames
        if frame["type"] in {RESPONSE, "cf_agent_chat_messages"}
    ]
    assert list(dict.fromkeys(order)) == ["chunk", "replayComplete", "transcript", "end"] or list(
        dict.fromkeys(kind for kind in order if kind != "chunk")
    ) == ["replayComplete", "transcript", "end"]
    assert tab.text(request) == "hello"


async def test_8_20_an_ack_for_another_stream_disturbs_nothing(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await client.reads("one ")
    client.ack("unknown")
    await client.settled()
    assert client.responses("unknown") == []
    scene.end("two")
    await client.ended(request)
    assert client.text(request) == "one two"
    client.ack("unknown")
    assert (await client.ended("unknown")) == {
        "type": RESPONSE,
        "id": "unknown",
        "body": "",
        "done": True,
        "replay": True,
    }


async def test_8_20_a_connection_lost_during_replay_changes_nothing(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say(*[f"{n} " for n in range(500)])
    await client.reads("499 ")
    tab = await world.join("b")
    tab.peer.congested = True
    tab.ack(request)
    await client.settled()
    tab.leave()
    again = await world.join("b")
    again.ack(request)
    scene.end()
    await again.ended(request)
    await client.ended(request)
    assert again.text(request) == client.text(request) == "".join(f"{n} " for n in range(500))


async def test_8_21_an_answer_above_the_limit_ends_with_an_error_that_names_it(
    stage: Stage, make_world: MakeWorld
) -> None:
    world = make_world(limits={"answer_bytes": 2000})
    client = await world.join("a")
    request = client.ask("hi")
    (await stage.next()).say("short").end("x" * 5000)
    end = await client.ended(request)
    assert end["error"] is True
    assert "limits.answer_bytes = 2000" in end["body"]
    request = client.ask("again")
    (await stage.next()).end("fine")
    assert (await client.ended(request))["outcome"] == "completed"


async def test_8_22_overlapping_probes_each_get_their_own_answer(world: World, stage: Stage) -> None:
    client = await world.join("a")
    client.ask("hi")
    (await stage.next()).say("one")
    await client.reads("one")
    for probe in ("p1", "p2", "p3"):
        client.send({"type": "cf_agent_stream_resume_request", "probeId": probe})
    await client.settled()
    answers = [frame for frame in client.seen("cf_agent_stream_resuming") if "probeId" in frame]
    assert [frame["probeId"] for frame in answers] == ["p1", "p2", "p3"]


async def test_8_23_message_ids_are_the_trailing_user_messages(world: World, stage: Stage) -> None:
    client = await world.join("a")
    two = [user("x", "one"), user("y", "two")]
    client.request("r1", two)
    (await stage.next()).end("hello")
    assert (await client.ended("r1"))["messageIds"] == ["x", "y"]
    answer = (await world.messages())[-1]
    three = [*two, answer, user("z", "three")]
    client.request("r2", three)
    scene = await stage.next()
    client.request("r3", [*three, user("w", "four")])
    client.request("r4", [*three, user("w", "four"), user("v", "five")])
    client.cancel("r4")
    assert (await client.ended("r4"))["messageIds"][-1] == "v"
    scene.fail(RuntimeError("broken"))
    assert (await client.ended("r2"))["messageIds"] == ["z"]
    await stage.next()
    client.cancel("r3")
    end = await client.ended("r3")
    assert end["outcome"] == "aborted"
    assert end["messageIds"][-1] == "w"
    tab = await world.join("b")
    tab.ack("r1")
    replayed = await tab.ended("r1")
    assert replayed["messageIds"] == ["x", "y"]
    assert replayed["replay"] is True
    assert replayed["outcome"] == "completed"


async def test_8_23_a_refused_request_names_its_messages_too(stage: Stage, make_world: MakeWorld) -> None:
    world = make_world(limits={"queued_turns": 1})
    client = await world.join("a")
    client.ask("one")
    scene = await stage.next()
    client.ask("two")
    refused = client.ask("three")
    end = await client.ended(refused)
    assert end["error"] is True
    assert "limits.queued_turns is 1" in end["body"]
    assert end["messageIds"][-1] == "u-a3"
    scene.end("fine")


async def test_a_connection_attached_in_mid_stream_gets_nothing_live_before_its_ack(
    world: World, stage: Stage
) -> None:
    """Also when it never probes, and when chunks flow at the moment it attaches."""
    owner = await world.join("a")
    request = owner.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await owner.reads("one ")
    scene.say("two ")
    tab = world.client("b").connect()
    scene.say("three ")
    await owner.reads("three ")
    await tab.until(of("cf_agent_stream_resuming"))
    scene.end("four")
    await owner.ended(request)
    await tab.ended(request)
    assert tab.text() == ""


async def test_a_client_that_missed_an_end_gets_the_transcript_with_its_greeting(
    world: World, stage: Stage
) -> None:
    """Also one that never probes: a hook whose token was renewed comes with a new socket object."""
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("half ")
    await client.reads("half ")
    client.leave()
    scene.end("whole")
    await stage.response(1)
    await client.join()
    frame = await client.until(of("cf_agent_chat_messages"))
    assert frame["connect"] is True
    assert [text_of(message) for message in frame["messages"]] == ["hi", "half whole"]
    assert [f["type"] for f in client.frames] == [
        "cf_agent_identity",
        "cf_agent_mcp_servers",
        "cf_agent_chat_messages",
    ]
    assert (await client.probe())["reason"] == "idle"
    await client.settled()
    assert len(client.seen("cf_agent_chat_messages")) == 1, "healed once"
    fresh = await world.join("new")
    await fresh.probe()
    await fresh.settled()
    assert fresh.seen("cf_agent_chat_messages") == []
    assert request not in {frame.get("id") for frame in fresh.frames}


async def test_the_missed_end_is_remembered_until_it_is_healed(world: World, stage: Stage) -> None:
    """The client comes back into another turn, and loses its socket once more before that ends."""
    client, other = await world.join("a"), await world.join("b")
    client.ask("hi")
    scene = await stage.next()
    scene.say("half ")
    await client.reads("half ")
    client.leave()
    scene.end("whole")
    await stage.response(1)
    second = other.ask("meanwhile")
    scene = await stage.next()
    scene.say("next ")
    await other.reads("next ")
    await client.join()
    await client.until(of("cf_agent_stream_resuming"))
    client.leave()
    scene.end("one")
    await other.ended(second)
    await client.join()
    frame = await client.until(of("cf_agent_chat_messages"))
    assert [text_of(message) for message in frame["messages"]] == [
        "hi",
        "half whole",
        "meanwhile",
        "next one",
    ]


async def test_a_missed_end_is_told_with_none_idle_when_something_ran_at_the_greeting(
    world: World, stage: Stage
) -> None:
    client, other = await world.join("a"), await world.join("b")
    client.ask("hi")
    scene = await stage.next()
    scene.say("half ")
    await client.reads("half ")
    client.leave()
    scene.end("whole")
    await stage.response(1)
    second = other.ask("meanwhile")
    scene = await stage.next()
    await client.join()
    scene.end("next")
    await other.ended(second)
    await client.settled()
    at = len(client.frames)
    assert (await client.probe())["reason"] == "idle"
    frame = await client.until(lambda each: each.get("connect") is True)
    assert [text_of(message) for message in frame["messages"]] == ["hi", "half whole", "meanwhile", "next"]
    assert [f["type"] for f in client.frames[at:]] == [
        "cf_agent_stream_resume_none",
        "cf_agent_chat_messages",
    ]


async def test_late_ack_of_a_finished_stream_replays_it_whole(world: World, stage: Stage) -> None:
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    scene.say("one ")
    await client.reads("one ")
    tab = await world.join("b")
    await tab.until(of("cf_agent_stream_resuming"))
    scene.end("two")
    await tab.ended(request)
    at = len(tab.frames)
    tab.ack(request)
    await tab.settled()
    replay = [frame for frame in tab.frames[at:] if frame["type"] == RESPONSE]
    assert all(frame["replay"] for frame in replay)
    assert replay[-1]["done"] is True
    assert replay[-1]["outcome"] == "completed"
    text = "".join(json.loads(frame["body"]).get("delta", "") for frame in replay if frame["body"])
    assert text == "one two"


async def test_chunks_are_shown_only_once_they_are_durable(stage: Stage, make_world: MakeWorld) -> None:
    store = LateStore(MemoryStore())
    world = make_world(store)
    client = await world.join("a")
    request = client.ask("hi")
    scene = await stage.next()
    store.hold(AppendChunks)
    scene.say("one ")
    await store.stuck()
    await client.settled()
    assert client.text() == ""
    store.release()
    await client.reads("one ")
    scene.end()
    await client.ended(request)


async def test_a_half_written_answer_that_another_tab_echoes_is_not_adopted(
    world: World, stage: Stage
) -> None:
    client, other = await world.join("a"), await world.join("b")
    first = client.ask("hi")
    scene = await stage.next()
    scene.say("half ")
    await other.reads("half ")
    start = other.chunks(first)[0]
    other.send(
        chat_request(
            "r2",
            json.dumps(
                {
                    "messages": [
                        user("u-a1", "hi"),
                        assistant(start["messageId"], "half "),
                        user("u2", "more"),
                    ],
                    "trigger": "submit-message",
                }
            ),
        )
    )
    await other.settled()
    scene.end("whole")
    await client.ended(first)
    (await stage.next()).end("second")
    await other.ended("r2")
    assert await world.texts() == [
        ("user", "hi"),
        ("assistant", "half whole"),
        ("user", "more"),
        ("assistant", "second"),
    ]
