"""The chat page as a visitor uses it, with its frames and its mistakes in view."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page, WebSocket, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from e2e.waiting import PATIENCE_S, News

STORAGE_KEY = "cutty-chat-session-id"
PICTURES = Path(__file__).parents[2] / "test-results" / "e2e"

RESPONSE = "cf_agent_use_chat_response"

# What Chromium itself writes when a network goes away, which is what some tests do to it.
NETWORK_LOST = re.compile(r"WebSocket connection to '.*' failed|Failed to load resource: net::ERR_")

_MESSAGES = """all => all.map(message => [
    message.dataset.role,
    message.querySelector('[data-testid=message-body]').innerText.split(/\\s+/).filter(Boolean).join(" "),
])"""

_IS_IN = "state => document.querySelector('[data-testid=status]')?.dataset.state === state"
_COUNTS = "count => document.querySelectorAll('[data-testid=message]').length === count"
_READS = """text => [
    ...document.querySelectorAll('[data-testid=message][data-role=assistant] [data-testid=message-body]'),
].at(-1)?.textContent.includes(text)"""

Said = list[tuple[str, str]]
"""Role and visible words of each message, oldest first; how they are broken into lines does not count."""


class Socket:
    """One WebSocket of a page: its frames in both directions and whether it is closed."""

    def __init__(self, websocket: WebSocket, news: News) -> None:
        self.url = websocket.url
        self.received: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._news = news
        websocket.on("framereceived", lambda payload: self._note(self.received, payload))
        websocket.on("framesent", lambda payload: self._note(self.sent, payload))
        websocket.on("close", lambda _: self._close())

    def deltas(self, *, replayed: bool) -> list[str]:
        """The pieces of text that came over this socket, live or as a replay."""
        answers = [
            frame
            for frame in self.received
            if frame.get("type") == RESPONSE and frame.get("body") and not frame.get("error")
        ]
        chunks = [json.loads(frame["body"]) for frame in answers if bool(frame.get("replay")) is replayed]
        return [chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta"]

    def _note(self, frames: list[dict[str, Any]], payload: str | bytes) -> None:
        frames.append(json.loads(payload))
        self._news.tell()

    def _close(self) -> None:
        self.closed = True
        self._news.tell()


class ChatPage:
    """A tab. Create it before the page loads, so that nothing is missed."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.news = News()
        self.sockets: list[Socket] = []
        self.problems: list[str] = []
        """Uncaught exceptions, dialogs and errors on the console, except those of a lost network."""
        page.on("websocket", self._opened)
        page.on("console", self._wrote)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("dialog", self._asked)

    @property
    def answer(self) -> Locator:
        """The text of the newest answer."""
        return self.part('[data-role="assistant"]').last.get_by_test_id("message-body")

    @property
    def composer(self) -> Locator:
        return self.page.get_by_test_id("composer")

    def part(self, of: str = "") -> Locator:
        """Messages, all or those a CSS attribute selector names."""
        return self.page.locator(f'[data-testid="message"]{of}')

    def button(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    async def is_in(self, state: str) -> None:
        """Wait until the header says that the session is in this state."""
        await self._until_shown(_IS_IN, state, f"the state {state}")

    async def send(self, text: str) -> None:
        """Write and send, as soon as the page lets its visitor."""
        await self.composer.fill(text)
        await expect(self.button("send")).to_be_enabled()
        await self.composer.press("Enter")  # Works in a tab in the background too, where a mouse cannot be.

    async def click(self, test_id: str) -> None:
        """Come to this tab and click, on the newest of several such buttons."""
        await self.page.bring_to_front()
        await self.button(test_id).last.click()

    async def ask(self, text: str) -> str:
        """Send, wait for the whole answer and give its visible text."""
        before = await self.part().count()
        await self.send(text)
        await self.counts(before + 2)
        await self.is_in("ready")
        return (await self.answer.inner_text()).strip()

    async def reads(self, text: str) -> None:
        """Wait until the newest answer contains ``text``."""
        await self._until_shown(_READS, text, f"an answer with {text!r}")

    async def counts(self, messages: int) -> None:
        """Wait until the page shows so many messages."""
        await self._until_shown(_COUNTS, messages, f"{messages} messages")

    async def messages(self) -> Said:
        return [(role, text) for role, text in await self.part().evaluate_all(_MESSAGES)]

    async def message_ids(self) -> list[str]:
        ids: list[str] = await self.part().evaluate_all("all => all.map(each => each.dataset.messageId)")
        return ids

    async def session_id(self) -> str:
        """The id under which the page is connected, from the address of its newest socket."""
        await self.news.until(lambda: bool(self.sockets), "a WebSocket of the page")
        found = re.search(r"/agents/chat/([^/?]+)", self.sockets[-1].url)
        assert found is not None, f"not the address of a session: {self.sockets[-1].url}"
        return found[1]

    async def stored_id(self) -> str | None:
        """What the tab keeps over a reload."""
        stored: str | None = await self.page.evaluate("key => sessionStorage.getItem(key)", STORAGE_KEY)
        return stored

    async def reload(self) -> None:
        await self.page.reload()
        await expect(self.page.get_by_test_id("status")).to_be_visible()

    async def until(self, condition: Callable[[], bool], wanted: str) -> None:
        """Wait for something about the frames, the sockets or the problems of this tab."""
        await self.news.until(condition, wanted)

    async def gets_another_socket(self) -> None:
        """Wait until the page has opened one more socket and is greeted on it."""
        before = len(self.sockets)
        await self.until(
            lambda: len(self.sockets) > before and bool(self.sockets[-1].received), "another socket"
        )

    async def picture(self, name: str) -> None:
        """Keep a picture of the page for people to look at."""
        await self.page.bring_to_front()
        await self.page.screenshot(path=PICTURES / f"{name}.png")

    def forgive(self, pattern: str) -> None:
        """Drop the problems a test has provoked on purpose; it must have provoked one."""
        left = [problem for problem in self.problems if not re.search(pattern, problem)]
        assert left != self.problems, f"no problem matches {pattern!r}: {self.problems}"
        self.problems = left

    async def _until_shown(self, condition: str, argument: str | int, wanted: str) -> None:
        # The assertions of Playwright look again after up to a second, which is too late for a moment in an answer.
        try:
            await self.page.wait_for_function(condition, arg=argument, polling=20, timeout=PATIENCE_S * 1000)
        except PlaywrightTimeout:
            shown = (await self.page.locator("body").inner_text())[-1000:]
            raise AssertionError(f"waited {PATIENCE_S:.0f} s for {wanted}; the page ends:\n{shown}") from None

    def _opened(self, websocket: WebSocket) -> None:
        self.sockets.append(Socket(websocket, self.news))
        self.news.tell()

    def _wrote(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not NETWORK_LOST.search(message.text):
            self.problems.append(f"console: {message.text}")
            self.news.tell()

    async def _asked(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        await dialog.dismiss()


class Profile:
    """A browser profile: tabs that share cookies and local storage, and nothing with other profiles."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.tabs: list[ChatPage] = []

    async def tab(self, address: str, *, state: str = "ready") -> ChatPage:
        """Open a tab there and wait until the page is in this state."""
        tab = self.adopt(await self.context.new_page())
        await tab.page.goto(address)
        await tab.is_in(state)
        return tab

    def adopt(self, page: Page) -> ChatPage:
        """Take in a page that the browser has opened by itself."""
        self.tabs.append(ChatPage(page))
        return self.tabs[-1]

    def problems(self) -> list[str]:
        return [problem for tab in self.tabs for problem in tab.problems]


NewProfile = Callable[..., Awaitable[Profile]]
"""Makes a profile; takes the options of Playwright's ``Browser.new_context``."""
