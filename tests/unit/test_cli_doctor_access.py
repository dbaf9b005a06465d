"""What the doctor says of access, secrets, encryption and lifetimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cutty_agent.cli.checks import examine
from cutty_agent.cli.checks.access import access_rule, encryption, expiry, origins, secrets
from cutty_agent.config import Settings

SECRET = "0123456789abcdef0123456789abcdef"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    ("settings", "state", "said"),
    [
        ({}, "ok", "this machine only"),
        ({"host": "0.0.0.0"}, "failed", "0.0.0.0"),
        ({"host": "0.0.0.0", "open": True}, "warning", "0.0.0.0"),
        ({"host": "0.0.0.0", "access": {"visitors": True}}, "ok", "visitors"),
        ({"access": {"jwt": {"secret": SECRET}, "visitors": True}}, "ok", "JWT and visitors"),
        ({"access": {"jwt": {}}}, "failed", "no key"),
        ({"access": {"proxies": ("nonsense",)}}, "failed", "nonsense"),
        (
            {"access": {"visitors": True, "cross_site": True}, "allow_origins": ("*",)},
            "failed",
            "cross_site",
        ),
    ],
)
def test_the_rule(settings: dict[str, Any], state: str, said: str) -> None:
    finding = access_rule(Settings(**settings))
    assert finding.state == state
    assert said in finding.said
    assert (finding.remedy is None) == (state == "ok")


@pytest.mark.parametrize(
    ("allowed", "visitors", "state"),
    [
        ((), True, "ok"),
        (("https://a.example",), True, "ok"),
        (("*",), False, "ok"),
        (("https://a.example", "*"), True, "warning"),
    ],
)
def test_origins(allowed: tuple[str, ...], visitors: bool, state: str) -> None:
    assert origins(Settings(allow_origins=allowed, access={"visitors": visitors})).state == state


def test_secret_files(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert secrets(settings).said == "none kept yet"
    for name in ("admin.token", "secret.key"):
        (tmp_path / name).write_text(SECRET)
        (tmp_path / name).chmod(0o600)
    assert (secrets(settings).state, SECRET in secrets(settings).said) == ("ok", False)
    (tmp_path / "secret.key").chmod(0o640)
    finding = secrets(settings)
    assert finding.state == "warning"
    assert finding.remedy == f"Close: chmod 600 {tmp_path / 'secret.key'}"


@pytest.mark.parametrize(
    ("keys", "state", "said"),
    [
        (None, "ok", "off"),
        (f"new:{KEY} old:{KEY}", "ok", "on, with the key new; old can be read"),
        ("new:c2hvcnQ=", "failed", "32"),
        (KEY, "failed", "colon"),
    ],
)
def test_encryption(keys: str | None, state: str, said: str) -> None:
    finding = encryption(Settings(encryption={"keys": keys}))
    assert finding.state == state
    assert said in finding.said
    assert KEY not in f"{finding.said}{finding.remedy}"


@pytest.mark.parametrize(
    ("visitors", "lifetimes", "state"),
    [
        (False, {}, "ok"),
        (True, {}, "warning"),
        (True, {"anonymous_s": 86_400}, "ok"),
        (True, {"max_age_s": 86_400}, "ok"),
        (False, {"signed_in_s": 86_400, "max_age_s": 3600}, "warning"),
        (False, {"signed_in_s": 30}, "warning"),
    ],
)
def test_expiry(visitors: bool, lifetimes: dict[str, float], state: str) -> None:
    assert expiry(Settings(access={"visitors": visitors}, lifetimes=lifetimes)).state == state


def test_all_of_it_is_examined(tmp_path: Path) -> None:
    names = {finding.name for finding in examine(Settings(data=tmp_path))}
    assert {"access", "origins", "secrets", "encryption", "expiry"} <= names
