"""What both WebSocket transports promise: the class under uvicorn, and plain ASGI under uvicorn's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from conformance.websocket_lab import (
    BINARY,
    CLOSE,
    CONT,
    ENTRANCE,
    PING,
    PONG,
    TEXT,
    RecordingDoor,
    RecordingLink,
    Site,
    close_payload,
    frame,
    open_site,
    until,
)
from cutty_agent.errors import Busy, CuttyError
from cutty_agent.ids import Address
from cutty_agent.transport.opening import Entrance
from cutty_agent.transport.websocket_settings import WebSocketSettings


@pytest.fixture(params=["native", "asgi"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def site(kind: str) -> AsyncIterator[Site]:
    async with open_site(kind) as opened:
        yield opened


async def test_text_reaches_the_session_and_answers_come_back_in_order(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, b'{"a":1}'))
    assert await link.event() == ("text", b'{"a":1}')
    link.outlet.send(b"one")
    link.outlet.send_many([b"two", b"", b"three"])
    assert [await client.read_frame() for _ in range(4)] == [
        (TEXT, b"one"),
        (TEXT, b"two"),
        (TEXT, b""),
        (TEXT, b"three"),
    ]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 300_000])
async def test_every_length_both_ways(site: Site, size: int) -> None:
    client, link = await site.join()
    link.on_text = link.outlet.send
    payload = b"x" * size
    client.write(frame(TEXT, payload))
    assert await link.event() == ("text", payload)
    assert await client.read_frame() == (TEXT, payload)


async def test_fragments_with_a_ping_between_them(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, b"he", fin=False) + frame(PING, b"are you there") + frame(CONT, b"llo"))
    assert await client.read_frame() == (PONG, b"are you there")
    assert await link.event() == ("text", b"hello")


async def test_a_character_split_between_fragments(site: Site) -> None:
    client, link = await site.join()
    snowman = "snow ☃ man".encode()
    client.write(
        frame(TEXT, snowman[:6], fin=False) + frame(CONT, snowman[6:7], fin=False) + frame(CONT, snowman[7:])
    )
    assert await link.event() == ("text", snowman)


async def test_bytes_that_arrive_one_by_one(site: Site) -> None:
    client, link = await site.join()
    stream = (
        frame(TEXT, "größe".encode())
        + frame(PING, b"p")
        + frame(TEXT, b"y" * 130)
        + frame(BINARY, b"\x00\xff")
    )
    for at in range(len(stream)):
        client.write(stream[at : at + 1])
        await client.writer.drain()
        await asyncio.sleep(0)
    assert await link.event() == ("text", "größe".encode())
    assert await link.event() == ("text", b"y" * 130)
    assert await link.event() == ("binary", b"\x00\xff")


async def test_many_frames_in_one_read(site: Site) -> None:
    client, link = await site.join()
    client.write(b"".join(frame(TEXT, b"%d" % n) for n in range(500)))
    assert [await link.event() for _ in range(500)] == [("text", b"%d" % n) for n in range(500)]


@pytest.mark.parametrize("garbage", [b"", b"{", b"null", b"[]", b"7", b'{"type":"nope"}'])
async def test_garbage_leaves_the_connection_usable(site: Site, garbage: bytes) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, garbage) + frame(BINARY, garbage) + frame(TEXT, b"still here"))
    assert await link.event() == ("text", garbage)
    assert await link.event() == ("binary", garbage)
    assert await link.event() == ("text", b"still here")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"plain", masked=False), 1002),
        (frame(TEXT, b"reserved bit", rsv=4), 1002),
        (frame(3, b"reserved opcode"), 1002),
        (frame(11, b"reserved control"), 1002),
        (frame(CONT, b"of nothing"), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PONG, masked=False), 1002),
        (frame(PONG, b"x" * 126), 1002),
        (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"\xc3", fin=False) + frame(CONT, b"("), 1007),
    ],
)
async def test_what_breaks_the_protocol_closes_the_connection(site: Site, bad: bytes, code: int) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, b"fine"))
    assert await link.event() == ("text", b"fine")
    client.write(bad + frame(TEXT, b"ignored"))
    assert (await client.read_close())[0] == code
    assert await link.event() == ("lost", None)
    client.leave()


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4000, 4999])
async def test_the_peers_close_code_is_echoed(site: Site, code: int) -> None:
    client, link = await site.join()
    client.write(frame(CLOSE, close_payload(code, "bye")))
    assert (await client.read_close())[0] == code
    assert await client.read_eof() == b""
    assert await link.event() == ("lost", None)
    assert link.losses == 1


async def test_a_close_without_a_code(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(CLOSE))
    assert await client.read_close() == (None, "")
    assert await client.read_eof() == b""
    assert await link.event() == ("lost", None)


@pytest.mark.parametrize("way", ["leave", "reset"])
async def test_a_peer_that_is_gone_is_told_once(site: Site, way: str) -> None:
    client, link = await site.join()
    getattr(client, way)()
    assert await link.event() == ("lost", None)
    link.outlet.send(b"into the void")
    link.outlet.close(1000, "too late")
    await until(lambda: not site.state.connections)
    assert link.losses == 1
    assert link.outlet.buffered == 0


async def test_the_session_closes_after_what_it_sent(site: Site) -> None:
    client, link = await site.join()
    link.outlet.send(b"last words")
    link.outlet.close(4410, "é" * 100)
    link.outlet.send(b"never sent")
    link.outlet.close(1000, "never sent")
    assert await client.read_frame() == (TEXT, b"last words")
    assert await client.read_close() == (4410, "é" * 61)
    client.write(frame(CLOSE, close_payload(4410)))
    assert await client.read_eof() == b""
    assert await link.event() == ("lost", None)
    assert link.losses == 1


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 5000])
async def test_a_code_that_may_not_travel_becomes_1011(site: Site, code: int) -> None:
    client, link = await site.join()
    link.outlet.close(code, "")
    assert (await client.read_close())[0] == 1011
    client.leave()


async def test_a_message_above_the_limit_names_it(kind: str) -> None:
    async with open_site(kind, settings=WebSocketSettings(max_message=1000)) as site:
        client, link = await site.join()
        client.write(frame(TEXT, b"x" * 1000) + frame(TEXT, b"x" * 1001))
        assert await link.event() == ("text", b"x" * 1000)
        code, reason = await client.read_close()
        assert code == 1009
        assert "1000 bytes" in reason
        client.leave()
        assert await link.event() == ("lost", None)


REFUSALS = [
    ("/elsewhere/chat/room", {}, 4404, "/agents/{agent}/{sessionId}"),
    ("/agents/chat", {}, 4404, "names no session"),
    ("/agents/nobody/room", {}, 4404, "nobody"),
    ("/agents/chat/%2F", {}, 4400, "not allowed"),
    ("/agents/chat/%FF", {}, 4400, "UTF-8"),
    ("/agents/chat/room?_pk=" + "x" * 129, {}, 4400, "_pk has 129 characters; the limit is 128"),
    ("/agents/chat/room?dialect=latin", {}, 4400, "dialect"),
    ("/agents/chat/room", {"Origin": "https://evil.example"}, 4403, "https://evil.example"),
]


@pytest.mark.parametrize(("target", "headers", "code", "part"), REFUSALS)
async def test_a_refusal_comes_as_a_close_code(
    site: Site, target: str, headers: dict[str, str], code: int, part: str
) -> None:
    client = await site.dial()
    status, _ = await client.shake_hands(target, **headers)
    assert status == 101
    got, reason = await client.read_close()
    assert got == code
    assert part in reason
    assert site.door.links.empty()
    client.write(frame(CLOSE, close_payload(code)))
    assert await client.read_eof() == b""


@pytest.mark.parametrize(
    ("refusal", "code", "reason"),
    [
        (Busy("Too many sockets.", remedy="Wait."), 1013, "Too many sockets."),
        (CuttyError("Something broke.", remedy="Ask."), 1011, "Something broke."),
    ],
)
async def test_a_door_that_refuses(kind: str, refusal: CuttyError, code: int, reason: str) -> None:
    async with open_site(kind, door=RecordingDoor(refusal=refusal)) as site:
        client = await site.dial()
        await client.shake_hands()
        assert await client.read_close() == (code, reason)
        client.leave()


async def test_a_door_that_fails_says_so_without_details(kind: str) -> None:
    async with open_site(kind, door=RecordingDoor(refusal=RuntimeError("secret"))) as site:
        client = await site.dial()
        await client.shake_hands()
        assert await client.read_frame() == (TEXT, b'{"error":"Uncaught exception during session setup."}')
        assert await client.read_close() == (1011, "Uncaught exception during session setup")
        client.leave()


async def test_what_the_session_says_while_it_connects(kind: str) -> None:
    def greet(link: RecordingLink) -> None:
        link.outlet.send(b"welcome")

    async with open_site(kind, door=RecordingDoor(on_connect=greet)) as site:
        client, _ = await site.join()
        assert await client.read_frame() == (TEXT, b"welcome")


async def test_what_the_door_is_told(site: Site) -> None:
    _, link = await site.join("/agents/chat/room%201?_pk=abc&dialect=v4&token=t%20t")
    opening = link.opening
    assert opening.address == Address("chat", "room 1")
    assert (opening.label, opening.labelled, opening.dialect) == ("abc", True, "v4")
    assert not opening.by_query


@pytest.mark.parametrize("target", ["/agents/chat/room", "/agents/chat/room?_pk="])
async def test_a_client_without_a_label_gets_one(site: Site, target: str) -> None:
    _, first = await site.join(target)
    _, second = await site.join(target)
    assert not first.opening.labelled
    assert first.opening.label
    assert first.opening.label != second.opening.label


async def test_two_sockets_with_one_label_both_live(site: Site) -> None:
    one, link_one = await site.join()
    two, link_two = await site.join()
    one.write(frame(TEXT, b"1"))
    two.write(frame(TEXT, b"2"))
    assert await link_one.event() == ("text", b"1")
    assert await link_two.event() == ("text", b"2")


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/agents/chat/default?sessionId=mine", {}), ("/agents/chat/default", {"X-Session-Id": "mine"})],
)
async def test_default_is_replaced_by_the_clients_session(
    site: Site, target: str, headers: dict[str, str]
) -> None:
    _, link = await site.join(target, **headers)
    assert link.opening.address == Address("chat", "mine")
    assert link.opening.by_query


async def test_default_can_be_refused(kind: str) -> None:
    async with open_site(kind, entrance=Entrance(resolve=ENTRANCE.resolve, allow_default=False)) as site:
        client = await site.dial()
        await client.shake_hands("/agents/chat/default")
        code, reason = await client.read_close()
        assert (code, "default" in reason) == (4400, True)
        client.leave()


async def test_the_first_offered_dialect_is_selected(site: Site) -> None:
    client = await site.dial()
    _, headers = await client.shake_hands(Sec_WebSocket_Protocol="json, raw, v4")
    assert headers["sec-websocket-protocol"] == "raw"
    assert (await site.door.link()).opening.dialect == "raw"


async def test_no_subprotocol_is_selected_that_means_nothing_here(site: Site) -> None:
    client = await site.dial()
    status, headers = await client.shake_hands(Sec_WebSocket_Protocol="json")
    assert status == 101
    assert "sec-websocket-protocol" not in headers


async def test_a_handshake_without_a_key_is_bad_http(site: Site) -> None:
    client = await site.dial()
    status, _ = await client.shake_hands(Sec_WebSocket_Key="")
    assert status == 400
    await until(lambda: not site.state.connections)
    assert site.door.links.empty()


@pytest.mark.parametrize("way", ["leave", "reset"])
async def test_a_peer_that_leaves_during_the_handshake(
    site: Site, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.dial()
    client.write(
        b"GET /agents/chat/room HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await client.writer.drain()
    getattr(client, way)()
    if way == "leave":
        link = await site.door.link()
        assert await link.event() == ("lost", None)
        assert link.losses == 1
    await until(lambda: not site.state.connections and not site.state.tasks)
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


async def test_a_slow_reader_is_seen_and_its_backlog_stays_small(site: Site) -> None:
    client = await site.dial(receive_buffer=16 * 1024)
    await client.shake_hands()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    link = await site.door.link()
    outlet, chunk, sent = link.outlet, b"z" * 10_000, 0
    while not outlet.congested:
        outlet.send(chunk)
        sent += 1
        await asyncio.sleep(0)
        assert sent < 2000, "20 MB went out and nobody noticed that the peer does not read"
    assert 0 < outlet.buffered <= 64 * 1024 + 3 * len(chunk)
    assert link.events.empty()
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(sent):
        assert await client.read_frame() == (TEXT, chunk)
    assert await link.event() == ("writable", None)
    assert not outlet.congested


async def test_a_peer_that_only_asks_and_never_reads_is_not_listened_to(kind: str) -> None:
    settings = WebSocketSettings(read_pause=200_000)
    async with open_site(kind, settings=settings) as site:
        client = await site.dial(receive_buffer=16 * 1024)
        await client.shake_hands()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        link = await site.door.link()
        link.on_text = lambda text: link.outlet.send(b"a" * 10_000)
        client.write(frame(TEXT, b"ask" * 1000) * 3000)
        await until(lambda: link.outlet.buffered > settings.read_pause)
        for _ in range(300):
            await asyncio.sleep(0)
        # One read of the socket holds at most 256 KiB, which is 87 questions.
        assert link.outlet.buffered < settings.read_pause + 4 * 87 * 10_000
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(3000):
            assert await client.read_frame() == (TEXT, b"a" * 10_000)


async def test_a_peer_that_never_answers_our_close_is_dropped(kind: str) -> None:
    settings = WebSocketSettings(close_timeout_s=0.05, tick_s=0.01)
    async with open_site(kind, settings=settings) as site:
        client = await site.dial(receive_buffer=16 * 1024)
        await client.shake_hands()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        link = await site.door.link()
        link.outlet.send(b"q" * 5_000_000)
        link.outlet.close(1000, "")
        while (await link.event())[0] != "lost":
            pass
        assert link.losses == 1
