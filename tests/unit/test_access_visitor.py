"""Visitors' tokens and cookies."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.access.visitor import Visitors
from cutty_agent.errors import Unauthorized
from unit.access_lab import NOW_S, SIGNING, ManualClock

LIFE_S = 1_000
NEXT = "the next secret, which signs from now on"


def visitors(clock: ManualClock | None = None, *signing: str, cross_site: bool = False) -> Visitors:
    return Visitors(clock or ManualClock(), signing or (SIGNING,), visitor_s=LIFE_S, cross_site=cross_site)


def test_a_new_visitor_is_known_again_and_no_two_are_the_same() -> None:
    here = visitors()
    principal, token = here.new()
    assert re.fullmatch(r"visitor:[\w-]{22}", principal.id)
    assert re.fullmatch(rf"v1\.[\w-]{{22}}\.{NOW_S}\.[\w-]{{43}}", token)
    read = here.read(token)
    assert read is not None
    assert read.principal == principal == here.shown(token)
    assert not read.aged
    assert principal.expires_ms == (NOW_S + LIFE_S) * 1000
    assert not principal.signed_in
    assert len({here.new()[0].id for _ in range(100)}) == 100


def test_a_token_ages_and_ends() -> None:
    clock = ManualClock()
    here = visitors(clock)
    principal, token = here.new()
    clock.go_on(LIFE_S / 2)
    young = here.read(token)
    assert young is not None
    assert not young.aged
    clock.go_on(0.001)
    old = here.read(token)
    assert old is not None
    assert old.aged
    again, renewed = here.renewed(old)
    clock.go_on(LIFE_S / 2 - 0.002)
    assert here.read(token) is not None
    clock.go_on(0.001)
    assert here.read(token) is None
    with pytest.raises(Unauthorized, match="ended"):
        here.shown(token)
    later = here.read(renewed)
    assert later is not None
    assert later.principal.id == principal.id == again.id


def test_secrets_rotate() -> None:
    _, old = visitors().new()
    both = visitors(None, NEXT, SIGNING)
    _, new = both.new()
    assert both.read(old) is not None
    assert both.read(new) is not None
    assert visitors(None, NEXT).read(new) is not None
    assert visitors(None, NEXT).read(old) is None
    assert visitors(None, SIGNING).read(new) is None


PRINCIPAL, TOKEN = visitors().new()
_, NAME, ISSUED, SIGNATURE = TOKEN.split(".")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "v1.",
        "v1...",
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.replace("v1", "v2"),
        f"v1.{NAME}.{int(ISSUED) + 1}.{SIGNATURE}",
        f"v1.{NAME}.0{ISSUED}.{SIGNATURE}",
        f"v1.{NAME[::-1]}.{ISSUED}.{SIGNATURE}",
        f"v1.{NAME}.{ISSUED}.{SIGNATURE.swapcase()}",
        f"v1.{NAME}.-1.{SIGNATURE}",
        f"v1.{NAME}.{'9' * 400}.{SIGNATURE}",
        f"v1.{NAME}.١٢٣.{SIGNATURE}",
        f"v1.{'é' * 22}.{ISSUED}.{SIGNATURE}",
    ],
)
def test_a_false_token_is_nobody(token: str) -> None:
    assert visitors().read(token) is None
    with pytest.raises(Unauthorized) as caught:
        visitors().shown(token)
    assert SIGNATURE not in str(caught.value)


@given(place=st.integers(0, len(TOKEN) - 1), other=st.characters())
def test_no_changed_character_is_overlooked(place: int, other: str) -> None:
    changed = TOKEN[:place] + other + TOKEN[place + 1 :]
    assert (visitors().read(changed) is not None) == (changed == TOKEN)


@given(st.text(max_size=120))
def test_no_text_is_a_visitor(text: str) -> None:
    assert visitors().read(text) is None


def test_the_cookie() -> None:
    plain = visitors()
    assert (
        plain.set_cookie("T", secure=False) == "cutty_visitor=T; Path=/; Max-Age=1000; HttpOnly; SameSite=Lax"
    )
    assert plain.set_cookie("T", secure=True) == (
        "cutty_visitor=T; Path=/; Max-Age=1000; HttpOnly; SameSite=Lax; Secure"
    )
    for secure in (False, True):
        assert visitors(cross_site=True).set_cookie("T", secure=secure) == (
            "cutty_visitor=T; Path=/; Max-Age=1000; HttpOnly; SameSite=None; Secure; Partitioned"
        )


def test_visitors_need_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Visitors(ManualClock(), (), visitor_s=1)
