"""Where tokens are found, and that none is left in what a log may say."""

from __future__ import annotations

import hashlib
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cutty_agent.access import Credentials, scrub
from cutty_agent.access.credentials import (
    bearer_token,
    cookie_values,
    shown_link,
)
from cutty_agent.transport.caller import credentials as credentials_of
from cutty_agent.transport.opening import select_subprotocol
from unit.access_lab import SECRET, shown, signed

PLACES = {
    "header": shown(headers={"authorization": "Bearer T"}),
    "header, any case and space": shown(headers={"authorization": " bEARER   T "}),
    "subprotocol": shown(subprotocols=("cutty", "cutty.bearer.T")),
    "query": shown(query={"token": "T"}),
    "cookie": shown(headers={"cookie": "a=b; app=T; c=d"}),
    "the header wins": shown(
        headers={"authorization": "Bearer T", "cookie": "app=3"},
        query={"token": "2"},
        subprotocols=("cutty.bearer.1",),
    ),
    "then the subprotocol": shown(
        headers={"cookie": "app=3"}, query={"token": "2"}, subprotocols=("cutty.bearer.T",)
    ),
    "then the query": shown(headers={"cookie": "app=3"}, query={"token": "T"}),
    "another scheme is not ours": shown(headers={"authorization": "Basic eDp5"}, query={"token": "T"}),
    "empty ones are not shown": shown(
        headers={"authorization": "Bearer ", "cookie": "app=; app=T"},
        query={"token": ""},
        subprotocols=("cutty.bearer.",),
    ),
}


@pytest.mark.parametrize("credentials", PLACES.values(), ids=PLACES)
def test_a_token_is_found_in_every_place(credentials: Credentials) -> None:
    assert bearer_token(credentials, "app") == "T"


@pytest.mark.parametrize(
    "credentials",
    [
        shown(),
        shown(headers={"authorization": "T"}),
        shown(headers={"authorization": "Bearer"}),
        shown(headers={"cookie": "happ=T; app =; appx=T; app"}),
        shown(query={"Token": "T", "ticket": "T"}),
        shown(subprotocols=("cutty", "bearer.T", "CUTTY.bearer.T")),
    ],
)
def test_what_is_no_token_is_not_taken_for_one(credentials: Credentials) -> None:
    assert bearer_token(credentials, "app") is None


def test_a_cookie_is_no_token_unless_it_is_named() -> None:
    assert bearer_token(shown(headers={"cookie": "app=T"})) is None


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("v=1", ["1"]),
        ("a=0;v=1", ["1"]),
        (" v = 1 ;x", ["1"]),
        ('v="1"', ["1"]),
        ('v="', ['"']),
        ("v=1=2", ["1=2"]),
        ("v=1; v=2", ["1", "2"]),
        ("v=%31", ["%31"]),
        ("V=1; vv=1; v", []),
        ("=1; ;;; v", []),
        ("b={bad[, v=1", []),
        ("b={bad[]; v=1", ["1"]),
        ("\x00=\xff; v=\xe9", ["\xe9"]),
    ],
)
def test_cookies_are_read_exactly(header: str, values: list[str]) -> None:
    assert list(cookie_values(shown(headers={"cookie": header}), "v")) == values


@given(st.text(max_size=200))
def test_no_cookie_header_breaks_the_reading(header: str) -> None:
    values = list(cookie_values(shown(headers={"cookie": header}), "v"))
    assert all(value and value in header for value in values)


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ([], None),
        (["v5"], "v5"),
        (["cutty"], "cutty"),
        (["cutty.bearer.T", "cutty"], "cutty"),
        (["v5", "cutty.bearer.T"], "v5"),
        (["cutty.bearer.T", "cutty.bearer.U"], "cutty.bearer.T"),
        (["cutty.other"], None),
    ],
)
def test_a_subprotocol_is_selected_of_those_offered(offered: list[str], selected: str | None) -> None:
    assert select_subprotocol(offered) == selected


def test_a_link_is_known_by_the_hash_of_its_secret() -> None:
    name = "link:" + hashlib.sha256(b"s3cret").hexdigest()
    assert shown_link(shown(query={"share": "s3cret"})) == name
    assert shown_link(shown(headers={"x-cutty-share": " s3cret "})) == name
    assert shown_link(shown(query={"share": "s3cret"}, headers={"x-cutty-share": "x"})) == name
    assert shown_link(shown(query={"share": ""}, headers={"x-cutty-share": " "})) is None
    assert shown_link(shown(query={"share": "\ud800"})) is not None


def test_a_proxy_is_known_by_its_older_address_too() -> None:
    """A socket that listens for both kinds writes an IPv4 peer as IPv6."""
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    found = credentials_of(headers, "", peer="::ffff:10.0.0.5", proxies=("10.0.0.0/8",))
    assert (found.peer, found.secure) == ("203.0.113.9", True)


def test_credentials_do_not_show_what_they_hold() -> None:
    credentials = shown(headers={"authorization": "Bearer hush"}, query={"token": "hush"})
    assert "hush" not in repr(credentials)
    assert "hush" not in str(credentials)


