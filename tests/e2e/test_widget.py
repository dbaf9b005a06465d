"""``<cutty-chat>`` on pages of another origin whose content security policy allows nothing that is not needed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, WebSocketRoute, expect

from e2e.cable import Cable
from e2e.chat_page import NewProfile
from e2e.demo_answers import counted, greeting, recalled
from e2e.foreign_site import ForeignSite
from e2e.server import Server
from e2e.test_accessibility import AXE
from e2e.widget_page import WidgetPage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ATTRIBUTES = 'title="Tide help" placeholder="Ask about rain gear" greeting="Hello! What are you looking for?"'

# Milliseconds from the navigation to the focus in the field, and from sending to the first word on the screen.
_TIMES = """async () => {
    const widget = document.querySelector('cutty-chat');
    const until = async condition => {
        while (!condition()) await new Promise(requestAnimationFrame);
        return performance.now();
    };
    widget.open();
    const ready = await until(() => widget.shadowRoot.activeElement?.localName === 'textarea');
    await widget.send('count to 3');  // The first message also waits for the connection.
    await until(() => widget.messages.at(-1)?.role === 'assistant' && widget.messages.at(-1).parts.at(-1)?.state === 'done');
    const sent = performance.now();
    await widget.send('count to 3');
    const bubbles = () => widget.shadowRoot.querySelectorAll('.assistant .prose');
    const word = await until(() => bubbles().length === 2 && bubbles()[1].textContent);
    return [ready, word - sent];
}"""

OpenWidget = Callable[..., Awaitable[WidgetPage]]
"""Opens the page of a site in a new profile; takes the options of ``Browser.new_context`` and ``context``."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site() -> AsyncIterator[ForeignSite]:
    async with ForeignSite() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def open_server(tmp_path_factory: pytest.TempPathFactory, site: ForeignSite) -> AsyncIterator[Server]:
    """A server with that site on its allow-list; slow enough for whatever happens in the middle of an answer."""
    running = Server(tmp_path_factory.mktemp("open"), delay_ms=30.0, CUTTY_ALLOW_ORIGINS=site.origin)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
def shop(site: ForeignSite, open_server: Server) -> str:
    """The address of a page with the widget of the server that lets it in."""
    return site.embed(open_server.address, ATTRIBUTES)


@pytest_asyncio.fixture(loop_scope="session")
async def open_widget(new_profile: NewProfile) -> AsyncIterator[OpenWidget]:
    """Opens pages; after the test none of them may have had a problem."""
    opened: list[WidgetPage] = []

    async def open_it(address: str, context: BrowserContext | None = None, **options: Any) -> WidgetPage:
        context = context or (await new_profile(**options)).context
        opened.append(await WidgetPage.open(context, address))
        return opened[-1]

    yield open_it
    assert [widget.problems for widget in opened] == [[] for _ in opened]


async def test_a_conversation_on_a_foreign_page_with_a_strict_policy(
    open_widget: OpenWidget, shop: str, open_server: Server
) -> None:
    widget = await open_widget(shop)
    assert widget.sockets == []  # A page that is only looked at costs the server nothing.
    await widget.picture("closed")
    await widget.unfold()
    await expect(widget.panel).to_contain_text("Hello! What are you looking for?")
    assert await widget.ask("my name is Ada") == greeting("Ada")
    assert await widget.ask("what is my name?") == recalled("Ada")
    await widget.ask("show markdown")
    body = widget.answers.last
    await expect(body.get_by_role("heading", name="A heading")).to_be_visible()
    await expect(body.locator("table tbody tr")).to_have_count(2)
    await expect(body.get_by_role("link", name="link")).to_have_attribute("rel", "noopener noreferrer")
    await widget.picture("markdown")

    session = await widget.session_id()
    assert await widget.page.evaluate("sessionStorage.getItem('cutty-chat-session-id')") == session
    assert [message["role"] for message in await open_server.stored(session)] == ["user", "assistant"] * 3
    sent = await widget.happened("message")
    assert [message["text"] for message in sent] == ["my name is Ada", "what is my name?", "show markdown"]
    answers = await widget.happened("answer")
    assert [answer["outcome"] for answer in answers] == ["completed"] * 3
    assert answers[0]["text"] == greeting("Ada")
    assert await widget.happened("session") == [{"id": session, "previous": None}]


