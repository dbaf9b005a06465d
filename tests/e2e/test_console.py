"""The operator's console: signing in, what it shows, and how it is got around in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from e2e.chat_page import NewProfile, Profile
from e2e.console_page import ConsolePage, open_console, signed_in
from e2e.operated import Operated

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


# -- signing in


async def test_signing_in_wants_a_token_and_ends_with_the_tab(profile: Profile, operated: Operated) -> None:
    console = await open_console(profile, operated, "limits")
    await console.part("token").fill("not the token")
    await console.part("signin-submit").click()
    await expect(console.part("problem")).to_be_visible()
    await expect(console.part("remedy")).not_to_be_empty()
    console.tab.forgive("401")

    await console.sign_in()
    await expect(console.part("limits")).to_be_visible()  # The view the address asked for.
    await expect(console.part("who")).to_contain_text("operator")
    await expect(console.part("scopes")).to_have_text("view and act")
    kept: list[Any] = await console.page.evaluate(
        "[JSON.stringify(Object.entries(localStorage)), document.cookie, Object.values(sessionStorage)]"
    )
    assert operated.token not in kept[0] + kept[1]
    assert operated.token in kept[2]

    await console.page.reload()
    await expect(console.part("limits")).to_be_visible()
    await open_console(profile, operated)  # Another tab knows nothing of it.
    await console.part("sign-out").click()
    await expect(console.part("signin")).to_be_visible()
    assert await console.page.evaluate("sessionStorage.length") == 0


async def test_a_token_that_is_refused_later_leads_back_to_the_sign_in(
    profile: Profile, operated: Operated
) -> None:
    console = await open_console(profile, operated, "audit")
    await console.sign_in(operated.user("leaver", "cutty:view"))
    await expect(console.part("who")).to_contain_text("user:leaver")
    revoked = await operated.admin("revocations", method="POST", json={"key": "user:leaver"})
    assert revoked.status_code == 200
    await console.go("config")
    await expect(console.part("signin")).to_be_visible()
    await expect(console.part("problem")).to_be_visible()
    console.tab.forgive("401")


async def test_who_may_only_look_can_do_nothing(profile: Profile, operated: Operated) -> None:
    console = await open_console(profile, operated, "sessions/chat/anna-1?tab=state")
    watcher = operated.user("watcher", "cutty:view")
    await console.sign_in(watcher)
    await expect(console.part("scopes")).to_have_text("view only")
    for action in ("stop", "park", "export", "expire", "erase", "state-edit"):
        await expect(console.part(action)).to_be_disabled()
    await console.go("principals/user%3Aanna")
    await expect(console.part("session-table")).to_be_visible()
    for action in ("principal-export", "principal-revoke", "principal-erase"):
        await expect(console.part(action)).to_be_disabled()
    refused = await operated.admin("sessions/chat/anna-1", method="DELETE", token=watcher)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "access.forbidden")
    assert await operated.exists("anna-1")
    console = await open_console(profile, operated)
    await console.part("token").fill(operated.user("visitor"))
    await console.part("signin-submit").click()
    await expect(console.part("remedy")).to_contain_text("cutty:view")
    console.tab.forgive("401")


# -- overview


async def test_the_figures_are_those_of_the_api(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated, "overview?range=24h")
    await console.part("figures").locator("summary").click()
    told = await operated.told("overview")
    totals, now = told["totals"], told["now"]
    assert totals["turns"] == 6
    assert totals["errors"] == 1
    shown = {
        "Turns": "turns",
        "Failed": "errors",
        "Stopped": "aborted",
        "Messages": "messages",
        "New sessions": "sessions_created",
        "Active": "sessions_active",
        "Returning": "sessions_returning",
        "Tokens in": "input_tokens",
        "Tokens out": "output_tokens",
    }
    row = console.part("totals")
    for column, name in shown.items():
        await expect(row.locator(f'[data-column="{column}"]')).to_have_text(f"{totals[name]:,}")
    await expect(console.part("chart-turns-total")).to_have_text(str(totals["turns"]))
    await expect(console.part("now-sessions")).to_have_text(str(now["sessions"]))
    await expect(console.part("now-parked")).to_have_text("0")
    await console.part("top-owner").click()
    used = (await operated.told("usage", by="owner"))["rows"]
    for owner in used:
        cells = console.page.locator(f'[data-testid="usage-owner"] tr[data-key="{owner["key"]}"] td')
        await expect(cells.nth(1)).to_have_text(str(owner["turns"]))
        await expect(cells.nth(4)).to_have_text(str(owner["input_tokens"]))
    assert {owner["key"] for owner in used} == {"user:anna", "user:ben/x"}


async def test_charts_are_drawn_and_read_with_the_keyboard(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated)
    charts = console.page.locator(".chart-box")
    await expect(charts).to_have_count(8)
    for chart in await charts.all():
        await expect(chart.locator("canvas")).to_be_visible()
    box = console.part("chart-turns").locator(".chart-box")
    await box.focus()
    await box.press("End")
    legend = console.part("chart-turns").locator(".legend")
    turns = (await operated.told("overview"))["points"][-1]
    done = turns["turns"] - turns["errors"] - turns["aborted"]
    await expect(legend).to_contain_text(f"completed{done}")
    await expect(legend).to_contain_text(f"failed{turns['errors']}")
    await console.part("range-30d").click()
    await expect(console.page).to_have_url(re.compile(r"range=30d"))
    await expect(console.part("range-30d")).to_have_attribute("aria-pressed", "true")
    await console.part("agent").fill("nothing-of-that-name")
    await console.part("agent").press("Enter")
    await expect(console.part("chart-turns-total")).to_have_text("0")


# -- what it shows of a session, and of the server


async def test_what_visitors_wrote_is_text(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated)
    await console.session("ben-1")
    said = console.page.locator('[data-testid="message"][data-role="user"]').first
    await expect(said).to_contain_text("<img src=x onerror=alert(1)> **no**")
    for reading in ("markdown", "text", "json"):
        await console.part(f"reading-{reading}").click()
        await expect(console.part("message")).to_have_count(4)
        assert await console.page.locator("main img").count() == 0
    await console.session("anna-2")
    await expect(console.page.locator(".prose table")).to_be_visible()


async def test_turns_show_what_they_did_when(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated)
    await console.session("anna-1", "turns")
    turns = (await operated.told("sessions/chat/anna-1/turns"))["turns"]
    shown = console.part("turn")
    await expect(shown).to_have_count(len(turns))
    for index, turn in enumerate(reversed(turns)):
        await expect(shown.nth(index)).to_have_attribute("data-turn", turn["id"])
        await expect(shown.nth(index)).to_have_attribute("data-outcome", turn["outcome"])
        await expect(shown.nth(index)).to_contain_text(f"{turn['input_tokens']}/{turn['output_tokens']}")
    await expect(shown.nth(0)).to_contain_text("The demo model failed, as it was asked to.")
    weather = shown.nth(1)
    await weather.locator("summary").click()
    spans = next(turn["spans"] for turn in turns if turn["tools"])
    bars = weather.get_by_test_id("gantt").locator("li")
    await expect(bars).to_have_count(len(spans))
    for index, span in enumerate(spans):
        await expect(bars.nth(index)).to_have_attribute("data-kind", span["kind"])
        await expect(bars.nth(index)).to_contain_text(span["name"])
    assert {span["kind"] for span in spans} == {"model", "tool"}
    await console.picture("turns")


async def test_the_configuration_is_shown_without_its_secrets(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated, "config")
    secret = console.page.locator('[data-setting="access.jwt.secret"]')
    await expect(secret).to_contain_text("••••")
    assert "a secret of these tests" not in await console.page.content()
    await console.part("only-changed").check()
    await expect(console.page.locator('[data-setting="demo_delay_ms"]')).to_contain_text("5")
    await expect(console.page.locator('[data-setting="host"]')).to_have_count(0)


async def test_an_address_that_leads_nowhere_says_so(profile: Profile, operated: Operated) -> None:
    console = await signed_in(profile, operated, "sessions/chat/nobody-knows")
    await expect(console.part("problem")).to_contain_text("nobody-knows")
    await expect(console.part("remedy")).not_to_be_empty()
    console.tab.forgive("404")
    await console.go("no/such/view")
    await expect(console.part("page-title")).to_have_text("There is no such view")


VIEWS = {
    "overview": "overview",
    "sessions": "sessions",
    "session": "sessions/chat/anna-1",
    "session-turns": "sessions/chat/anna-1?tab=turns",
    "session-state": "sessions/chat/anna-1?tab=state",
    "session-live": "sessions/chat/anna-1?tab=live",
    "session-people": "sessions/chat/anna-1?tab=people",
    "principals": "principals",
    "principal": "principals/user%3Aanna",
    "limits": "limits",
    "audit": "audit",
    "config": "config",
}


async def views(console: ConsolePage) -> AsyncIterator[str]:
    """Every view in turn, loaded."""
    for name, view in VIEWS.items():
        await console.go(view)
        await expect(console.part(name.partition("-")[0])).to_be_visible()
        await expect(console.page.get_by_label("Loading")).to_have_count(0)
        yield name


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_any_view(
    scheme: str, new_profile: NewProfile, operated: Operated
) -> None:
    await operated.set_state("anna-1", {"mood": "curious", "notes": ["likes cuttlefish"], "step": 3})
    profile = await new_profile(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    console = await open_console(profile, operated)
    assert await console.violations() == []
    await console.picture(f"sign-in-{scheme}")
    await console.sign_in()
    async for name in views(console):
        assert await console.violations() == [], name
        await console.picture(f"{name}-{scheme}")
    await console.session("anna-1")
    await console.part("erase").click()
    assert await console.violations() == []
    await console.picture(f"erase-{scheme}")
    await console.part("confirm-no").click()
    await console.page.keyboard.press("?")
    assert await console.violations() == []


async def test_a_phone_shows_every_view_without_scrolling_sideways(
    new_profile: NewProfile, operated: Operated
) -> None:
    profile = await new_profile(viewport={"width": 390, "height": 844}, has_touch=True)
    console = await signed_in(profile, operated)
    for view in ("overview", "sessions", "principals", "limits", "audit", "config"):
        await expect(console.part(f"nav-{view}")).to_be_in_viewport(ratio=1)
    async for name in views(console):
        assert await console.sideways() == 0, name
        await console.picture(f"phone-{name}")
    await console.go("sessions")
    await console.page.locator(".vrow").first.tap()
    await expect(console.part("session")).to_be_visible()
