"""The example application: before, everybody shares a conversation; after, nobody does who should not."""

from __future__ import annotations

import asyncio
import difflib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Route, WebSocketRoute, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from e2e.chat_page import ChatPage, NewProfile, Profile
from e2e.cutty_app import BLOCK_STORAGE, EXAMPLE, ROOT, CuttyApp
from e2e.waiting import News
from e2e.widget_page import WidgetPage

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

UNKNOWN = "I do not know. In this conversation nobody told me a name."
VARIANTS = ("hooks", "websocket", "fetch")

SHARED = {"tab": False, "browser": True, "user": True, "server": False}
"""Whether two tabs of one browser are in the same conversation, by scope; two browsers never are."""

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

FORM = {
    "tab": r"session-\d{13}-[0-9a-v]{26}",
    "browser": r"session-\d{13}-[0-9a-v]{26}",
    "user": r"user-[\w-]+-session-\d{13}",
    "server": r"s-[0-9a-f]{32}",
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CuttyApp]:
    running = CuttyApp(tmp_path_factory.mktemp("cutty-app"))
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


@pytest.fixture
def somebody(request: pytest.FixtureRequest) -> str:
    """A user that no other test knows."""
    return re.sub(r"\W+", "-", request.node.name)[-36:].strip("-") or "nobody"


async def user_with_tab(app: CuttyApp, new_profile: NewProfile, name: str, **choices: str) -> ChatPage:
    profile = await new_profile()
    await app.user(profile, name)
    return await app.tab(profile, **choices)


async def session_of(tab: ChatPage) -> str:
    """The session the page says it is in."""
    shown: str = await tab.page.get_by_test_id("address").inner_text()
    return shown.rpartition("/")[2].strip()


@pytest.mark.parametrize("variant", ["hooks", "fetch"])
async def test_before_the_words_of_one_tab_appear_in_the_other(
    app: CuttyApp, new_profile: NewProfile, variant: str, somebody: str
) -> None:
    first = await user_with_tab(app, new_profile, f"{somebody} A", chat="before", variant=variant)
    second = await user_with_tab(app, new_profile, f"{somebody} B", chat="before", variant=variant)
    secret = f"Ada-{variant}-{time.time_ns()}"
    await first.send(f"my name is {secret}")
    await first.reads(f"Nice to meet you, {secret}!")
    await first.is_in("ready")

    # Another user, in another browser, is told what the first one said: the defect.
    await second.send("what is my name?")
    await second.reads(f"Your name is {secret}.")
    await second.is_in("ready")
    await expect(second.part('[data-role="user"]').filter(has_text=f"my name is {secret}")).to_be_visible()
    assert await second.page.get_by_test_id("address").inner_text() == f"{app.old_chat.address}/api/chat"
    await second.picture(f"cutty-app-before-{variant}")


@pytest.mark.parametrize("variant", VARIANTS)
async def test_after_they_do_not(app: CuttyApp, new_profile: NewProfile, variant: str, somebody: str) -> None:
    first = await user_with_tab(app, new_profile, f"{somebody} A", chat="after", variant=variant)
    second = await user_with_tab(app, new_profile, f"{somebody} B", chat="after", variant=variant)
    assert await first.ask("my name is Ada") == "Nice to meet you, Ada!"

    assert await second.ask("what is my name?") == UNKNOWN
    assert await second.messages() == [("user", "what is my name?"), ("assistant", UNKNOWN)]
    assert await first.ask("what is my name?") == "Your name is Ada."
    await first.reload()
    await first.counts(4)
    assert await session_of(first) != await session_of(second)


