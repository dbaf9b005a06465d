"""The application's tokens: what is let in, and every way to be refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

import cutty_agent.access.jwt as module
from cutty_agent.access.jwt import Tokens
from cutty_agent.config import Jwt
from cutty_agent.errors import ConfigError, Unauthorized
from cutty_agent.wire.principal import NEVER_MS, Principal
from unit.access_lab import ED448, KEYS, NOW_S, OTHER_SECRET, RSA, RSA_2, SECRET, ManualClock, pem, signed


def verified(config: Jwt, token: str, clock: ManualClock | None = None) -> Principal:
    principal = Tokens(config, clock or ManualClock()).verify(token)
    assert isinstance(principal, Principal), "a local key needs no waiting"
    return principal


HS = Jwt(secret=SECRET)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_shared_secrets(algorithm: str) -> None:
    assert verified(HS, signed(SECRET, algorithm)) == Principal("user:ada")


@pytest.mark.parametrize("algorithm", KEYS)
def test_public_keys(algorithm: str) -> None:
    key = KEYS[algorithm]
    assert verified(Jwt(public_key=pem(key)), signed(key, algorithm)) == Principal("user:ada")


def test_a_key_from_a_file_from_one_line_and_of_another_curve(tmp_path: Path) -> None:
    token = signed(RSA, "RS256")
    (tmp_path / "key.pem").write_text(pem(RSA))
    assert verified(Jwt(public_key=str(tmp_path / "key.pem")), token).id == "user:ada"
    assert verified(Jwt(public_key=pem(RSA).replace("\n", "\\n")), token).id == "user:ada"
    assert verified(Jwt(public_key=pem(ED448)), signed(ED448, "EdDSA")).id == "user:ada"


def handmade(header: dict[str, Any], claims: dict[str, Any], key: bytes | None) -> str:
    """A token made by hand, as an attacker would; ``key`` signs with HMAC-SHA256, ``None`` leaves it unsigned."""

    def encoded(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    body = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{body}.{encoded(hmac.digest(key, body.encode(), hashlib.sha256)) if key else ''}"


ADA = {"sub": "ada"}
PUBLIC = Jwt(public_key=pem(RSA))
GOOD = signed()
FORGED: dict[str, tuple[Jwt, str]] = {
    "nothing": (HS, ""),
    "words": (HS, "let me in"),
    "dots": (HS, ".."),
    "another secret": (HS, signed(OTHER_SECRET)),
    "no signature": (HS, GOOD.rpartition(".")[0] + "."),
    "no third part": (HS, GOOD.rpartition(".")[0]),
    "other claims": (HS, ".".join((GOOD.split(".")[0], signed(sub="eve").split(".")[1], GOOD.split(".")[2]))),
    "alg none": (HS, handmade({"alg": "none"}, ADA, None)),
    "alg None": (HS, handmade({"alg": "None"}, ADA, None)),
    "alg none, with a signature": (HS, handmade({"alg": "none"}, ADA, SECRET.encode())),
    "no alg": (HS, handmade({"typ": "JWT"}, ADA, SECRET.encode())),
    "alg is null": (HS, handmade({"alg": None}, ADA, SECRET.encode())),
    "alg is a list": (HS, handmade({"alg": ["HS256"]}, ADA, SECRET.encode())),
    "kid is a number": (HS, handmade({"alg": "HS256", "kid": 1}, ADA, SECRET.encode())),
    "unknown crit": (HS, handmade({"alg": "HS256", "crit": ["x"], "x": 1}, ADA, SECRET.encode())),
    "b64 false": (HS, handmade({"alg": "HS256", "crit": ["b64"], "b64": False}, ADA, SECRET.encode())),
    "header is a list": (HS, handmade([{"alg": "HS256"}], ADA, SECRET.encode())),  # type: ignore[arg-type]  # forged
    "claims are a list": (HS, handmade({"alg": "HS256"}, [ADA], SECRET.encode())),  # type: ignore[arg-type]  # forged
    "deep header": (HS, base64.urlsafe_b64encode(b"[" * 9_000).decode().rstrip("=") + ".e30.eA"),
    "public, alg none": (PUBLIC, handmade({"alg": "none"}, ADA, None)),
    "HMAC with the public key's text": (PUBLIC, handmade({"alg": "HS256"}, ADA, pem(RSA).encode())),
    "HMAC with the text, stripped": (PUBLIC, handmade({"alg": "HS256"}, ADA, pem(RSA).strip().encode())),
    "RS256 for a secret": (HS, signed(RSA, "RS256")),
    "RS256 of another key": (PUBLIC, signed(RSA_2, "RS256")),
    "ES256 for an RSA key": (PUBLIC, signed(KEYS["ES256"], "ES256")),
    "ES384 for a P-256 key": (Jwt(public_key=pem(KEYS["ES256"])), signed(KEYS["ES384"], "ES384")),
    "RS256 where only PS256": (Jwt(public_key=pem(RSA), algorithms=("PS256",)), signed(RSA, "RS256")),
    "HS512 where only HS256": (Jwt(secret=SECRET, algorithms=("HS256",)), signed(SECRET, "HS512")),
    "key in the header": (PUBLIC, handmade({"alg": "HS256", "jwk": {"kty": "oct", "k": "eA"}}, ADA, b"x")),
    "too long": (HS, signed(padding="x" * 17_000)),
    "not ASCII": (HS, "é" + GOOD),
    "a surrogate": (HS, GOOD + "\ud800"),
}


@pytest.mark.parametrize(("config", "token"), FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused_without_being_repeated(config: Jwt, token: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        verified(config, token)
    assert caught.value.sentence.startswith(("The token is not valid", "The token is longer"))
    assert len(token) < 10 or token not in str(caught.value)


@given(
    st.text(max_size=80)
    | st.binary(max_size=120).map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.e30")
)
def test_no_text_breaks_the_check(token: str) -> None:
    with pytest.raises(Unauthorized):
        verified(HS, token)


@given(place=st.integers(0, len(GOOD) - 1), other=st.sampled_from("ABab01-_.="))
def test_no_changed_character_is_overlooked(place: int, other: str) -> None:
    changed = GOOD[:place] + other + GOOD[place + 1 :]
    if changed != GOOD:
        with pytest.raises(Unauthorized):
            verified(HS, changed)


LEEWAY = Jwt(secret=SECRET, leeway_s=30)
STRICT = Jwt(secret=SECRET, leeway_s=0)
TIMES: list[tuple[Jwt, dict[str, Any], str | None]] = [
    (STRICT, {"exp": NOW_S + 1}, None),
    (STRICT, {"exp": NOW_S}, "expired"),
    (LEEWAY, {"exp": NOW_S - 29}, None),
    (LEEWAY, {"exp": NOW_S - 30}, "expired"),
    (LEEWAY, {"exp": NOW_S - 28.5}, None),
    (LEEWAY, {"exp": 0}, "expired"),
    (LEEWAY, {"exp": -(10**400)}, "expired"),
    (LEEWAY, {"exp": 10**400}, None),
    (LEEWAY, {"exp": 1e308}, None),
    (LEEWAY, {"exp": float("inf")}, None),
    (LEEWAY, {"exp": float("nan")}, "not a time"),
    (LEEWAY, {"exp": "tomorrow"}, "not a time"),
    (LEEWAY, {"exp": str(NOW_S + 60)}, "not a time"),
    (LEEWAY, {"exp": True}, "not a time"),
    (LEEWAY, {"exp": [NOW_S + 60]}, "not a time"),
    (STRICT, {"nbf": NOW_S}, None),
    (STRICT, {"nbf": NOW_S + 1}, "not good yet"),
    (LEEWAY, {"nbf": NOW_S + 30}, None),
    (LEEWAY, {"nbf": NOW_S + 31}, "not good yet"),
    (LEEWAY, {"nbf": "x"}, "not a time"),
    (LEEWAY, {"iat": NOW_S + 9_999}, None),
]


@pytest.mark.parametrize(("config", "claims", "refusal"), TIMES)
def test_times_are_honoured(config: Jwt, claims: dict[str, Any], refusal: str | None) -> None:
    token = handmade({"alg": "HS256"}, {**ADA, **claims}, SECRET.encode())
    if refusal is None:
        assert verified(config, token).id == "user:ada"
    else:
        with pytest.raises(Unauthorized, match=refusal):
            verified(config, token)


def test_the_end_includes_the_leeway() -> None:
    assert verified(LEEWAY, signed(exp=NOW_S + 60)).expires_ms == (NOW_S + 90) * 1000
    assert verified(LEEWAY, signed()).expires_ms == NEVER_MS
    assert (
        verified(LEEWAY, handmade({"alg": "HS256"}, {**ADA, "exp": 1e300}, SECRET.encode())).expires_ms
        == NEVER_MS
    )


BOUND = Jwt(secret=SECRET, audience="cutty", issuer="https://id.example")
CLAIMS: list[tuple[dict[str, Any], str | None]] = [
    ({"aud": "cutty", "iss": "https://id.example"}, None),
    ({"aud": ["other", "cutty"], "iss": "https://id.example"}, None),
    ({"aud": "other", "iss": "https://id.example"}, "another audience"),
    ({"aud": "cutty2", "iss": "https://id.example"}, "another audience"),
    ({"aud": [], "iss": "https://id.example"}, "aud|audience"),
    ({"aud": {"cutty": 1}, "iss": "https://id.example"}, "audience"),
    ({"iss": "https://id.example"}, "no claim aud"),
    ({"aud": "cutty", "iss": "https://evil.example"}, "another issuer"),
    ({"aud": "cutty", "iss": "https://id.example/"}, "another issuer"),
    ({"aud": "cutty"}, "no claim iss"),
]


@pytest.mark.parametrize(("claims", "refusal"), CLAIMS)
def test_audience_and_issuer(claims: dict[str, Any], refusal: str | None) -> None:
    token = handmade({"alg": "HS256"}, {**ADA, **claims}, SECRET.encode())
    if refusal is None:
        assert verified(BOUND, token).id == "user:ada"
    else:
        with pytest.raises(Unauthorized, match=refusal):
            verified(BOUND, token)


def test_audience_and_issuer_are_not_looked_at_unless_they_are_set() -> None:
    assert verified(HS, signed(aud="other", iss="anybody")).id == "user:ada"


USERS: list[tuple[object, str | None]] = [
    ("ada", "user:ada"),
    ("auth0|5f7c", "user:auth0|5f7c"),
    ("visitor:x", "user:visitor:x"),
    ("Zoë 💬", "user:Zoë 💬"),
    (42, "user:42"),
    (-1, "user:-1"),
    ("x" * 128, "user:" + "x" * 128),
    ("x" * 129, None),
    (10**130, None),
    ("", None),
    ("  ", None),
    (None, None),
    (True, None),
    (1.5, None),
    (["ada"], None),
    ({"id": "ada"}, None),
    ("a\nb", None),
    ("a\x00", None),
    ("a\x7f", None),
    ("a\x85", None),
    ("a\u2028b", None),
    ("a\ud800", None),
]


@pytest.mark.parametrize(("subject", "name"), USERS)
def test_the_claim_that_names_the_user(subject: object, name: str | None) -> None:
    config = Jwt(secret=SECRET, user_claim="uid")
    token = handmade({"alg": "HS256"}, {"uid": subject, "sub": "not this one"}, SECRET.encode())
    if name is not None:
        assert verified(config, token).id == name
    else:
        with pytest.raises(Unauthorized, match="uid") as caught:
            verified(config, token)
        assert not isinstance(subject, str) or not subject.strip() or subject not in str(caught.value)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("read write", {"read", "write"}),
        (["read", "write", ""], {"read", "write"}),
        ("", set()),
        (None, set()),
        (7, set()),
        ([1, {}, "read"], {"read"}),
        ({"read": 1}, set()),
    ],
)
def test_scopes(scope: object, scopes: set[str]) -> None:
    token = handmade({"alg": "HS256"}, {**ADA, "scope": scope}, SECRET.encode())
    assert verified(HS, token).scopes == scopes
    named = Jwt(secret=SECRET, scope_claim="permissions")
    assert verified(named, signed(permissions=["a"], scope="b")).scopes == {"a"}


def test_the_id_of_the_token() -> None:
    assert verified(HS, signed(jti="t-1")).token_id == "t-1"
    assert verified(HS, signed()).token_id == ""
    for jti in (7, ["t"], "x" * 201):
        with pytest.raises(Unauthorized, match="jti"):
            verified(HS, handmade({"alg": "HS256"}, {**ADA, "jti": jti}, SECRET.encode()))


def test_a_verified_token_is_remembered_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    tokens = Tokens(LEEWAY, clock)
    token = signed(exp=NOW_S + 60)
    first = tokens.verify(token)
    monkeypatch.setattr(module.jwt, "decode", lambda *_, **__: pytest.fail("checked again"))
    assert tokens.verify(token) is first
    clock.go_on(89)
    assert tokens.verify(token) is first
    clock.go_on(1)
    with pytest.raises(Unauthorized, match="expired"):
        tokens.verify(token)
    assert not tokens._remembered


def test_what_is_remembered_is_bounded_and_the_latest_used_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    tokens = Tokens(HS, ManualClock())
    several = [signed(sub=f"u{number}") for number in range(4)]
    for token in (several[0], several[1], several[2], several[0], several[3]):
        tokens.verify(token)
    assert [principal.id for principal in tokens._remembered.values()] == ["user:u2", "user:u0", "user:u3"]


def test_a_refused_token_is_not_remembered() -> None:
    tokens = Tokens(HS, ManualClock())
    for token in (signed(OTHER_SECRET), signed(exp=1), signed(sub="")):
        with pytest.raises(Unauthorized):
            tokens.verify(token)
    assert not tokens._remembered


SHORT = "only 32 bytes, enough for HS256!"
PRIVATE = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
ODD_CURVE = ec.generate_private_key(ec.BrainpoolP256R1())
MISTAKES: list[tuple[Jwt, str]] = [
    (Jwt(), "no key"),
    (Jwt(secret=SECRET, public_key=pem(RSA)), "secret and public_key"),
    (Jwt(secret=SECRET, jwks_url="https://id.example/jwks"), "secret and jwks_url"),
    (Jwt(secret=pem(RSA)), "PEM"),
    (Jwt(secret=SECRET, algorithms=("none",)), "none"),
    (Jwt(secret=SECRET, algorithms=("RS256",)), "RS256"),
    (Jwt(public_key=pem(RSA), algorithms=("RS256", "HS256")), "HS256"),
    (Jwt(public_key=pem(RSA), algorithms=("none",)), "none"),
    (Jwt(public_key=pem(KEYS["ES256"]), algorithms=("ES384",)), "ES384"),
    (Jwt(jwks_url="https://id.example/jwks", algorithms=("HS256",)), "HS256"),
    (Jwt(public_key="/nowhere/key.pem"), "path"),
    (Jwt(public_key="-----BEGIN PUBLIC KEY-----\nbm8=\n-----END PUBLIC KEY-----"), "not a PEM"),
    (Jwt(public_key=PRIVATE), "private"),
    (Jwt(public_key=pem(SMALL)), "1024 bits"),
    (Jwt(public_key=pem(ODD_CURVE)), "not a public key for signatures"),
    (Jwt(jwks_url="http://id.example/jwks"), "https"),
    (Jwt(jwks_url="http://localhost.example/jwks"), "https"),
    (Jwt(jwks_url="file:///etc/passwd"), "https"),
    (Jwt(jwks_url="https://"), "https"),
    (Jwt(jwks_url=""), "https"),
    (Jwt(public_key=""), "path"),
    (Jwt(jwks_url="https://[::1/jwks"), "https"),
]


@pytest.mark.parametrize(("config", "says"), MISTAKES)
def test_settings_that_cannot_work_are_refused_at_the_start(config: Jwt, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Tokens(config, ManualClock())
    assert "PRIVATE KEY-----\nM" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_secret_serves_the_algorithms_it_is_long_enough_for_unless_they_are_named() -> None:
    assert verified(Jwt(secret=SHORT), signed(SHORT)).id == "user:ada"
    with pytest.warns(match="below the minimum"):
        long = signed(SHORT, "HS512")
    with pytest.raises(Unauthorized):
        verified(Jwt(secret=SHORT), long)
    with pytest.warns(match="below the minimum"):
        assert verified(Jwt(secret=SHORT, algorithms=("HS512",)), long).id == "user:ada"
