"""How a server that is about to listen stands to the world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cutty_agent.access import JWT
from cutty_agent.app import App
from cutty_agent.cli import server
from cutty_agent.cli.main import app as command
from cutty_agent.cli.standing import described, take_stand
from cutty_agent.config import Settings
from cutty_agent.demo.agent import DemoAgent
from cutty_agent.errors import ConfigError
from cutty_agent.wire.principal import Principal

SECRET = "0123456789abcdef0123456789abcdef"


async def who(_: object) -> Principal | None:
    return None


class Provider:
    def identify(self, credentials: object) -> object:
        raise NotImplementedError