async def test_every_tab_has_its_own_conversation_and_keeps_it(open_widget: OpenWidget, shop: str) -> None:
    one = await open_widget(shop)
    two = await open_widget(shop, context=one.page.context)
    await one.unfold()
    await two.unfold()
    await one.ask("my name is Ada")
    assert (await two.ask("what is my name?")).startswith("I do not know.")
    session = await one.session_id()
    assert session != await two.session_id()

    await one.page.goto(f"{shop}next")  # The panel was open, so it is open on the next page.
    await expect(one.answers).to_have_count(1)
    assert await one.session_id() == session
    await one.page.evaluate("document.querySelector('cutty-chat').newSession()")
    await expect(one.answers).to_have_count(0)
    assert await one.session_id() != session


async def test_the_scope_browser_is_one_conversation_in_every_tab(
    open_widget: OpenWidget, site: ForeignSite, open_server: Server
) -> None:
    page = site.embed(open_server.address, 'scope="browser"')
    one = await open_widget(page)
    two = await open_widget(page, context=one.page.context)
    await one.unfold()
    await two.unfold()
    await one.ask("my name is Ada")
    await expect(two.answers).to_contain_text([greeting("Ada")])
    before = await one.session_id()
    await one.button("New conversation").click()
    await expect(two.answers).to_have_count(0)
    assert await one.session_id() == await two.session_id() != before


async def test_without_the_allow_list_the_panel_says_what_is_wrong(
    open_widget: OpenWidget, site: ForeignSite, server: Server
) -> None:
    widget = await open_widget(site.embed(server.address, ATTRIBUTES))
    await widget.launcher.click()
    alert = widget.panel.get_by_role("alert")
    await expect(alert).to_contain_text("This page may not use the chat.")
    await expect(alert).to_contain_text(site.origin)
    await expect(widget.field).to_be_disabled()
    errors = await widget.until_happened("error")
    assert errors[0]["code"] == 4403
    assert site.origin in errors[0]["message"]
    await widget.picture("refused")
    await widget.button("Try again").click()
    await widget.until_happened("error", 2)
    assert len(widget.sockets) == 2  # Nothing is tried again by itself.


async def test_a_lost_network_loses_no_word(
    open_widget: OpenWidget, site: ForeignSite, open_server: Server
) -> None:
    async with Cable(open_server.port) as cable:
        widget = await open_widget(site.embed(cable.address, ATTRIBUTES))
        await widget.unfold()
        await widget.field.fill("count to 60")
        await widget.field.press("Enter")
        await expect(widget.answers.last).to_contain_text("1 2 3 4 5")
        cable.cut()
        await expect(widget.panel).to_contain_text("Reconnecting…")
        cable.mend()
        await expect(widget.answers.last.locator(".bubble")).to_have_text(counted(60))
        await expect(widget.answers).to_have_count(1)
        await expect(widget.button("Send")).to_be_visible()

        cable.cut()
        await expect(widget.panel).to_contain_text("Reconnecting…")
        await widget.field.fill("my name is Ada")
        await widget.field.press("Enter")
        await expect(widget.panel.locator("[data-role=user]").last).to_contain_text("my name is Ada")
        cable.mend()
        await expect(widget.answers.last.locator(".bubble")).to_have_text(greeting("Ada"))
        stored = await open_server.stored(await widget.session_id())
        assert [message["role"] for message in stored] == ["user", "assistant"] * 2


async def test_a_reload_in_mid_answer_shows_every_word_once(open_widget: OpenWidget, shop: str) -> None:
    widget = await open_widget(shop)
    await widget.unfold()
    await widget.field.fill("count to 60")
    await widget.field.press("Enter")
    await expect(widget.answers.last).to_contain_text("1 2 3 4 5")
    await widget.page.reload()
    await expect(widget.answers.last.locator(".bubble")).to_have_text(counted(60))
    await expect(widget.answers).to_have_count(1)