async def test_a_reload_in_the_middle_of_an_answer_loses_nothing(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    home = await new_profile()
    await app.user(home, somebody)
    words = " ".join(f"word-{number}" for number in range(1000))
    await home.context.request.post(
        f"{app.address}/api/lists?name=long", data=f"story\n{words}\n", headers={"content-type": "text/csv"}
    )
    tabs = await asyncio.gather(*(app.tab(home, variant=variant) for variant in VARIANTS))

    async def interrupted(tab: ChatPage) -> None:
        await tab.send("describe long")
        await tab.reads("word-9 ")
        await tab.reload()
        await tab.reads("word-999")
        await tab.is_in("ready")
        said = await tab.messages()
        assert [role for role, _ in said] == ["user", "assistant"]
        assert said[1][1].endswith(f"Its fields: story (such as {words}).")
        assert await tab.page.get_by_test_id("tool").count() == 1

    await asyncio.gather(*(interrupted(tab) for tab in tabs))


async def test_users_tabs_reloads_and_the_log_with_one_session_for_each_tab(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    began = len(app.agents.log)
    tabs: list[ChatPage] = []
    for name in ("A", "B", "C"):
        profile = await new_profile()
        await app.user(profile, f"{somebody} {name}")
        tabs += await asyncio.gather(app.tab(profile), app.tab(profile))
    names = [f"Visitor-{number}" for number in range(len(tabs))]
    await asyncio.gather(*(tab.ask(f"my name is {name}") for tab, name in zip(tabs, names, strict=True)))
    await asyncio.gather(*(tab.reload() for tab in tabs))
    await asyncio.gather(*(tab.counts(2) for tab in tabs))
    answers = await asyncio.gather(*(tab.ask("what is my name?") for tab in tabs))
    assert answers == [f"Your name is {name}." for name in names]

    ids = [await tab.session_id() for tab in tabs]
    assert len({*ids}) == len(tabs)
    assert all(re.fullmatch(FORM["tab"], each) for each in ids)
    logged = app.agents.opened
    await app.agents.news.until(lambda: len(logged()) >= 2 * len(tabs), "a line for each socket")
    sessions = {
        record["connection"]: record["session"] for record in app.agents.log[began:] if record in logged()
    }
    for tab, session in zip(tabs, ids, strict=True):
        labels = [found[1] for socket in tab.sockets if (found := re.search(r"_pk=([^&]+)", socket.url))]
        seen = {sessions[label] for label in labels if label in sessions}
        assert seen == {session}  # Before the reload and after it, and nobody else's.
    assert {*sessions.values()} == {*ids}


async def choose(scope: str, *tabs: ChatPage) -> list[str]:
    """Choose a scope in some tabs, and give their sessions."""
    for tab in tabs:
        await tab.page.get_by_test_id("scope").select_option(scope)
        # Ids of a user hold the time in milliseconds: without storage, tabs that ask in the same one get the same.
        await tab.page.evaluate("new Promise(done => setTimeout(done, 5))")
    for tab in tabs:
        await tab.is_in("ready")
    return [await session_of(tab) for tab in tabs]


async def shows_the_same(follower: ChatPage, leader: ChatPage) -> None:
    """Wait until a tab shows what another one of its session shows, whose answer is complete."""
    said = await leader.messages()
    await follower.counts(len(said))
    await follower.reads(said[-1][1])
    assert await follower.messages() == said


async def duplicate(tab: ChatPage) -> ChatPage:
    """Do what "Duplicate tab" does: a tab at the same address with a copy of what the tab keeps."""
    context = tab.page.context
    async with context.expect_page() as opening:
        await tab.page.evaluate("void window.open(location.href)")
    copy = Profile(context).adopt(await opening.value)
    await copy.is_in("ready")
    return copy


@pytest.mark.parametrize("storage", ["with storage", "storage blocked"])
async def test_a_scope_says_who_shares_a_conversation(
    app: CuttyApp, new_profile: NewProfile, storage: str, somebody: str
) -> None:
    blocked = storage == "storage blocked"
    homes = [await new_profile() for _ in range(3)]
    for home, name in zip(homes, (f"{somebody} A", f"{somebody} A", f"{somebody} B"), strict=True):
        if blocked:
            await home.context.add_init_script(BLOCK_STORAGE)
        await app.user(home, name)
    first, *others = await asyncio.gather(*(app.tab(home) for home in (homes[0], *homes)))
    sessions: dict[str, str] = {}
    for scope, shared in SHARED.items():
        joined = shared and not blocked
        ids = await choose(scope, first, *others)
        shares = [joined, False, False]  # Another tab, another browser, another user.
        assert (scope, [each == ids[0] for each in ids]) == (scope, [True, *shares])
        assert re.fullmatch(FORM[scope], ids[0])
        assert ids[0] not in sessions.values()
        sessions[scope] = ids[0]

        assert await first.ask("my name is Ada") == "Nice to meet you, Ada!"
        if joined:
            await shows_the_same(others[0], first)  # Live, without a reload.
        answers = await asyncio.gather(*(tab.ask("what is my name?") for tab in others))
        assert (scope, answers) == (scope, ["Your name is Ada." if share else UNKNOWN for share in shares])
        if joined:
            await shows_the_same(first, others[0])

        copy = await duplicate(first)
        own = await session_of(copy)
        assert (scope, own == ids[0]) == (scope, joined)
        assert await copy.ask("what is my name?") == ("Your name is Ada." if joined else UNKNOWN)
        await copy.reload()
        await copy.is_in("ready")
        assert (scope, await session_of(copy) == own) == (scope, not blocked)
        assert copy.problems == []
        await copy.page.close()

        await first.reload()
        await first.is_in("ready")
        assert (scope, await session_of(first) == ids[0]) == (scope, not blocked)
        await first.counts(0 if blocked else len(await others[0].messages()) if joined else 2)

    await first.page.close()
    again = await app.tab(homes[0])
    for scope, session in sessions.items():
        joined = SHARED[scope] and not blocked
        assert (scope, await choose(scope, again) == [session]) == (scope, joined)
        answer = await again.ask("what is my name?")
        assert (scope, answer) == (scope, "Your name is Ada." if joined else UNKNOWN)


async def test_the_copy_of_a_tab_has_its_storage_and_not_its_session(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    original = await user_with_tab(app, new_profile, somebody, scope="tab")
    assert await original.ask("my name is Ada") == "Nice to meet you, Ada!"
    key = "Object.keys(sessionStorage).find(key => /^cutty-chat-session-id:[^:]+$/.test(key))"
    await original.page.context.add_init_script(
        f"try {{ window.inherited = sessionStorage.getItem({key}) }} catch {{}}"
    )
    copy = await duplicate(original)
    assert await copy.page.evaluate("window.inherited") == await session_of(original)  # A copy indeed.
    assert await session_of(copy) != await session_of(original)
    assert await copy.ask("what is my name?") == UNKNOWN
    assert copy.problems == []


@pytest.mark.parametrize("scope", [*SHARED])
async def test_nobody_else_finds_a_session_by_its_id(
    app: CuttyApp, new_profile: NewProfile, scope: str, somebody: str
) -> None:
    tab = await user_with_tab(app, new_profile, f"{somebody} A", scope=scope)
    await tab.ask("my name is Canary")
    id = await session_of(tab)
    owner = f"{somebody}-a".casefold()
    address = f"{app.agents.address}/agents/chat/{id}"
    requests = {
        "POST": ("", "/stop"),
        "GET": ("", "/get-messages", "/stream", "/export"),
        "DELETE": ("",),
    }
    for token, status, code in ((app.token(f"{somebody}-b".casefold()), 404, 4404), (None, 401, 4401)):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        message = {"id": "m", "role": "user", "parts": [{"type": "text", "text": "what is my name?"}]}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as stranger:
            for method, paths in requests.items():
                for path in paths:
                    answer = await stranger.request(method, address + path, json={"messages": [message]})
                    assert (method, path, answer.status_code) == (method, path, status)
                    assert "Canary" not in answer.text
        socket_address = address.replace("http", "ws", 1)
        async with connect(socket_address, additional_headers=headers, proxy=None) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == code
    async with httpx.AsyncClient(
        headers={"authorization": f"Bearer {app.token(owner)}"}, trust_env=False
    ) as same:
        assert "Canary" in (await same.get(f"{address}/get-messages")).text
    assert await tab.ask("what is my name?") == "Your name is Canary."


@pytest.mark.parametrize("variant", ["hooks", "websocket", "fetch"])
async def test_a_token_ends_and_the_page_goes_on_with_another(
    app: CuttyApp, new_profile: NewProfile, variant: str, somebody: str
) -> None:
    home = await new_profile()
    await app.user(home, somebody)
    words = " ".join(f"word-{number}" for number in range(1500))
    async with app.api(app.token(somebody.casefold(), issuer="cutty", audience="cutty-app")) as agent:
        csv = {"content": f"story\n{words}\n", "headers": {"content-type": "text/csv"}}
        assert (await agent.post("/api/lists?name=long", **csv)).is_success
    await app.user(home, somebody, address=app.hasty.address)
    tab = await app.tab(home, address=app.hasty.address, variant=variant)
    await tab.composer.focus()
    await tab.send("describe long")
    await tab.reads("word-9 ")
    if variant != "fetch":
        await tab.until(lambda: len(tab.sockets) > 1 and tab.sockets[0].closed, "the next socket")
    await tab.composer.fill("my name is")  # A draft, while sockets come and go.
    await tab.reads("word-1499")
    await tab.is_in("ready")
    said = await tab.messages()
    assert [role for role, _ in said] == ["user", "assistant"]
    assert said[1][1].endswith(f"Its fields: story (such as {words}).")
    assert await tab.page.get_by_test_id("tool").count() == 1
    assert await tab.composer.input_value() == "my name is"
    assert await tab.page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    for question, answer in (
        ("my name is Ada", "Nice to meet you, Ada!"),
        ("what is my name?", "Your name is Ada."),
    ):
        if variant != "fetch":
            # What is sent while a socket closes is lost, and said to be: ask as soon as the next one is there.
            await tab.gets_another_socket()
        await tab.send(question)
        await tab.reads(answer)
        await tab.is_in("ready")
    assert await tab.page.get_by_role("alert").count() == 0
    await choose("browser", tab)
    await tab.counts(0)
    await choose("tab", tab)
    await tab.counts(6)
    if variant == "fetch":
        tab.problems = [each for each in tab.problems if "401" not in each]  # Asked once more, with another.


async def test_the_widget_talks_for_whoever_is_signed_in(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    home = await new_profile()
    await app.user(home, f"{somebody} A")
    widget = await WidgetPage.open(home.context, app.page(variant="widget"))
    await expect(widget.field).to_be_visible()
    assert await widget.ask("my name is Ada") == "Nice to meet you, Ada!"
    assert (await widget.ask("generate 20 people")).endswith("I made the list “people” with 20 rows.")
    await expect(widget.page.get_by_test_id("lists")).to_contain_text("people 20")
    mine = await widget.session_id()
    await expect(widget.page.get_by_test_id("address")).to_have_text(
        f"{app.agents.address}/agents/chat/{mine}"
    )
    await widget.picture("cutty-app")

    await widget.page.get_by_role("button", name="Sign out").click()
    await widget.page.get_by_role("button", name="Cleo").click()
    await expect(widget.page.get_by_test_id("user")).to_have_text("Cleo")
    await expect(widget.page.get_by_test_id("address")).not_to_have_text(re.compile(f"^$|{mine}"))
    assert await widget.ask("what is my name?") == UNKNOWN
    assert widget.problems == []


async def test_no_token_is_written_down(app: CuttyApp, new_profile: NewProfile, somebody: str) -> None:
    for variant in VARIANTS:
        tab = await user_with_tab(app, new_profile, somebody, variant=variant)
        await tab.ask("which lists do I have?")
    begins = b"eyJhbGci"  # {"alg" in base64
    assert app.token("anybody").encode().startswith(begins)
    kept = {path.name: path.read_bytes() for path in app.data.rglob("*") if path.is_file()}
    assert any(b"which lists do I have?" in content for content in kept.values())
    assert [name for name, content in kept.items() if begins in content] == []
    assert begins.decode() not in app.agents.said


async def test_an_answer_that_is_late_takes_no_message_away(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    """The plain client asks what is running, the visitor writes, and only then comes the word that nothing runs."""
    profile = await new_profile()
    await app.user(profile, somebody)
    held: list[str | bytes] = []
    news = News()

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def said(message: str | bytes) -> None:
            server.send(message)
            if "cf_agent_use_chat_request" in str(message):
                while held:
                    page.send(held.pop())

        def heard(message: str | bytes) -> None:
            if "cf_agent_stream_resume_none" in str(message):
                held.append(message)
                news.tell()
            else:
                page.send(message)

        page.on_message(said)
        server.on_message(heard)

    async def nothing(route: Route) -> None:
        await route.fulfill(json=[], headers={"access-control-allow-origin": app.address})

    await profile.context.route_web_socket("**/agents/chat/*", between)
    await profile.context.route("**/get-messages*", nothing)
    tab = await app.tab(profile, variant="websocket")
    await news.until(lambda: bool(held), "the word that nothing runs")
    await tab.ask("which lists do I have?")
    assert [role for role, _ in await tab.messages()] == ["user", "assistant"]


async def test_a_new_conversation_and_another_user_in_the_same_tab_start_empty(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    tab = await user_with_tab(app, new_profile, f"{somebody} A", scope="browser")
    other = await app.tab(Profile(tab.page.context), scope="browser")
    await tab.ask("my name is Ada")
    await other.counts(2)
    await tab.click("new-session")
    await tab.counts(0)
    await other.counts(0)  # The other tab of the browser comes along.
    assert await session_of(other) == await session_of(tab)
    assert await tab.ask("what is my name?") == UNKNOWN

    await tab.ask("my name is Ada")
    await tab.page.get_by_role("button", name="Sign out").click()
    await tab.page.get_by_role("button", name="Cleo").click()
    await expect(tab.page.get_by_test_id("user")).to_have_text("Cleo")
    await tab.is_in("ready")
    assert await tab.messages() == []
    assert await tab.ask("what is my name?") == UNKNOWN
    assert other.problems == []


async def test_tools_work_as_the_signed_in_user_and_never_find_the_list_of_another(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    tabs = [await user_with_tab(app, new_profile, f"{somebody} {name}") for name in ("A", "B")]
    for tab, secret, age in zip(tabs, ("canary-one", "canary-two"), (41, 7), strict=True):
        content = f"name,age\n{secret},{age}\nSomebody Synthetic,30\n".encode()
        file: Any = {"name": "guests.csv", "mimeType": "text/csv", "buffer": content}
        await tab.page.get_by_test_id("upload").set_input_files(files=[file])
        await expect(tab.page.get_by_test_id("rows")).to_contain_text(secret)

    questions = ("which lists do I have?", "filter guests where name contains canary", "describe guests")
    for tab, own, other in zip(tabs, ("canary-one", "canary-two"), ("canary-two", "canary-one"), strict=True):
        assert (await tab.ask(questions[0])).endswith("Your lists: guests (2 rows).")
        found = await tab.ask(questions[1])
        assert found.endswith("1 row of “guests” fits.")
        assert own in found
        await tab.ask(questions[2])
        assert other not in await tab.page.content()
    assert (await tabs[0].ask("count guests where age > 40")).endswith("1 row of “guests”.")
    assert (await tabs[1].ask("count guests where age > 40")).endswith("0 rows of “guests”.")

    # Also who knows the id of a list gets nothing of it, in the chat and at the API.
    lists = await (await tabs[0].page.context.request.get(f"{app.address}/api/lists")).json()
    id = lists["lists"][0]["id"]
    assert f"You have no list called '{id}'" in await tabs[1].ask(f"describe {id}")
    assert (await tabs[1].page.context.request.get(f"{app.address}/api/lists/{id}/rows")).status == 404
    assert (await tabs[1].page.context.request.delete(f"{app.address}/api/lists/{id}")).status == 404

    # What the agent makes is there for its user at once, and for nobody else.
    assert (await tabs[0].ask("generate 20 companies")).endswith("I made the list “companies” with 20 rows.")
    await expect(tabs[0].page.get_by_test_id("lists")).to_contain_text("companies 20")
    assert (await tabs[1].ask(questions[0])).endswith("Your lists: guests (2 rows).")
    await tabs[0].picture("cutty-app-after")


async def test_the_page_filters_and_turns_pages(
    app: CuttyApp, new_profile: NewProfile, somebody: str
) -> None:
    tab = await user_with_tab(app, new_profile, somebody)
    page = tab.page
    await page.get_by_role("button", name="Generate").click()
    await expect(page.get_by_test_id("total")).to_have_text("50 of 50 rows")
    first = await page.get_by_test_id("rows").inner_text()
    await page.get_by_role("button", name="Next").click()
    await expect(page.get_by_test_id("rows")).not_to_have_text(first)
    await page.get_by_label("Field").select_option("email")
    await page.get_by_label("Value").fill(".7@")
    await expect(page.get_by_test_id("total")).to_have_text("1 of 50 rows")
    await page.get_by_label("Operator").select_option(">")
    await expect(page.get_by_role("alert")).to_contain_text("compares numbers")
    tab.forgive("400")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(
    app: CuttyApp, new_profile: NewProfile, scheme: str, somebody: str
) -> None:
    profile = await new_profile(color_scheme=scheme)
    await app.user(profile, somebody)
    tab = await app.tab(profile)
    await tab.ask("generate 20 people")
    await tab.ask("filter people where age > 1")
    await expect(tab.page.get_by_test_id("total")).to_have_text("20 of 20 rows")
    await tab.page.add_script_tag(path=AXE)
    found = await tab.page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ impact, id }) => `${impact} ${id}`))"
    )
    assert found == []


async def test_a_forged_expired_or_foreign_token_opens_nothing(app: CuttyApp, somebody: str) -> None:
    async with app.api() as browser:
        user = (await browser.post("/api/sign-in", json={"name": somebody})).json()["user"]["id"]
        token = (await browser.post("/api/token")).json()["token"]
        cross = await browser.post("/api/lists/generate", json={}, headers={"origin": "http://evil.example"})
        assert cross.status_code == 403
    acting = app.token(user, issuer="cutty", audience="cutty-app")
    for genuine, statuses_of, other in ((acting, app_status, token), (token, agent_status, acting)):
        claims = jwt.decode(genuine, options={"verify_signature": False})
        forged = {
            "another secret": jwt.encode(claims, "x" * 32, "HS256"),
            "no algorithm": jwt.encode(claims, "", "none"),
            "expired": jwt.encode({**claims, "exp": 1}, app.secret, "HS256"),
            "for another audience": jwt.encode({**claims, "aud": "else"}, app.secret, "HS256"),
            "of another issuer": jwt.encode({**claims, "iss": "else"}, app.secret, "HS256"),
            "of nobody": jwt.encode({**claims, "sub": ""}, app.secret, "HS256"),
            "the one for the other server": other,
            "no token at all": "-",
        }
        statuses = {
            what: await statuses_of(app, each) for what, each in {"genuine": genuine, **forged}.items()
        }
        assert statuses == {"genuine": 200, **dict.fromkeys(forged, 401)}
    async with app.api(acting) as agent:
        assert (
            await agent.post("/api/token")
        ).status_code == 401  # Only a browser that is signed in gets one.


async def app_status(app: CuttyApp, token: str) -> int:
    """What the application answers an agent with this token."""
    async with app.api(token) as agent:
        answer = await agent.get("/api/lists")
    return answer.status_code


async def agent_status(app: CuttyApp, token: str) -> int:
    """What the agent server answers a page with this token."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as page:
        answer = await page.get(f"{app.agents.address}/agents/chat/nobody-has-this/get-messages")
    return answer.status_code


async def test_the_readme_shows_the_whole_difference_of_the_two_chatbots() -> None:
    before, after = (
        (EXAMPLE / "src" / "chat" / state / "ChatBot.tsx").read_text().splitlines()
        for state in ("before", "after")
    )
    difference = "\n".join([*difflib.unified_diff(before, after, "before", "after", lineterm="", n=1)][2:])
    assert difference in (EXAMPLE / "README.md").read_text()
