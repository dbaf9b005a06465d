"""Settings from the environment, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutty_agent.config import check_access, load, unknown_variables
from cutty_agent.errors import ConfigError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cutty.toml of the working directory is read."""
    monkeypatch.chdir(tmp_path)


def test_lists_are_separated_by_commas_or_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_ALLOW_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("CUTTY_ACCESS__HOSTS", "a.example *.b.example")
    monkeypatch.setenv("CUTTY_ACCESS__PROXIES", "10.0.0.0/8,127.0.0.1")
    monkeypatch.setenv("CUTTY_ACCESS__JWT__SECRET", "x" * 32)
    monkeypatch.setenv("CUTTY_ACCESS__JWT__ALGORITHMS", "HS256,HS512")
    settings = load()
    assert settings.allow_origins == ("https://a.example", "https://b.example")
    assert settings.access.hosts == ("a.example", "*.b.example")
    assert settings.access.proxies == ("10.0.0.0/8", "127.0.0.1")
    assert settings.access.jwt is not None
    assert settings.access.jwt.algorithms == ("HS256", "HS512")
    check_access(settings)


def test_a_list_from_toml_and_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "cutty.toml").write_text(
        'allow_origins = ["https://a.example"]\n[access]\nhosts = ["a.example"]\n'
    )
    assert load().allow_origins == ("https://a.example",)
    assert load().access.hosts == ("a.example",)
    assert load(allow_origins=["https://b.example"]).allow_origins == ("https://b.example",)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"CUTTY_LIMITS__TURNS": "0"}, "limits.turns"),
        ({"CUTTY_LIFETIMES__ANONYMOUS_S": "-1"}, "lifetimes.anonymous_s"),
        ({"CUTTY_ACCESS__SECRET": "short"}, "access.secret"),
        ({"CUTTY_ACCESS__IDS": "any"}, "access.ids"),
        ({"CUTTY_LIFETIMES__ANONYMOUS_S": "inf"}, "lifetimes.anonymous_s"),
        ({"CUTTY_LIMITS__DOLLARS_PER_DAY": "inf"}, "limits.dollars_per_day"),
        ({"CUTTY_DEMO_DELAY_MS": "nan"}, "demo_delay_ms"),
    ],
)
def test_a_wrong_value_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=named) as caught:
        load()
    assert "short" not in str(caught.value)


def test_a_time_may_be_none_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTTY_LIFETIMES__AUDIT_S", "none")
    assert load().lifetimes.audit_s is None


def test_settings_that_do_not_fit_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cross_site"):
        check_access(load(allow_origins=["*"], access={"visitors": True, "cross_site": True}))
    with pytest.raises(ConfigError, match="not-a-network"):
        check_access(load(access={"proxies": ("not-a-network",)}))


@pytest.mark.parametrize(
    "origin",
    [
        *("https://app.example.com", "http://localhost:5173", "https://app.example.com/", "*", "null"),
        "chrome-extension://abcdefghijklmnop",
    ],
)
def test_an_origin_is_taken(origin: str) -> None:
    assert load(allow_origins=[origin]).allow_origins == (origin,)


@pytest.mark.parametrize(
    "origin", ["foo", "localhost:5173", "app.example.com", "https://app.example.com/chat", "https://", "//a"]
)
def test_what_is_no_origin_is_named(origin: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(allow_origins=["https://app.example.com", origin])
    assert repr(origin) in refused.value.sentence
    assert "scheme://host[:port]" in refused.value.sentence
    assert "Value error" not in refused.value.sentence


def test_a_misspelt_variable_is_found_with_what_is_meant() -> None:
    names = ["PATH", "CUTTY_PORT", "CUTTY_PORTT", "cutty_limits__queued_turns", "CUTTY_TOKEN"]
    names += ["CUTTY_ACCESS__JWT__SECRET", "CUTTY_ACCESS__JWT_SECRET", "CUTTY_SOMETHING_ELSE_ENTIRELY"]
    assert unknown_variables(names) == {
        "CUTTY_ACCESS__JWT_SECRET": "CUTTY_ACCESS__JWT__SECRET",
        "CUTTY_PORTT": "CUTTY_PORT",
        "CUTTY_SOMETHING_ELSE_ENTIRELY": None,
    }
