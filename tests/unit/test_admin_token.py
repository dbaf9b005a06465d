from __future__ import annotations

from pathlib import Path

import pytest

from cutty_agent.admin.token import TOKEN_FILE, check_bearer, kept_token, read_token
from cutty_agent.errors import StoreUnavailable, Unauthorized


def test_it_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    assert read_token(tmp_path) is None
    token = kept_token(tmp_path)
    assert len(token) >= 32
    assert kept_token(tmp_path) == token == read_token(tmp_path)
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [TOKEN_FILE]


def test_two_directories_have_two_tokens(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert kept_token(tmp_path / "a") != kept_token(tmp_path / "b")


def test_a_file_that_others_may_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).write_text("my-own-token\n")
    (tmp_path / TOKEN_FILE).chmod(0o644)
    assert kept_token(tmp_path) == "my-own-token"
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_no_token(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).write_text("\n")
    assert kept_token(tmp_path)


def test_a_token_that_cannot_be_kept_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match="CUTTY_ADMIN_TOKEN"):
        kept_token(tmp_path)


@pytest.mark.parametrize("header", ["Bearer secret", "bearer secret", "BEARER  secret "])
def test_the_right_header_passes(header: str) -> None:
    check_bearer(header, "secret")


@pytest.mark.parametrize("header", [None, "", "secret", "Bearer", "Bearer ", "Basic secret", "Bearer sécret"])
def test_any_other_header_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthorized):
        check_bearer(header, "secret")
