"""Pages of other origins, in a browser that holds a visitor's cookie: they read nothing and change nothing.

Two kinds of foreign pages: one of another port of the same host, to which the browser sends the visitor's cookie along
(for cookies the port does not count), and one of another site. The visitor's own page, and a page of an origin that the
operator has named, show that the tests could fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Playwright

from e2e.chromium import ARGUMENTS
from e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

CANARY = "my name is Canary"
VISITORS = {"CUTTY_ACCESS__VISITORS": "true"}
NAMES = "--host-resolver-rules=MAP *.test 127.0.0.1"
"""Every name below .test is this machine: another site for the browser, and what an attacker's DNS would say."""

SAY = """async ([path, text]) => (await fetch(path, {method: "POST", body: JSON.stringify(
    {messages: [{id: "u1", role: "user", parts: [{type: "text", text}]}]})})).text()"""

READ = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return {status: answer.status, type: answer.type, text: await answer.text()};
    } catch (error) {
        return {blocked: error.name};
    }
}"""

OPEN = """(url) => new Promise((resolve) => {
    const frames = [];
    const socket = new WebSocket(url);
    socket.onmessage = (event) => {
        frames.push(event.data);
        if (event.data.includes("cf_agent_mcp_servers")) socket.close(1000);
    };
    socket.onopen = () => socket.send(JSON.stringify({type: "cf_agent_chat_clear"}));
    socket.onclose = (event) => resolve({code: event.code, frames});
})"""

AWAIT_CLEAR = """(url) => new Promise((opened) => {
    const socket = new WebSocket(url);
    window.cleared = new Promise((resolve) => {
        socket.onmessage = (event) => {
            if (event.data.includes("cf_agent_mcp_servers")) opened();
            if (event.data.includes("cf_agent_chat_clear")) resolve();
        };
    });
})"""
"""Open a socket, after which ``window.cleared`` tells when somebody has cleared the conversation."""

EMBED = """([tag, url]) => new Promise((resolve) => {
    const element = document.createElement(tag);
    let readable = null;
    element.onload = () => {
        try { readable = element.contentDocument?.body?.innerText ?? null; } catch (error) { readable = null; }
        resolve({event: "load", readable});
    };
    element.onerror = () => resolve({event: "error", readable});
    element[tag === "object" ? "data" : "src"] = url;
    document.body.append(element);
})"""

FORM = """([url, text, type]) => {
    const form = document.createElement("form");
    [form.method, form.action, form.enctype] = ["POST", url, type];
    const field = document.createElement("input");
    [field.name, field.value] = [text.slice(0, -1), text.slice(-1)];
    form.append(field);
    document.body.append(form);
    form.submit();
}"""

FORGED = (
    '{"messages": [{"id": "f", "role": "user", "parts": [{"type": "text", "text": "forged"}]}], "pad=": "'
)


@asynccontextmanager
async def served(data: Path, **environment: str) -> AsyncIterator[Server]:
    running = Server(data, delay_ms=0, **environment)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port() -> AsyncIterator[int]:
    """Where the foreign pages lie: empty ones, under every name of this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            page = b"<!doctype html><title>Elsewhere</title><body></body>"
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(page)}\r\n"
            writer.write(f"{head}connection: close\r\n\r\n".encode() + page)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the browser opens connections it does not use
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Lets in its own pages only, and tells visitors apart by their cookies."""
    async with served(tmp_path_factory.mktemp("strict"), **VISITORS) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def friendly(tmp_path_factory: pytest.TempPathFactory, port: int) -> AsyncIterator[Server]:
    """Lets in the pages of one other origin."""
    origins = f"http://localhost:{port}"
    async with served(
        tmp_path_factory.mktemp("friendly"), CUTTY_ALLOW_ORIGINS=origins, **VISITORS
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def public(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Lets in every page, but believes no cookie that a foreign one sends."""
    async with served(tmp_path_factory.mktemp("public"), CUTTY_ALLOW_ORIGINS="*", **VISITORS) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def surfing(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    launched = await playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, NAMES])
    yield launched
    await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(surfing: Browser) -> AsyncIterator[BrowserContext]:
    made = await surfing.new_context()
    yield made
    await made.close()


