"""The widget on a page, as a visitor uses it."""

from __future__ import annotations

from typing import Any, cast

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from e2e.chat_page import NETWORK_LOST, PICTURES, Socket
from e2e.waiting import News

_EVENTS = ("open", "close", "message", "answer", "action", "error", "session")
_LISTEN = """names => {
    window.cuttyEvents = [];
    for (const name of names) addEventListener(`cutty-${name}`, ({ detail }) => {
        window.cuttyEvents.push({ name, detail: JSON.parse(JSON.stringify(detail)) });
    });
}"""


class WidgetPage:
    """A tab with a page that embeds ``<cutty-chat>``. Playwright looks into open shadow roots by itself."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.news = News()
        self.sockets: list[Socket] = []
        self.problems: list[str] = []
        """Uncaught exceptions and errors on the console, except those of a lost network; violations of the policy are some."""
        page.on("websocket", lambda websocket: self.sockets.append(Socket(websocket, self.news)))
        page.on("console", self._wrote)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))

    @classmethod
    async def open(cls, context: BrowserContext, address: str) -> WidgetPage:
        """A new tab at this address; the panel is as the page has it."""
        widget = cls(await context.new_page())
        await widget.page.goto(address)
        await widget.page.evaluate(_LISTEN, list(_EVENTS))
        return widget

    @property
    def element(self) -> Locator:
        return self.page.locator("cutty-chat")

    @property
    def launcher(self) -> Locator:
        return self.page.locator("cutty-chat .launcher")

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def field(self) -> Locator:
        return self.panel.get_by_role("textbox")

    @property
    def answers(self) -> Locator:
        return self.panel.locator("[data-role=assistant]")

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("button", name=name, exact=True)

    async def unfold(self) -> None:
        await self.launcher.click()
        await expect(self.field).to_be_focused()

    async def ask(self, text: str) -> str:
        """Send, wait for the whole answer and give its visible text."""
        before = len(await self.happened("answer"))
        await self.field.fill(text)
        await self.field.press("Enter")
        await self.until_happened("answer", before + 1)
        await expect(self.button("Send")).to_be_visible()
        return (await self.answers.last.locator(".bubble").inner_text()).strip()

    async def happened(self, name: str) -> list[Any]:
        """The details of the events of this name, oldest first."""
        events = await self.page.evaluate(
            "name => window.cuttyEvents.filter(each => each.name === name).map(each => each.detail)", name
        )
        return cast("list[Any]", events)

    async def until_happened(self, name: str, count: int = 1) -> list[Any]:
        """Wait until there were so many events of this name."""
        await self.page.wait_for_function(
            "([name, count]) => window.cuttyEvents.filter(each => each.name === name).length >= count",
            arg=[name, count],
        )
        return await self.happened(name)

    async def session_id(self) -> str:
        await self.page.wait_for_function("() => document.querySelector('cutty-chat').sessionId !== null")
        return cast("str", await self.page.evaluate("document.querySelector('cutty-chat').sessionId"))

    async def picture(self, name: str) -> None:
        """Keep a picture for people to look at."""
        await self.page.screenshot(path=PICTURES / f"widget-{name}.png")

    def _wrote(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not NETWORK_LOST.search(message.text):
            self.problems.append(f"console: {message.text}")