async def test_stop_keeps_what_was_said_and_an_error_can_be_tried_again(
    open_widget: OpenWidget, shop: str, open_server: Server
) -> None:
    widget = await open_widget(shop)
    await widget.unfold()
    await widget.field.fill("count to 60")
    await widget.field.press("Enter")
    await expect(widget.answers.last).to_contain_text("1 2 3 4 5")
    await widget.button("Stop the answer").click()
    answers = await widget.until_happened("answer")
    assert answers[0]["outcome"] == "aborted"
    assert counted(60).startswith(answers[0]["text"])

    await widget.field.fill("fail")
    await widget.field.press("Enter")
    alert = widget.panel.get_by_role("alert")
    await expect(alert).to_contain_text("The demo model failed")
    await widget.picture("failed")
    await alert.get_by_role("button", name="Try again").click()
    await widget.until_happened("error", 2)
    session = await widget.session_id()
    await widget.page.evaluate("document.querySelector('cutty-chat').clear()")
    await expect(widget.answers).to_have_count(0)
    await widget.ask("count to 3")
    assert len(await open_server.stored(session)) == 2


async def test_the_agent_acts_on_the_page_unless_the_page_objects(
    new_profile: NewProfile, open_widget: OpenWidget, shop: str
) -> None:
    context = (await new_profile()).context
    routes: list[WebSocketRoute] = []

    def listen_in(route: WebSocketRoute) -> None:
        route.connect_to_server()
        routes.append(route)

    await context.route_web_socket("**/agents/**", listen_in)
    widget = await open_widget(shop, context=context)
    await widget.unfold()
    await widget.ask("my name is Ada")  # There is a connection now.

    async def act(action: str, data: object, count: int) -> None:
        routes[-1].send(json.dumps({"type": "action", "action": action, "data": data}))
        await widget.until_happened("action", count)

    fields = {"name": "Ada", "city": "Oslo", "size": "M", "gift": True, "password": "secret"}
    await act("FILL_FORM", {"form": "order", "fields": fields}, 1)
    order = widget.page.locator("#order")
    await expect(order.get_by_label("Name")).to_have_value("Ada")
    await expect(order.get_by_label("City")).to_have_value("Oslo")
    await expect(order.get_by_label("Size")).to_have_value("M")
    await expect(order.get_by_label("Gift")).to_be_checked()
    await expect(order.get_by_label("Password")).to_have_value("")
    assert "password" in (await widget.until_happened("error"))[-1]["message"]

    await act("SHOW_MESSAGE", {"message": "Your basket is saved.", "type": "success"}, 2)
    await expect(widget.panel.get_by_text("Your basket is saved.")).to_be_visible()
    await widget.picture("message")
    await act("GENERATE_DATA", {"rows": 10}, 3)
    assert (await widget.happened("action"))[-1] == {"action": "GENERATE_DATA", "data": {"rows": 10}}

    for elsewhere in ("https://example.com/", "javascript:alert(1)", "//example.com"):
        before = len(await widget.happened("error"))
        routes[-1].send(json.dumps({"type": "action", "action": "NAVIGATE", "data": {"path": elsewhere}}))
        await widget.until_happened("error", before + 1)
    assert widget.page.url == shop

    await widget.page.evaluate(
        "addEventListener('cutty-action', event => event.preventDefault(), { once: true })"
    )
    await act("NAVIGATE", {"path": "upload"}, 7)
    assert widget.page.url == shop
    routes[-1].send(json.dumps({"type": "action", "action": "NAVIGATE", "data": {"path": "upload"}}))
    await widget.page.wait_for_url(f"{shop}upload")
    await expect(widget.answers).to_have_count(1)


async def test_blocked_storage_does_not_keep_anyone_from_talking(
    new_profile: NewProfile, open_widget: OpenWidget, shop: str
) -> None:
    context = (await new_profile()).context
    await context.add_init_script(
        """for (const name of ["sessionStorage", "localStorage"]) {
            Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
        }"""
    )
    widget = await open_widget(shop, context=context)
    await widget.unfold()
    await widget.ask("my name is Ada")
    assert await widget.ask("what is my name?") == recalled("Ada")


