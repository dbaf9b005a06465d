"""Which chat ids are as good as a secret, and that no two callers get the same session out of one."""

from __future__ import annotations

import random
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core import bridging
from cutty_agent.errors import BadAddress
from cutty_agent.ids import check_session_id

ALPHABET = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    "id",
    [
        "TpvAMb3eICY6pjNg",
        "session-1732262847843-k3j9x0q2mz",
        "chat_1732262847843_a8f3k2m9q",
        "9f1c2d3e-4a5b-6c7d-8e9f-0a1b2c3d4e5f",
        "msg-TpvAMb3eICY6pjNg",
    ],
)
def test_ids_that_clients_draw(id: str) -> None:
    assert bridging.hard_to_guess(id)


@pytest.mark.parametrize(
    "id",
    [
        "main", "default", "chat-1", "1", "support-chat-2026", "MyCompanySupportChat", "user-anna", "a@b.example",
        "session-1732262847843", "customer-support-widget", "0123456789012345", "ö" * 50, "", "Chat2Agent",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "SupportChat2026",
    ],
)  # fmt: skip
def test_ids_that_people_write(id: str) -> None:
    assert not bridging.hard_to_guess(id)


def test_hardly_an_id_of_the_ai_sdk_is_taken_for_one_of_people() -> None:
    draw = random.Random(7)
    ids = ["".join(draw.choices(ALPHABET, k=16)) for _ in range(5_000)]
    assert sum(not bridging.hard_to_guess(id) for id in ids) < 60
    assert all(
        bridging.hard_to_guess(str(uuid.UUID(int=draw.getrandbits(128), version=4))) for _ in range(500)
    )


anything = st.text(max_size=200)


@given(anything, anything, anything)
def test_what_comes_out_is_an_address_and_one_callers_alone(one: str, two: str, chat: str) -> None:
    for session in (bridging.own(one, chat), bridging.secret(one, chat), bridging.unguessable(chat)):
        assert check_session_id(session) == session
        assert session.startswith(bridging.PREFIX)
    if one != two:
        assert bridging.own(one, chat) != bridging.own(two, chat)
        assert bridging.secret(one, chat) != bridging.secret(two, chat)
    assert bridging.own(one, chat) == bridging.own(one, chat)


@given(anything, anything, anything, anything)
def test_no_cookie_and_chat_id_can_be_put_together_to_anothers(a: str, b: str, c: str, d: str) -> None:
    if (a, b) != (c, d) and "/" not in a + c:  # cookies of ours hold none
        assert bridging.secret(a, b) != bridging.secret(c, d)


def test_a_named_session() -> None:
    assert bridging.named("s1", "s2") == "s1"
    assert bridging.named(None, "s2") == "s2"
    assert bridging.named("", None) is None
    assert bridging.named("default", None) is None
    with pytest.raises(BadAddress):
        bridging.named("a/b", None)
