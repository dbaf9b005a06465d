"""The pytest plugin: the fixture ``isolation`` and the option ``--isolation-seed``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .instances import Application
from .report import Report
from .run import check


class Isolation:
    """Checks apps with the seed of the command line, when there is one.

    ``report = await isolation(app, sessions=20, turns=5)`` in an async test, ``isolation.run(app)`` in any other.
    Keyword arguments are those of :func:`~cutty_agent.testing.isolation.check`.
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed

    async def __call__(self, app: Application | str, **options: Any) -> Report:
        """Check an app and print the figures, which pytest shows with a failure."""
        options.setdefault("seed", self.seed)
        report = await check(app, **options)
        print(report.figures)  # noqa: T201  # pytest shows what a failing test printed
        print(f"again: pytest --isolation-seed {report.seed}")  # noqa: T201
        return report

    def run(self, app: Application | str, **options: Any) -> Report:
        """The same without an event loop of your own."""
        return asyncio.run(self(app, **options))


def pytest_addoption(parser: pytest.Parser) -> None:
    """The seed of a run that is to be repeated."""
    parser.getgroup("cutty-agent").addoption(
        "--isolation-seed", type=int, default=None, help="seed of the plan of isolation checks"
    )


@pytest.fixture
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Checks that sessions of an app do not leak into each other."""
    return Isolation(request.config.getoption("--isolation-seed"))