async def visit(context: BrowserContext, address: str) -> Page:
    page = await context.new_page()
    await page.goto(address)
    return page


async def victim(context: BrowserContext, server: Server) -> tuple[Page, str]:
    """A visitor on the server's own page, and the path of its session."""
    session = f"/agents/chat/{uuid4()}"
    page = await visit(context, f"{server.address}/")
    assert "Canary" in await page.evaluate(SAY, [session, CANARY])
    return page, session


async def transcript(page: Page, session: str) -> str:
    """The session as its own visitor reads it."""
    answer = await page.evaluate(READ, [f"{session}/get-messages", {}])
    assert answer["status"] == 200
    assert CANARY in answer["text"]
    text: str = answer["text"]
    return text


FOREIGN = ["localhost", "evil.test"]
"""The same site as the server's, on another port; and another site."""


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_page_reads_nothing(
    context: BrowserContext, strict: Server, port: int, host: str
) -> None:
    own, session = await victim(context, strict)
    before = await transcript(own, session)
    foreign = await visit(context, f"http://{host}:{port}/")
    url = f"{strict.address}{session}"
    for path in ("/get-messages", "/stream", "?chatId=1", "/export", "/shares"):
        for credentials in ("include", "omit"):
            read = await foreign.evaluate(READ, [url + path, {"credentials": credentials}])
            assert read == {"blocked": "TypeError"}, path
        opaque = await foreign.evaluate(READ, [url + path, {"mode": "no-cors", "credentials": "include"}])
        assert opaque in ({"status": 0, "type": "opaque", "text": ""}, {"blocked": "TypeError"})
    for tag in ("script", "img", "iframe", "object"):
        shown = await foreign.evaluate(EMBED, [tag, f"{url}/get-messages"])
        assert shown["readable"] is None
    assert "Canary" not in await foreign.content()
    assert await transcript(own, session) == before


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_page_changes_nothing(
    context: BrowserContext, strict: Server, port: int, host: str
) -> None:
    own, session = await victim(context, strict)
    before = await transcript(own, session)
    url = f"{strict.address}{session}"
    foreign = await visit(context, f"http://{host}:{port}/")
    body = FORGED + '"}'
    ways: list[tuple[str, dict[str, Any]]] = [
        ("", {"method": "POST", "body": body}),
        ("", {"method": "POST", "body": body, "mode": "no-cors"}),
        ("", {"method": "POST", "body": body, "headers": {"content-type": "application/json"}}),
        ("/stop", {"method": "POST"}),
        ("/shares", {"method": "POST", "body": '{"mode": "write"}', "mode": "no-cors"}),
        ("", {"method": "DELETE"}),
        ("/notes", {"method": "PUT", "body": body}),
    ]
    for path, options in ways:
        read = await foreign.evaluate(READ, [url + path, {**options, "credentials": "include"}])
        assert read in ({"blocked": "TypeError"}, {"status": 0, "type": "opaque", "text": ""}), (
            path,
            options,
        )
    assert await foreign.evaluate(
        "([url, body]) => navigator.sendBeacon(url, body)", [url, body]
    )  # queued; refused when it arrives
    for type in ("text/plain", "application/x-www-form-urlencoded"):
        page = await visit(context, f"http://{host}:{port}/")
        async with page.expect_navigation() as navigation:
            await page.evaluate(FORM, [url, FORGED, type])
        answer = await navigation.value
        assert answer is not None
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "origin.refused"
    assert await transcript(own, session) == before
    shares = await own.evaluate(READ, [f"{session}/shares", {}])
    assert '"shares":[]' in shares["text"].replace(" ", "")


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_socket_of_a_foreign_page_is_closed_before_it_hears_anything(
    context: BrowserContext, strict: Server, port: int, host: str
) -> None:
    own, session = await victim(context, strict)
    before = await transcript(own, session)
    url = f"{strict.address}{session}".replace("http:", "ws:")
    foreign = await visit(context, f"http://{host}:{port}/")
    assert await foreign.evaluate(OPEN, url) == {"code": 4403, "frames": []}
    assert await transcript(own, session) == before, "what it sent was not taken either"
    heard = await own.evaluate(OPEN.replace("cf_agent_chat_clear", "of its own"), url)
    assert any("cf_agent_identity" in frame for frame in heard["frames"]), heard