async def test_the_keyboard_and_a_screen_reader(open_widget: OpenWidget, shop: str) -> None:
    widget = await open_widget(shop)
    await widget.launcher.focus()
    await expect(widget.launcher).to_have_accessible_name("Open Tide help")
    await widget.page.keyboard.press("Enter")
    await expect(widget.field).to_be_focused()
    await expect(widget.launcher).to_have_attribute("aria-expanded", "true")
    await expect(widget.panel).to_have_accessible_name("Tide help")
    await widget.ask("my name is Ada")
    announced = widget.page.locator("cutty-chat [aria-live=polite]")
    await expect(announced).to_have_text(f"Tide help: {greeting('Ada')}")
    await widget.page.keyboard.press("Escape")
    await expect(widget.panel).to_be_hidden()
    await expect(widget.launcher).to_be_focused()

    # An answer that comes while the panel is closed is counted on the button.
    await widget.page.evaluate("document.querySelector('cutty-chat').send('count to 3')")
    await widget.until_happened("answer", 2)
    await expect(widget.launcher).to_have_accessible_name("Open Tide help, 1 new")
    await widget.picture("unread")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(scheme: str, open_widget: OpenWidget, shop: str) -> None:
    assert AXE.is_file(), f"{AXE} is missing; run npm --prefix web ci"
    widget = await open_widget(shop, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    await widget.page.add_script_tag(path=AXE)
    assert await _violations(widget) == []
    await widget.unfold()
    await widget.ask("weather in Oslo")
    await widget.ask("think about cuttlefish")
    await widget.ask("show markdown")
    await widget.picture(f"conversation-{scheme}")
    await widget.field.fill("fail")
    await widget.field.press("Enter")
    await expect(widget.panel.get_by_role("alert")).to_be_visible()
    assert await _violations(widget) == []
    await widget.picture(f"error-{scheme}")


async def test_a_narrow_screen(open_widget: OpenWidget, shop: str) -> None:
    widget = await open_widget(shop, viewport={"width": 320, "height": 568}, has_touch=True)
    await widget.unfold()
    await widget.ask("show markdown")
    for control in ("New conversation", "Close", "Send"):
        await expect(widget.button(control)).to_be_in_viewport(ratio=1)
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await widget.page.evaluate(sideways) == 0
    log = widget.panel.get_by_role("log")
    assert await log.evaluate("log => log.scrollWidth - log.clientWidth") == 0
    await widget.picture("narrow")
    await widget.button("Close").click()
    await expect(widget.launcher).to_be_in_viewport(ratio=1)


async def test_one_can_write_at_once_and_the_answer_begins_at_once(
    open_widget: OpenWidget, shop: str
) -> None:
    widget = await open_widget(shop)
    ready, first_word = await widget.page.evaluate(_TIMES)
    assert ready < 1000, f"{ready:.0f} ms from the navigation until one can write"
    # 30 to 50 ms on a quiet machine; the rest is room for a busy one.
    assert first_word < 500, f"{first_word:.0f} ms from sending to the first word"


async def test_foreign_pages_may_import_the_session_helper(
    new_profile: NewProfile, open_widget: OpenWidget, shop: str, open_server: Server
) -> None:
    widget = await open_widget(shop)
    found = await widget.page.evaluate(
        """async address => {
            const { getSessionId, websocketUrl } = await import(address);
            const id = await getSessionId({ agent: "chat", scope: "tab" });
            return [id, websocketUrl({ host: new URL(address).origin, id })];
        }""",
        f"{open_server.address}/client/session.js",
    )
    await widget.unfold()
    # The widget brings its own copy of the helper; both know the same session.
    assert await widget.session_id() == found[0]
    assert found[1] == f"{open_server.address.replace('http', 'ws')}/agents/chat/{found[0]}"


async def _violations(widget: WidgetPage) -> list[str]:
    """What axe-core calls serious or critical inside the widget: the rule, and where."""
    found: list[dict[str, Any]] = await widget.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)"
    )
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