JWT = signed(exp=1)
VISITOR = "v1.AAAAAAAAAAAAAAAAAAAAAA.1800000000." + "B" * 43
TARGETS = [
    ("/agents/chat/r1?_pk=1&token=hush&x=2", "/agents/chat/r1?_pk=1&token=***&x=2"),
    ("/a?ticket=hush", "/a?ticket=***"),
    ("/a?share=hush#x", "/a?share=***"),
    ("/a?%74oken=hush", "/a?***"),
    ("/a?TOKEN=hush&Token=hush", "/a?TOKEN=***&Token=***"),
    (f"/a?auth={JWT}&b=1", "/a?auth=***&b=1"),
    (f"/a/{JWT}/b", "/a/***/b"),
    (f"/a?next=/b?token={VISITOR}", "/a?next=***"),
    ("/a?next=%2Fb%3Ftoken%3Dhush", "/a?next=***"),
    ("/a?next=%252Fb%253Ftoken%253Dhush", "/a?next=***"),
    ("Authorization: Bearer hush", "Authorization: ***"),
    ("authorization: Basic hush\r\nhost: h", "authorization: ***\r\nhost: h"),
    ("Cookie: a=hush; cutty_visitor=hush", "Cookie: ***"),
    ("a=b; cutty_visitor=hush", "a=b; cutty_visitor=***"),
    ("Bearer hush", "Bearer ***"),
    ("Bearer%20hush", "***"),
    ("cutty, cutty.bearer.hush, v5", "cutty, cutty.bearer.***, v5"),
    ("x-cutty-share: hush", "x-cutty-share: ***"),
    ("sec-websocket-protocol: cutty.bearer.hush", "sec-websocket-protocol: ***"),
    (VISITOR, "***"),
]


@pytest.mark.parametrize(("text", "clean"), TARGETS)
def test_secrets_are_scrubbed(text: str, clean: str) -> None:
    assert scrub(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/agents/chat/room-1?_pk=0d7b7a1e-4d7e-4d4e-9e1b-000000000000&sessionId=a&dialect=v5",
        "GET /assets/index-abc.min.js?v=1.2.3 200",
        "/agents/chat/room%201?q=a%20b",
        "every.event.example evaluated v1.2.3",
        "keyboard-shortcuts.newport-line.css loaded",
        "turn.ended tokens=12 sharers=3",
    ],
)
def test_what_is_not_secret_stays(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    "piece",
    ["ey", "eyJabcdef", "a", "%", "%41", "v1.", "v1.aaaaaaaa", "bearer ", "=", "cookie", "a.", "&", "token"],
)
def test_long_text_is_scrubbed_in_linear_time(piece: str) -> None:
    began = time.process_time()
    for end in ("", ".", "=", "%"):
        scrub(piece * (40_000 // len(piece)) + end)
    assert time.process_time() - began < 3.0  # a quadratic pattern takes minutes


SAFE = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=16, max_size=60)
ANY = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="&#%+"), min_size=16, max_size=60
)
OTHERS = st.lists(
    st.sampled_from(
        [
            "a=1",
            "b",
            "",
            "=",
            "c==",
            "%",
            "%zz=1",
            "x=%3D",
            "?",
            "q=1?2",
            "u=/b/c;d",
            "'=\"",
            "_pk=7",
            "=token",
        ]
    ),
    max_size=4,
)


@given(token=ANY, before=OTHERS, after=OTHERS, name=st.sampled_from(["token", "ticket", "share"]))
@example(token="token=" + "x" * 16, before=[], after=[], name="token")
@example(token='"' + "x" * 16, before=["'=\""], after=[], name="share")
def test_no_token_survives_in_a_query(token: str, before: list[str], after: list[str], name: str) -> None:
    for written in (name, name.upper(), "".join(f"%{ord(letter):02x}" for letter in name)):
        for value in (token, quote(token, safe=""), quote_plus(token)):
            target = "/agents/chat/r?" + "&".join([*before, f"{written}={value}", *after])
            clean = scrub(target)
            assert value not in clean
            assert token not in clean


@given(
    token=SAFE,
    template=st.sampled_from(
        [
            "Bearer {}",
            "cutty.bearer.{}",
            "v5,cutty.bearer.{},cutty",
            "Authorization: Bearer {}",
            "Cookie: x=1; app={}",
            "a=1; cutty_visitor={}; b=2",
            "/a?next=/b%3fticket%3D{}",
            "X-Cutty-Share: {}",
        ]
    ),
    around=st.sampled_from(["{}", "x {} y", 'GET "{}" 200', "[{}]"]),
)
def test_no_token_survives_in_headers(token: str, template: str, around: str) -> None:
    assert token not in scrub(around.format(template.format(token)))


@given(
    claims=st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers(-9, 2**40), max_size=4),
    around=st.sampled_from(
        [
            "{}",
            "/a/{}",
            "/a?x={}",
            "/a?x=1&y={}&z",
            "error '{}'.",
            "app={}; b=1",
            "x%20{}",
            "app.{}",
            "a=b={}",
            "1.2-{}.x",
        ]
    ),
)
def test_no_json_web_token_survives_anywhere(claims: dict[str, object], around: str) -> None:
    import jwt

    token = jwt.encode(claims, SECRET, "HS256")
    clean = scrub(around.format(token))
    assert token not in clean
    assert not any(segment in clean for segment in token.split("."))


@given(st.text(max_size=300))
def test_scrubbing_never_fails_and_need_not_be_repeated(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


PIECES = st.sampled_from(
    [
        *(
            "token",
            "cookie",
            "Authorization",
            "bearer",
            "cutty.bearer.",
            "v1.",
            "eyJhbGciOiJIUzI1NiJ9",
            "aaaaaaaaaaaa",
        ),
        *("12345678", "%74oken", "%3D", "=", ":", ".", " ", "\t", "&", ";", "\n", "/a?b"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_other_lines_do_not_change_what_is_scrubbed(text: str) -> None:
    """What is looked for at all depends on the signs that occur; a line with every one of them has all looked for."""
    every_sign = "\n: = a.b.c \t%"
    assert scrub(text + every_sign) == scrub(text) + every_sign
