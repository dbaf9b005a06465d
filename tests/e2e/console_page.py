"""The console as an operator uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Locator, expect

from e2e.chat_page import ChatPage, Profile
from e2e.operated import Operated

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = Path(__file__).parents[2] / "test-results" / "console"

_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class ConsolePage:
    """A tab with the console."""

    def __init__(self, tab: ChatPage, operated: Operated) -> None:
        self.tab = tab
        self.page = tab.page
        self._operated = operated

    def part(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    async def sign_in(self, token: str | None = None) -> None:
        """With the operator's token, unless another is given; the view of the address is open then."""
        await self.part("token").fill(token or self._operated.token)
        await self.part("signin-submit").click()
        await expect(self.part("who")).to_be_visible()

    async def go(self, view: str) -> None:
        """Open a view by its address, as a link does."""
        await self.page.evaluate("view => { location.hash = view }", f"#/{view}")

    async def session(self, session: str, tab: str = "transcript") -> None:
        await self.go(f"sessions/chat/{session}?tab={tab}")
        await expect(self.part("page-title")).to_have_text(session)
        await expect(self.part("facts")).to_be_visible()

    async def confirm(self, action: str, *, typed: str | None = None) -> None:
        """Ask for an action and say yes; where it wants something typed, nothing else will do."""
        await self.part(action).click()
        if typed is not None:
            await expect(self.part("confirm-yes")).to_be_disabled()
            await self.part("confirm-typed").fill(typed[:-1])
            await expect(self.part("confirm-yes")).to_be_disabled()
            await self.part("confirm-typed").fill(typed)
        await self.part("confirm-yes").click()

    async def done(self, text: str) -> None:
        """Wait until the page says that it is done."""
        await expect(self.part("notice")).to_contain_text(text)
        await expect(self.part("confirm")).to_have_count(0)

    async def rows(self) -> list[str]:
        """The keys of the table's rows that are drawn, from top to bottom."""
        keys: list[str] = await self.page.locator(".vrow").evaluate_all(
            "all => all.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map(row => row.dataset.key)"
        )
        return keys

    async def sideways(self) -> int:
        """Pixels by which the page is wider than the window."""
        wider: int = await self.page.evaluate(_SIDEWAYS)
        return wider

    async def violations(self) -> list[str]:
        """What axe-core calls serious or critical: the rule, and where. The profile must bypass the page's policy."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.add_script_tag(path=AXE)
        found: list[dict[str, Any]] = await self.page.evaluate(
            "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)"
        )
        return [
            f"{each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
            for each in found
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]

    async def picture(self, name: str) -> None:
        await self.page.bring_to_front()
        await self.page.screenshot(path=PICTURES / f"{name}.png")


async def open_console(profile: Profile, operated: Operated, view: str = "", **options: Any) -> ConsolePage:
    """A new tab at the sign-in of a view."""
    console = ConsolePage(profile.adopt(await profile.context.new_page()), operated)
    await console.page.goto(f"{operated.console}{f'#/{view}' if view else ''}", **options)
    await expect(console.part("signin")).to_be_visible()
    return console


async def signed_in(profile: Profile, operated: Operated, view: str = "") -> ConsolePage:
    """A new tab at a view, signed in as the operator."""
    console = await open_console(profile, operated, view)
    await console.sign_in()
    return console
