"""What an operator does in the console, each action by its effect on the server and its record in the audit log."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Download, expect

from e2e.chat_page import Profile
from e2e.console_page import ConsolePage, signed_in
from e2e.operated import Operated

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def operated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operated]:
    running = Operated(tmp_path_factory.mktemp("actions"))
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def console(profile: Profile, operated: Operated) -> ConsolePage:
    return await signed_in(profile, operated)


async def test_stop_ends_the_answer_where_it_is(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("ada", "stopped", "my name is Ada")
    await console.session("stopped", "turns")
    await expect(console.part("stop")).to_be_disabled()  # Nothing runs.
    async with operated.asking("ada", "stopped", "count to 2000") as answer:
        pieces = answer.aiter_lines()
        await anext(pieces)
        await expect(console.part("fact-now")).to_contain_text("answering")
        await expect(console.page.locator('[data-outcome="open"]')).to_be_visible()
        await console.confirm("stop")
        await console.done("Stopped")
        rest = [line async for line in pieces]
    assert "2000" not in "".join(rest)
    turn = (await operated.told("sessions/chat/stopped/turns"))["turns"][-1]
    assert (turn["open"], turn["outcome"]) == (False, "aborted")
    await expect(console.part("turn").first).to_have_attribute("data-outcome", "aborted")
    assert [entry["actor"] for entry in await operated.audited("session.stopped", "stopped")] == ["operator"]


async def test_park_lets_no_turn_run_and_unpark_does(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("ada", "parked", "my name is Ada")
    await console.session("parked")
    await console.part("park").click()
    await console.part("park-reason").fill("A look at the bill first.")
    await console.part("confirm-yes").click()
    await console.done("Parked")
    await expect(console.part("parked")).to_contain_text("A look at the bill first.")
    async with operated.asking("ada", "parked", "what is my name?") as answer:
        refused = await answer.aread()
    assert answer.status_code != 200
    assert json.loads(refused)["error"]["code"] == "session.parked"
    await console.go("limits")
    row = console.page.locator('[data-testid="parked-table"] tr[data-key="chat/parked"]')
    await expect(row).to_contain_text("A look at the bill first.")
    await console.picture("parked")
    await row.get_by_test_id("unpark-row").click()
    await console.part("confirm-yes").click()
    await console.done("Unparked")
    await expect(console.part("none-parked")).to_be_visible()
    await operated.ask("ada", "parked", "what is my name?")
    await console.session("parked")
    await console.confirm("park")
    await console.done("Parked")
    await console.confirm("unpark")
    await console.done("Unparked")
    await expect(console.part("parked")).to_have_count(0)
    assert (await operated.told("sessions/chat/parked"))["parked"] is None
    assert len(await operated.audited("session.parked", "parked")) == 2
    assert len(await operated.audited("session.unparked", "parked")) == 2


async def test_export_is_saved_as_a_zip_of_the_session(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("ada", "exported", "my name is Ada")
    await console.session("exported")
    async with console.page.expect_download() as saving:
        await console.confirm("export")
    saved = await saving.value
    assert saved.suggested_filename == "exported.zip"
    assert b"my name is Ada" in await _content(saved)
    await console.done("Exported")
    assert len(await operated.audited("session.exported", "exported")) == 1


async def test_expire_ends_a_session_now(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("ada", "expired", "my name is Ada")
    await console.session("expired")
    await console.part("expire").click()
    await console.part("confirm-no").click()
    assert await operated.exists("expired")
    await console.confirm("expire")
    await console.done("Expired")
    await expect(console.part("sessions")).to_be_visible()
    assert not await operated.exists("expired")
    assert len(await operated.audited("session.expired", "expired")) == 1


async def test_erase_wants_the_id_and_gives_a_receipt(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("ada", "erased", "my name is Ada")
    await console.session("erased")
    await console.confirm("erase", typed="erased")
    await console.done("2 messages, 1 turn.")
    await expect(console.part("sessions")).to_be_visible()
    assert not await operated.exists("erased")
    await console.go("audit?action=session.erased&session=chat%2Ferased")
    await expect(console.part("loaded")).to_have_text("1 shown")
    await console.page.locator(".vrow").click()
    await expect(console.part("audit-entry")).to_contain_text("chat/erased")
    await console.picture("audit-entry")


async def test_an_action_that_fails_says_why_and_how_to_go_on(
    console: ConsolePage, operated: Operated
) -> None:
    await operated.ask("ada", "gone", "my name is Ada")
    await console.session("gone")
    await console.part("park").click()
    await operated.admin("sessions/chat/gone", method="DELETE")
    await console.part("confirm-yes").click()
    problem = console.part("confirm").get_by_test_id("problem")
    await expect(problem).to_contain_text("There is no session chat/gone")
    await expect(problem.get_by_test_id("remedy")).not_to_be_empty()
    console.tab.forgive("404")


async def test_the_state_is_edited_with_its_changes_in_view(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("ada", "state", "my name is Ada")
    await operated.set_state("state", {"mood": "calm", "count": 1})
    await console.session("state", "state")
    await expect(console.part("state-text")).to_contain_text('"mood": "calm"')
    await console.part("state-edit").click()
    field = console.part("state-field")
    await field.fill('{"mood": "calm", "count": 2')
    await expect(console.part("state-look")).to_be_disabled()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.fill('{"mood": "calm", "count": 12345678901234567890}')
    await operated.set_state("state", {"mood": "wild", "count": 1})  # Somebody is quicker.
    await console.part("state-look").click()
    await expect(console.part("state-moved")).to_be_visible()
    diff = console.part("diff")
    removed, added = diff.locator('[data-kind="removed"]'), diff.locator('[data-kind="added"]')
    assert [await removed.nth(at).locator("td").last.inner_text() for at in (0, 1)] == [
        '  "mood": "wild",',
        '  "count": 1',
    ]
    assert [await added.nth(at).locator("td").last.inner_text() for at in (0, 1)] == [
        '  "mood": "calm",',
        '  "count": 12345678901234567890',
    ]
    await console.picture("state-diff")
    await console.part("state-save").click()
    await console.done("The state is saved")
    assert await operated.told("sessions/chat/state/state") == {"mood": "calm", "count": 12345678901234567890}
    await expect(console.part("state-text")).to_contain_text("12345678901234567890")
    assert len(await operated.audited("session.state_set", "state")) == 3


async def test_the_tail_follows_a_turn_and_can_be_paused_and_filtered(
    console: ConsolePage, operated: Operated
) -> None:
    await operated.ask("ada", "tailed", "my name is Ada")
    await console.session("tailed", "live")
    await expect(console.part("live-tab")).to_have_attribute("data-state", "live")
    frames = console.part("frames").locator(".frame")
    await expect(frames.first).to_have_attribute("data-type", "tail")
    await operated.ask("ada", "tailed", "count to 20")
    await expect(frames.filter(has_text="done, completed")).to_be_visible()
    await console.part("frame-filter").fill('text-delta :\\"17')
    await expect(frames).to_have_count(1)
    await frames.locator("summary").click()
    await expect(frames.locator("pre")).to_contain_text("17")
    await console.picture("tail")
    await console.part("frame-filter").fill("")
    before = await frames.count()
    await console.part("frame-pause").click()
    await operated.ask("ada", "tailed", "what is my name?")
    await expect(console.part("fact-messages")).to_have_text("6")  # It has been told by other ways.
    assert await frames.count() == before
    await console.part("frame-pause").click()
    await expect(frames.filter(has_text="done, completed")).to_have_count(2)
    await operated.admin("sessions/chat/tailed", method="DELETE")
    await expect(console.part("problem")).to_contain_text("There is no session chat/tailed")
    console.tab.forgive("404")


async def test_a_connection_is_shown_while_it_lasts(profile: Profile, operated: Operated) -> None:
    """The chat page of a user, seen from the console."""
    console = await signed_in(profile, operated)
    await operated.ask("ada", "connected", "my name is Ada")
    await console.session("connected", "people")
    address = operated.address.replace("http", "ws") + "/agents/chat/connected"
    token = operated.user("ada")
    await console.page.evaluate(
        "([address, token]) => { window.visitor = new WebSocket(`${address}?token=${token}`) }",
        [address, token],
    )
    await expect(console.part("connections")).to_contain_text("user:ada")
    await expect(console.part("fact-now")).to_contain_text("1 connected")
    await console.page.evaluate("visitor.close()")
    await expect(console.part("connections")).to_have_count(0)


async def test_a_principal_is_exported_revoked_and_erased(console: ConsolePage, operated: Operated) -> None:
    await operated.ask("eve/x", "eve-1", "my name is Eve")
    await operated.ask("eve/x", "eve-2", "weather in Oslo")
    await console.go("principals")
    await console.part("principal-name").fill("user:eve/x")
    await console.part("principal-name").press("Enter")
    await expect(console.part("session-table")).to_have_attribute("data-rows", "2")
    await console.picture("principal-actions")
    async with console.page.expect_download() as saving:
        await console.confirm("principal-export")
    content = await _content(await saving.value)
    assert b"my name is Eve" in content
    assert b"weather in Oslo" in content
    await console.done("Exported")

    await console.part("principal-revoke").click()
    await console.part("revoke-span").select_option("for an hour")
    await console.part("confirm-yes").click()
    await console.done("Revoked for an hour")
    async with operated.asking("eve/x", "eve-1", "hello?") as answer:
        await answer.aread()
    assert answer.status_code == 401
    assert [entry["detail"] for entry in await operated.audited("principal.revoked")] == ["user:eve/x"]

    await console.confirm("principal-erase", typed="user:eve/x")
    await console.done("2 sessions, 4 messages")
    await expect(console.part("owns-none")).to_be_visible()
    assert not await operated.exists("eve-1")
    assert not await operated.exists("eve-2")
    assert len(await operated.audited("principal.erased")) == 1


async def _content(saved: Download) -> bytes:
    """Everything inside a ZIP."""
    with zipfile.ZipFile(io.BytesIO((await saved.path()).read_bytes())) as archive:
        assert archive.testzip() is None
        return b"".join(archive.read(name) for name in archive.namelist())
