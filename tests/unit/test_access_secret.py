"""The secrets that sign, and the rule that the settings and the author make together."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutty_agent.access import JWT, Anyone, Authenticator, has_rule, identity
from cutty_agent.access.secret import SECRET_FILE, signing_secrets
from cutty_agent.config import Access, Jwt
from cutty_agent.errors import ConfigError, StoreUnavailable, Unauthorized
from unit.access_lab import OTHER_SECRET, SECRET, ManualClock, at_once, bearer, shown, signed

A, B = "a" * 32, "b" * 32


def test_it_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    made = signing_secrets(Access(), tmp_path)
    assert len(made) == 1
    assert len(made[0]) >= 32
    assert signing_secrets(Access(), tmp_path) == made
    assert (tmp_path / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [SECRET_FILE]


def test_a_file_that_others_may_read_is_closed_and_may_hold_several(tmp_path: Path) -> None:
    (tmp_path / SECRET_FILE).write_text(f"{A}\n{B}\n")
    (tmp_path / SECRET_FILE).chmod(0o644)
    assert signing_secrets(Access(), tmp_path) == (A, B)
    assert (tmp_path / SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_no_secret_and_a_crash_in_between_leaves_none(tmp_path: Path) -> None:
    (tmp_path / SECRET_FILE).write_text("\n")
    (tmp_path / f"{SECRET_FILE}.{__import__('os').getpid()}.new").write_text("half")
    (made,) = signing_secrets(Access(), tmp_path)
    assert len(made) >= 32
    assert [file.name for file in tmp_path.iterdir()] == [SECRET_FILE]


def test_the_setting_wins_and_may_hold_several(tmp_path: Path) -> None:
    assert signing_secrets(Access(secret=f"{A} {B}"), tmp_path) == (A, B)
    assert not list(tmp_path.iterdir())


def test_without_a_directory_it_lives_as_long_as_the_process() -> None:
    assert signing_secrets(Access(), None) != signing_secrets(Access(), None)


@pytest.mark.parametrize("secret", ["short " * 10, f"{A} short", " " * 40])
def test_a_short_one_is_refused(secret: str) -> None:
    with pytest.raises(ConfigError, match="shorter than 32"):
        signing_secrets(Access(secret=secret), None)


def test_one_that_cannot_be_kept_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / SECRET_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match="CUTTY_ACCESS__SECRET"):
        signing_secrets(Access(), tmp_path)
    (tmp_path / SECRET_FILE).rmdir()
    (tmp_path / SECRET_FILE).write_bytes(b"\xff" * 40)
    with pytest.raises(StoreUnavailable, match="plain text"):
        signing_secrets(Access(), tmp_path)


# -- the rule


def test_an_author_writes_one_line() -> None:
    rule = identity(Access(), ManualClock(), given=JWT(secret=SECRET, audience="cutty"))
    assert at_once(rule.identify(bearer(signed(aud="cutty")))).principal.id == "user:ada"
    with pytest.raises(Unauthorized):
        rule.identify(bearer(signed(aud="other")))
    assert isinstance(JWT(secret=SECRET), Jwt)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"secret": "hush-hush"}, "secret"),
        ({}, "no key"),
        ({"secret": SECRET, "jwks_url": "https://id.example/"}, "secret and jwks_url"),
        ({"secret": SECRET, "leeway_s": -1}, "leeway_s"),
        ({"secret": SECRET, "audiance": "cutty"}, "audiance"),
    ],
)
def test_a_mistake_in_it_is_named_without_the_secret(given: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        JWT(**given)  # type: ignore[arg-type]  # wrong on purpose
    assert "hush-hush" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_settings_without_a_rule_let_everybody_in() -> None:
    assert isinstance(identity(Access(), ManualClock()), Anyone)
    assert not has_rule(Access())
    assert has_rule(Access(visitors=True))
    assert has_rule(Access(jwt=Jwt(secret=SECRET)))
    assert has_rule(Access(), lambda _request: None)


def test_what_is_given_wins_over_the_settings() -> None:
    rule = identity(Access(jwt=Jwt(secret=OTHER_SECRET)), ManualClock(), given=JWT(secret=SECRET))
    assert at_once(rule.identify(bearer(signed()))).principal.id == "user:ada"
    with pytest.raises(Unauthorized):
        rule.identify(bearer(signed(OTHER_SECRET)))


def test_a_function_or_a_whole_provider_may_be_given() -> None:
    clock = ManualClock()
    by_function = identity(Access(), clock, given=lambda request: request.query.get("who"))
    assert at_once(by_function.identify(shown(query={"who": "ada"}))).principal.id == "user:ada"
    provider = Authenticator(Access(jwt=Jwt(secret=SECRET)), clock)
    assert identity(Access(), clock, given=provider, revocations={"user:ada": clock.ms + 1}) is provider
    with pytest.raises(Unauthorized, match="revoked"):
        provider.identify(bearer(signed()))


def test_visitors_are_known_again_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    first = at_once(identity(Access(visitors=True), clock, directory=tmp_path).identify(shown()))
    assert first.cookie is not None
    cookie = first.cookie.partition(";")[0]
    again = identity(Access(visitors=True), clock, directory=tmp_path)
    assert at_once(again.identify(shown(headers={"cookie": cookie}))).principal == first.principal


def test_no_secret_is_made_where_nothing_is_signed(tmp_path: Path) -> None:
    identity(Access(), ManualClock(), given=JWT(secret=SECRET), directory=tmp_path)
    assert not list(tmp_path.iterdir())