async def test_a_page_of_an_origin_that_was_named_is_let_in(
    context: BrowserContext, friendly: Server, port: int
) -> None:
    """What the tests above would see if nothing held a foreign page back."""
    own, session = await victim(context, friendly)
    named, url = await visit(context, f"http://localhost:{port}/"), f"{friendly.address}{session}"
    read = await named.evaluate(READ, [f"{url}/get-messages", {"credentials": "include"}])
    assert (read["status"], read["type"]) == (200, "cors")
    assert CANARY in read["text"]
    await own.evaluate(AWAIT_CLEAR, url.replace("http:", "ws:"))
    heard = await named.evaluate(OPEN, url.replace("http:", "ws:"))
    assert heard["frames"]
    await own.evaluate("window.cleared")
    cleared = await own.evaluate(READ, [f"{session}/get-messages", {}])
    assert cleared["text"] == "[]"


async def test_where_all_pages_are_let_in_their_cookies_do_not_count(
    context: BrowserContext, public: Server, port: int
) -> None:
    own, session = await victim(context, public)
    before = await transcript(own, session)
    minted = await own.evaluate(READ, ["/agents/chat", {"method": "POST"}])
    assert minted["status"] == 201
    foreign, url = await visit(context, f"http://localhost:{port}/"), f"{public.address}{session}"
    read = await foreign.evaluate(READ, [f"{url}/get-messages", {"credentials": "include"}])
    assert read == {"blocked": "TypeError"}
    read = await foreign.evaluate(READ, [f"{url}/get-messages", {"credentials": "omit"}])
    assert read["status"] == 404
    assert await foreign.evaluate(OPEN, url.replace("http:", "ws:")) == {"code": 4404, "frames": []}
    # What a page asks for as somebody new does not make somebody new of the visitor.
    assert await transcript(own, session) == before
    # Nor does the cookie of a minted session name it.
    own_default = f"{public.address}/agents/chat/default".replace("http:", "ws:")
    heard = await foreign.evaluate(OPEN, own_default)
    assert not any('"name":"s-' in frame for frame in heard["frames"])
    heard = await own.evaluate(OPEN, own_default)
    assert any('"name":"s-' in frame for frame in heard["frames"]), heard
    assert await transcript(own, session) == before


async def test_a_name_that_was_turned_to_this_server_is_refused(
    context: BrowserContext, tmp_path: Path
) -> None:
    """DNS rebinding: the page is of the attacker's name, and so are its requests, which reach this server."""
    async with served(tmp_path, CUTTY_ACCESS__HOSTS="localhost,127.0.0.1", **VISITORS) as server:
        await _refuses_foreign_names(context, server)


async def test_on_loopback_without_a_rule_that_needs_no_setting(
    context: BrowserContext, tmp_path: Path
) -> None:
    async with served(tmp_path) as server:
        await _refuses_foreign_names(context, server)


async def test_under_a_name_that_is_not_refused_the_page_is_another_visitor(
    context: BrowserContext, strict: Server
) -> None:
    own, session = await victim(context, strict)
    before = await transcript(own, session)
    turned = await visit(context, f"http://rebound.test:{strict.port}/health")
    read = await turned.evaluate(READ, [f"{session}/get-messages", {"credentials": "include"}])
    assert read["status"] == 404
    url = f"ws://rebound.test:{strict.port}{session}"
    assert await turned.evaluate(OPEN, url) == {"code": 4404, "frames": []}
    assert await transcript(own, session) == before


async def _refuses_foreign_names(context: BrowserContext, server: Server) -> None:
    own, session = await victim(context, server)
    before = await transcript(own, session)
    turned = await visit(context, f"http://rebound.test:{server.port}/health")
    read = await turned.evaluate(READ, [f"{session}/get-messages", {}])
    assert read["status"] == 400
    assert "rebound.test" in read["text"]
    for method in ("POST", "DELETE"):
        refused = await turned.evaluate(READ, [session, {"method": method}])
        assert refused["status"] == 400
    url = f"ws://rebound.test:{server.port}{session}"
    assert await turned.evaluate(OPEN, url) == {"code": 4400, "frames": []}
    assert await transcript(own, session) == before
