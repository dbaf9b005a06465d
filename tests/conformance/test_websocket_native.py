"""What only the protocol class under uvicorn does: pings, joined writes, shutdown, and failing politely."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest_asyncio
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from conformance.websocket_lab import (
    ADDRESS,
    BINARY,
    CLOSE,
    CONT,
    ENTRANCE,
    PING,
    PONG,
    TEXT,
    RawClient,
    RecordingDoor,
    Site,
    close_payload,
    frame,
    open_site,
    until,
)
from cutty_agent.transport.websocket_protocol import WebSocketProtocol, websocket_protocol
from cutty_agent.transport.websocket_settings import WebSocketSettings

QUICK = WebSocketSettings(ping_interval_s=0.05, ping_timeout_s=0.2, close_timeout_s=0.05, tick_s=0.01)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site("native") as opened:
        yield opened


def only_connection(site: Site) -> WebSocketProtocol:
    (connection,) = site.state.connections
    assert isinstance(connection, WebSocketProtocol)
    return connection


async def test_the_handshake_is_answered_before_the_session_says_anything(site: Site) -> None:
    client, link = await site.join()
    assert link.opening.label == "pk-1"
    assert link.events.empty()
    client.leave()


async def test_a_good_frame_before_a_bad_one_in_the_same_read_counts(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, b"fine") + frame(BINARY, b"fine too") + frame(3) + frame(TEXT, b"ignored"))
    assert await link.event() == ("text", b"fine")
    assert await link.event() == ("binary", b"fine too")
    assert await link.event() == ("lost", None)
    assert (await client.read_close())[0] == 1002
    assert await client.read_eof() == b""


async def test_an_answer_to_the_last_frame_goes_out_before_the_echoed_close(site: Site) -> None:
    client, link = await site.join()
    link.on_text = link.outlet.send
    client.write(frame(TEXT, b"quick") + frame(CLOSE, close_payload(1000)))
    assert await client.read_frame() == (TEXT, b"quick")
    assert await client.read_close() == (1000, "")


async def test_a_session_that_closes_on_the_frame_before_the_peers_close(site: Site) -> None:
    client, link = await site.join()
    link.on_text = lambda text: link.outlet.close(4400, "no")
    client.write(frame(TEXT, b"?") + frame(CLOSE, close_payload(1000)) + frame(TEXT, b"ignored"))
    assert await link.event() == ("text", b"?")
    assert await client.read_close() == (4400, "no")
    assert await client.read_eof() == b""
    assert await link.event() == ("lost", None)
    assert link.losses == 1


async def test_frames_after_our_close_are_not_delivered(site: Site) -> None:
    client, link = await site.join()
    link.outlet.close(1000, "")
    client.write(frame(TEXT, b"late", fin=False) + frame(CONT, b"r") + frame(TEXT, b"later"))
    client.write(frame(CLOSE, close_payload(1000)))
    assert await client.read_close() == (1000, "")
    assert await client.read_eof() == b""
    assert await link.event() == ("lost", None)
    assert link.events.empty()


async def test_the_close_code_of_an_oversize_frame_survives_what_the_peer_still_sends(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, b"x" * 8_000_000, size=33 * 1024 * 1024))
    code, reason = await client.read_close()
    assert (code, "33554432" in reason) == (1009, True)
    assert await link.event() == ("lost", None)
    client.write(b"x" * 4_000_000)
    await client.writer.drain()
    assert await client.read_eof() == b""


async def test_nothing_is_kept_of_what_comes_after_a_failure(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(3))
    assert await link.event() == ("lost", None)
    connection = only_connection(site)
    connection.data_received(frame(TEXT, b"x" * 1000, size=1_000_000))
    assert connection._tail is None
    assert (await client.read_close())[0] == 1002


async def test_an_oversize_fragment_is_refused_by_its_header() -> None:
    async with open_site("native", settings=WebSocketSettings(max_message=1000)) as small:
        client, link = await small.join()
        client.write(frame(TEXT, b"x" * 600, fin=False) + frame(CONT, b"", size=401))
        assert (await client.read_close())[0] == 1009
        assert await link.event() == ("lost", None)


async def test_a_message_of_empty_fragments_takes_no_memory(site: Site) -> None:
    client, link = await site.join()
    client.write(frame(TEXT, b"a", fin=False) + frame(CONT, b"", fin=False) * 10_000 + frame(CONT, b"b"))
    assert await link.event() == ("text", b"ab")


async def test_nothing_of_the_handshake_or_of_fragments_is_kept(site: Site) -> None:
    client, link = await site.join()
    assert only_connection(site)._core is None
    client.write(frame(TEXT, b"a", fin=False))
    await until(lambda: only_connection(site)._core is not None)
    client.write(frame(CONT, b"b") + frame(PING, b"!"))
    assert await link.event() == ("text", b"ab")
    assert await client.read_frame() == (PONG, b"!")
    connection = only_connection(site)
    assert connection._core is None
    assert connection._tail is None
    assert not hasattr(connection, "__dict__")


async def test_frames_of_one_tick_leave_in_one_write(site: Site) -> None:
    client, link = await site.join()
    connection = only_connection(site)
    writes: list[bytes] = []

    class Tap:
        def __getattr__(self, name: str) -> object:
            return getattr(transport, name)

        def write(self, data: bytes) -> None:
            writes.append(data)
            transport.write(data)

    transport = connection._transport
    connection._transport = Tap()  # type: ignore[assignment]
    for n in range(100):
        link.outlet.send(b"%03d" % n)
    assert link.outlet.buffered == 500
    assert [await client.read_frame() for _ in range(100)] == [(TEXT, b"%03d" % n) for n in range(100)]
    connection._transport = transport
    assert len(writes) == 1


async def test_a_peer_that_answers_pings_stays() -> None:
    async with open_site("native", settings=QUICK) as site:
        client, link = await site.join()
        for _ in range(10):
            assert await client.read_frame() == (PING, b"")
            client.write(frame(PONG))
        assert link.events.empty()


async def test_a_peer_that_answers_no_ping_is_dropped() -> None:
    async with open_site("native", settings=QUICK) as site:
        client, link = await site.join()
        begin = asyncio.get_running_loop().time()
        assert await link.event() == ("lost", None)
        assert asyncio.get_running_loop().time() - begin >= QUICK.ping_timeout_s
        assert link.losses == 1
        assert len(site.protocol.hub.wheel) == 0
        client.leave()


async def test_an_idle_connection_has_one_place_in_one_wheel(site: Site) -> None:
    _, first = await site.join()
    client, _ = await site.join()
    assert len(site.protocol.hub.wheel) == 2
    client.leave()
    await until(lambda: len(site.protocol.hub.wheel) == 1)
    assert first.losses == 0


async def test_a_peer_that_does_not_end_a_failed_connection_is_dropped() -> None:
    async with open_site("native", settings=QUICK) as site:
        client, link = await site.join()
        client.write(frame(3))
        assert (await client.read_close())[0] == 1002
        assert await link.event() == ("lost", None)
        await until(lambda: not site.state.connections)


async def test_compression_is_off_unless_asked_for(site: Site) -> None:
    client = await site.dial()
    _, headers = await client.shake_hands(Sec_WebSocket_Extensions="permessage-deflate")
    assert "sec-websocket-extensions" not in headers


async def test_compression_when_asked_for() -> None:
    async with open_site("native", settings=WebSocketSettings(compress=True)) as site:
        from websockets.asyncio.client import connect

        async with connect(f"ws://127.0.0.1:{site.port}{ADDRESS}") as client:
            link = await site.door.link()
            link.on_text = link.outlet.send
            await client.send("compressible " * 1000)
            assert await link.event() == ("text", b"compressible " * 1000)
            assert await client.recv() == "compressible " * 1000
            await client.send([b"bin", b"ary"])
            assert await link.event() == ("binary", b"binary")
        assert await link.event() == ("lost", None)
        assert client.close_code == 1000


async def test_a_socket_with_a_small_send_buffer(site: Site) -> None:
    await site.join()
    sock = only_connection(site)._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 64 * 1024


async def run_and_stop_uvicorn() -> None:
    door = RecordingDoor()
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        _no_app, ws=websocket_protocol(door, ENTRANCE), lifespan="off", log_config=None, http="httptools"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[sock]))
    client = RawClient(*await asyncio.open_connection(*sock.getsockname()))
    status, _ = await client.shake_hands()
    assert status == 101
    link = await door.link()
    link.outlet.send(b"hello")
    client.write(frame(TEXT, b"x" * 1_000_000))
    assert await link.event() == ("text", b"x" * 1_000_000)
    assert await client.read_frame() == (TEXT, b"hello")
    server.should_exit = True
    code, reason = await client.read_close()
    assert (code, "restarting" in reason) == (1012, True)
    client.write(frame(CLOSE, close_payload(1012)))
    assert await client.read_eof() == b""
    async with asyncio.timeout(5):
        await running
    assert await link.event() == ("lost", None)
    assert link.losses == 1
    client.leave()


async def _no_app(scope: object, receive: object, send: object) -> None:
    raise AssertionError("a WebSocket must not reach the application")


async def test_uvicorn_stops_with_1012() -> None:
    await run_and_stop_uvicorn()


async def test_shutdown_does_not_wait_long_for_a_peer_that_does_not_answer() -> None:
    settings = WebSocketSettings(close_timeout_s=60, shutdown_timeout_s=0.05, tick_s=0.01)
    async with open_site("native", settings=settings) as site:
        client, link = await site.join()
        _, closing = await site.join()
        closing.outlet.close(1000, "")
        for connection in list(site.state.connections):
            connection.shutdown()
        assert (await client.read_close())[0] == 1012
        assert await link.event() == ("lost", None)
        assert await closing.event() == ("lost", None)


def test_one_class_serves_one_loop_after_another() -> None:
    door = RecordingDoor()
    protocol = websocket_protocol(door, ENTRANCE, QUICK)
    served = [asyncio.run(open_and_abandon(protocol, door)) for _ in range(2)]
    assert served == [b"hello", b"hello"]


async def open_and_abandon(protocol: type[WebSocketProtocol], door: RecordingDoor) -> bytes:
    """Serve one client, then leave the loop with bytes queued and a deadline waiting."""
    config = uvicorn.Config(_no_app, ws=protocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpToolsProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    client = RawClient(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    await client.shake_hands()
    link = door.links.get_nowait()
    link.outlet.send(b"hello")
    _, payload = await client.read_frame()
    assert await client.read_frame() == (PING, b"")
    link.outlet.send(b"left behind")
    server.close()
    return payload


def test_the_same_on_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_and_stop_uvicorn())


def test_a_slow_reader_on_uvloop() -> None:
    async def scenario() -> None:
        async with open_site("native") as site:
            client = await site.dial(receive_buffer=16 * 1024)
            await client.shake_hands()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            link = await site.door.link()
            sent = 0
            while not link.outlet.congested:
                link.outlet.send(b"z" * 10_000)
                sent += 1
                await asyncio.sleep(0)
                assert sent < 2000, "20 MB went out and nobody noticed that the peer does not read"
            assert 0 < link.outlet.buffered <= 64 * 1024 + 30_000
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(sent):
                assert await client.read_frame() == (TEXT, b"z" * 10_000)
            assert await link.event() == ("writable", None)
            client.write(frame(3))
            assert (await client.read_close())[0] == 1002
            assert await client.read_eof() == b""

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
