"""Apps that share only what may be shared are found clean, again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

import pytest

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.agent.models import resolve
from cutty_agent.cli.serve import default_app
from cutty_agent.config import Settings
from cutty_agent.testing.isolation import check
from cutty_agent.testing.isolation.soak import soak


@pytest.mark.parametrize("seed", range(1, 6))
async def test_a_careful_app_is_clean(seed: int) -> None:
    report = await check("isolation.clean:app", sessions=12, turns=6, seed=seed)

    report.assert_isolated()
    assert report.counts["turns"] == 72
    assert report.counts["own canaries read"] > 36
    assert report.stuck == 0, report
    assert not report.notes


@pytest.mark.parametrize("seed", range(1, 4))
async def test_the_built_in_chat_is_clean(seed: int) -> None:
    app = default_app(Settings(), resolve(None, demo_delay_s=0))

    report = await check(app, sessions=20, turns=5, seed=seed)

    report.assert_isolated()
    assert report.stuck == 0, report
    for happened in ("cancels", "reconnects", "malformed frames", "second tabs", "sleeps", "turns failed"):
        assert report.counts[happened], happened
    assert report.counts["agent instances"] > 20, "no session slept and woke"


async def test_a_short_soak_is_clean() -> None:
    report = await soak(100, 2_000, minutes=0.3, seed=7, quiet=True)

    report.assert_isolated()
    assert report.counts["turns"] > 200
    assert report.stuck == 0, report
    assert report.counts["turns failed"] > 0


class Computed(Mapping[str, str]):
    """A mapping that works its values out, and cannot."""

    def __getitem__(self, key: str) -> str:
        raise ValueError("not today")

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


COMPUTED = Computed()
"""Where the walk over an author's modules comes along."""


async def test_an_app_is_left_as_it_was() -> None:
    class Chat(ChatAgent):
        async def on_chat_message(self, turn: Turn) -> str:
            return turn.text

    app = App([Chat], Settings())
    settings, agents = app.settings, dict(app.agents)

    await check(app, sessions=2, turns=1, seed=Random(1).randrange(9))

    assert app.settings is settings
    assert app.agents == agents
    assert not app.settings.data.exists()
