"""Key sets: fetched once for all who wait, renewed, rotated, and never fetched for whoever shows unknown keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

import cutty_agent.access.jwks as module
from cutty_agent.access.jwt import Tokens
from cutty_agent.access.keys import ASYMMETRIC, key_set
from cutty_agent.config import Jwt
from cutty_agent.errors import IdentityUnavailable, Unauthorized
from cutty_agent.wire.principal import Principal
from unit.access_lab import ED448, KEYS, RSA, RSA_2, Issuer, ManualClock, jwk, open_issuer, pem, signed

ES = KEYS["ES256"]
OLD = signed(RSA, "RS256", kid="old")
NEW = signed(RSA_2, "RS256", kid="new")


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with open_issuer() as opened:
        opened.publish(jwk(RSA, "old"))
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tokens(issuer: Issuer, clock: ManualClock) -> Tokens:
    return Tokens(Jwt(jwks_url=issuer.url, keys_s=300), clock)


def at_once(tokens: Tokens, token: str) -> Principal:
    principal = tokens.verify(token)
    assert isinstance(principal, Principal), "nothing had to be waited for"
    return principal


async def in_time(tokens: Tokens, token: str) -> Principal:
    waited = tokens.verify(token)
    assert not isinstance(waited, Principal), "the keys had to be fetched"
    return await waited


async def test_keys_are_fetched_when_first_needed_and_then_known(tokens: Tokens, issuer: Issuer) -> None:
    assert issuer.asked == 0
    assert (await in_time(tokens, OLD)).id == "user:ada"
    assert at_once(tokens, OLD).id == "user:ada"
    assert at_once(tokens, signed(RSA, "RS256", kid="old", sub="eve")).id == "user:eve"
    assert issuer.asked == 1


async def test_all_who_wait_share_one_fetch_and_one_may_go_away(tokens: Tokens, issuer: Issuer) -> None:
    issuer.go.clear()
    several = [asyncio.ensure_future(in_time(tokens, OLD)) for _ in range(20)]
    await issuer.reached.wait()
    several[0].cancel()
    issuer.go.set()
    answers = await asyncio.gather(*several, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert {answer.id for answer in answers[1:] if isinstance(answer, Principal)} == {"user:ada"}
    assert len(answers[1:]) == 19
    assert issuer.asked == 1


async def test_a_rotated_key_is_fetched_and_the_old_one_no_longer_good(
    tokens: Tokens, issuer: Issuer, clock: ManualClock
) -> None:
    await in_time(tokens, OLD)
    issuer.publish(jwk(RSA_2, "new"))
    clock.go_on(10)
    assert (await in_time(tokens, NEW)).id == "user:ada"
    with pytest.raises(Unauthorized, match="not valid"):
        at_once(tokens, OLD)  # remembered before: the rotation has emptied what was remembered
    assert issuer.asked == 2


async def test_a_flood_of_unknown_keys_asks_the_issuer_once_in_ten_seconds(
    tokens: Tokens, issuer: Issuer, clock: ManualClock
) -> None:
    await in_time(tokens, OLD)
    for second in range(30):
        for number in range(20):
            token = signed(RSA_2, "RS256", kid=f"{second}-{number}")
            try:
                answer = tokens.verify(token)
                assert not isinstance(answer, Principal)
                await answer
            except Unauthorized:
                continue
            pytest.fail("a token with an unknown key was let in")
        clock.go_on(1)
    assert issuer.asked == 3  # at 0 s, 10 s and 20 s
    assert at_once(tokens, OLD).id == "user:ada"


async def test_an_unknown_key_is_refused_at_once_while_the_issuer_is_left_alone(
    tokens: Tokens, clock: ManualClock
) -> None:
    await in_time(tokens, OLD)
    clock.go_on(9.9)
    with pytest.raises(Unauthorized, match="not valid"):
        at_once(tokens, NEW)


async def test_a_set_is_renewed_ahead_of_its_end_without_anybody_waiting(
    tokens: Tokens, issuer: Issuer, clock: ManualClock
) -> None:
    await in_time(tokens, OLD)
    issuer.reached.clear()
    clock.go_on(239)
    at_once(tokens, OLD)
    assert tokens._remote is not None
    assert tokens._remote._fetching is None
    clock.go_on(1)
    at_once(tokens, OLD)
    fetch = tokens._remote._fetching
    assert fetch is not None
    await fetch
    assert issuer.asked == 2
    clock.go_on(100)  # 340 s after the first, 100 s after the second
    at_once(tokens, OLD)


async def test_a_set_that_has_ended_is_not_used_before_it_was_fetched_anew(
    tokens: Tokens, issuer: Issuer, clock: ManualClock
) -> None:
    await in_time(tokens, OLD)
    issuer.publish(jwk(RSA_2, "new"))
    clock.go_on(300)
    with pytest.raises(Unauthorized):
        await in_time(tokens, OLD)


@pytest.mark.parametrize("failure", ["500 Oops", "302 Found", "empty", "list", "too large", "gone"])
async def test_the_old_set_serves_on_while_a_new_one_cannot_be_had(
    tokens: Tokens, issuer: Issuer, clock: ManualClock, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_time(tokens, OLD)
    clock.go_on(301)
    match failure:
        case "empty":
            issuer.body = b""
        case "list":
            issuer.body = b"[1]"
        case "too large":
            issuer.body = b" " * (module.MAX_BYTES + 1)
        case "gone":
            assert tokens._remote is not None
            tokens._remote._url = "http://127.0.0.1:9/"
        case status:
            issuer.status = status
            issuer.headers = f"location: {issuer.url}\r\n"
    with capture_logs() as logs:
        assert (await in_time(tokens, OLD)).id == "user:ada"
    assert [(record["event"], record["log_level"], record["kept"]) for record in logs] == [
        ("keys.not_fetched", "warning", 1)
    ]
    assert at_once(tokens, OLD).id == "user:ada"  # and the issuer is left alone for a while


async def test_an_issuer_that_does_not_answer_is_not_waited_for_long(
    tokens: Tokens, issuer: Issuer, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FETCH_S", 0.05)
    issuer.go.clear()
    with pytest.raises(IdentityUnavailable):
        await in_time(tokens, OLD)
    with pytest.raises(IdentityUnavailable):
        at_once(tokens, OLD)
    assert issuer.asked == 1
    issuer.go.set()
    clock.go_on(10)
    monkeypatch.setattr(module, "FETCH_S", 5.0)
    assert (await in_time(tokens, OLD)).id == "user:ada"


async def test_a_set_without_keys_is_believed(tokens: Tokens, issuer: Issuer, clock: ManualClock) -> None:
    await in_time(tokens, OLD)
    issuer.publish()
    clock.go_on(300)
    with capture_logs() as logs, pytest.raises(Unauthorized):
        await in_time(tokens, OLD)
    assert [record["event"] for record in logs] == ["keys.none_usable"]


async def test_tokens_and_keys_need_no_names(issuer: Issuer, clock: ManualClock) -> None:
    issuer.publish(jwk(RSA_2), jwk(RSA), jwk(ES))
    tokens = Tokens(Jwt(jwks_url=issuer.url), clock)
    assert (await in_time(tokens, signed(RSA, "RS256"))).id == "user:ada"
    assert at_once(tokens, signed(RSA_2, "PS256", kid="any")).id == "user:ada"
    assert at_once(tokens, signed(ES, "ES256")).id == "user:ada"


async def test_a_name_that_is_used_again_for_another_key_is_noticed(
    tokens: Tokens, issuer: Issuer, clock: ManualClock
) -> None:
    await in_time(tokens, OLD)
    issuer.publish(jwk(RSA_2, "old"))
    clock.go_on(10)
    assert (await in_time(tokens, signed(RSA_2, "RS256", kid="old"))).id == "user:ada"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (signed(RSA, "RS256", kid="ec"), "an RSA token for the name of an EC key"),
        (signed(pem(RSA).replace("-", "~"), "HS256", kid="rsa"), "HMAC for the name of an RSA key"),
        (signed(ES, "ES256", kid="rsa"), "the key of another name"),
        (signed(RSA, "PS256", kid="only RS256"), "an algorithm that the key is not for"),
        (signed("k" * 32, "HS256", kid="oct"), "a secret that was published"),
        (signed(RSA_2, "RS256", kid="enc"), "a key for encryption"),
    ],
)
async def test_an_algorithm_is_bound_to_the_kind_of_the_key(
    issuer: Issuer, clock: ManualClock, token: str, why: str
) -> None:
    issuer.publish(
        jwk(RSA, "rsa"),
        jwk(ES, "ec"),
        jwk(RSA, "only RS256", alg="RS256"),
        {"kty": "oct", "k": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s", "kid": "oct"},
        jwk(RSA_2, "enc", use="enc"),
    )
    tokens = Tokens(Jwt(jwks_url=issuer.url), clock)
    with pytest.raises(Unauthorized):
        await in_time(tokens, token)
    assert at_once(tokens, signed(ES, "ES256", kid="ec")).id == "user:ada", why


def test_what_is_no_usable_key_is_passed_over() -> None:
    import json

    private = {**jwk(ES, "private"), "d": "AAAA"}
    entries = [
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5, "e": None},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": ["RSA"]},
        {"kty": "oct", "k": "AAAA"},
        private,
        jwk(RSA, "sign", key_ops=["sign"]),
        jwk(RSA, "odd alg", alg=["RS256"]),
        jwk(RSA, "wrong alg", alg="HS256"),
        jwk(ED448, "good", key_ops=["verify"], use="sig"),
        jwk(RSA, "good too", alg="RS256"),
    ]
    keys = key_set(json.dumps({"keys": entries}).encode(), ASYMMETRIC)
    assert [(key.kid, sorted(key.algorithms)) for key in keys] == [
        ("good", ["EdDSA"]),
        ("good too", ["RS256"]),
    ]
    assert [key.kid for key in key_set(json.dumps({"keys": entries}).encode(), frozenset({"EdDSA"}))] == [
        "good"
    ]


@pytest.mark.parametrize(
    "document", [b"", b"{}", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"\xff", b"[" * 9_000]
)
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match="not a JSON Web Key Set"):
        key_set(document, ASYMMETRIC)


def test_keys_are_not_shown() -> None:
    from cutty_agent.access.keys import local_key

    assert "hush" not in repr(local_key(Jwt(secret="hush" * 10)))
