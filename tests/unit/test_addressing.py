"""Names in URLs and what a path points at."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.addressing import Route, aliases, kebab, parse
from cutty_agent.errors import BadAddress


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("Chat", "chat"),
        ("MyAgent", "my-agent"),
        ("AIAssistant", "a-i-assistant"),
        ("HTTPServer", "h-t-t-p-server"),
        ("ALL_CAPS", "all-caps"),
        ("my_agent", "my-agent"),
        ("Chat2Agent", "chat2-agent"),
        ("agentX_", "agent-x"),
        ("chat", "chat"),
        ("A", "a"),
        ("ABC", "abc"),
    ],
)
def test_kebab_is_what_the_clients_compute(name: str, segment: str) -> None:
    assert kebab(name) == segment


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("AIAssistant", {"ai-assistant"}),
        ("HTTPServer", {"http-server"}),
        ("Chat", set()),
        ("MyAgent", set()),
        ("ALL_CAPS", set()),
        ("Chat2Agent", set()),
        ("agentX_", set()),
    ],
)
def test_the_documented_spelling_is_an_alias(name: str, others: set[str]) -> None:
    assert aliases(name) == others


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True))
def test_kebab_of_a_segment_is_itself(name: str) -> None:
    segment = kebab(name)
    assert segment == segment.lower()
    assert kebab(segment) == segment.removesuffix("-").removeprefix("-") or "-" in (segment[:1], segment[-1:])


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/agents/chat/room", Route("chat", "room")),
        ("/agents/chat/room/", Route("chat", "room")),
        ("/agents/chat/room%201", Route("chat", "room 1")),
        ("/agents/chat/a%2Bb+c", Route("chat", "a+b+c")),
        ("/agents/chat/room/get-messages", Route("chat", "room", ("get-messages",))),
        ("/agents/chat/room/a/b%20c", Route("chat", "room", ("a", "b c"))),
        ("/agents/chat/default", Route("chat", "default")),
        ("/agents/a-i-assistant/1", Route("a-i-assistant", "1")),
    ],
)
def test_a_path_points_at_a_session(path: str, route: Route) -> None:
    assert parse(path) == route


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/agents",
        "/agents/",
        "/agents/chat",
        "/agents/chat/",
        "/agent/chat/x",
        "/agentsx/chat/x",
        "//agents/chat/x",
    ],
)
def test_other_paths_are_left_to_the_application(path: str) -> None:
    assert parse(path) is None


def test_the_prefix_can_be_another_and_have_parts() -> None:
    assert parse("/api/v1/chat/room", "api/v1") == Route("chat", "room")
    assert parse("/api/v1/chat/room", "/api/v1/") == Route("chat", "room")
    assert parse("/agents/chat/room", "api/v1") is None


@pytest.mark.parametrize(
    "segment",
    [
        "%2F",
        "a%2Fb",
        "%2E%2E",
        ".",
        "..",
        "%00",
        "a%0Ab",
        "%",
        "%zz",
        "%FF",
        "%C3",
        "%20",
        "x" * 129,
        "é",
        "%C3%A9",
        "/x",
    ],
)
def test_an_unacceptable_session_id_is_refused(segment: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse(f"/agents/chat/{segment}")
    assert refused.value.remedy


def test_it_is_decoded_only_once() -> None:
    with pytest.raises(BadAddress):
        parse("/agents/chat/a%2541")  # decodes to "a%41", whose percent sign is not allowed


@given(
    st.from_regex(r"[A-Za-z0-9._~:@+=,\-]{1,128}", fullmatch=True).filter(
        lambda s: s not in {".", "..", "default"}
    )
)
def test_every_acceptable_id_survives_the_trip(session: str) -> None:
    raw, encoded = parse(f"/agents/chat/{session}"), parse(f"/agents/chat/{quote(session, safe='')}")
    assert raw == encoded == Route("chat", session)


@pytest.mark.parametrize(
    ("query", "header", "session", "by_query"),
    [
        ("sessionId=s-1", None, "s-1", True),
        ("_pk=1&sessionId=s%201&x=y", None, "s 1", True),
        ("sessionId=s-1", "s-2", "s-1", True),
        ("sessionId=", "s-2", "s-2", True),
        ("", "s-2", "s-2", True),
        ("xsessionId=no", None, "default", False),
        ("", "", "default", False),
        ("", None, "default", False),
    ],
)
def test_default_is_replaced(query: str, header: str | None, session: str, by_query: bool) -> None:
    route = parse("/agents/chat/default/get-messages", query=query, session_header=header)
    assert route == Route("chat", session, ("get-messages",), by_query)


def test_any_other_name_is_taken_as_it_is() -> None:
    assert parse("/agents/chat/room", query="sessionId=other", session_header="another") == Route(
        "chat", "room"
    )


@pytest.mark.parametrize("query", ["", "sessionId=default"])
def test_the_shared_default_can_be_refused(query: str) -> None:
    with pytest.raises(BadAddress, match="sessionId"):
        parse("/agents/chat/default", query=query, allow_default=False)


def test_an_id_from_the_query_is_checked_too() -> None:
    with pytest.raises(BadAddress):
        parse("/agents/chat/default", query="sessionId=a%2Fb")
