"""Which pages may talk to the server."""

from __future__ import annotations

import pytest

from cutty_agent.errors import OriginRefused
from cutty_agent.transport.origin import check_origin, cors_headers

LISTED = frozenset({"https://app.example.com", "http://localhost:3000"})


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "agents.example.com"),
        (None, None),
        ("https://agents.example.com", "agents.example.com"),
        ("https://agents.example.com", "agents.example.com:443"),
        ("https://Agents.Example.com", "agents.example.COM"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://app.example.com", "agents.example.com"),
        ("HTTPS://APP.example.com", "agents.example.com"),
        ("http://localhost:3000", "localhost:8000"),
    ],
)
def test_who_may_talk(origin: str | None, host: str | None) -> None:
    check_origin(origin, host, LISTED)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "agents.example.com"),
        ("http://agents.example.com:8080", "agents.example.com"),
        ("http://agents.example.com", "agents.example.com:443"),
        ("https://agents.example.com.evil.example", "agents.example.com"),
        ("https://evilapp.example.com", "agents.example.com"),
        ("http://app.example.com", "agents.example.com"),
        ("http://localhost:3001", "localhost:8000"),
        ("null", "agents.example.com"),
        ("", "agents.example.com"),
        ("", ""),
        ("https://a:port", "a:port"),
        ("https://app.example.com, https://evil.example", "agents.example.com"),
        ("https://agents.example.com", None),
    ],
)
def test_who_may_not(origin: str, host: str | None) -> None:
    with pytest.raises(OriginRefused) as refused:
        check_origin(origin, host, LISTED)
    assert refused.value.close_code == 4403
    assert "allow-list" in refused.value.remedy


def test_a_star_lets_everyone_in() -> None:
    check_origin("https://anywhere.example", "agents.example.com", {"*"})
    check_origin("null", "agents.example.com", ["*"])


def test_an_allowed_origin_is_echoed_with_credentials() -> None:
    assert cors_headers("https://app.example.com", LISTED) == {
        "vary": "Origin",
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "access-control-allow-headers": "*",
        "access-control-expose-headers": "link, location, retry-after, x-request-id, x-session-id",
        "access-control-max-age": "86400",
    }


def test_requested_headers_are_named_because_browsers_take_a_star_literally() -> None:
    headers = cors_headers("https://app.example.com", LISTED, request_headers="authorization, x-session-id")
    assert headers["access-control-allow-headers"] == "authorization, x-session-id"


def test_a_star_does_not_open_what_cookies_protect() -> None:
    headers = cors_headers("https://anywhere.example", {"*"})
    assert headers["access-control-allow-origin"] == "https://anywhere.example"
    assert "access-control-allow-credentials" not in headers
    both = cors_headers("https://app.example.com", {"*", "https://app.example.com"})
    assert both["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_others_get_no_permission_but_caches_still_tell_them_apart(origin: str | None) -> None:
    assert cors_headers(origin, LISTED) == {"vary": "Origin"}
