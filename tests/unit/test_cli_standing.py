"""How a server that is about to listen stands to the world."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from cutty_agent.access import JWT, Credentials
from cutty_agent.agent.chat import ChatAgent
from cutty_agent.app import App
from cutty_agent.cli import server
from cutty_agent.cli.main import app as command
from cutty_agent.cli.standing import described, take_stand
from cutty_agent.config import Settings
from cutty_agent.errors import ConfigError

SECRET = "0123456789abcdef0123456789abcdef"


class Chat(ChatAgent):
    pass


async def who(_: Credentials) -> str | None:
    return None


class Provider:
    def identify(self, _: Credentials) -> None:
        raise AssertionError


RULES: dict[str, tuple[dict[str, Any], Any, str]] = {
    "none": ({}, None, "none: whoever knows a session id may use it"),
    "visitors": ({"visitors": True}, None, "visitors (a signed cookie for each browser)"),
    "jwt": ({"jwt": {"secret": SECRET}}, None, "JWT"),
    "given": ({}, JWT(secret=SECRET), "JWT"),
    "both": (
        {"visitors": True},
        JWT(secret=SECRET),
        "JWT and visitors (a signed cookie for each browser)",
    ),
    "function": ({}, who, "custom (the application says who calls)"),
    "provider": ({"visitors": True}, cast(Any, Provider()), "custom (the application says who calls)"),
}


def application(rule: str = "none", **settings: Any) -> App:
    access, given, _ = RULES[rule]
    names = settings.pop("hosts", ())
    return App([Chat], Settings(access={**access, "hosts": names}, **settings), identity=given)


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_in_words(rule: str) -> None:
    assert described(application(rule)) == RULES[rule][2]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "none"])
def test_with_a_rule_it_listens_everywhere_under_every_name(rule: str) -> None:
    for host in ("0.0.0.0", "127.0.0.1", "192.0.2.1"):
        app = application(rule, host=host)
        take_stand(app)
        assert app.bound_hosts is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_without_a_rule_no_public_address(host: str) -> None:
    with pytest.raises(ConfigError, match="--visitors"):
        take_stand(application(host=host))


def test_open_is_loud(capsys: pytest.CaptureFixture[str]) -> None:
    app = application(host="0.0.0.0", open=True)
    take_stand(app)
    assert "without an access rule" in " ".join(capsys.readouterr().err.split())
    assert app.bound_hosts is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_without_a_rule_it_answers_to_this_machine_s_names(host: str) -> None:
    app = application(host=host)
    take_stand(app)
    assert app.bound_hosts == frozenset({"localhost", "127.0.0.1", "::1", host})
    assert app.entrance.hosts == app.bound_hosts


def test_names_in_the_settings_win() -> None:
    app = application(hosts=("chat.example.com",))
    take_stand(app)
    assert app.entrance.hosts == frozenset({"chat.example.com"})


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:8789", 200), ("[::1]:8789", 200), ("evil.example", 400), ("", 400)]
)
async def test_another_name_is_refused(tmp_path: Path, host: str, status: int) -> None:
    app = application(data=tmp_path / "data")
    take_stand(app)
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http,
    ):
        answer = await http.get("/agents/chat/s/get-messages", headers={"host": host})
    assert answer.status_code == status


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[App]:
    apps: list[App] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(server, "run", lambda app, _: apps.append(app))
    monkeypatch.setattr("cutty_agent.cli.logs.configure", lambda *_: None)
    return apps


def test_visitors_joins_what_the_environment_says(served: list[App], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_ACCESS__TICKET_S", "5")
    monkeypatch.setenv("CUTTY_ACCESS__JWT__SECRET", SECRET)
    result = CliRunner().invoke(command, ["serve", "--visitors", "--host", "0.0.0.0"])
    assert result.exit_code == 0, result.stderr
    access = served[0].settings.access
    assert (access.visitors, access.ticket_s, access.jwt is not None) == (True, 5, True)


def test_visitors_joins_what_the_module_says(served: list[App], tmp_path: Path) -> None:
    (tmp_path / "standing_module.py").write_text(
        "from cutty_agent import App, ChatAgent\n"
        "from cutty_agent.config import Settings\n"
        "class Chat(ChatAgent):\n    pass\n"
        "app = App([Chat], Settings(access={'user_ids': True}))\n"
    )
    result = CliRunner().invoke(command, ["serve", "standing_module:app", "--visitors", "--port", "0"])
    assert result.exit_code == 0, result.stderr
    settings = served[0].settings
    assert (settings.access.visitors, settings.access.user_ids, settings.port) == (True, True, 0)


def test_a_public_address_without_a_rule_ends_the_command(served: list[App]) -> None:
    result = CliRunner().invoke(command, ["serve", "--host", "0.0.0.0"])
    assert (result.exit_code, served) == (1, [])
    assert "no access rule" in result.stderr
