"""The plain JavaScript of docs/clients.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e2e.chat_page import NewProfile
from e2e.demo_answers import counted, greeting, recalled
from e2e.server import Server
from e2e.waiting import News

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
SAID = {
    "http": [greeting("Ada"), recalled("Ada"), "4 messages"],
    "websocket": [counted(5)],
}


@pytest.mark.parametrize("name", SAID)
async def test_the_example_runs(name: str, new_profile: NewProfile, server: Server) -> None:
    found = re.search(rf"<!-- tested: {name} -->\n```js\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    page = await (await new_profile(bypass_csp=True)).context.new_page()
    said: list[str] = []
    news = News()

    def wrote(text: str) -> None:
        said.append(text)
        news.tell()

    page.on("console", lambda message: wrote(message.text) if message.type == "log" else None)
    page.on("pageerror", lambda error: wrote(f"uncaught: {error}"))
    await page.goto(f"{server.address}/health")
    script = found[1].replace("https://agents.example.com", server.address)
    await page.add_script_tag(type="module", content=script)
    await news.until(lambda: len(said) >= len(SAID[name]), f"{len(SAID[name])} lines on the console")
    assert said == SAID[name]
