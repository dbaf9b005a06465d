"""Keys that tokens are checked with, each pinned to the algorithms of its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from ..config import Jwt
from ..errors import ConfigError

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512", "secp256k1": "ES256K"}
_KINDS: Final[dict[str, Any]] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
_HMAC_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
ASYMMETRIC: Final = _RSA | frozenset(_CURVES.values()) | {"EdDSA"}
MIN_RSA_BITS: Final = 2048

_ALGORITHMS_REMEDY = "Set access.jwt.algorithms to ones that fit the key, or leave it out."


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it may be used with. ``kid`` is its name in a key set."""

    algorithms: frozenset[str]
    material: PublicKey | bytes = field(repr=False)
    kid: str | None = None


def local_key(config: Jwt) -> Key:
    """The key of ``secret`` or ``public_key``; a public key never serves for HMAC, a secret for nothing else.

    By default a secret checks those of HS256, HS384 and HS512 that it is long enough for (RFC 7518, 3.2).

    Raises:
        ConfigError: there is no usable key, or ``algorithms`` names one that does not fit it.
    """
    if config.secret is not None:
        secret = config.secret.encode()
        if "-----BEGIN" in config.secret:
            raise ConfigError(
                "access.jwt.secret holds a PEM key, which is no shared secret.",
                remedy="Put a public key into access.jwt.public_key.",
            )
        if config.algorithms:
            return Key(_named(config.algorithms, frozenset(_HMAC_BYTES)), secret)
        return Key(frozenset(name for name, size in _HMAC_BYTES.items() if len(secret) >= size), secret)
    public = _public_key(config.public_key or "")
    try:
        fitting = _fitting(public)
    except ValueError as error:
        raise ConfigError(
            f"access.jwt.public_key cannot be used: {error}.", remedy="Use an RSA, EC or Ed25519 key."
        ) from None
    return Key(_named(config.algorithms, fitting), public)


def remote_algorithms(config: Jwt) -> frozenset[str]:
    """The algorithms that keys of a key set may be used with.

    Raises:
        ConfigError: ``algorithms`` names one that is not for public keys.
    """
    return _named(config.algorithms, ASYMMETRIC)


def key_set(document: bytes, allowed: frozenset[str]) -> tuple[Key, ...]:
    """The keys of a JWKS document that check signatures with one of the allowed algorithms.

    Secrets (``kty: oct``), private keys, keys for encryption and broken ones are passed over.

    Raises:
        ValueError: it is no key set.
    """
    try:
        entries = msgspec.json.decode(document, type=_KeySet).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("it is not a JSON Web Key Set") from None
    found = (_remote_key(entry, allowed) for entry in entries)
    return tuple(key for key in found if key is not None)


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


def _remote_key(entry: dict[str, Any], allowed: frozenset[str]) -> Key | None:
    uses, kid = entry.get("key_ops"), entry.get("kid")
    if entry.get("use", "sig") != "sig" or (isinstance(uses, list) and "verify" not in uses):
        return None
    try:
        material = _KINDS[entry["kty"]].from_jwk(entry)
        fitting = _fitting(material)
    except (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError, UnsupportedAlgorithm):
        return None
    # The algorithms follow from the material; the one that is named can only narrow them.
    named = entry.get("alg")
    algorithms = fitting if named is None else fitting & {named} if isinstance(named, str) else frozenset()
    if not algorithms & allowed:
        return None
    return Key(algorithms & allowed, material, kid if isinstance(kid, str) else None)


def _fitting(key: object) -> frozenset[str]:
    """The algorithms of a public key's kind. Raises ``ValueError`` that says why there are none."""
    match key:
        case RSAPublicKey():
            if key.key_size < MIN_RSA_BITS:
                raise ValueError(
                    f"an RSA key of {key.key_size} bits is too short; {MIN_RSA_BITS} is the least"
                )
            return _RSA
        case EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return frozenset({_CURVES[key.curve.name]})
        case Ed25519PublicKey() | Ed448PublicKey():
            return frozenset({"EdDSA"})
        case _:
            raise ValueError("it is not a public key for signatures")


def _named(named: Iterable[str], fitting: frozenset[str]) -> frozenset[str]:
    wanted = frozenset(named)
    if unfit := wanted - fitting:
        raise ConfigError(
            f"access.jwt.algorithms has {', '.join(sorted(unfit))}, but the key is for {', '.join(sorted(fitting))}.",
            remedy=_ALGORITHMS_REMEDY,
        )
    return wanted or fitting


def _public_key(given: str) -> Any:
    text = given
    if "-----BEGIN" not in given:
        try:
            text = Path(given).expanduser().read_text("ascii")
        except (OSError, ValueError):
            raise ConfigError(
                "access.jwt.public_key is neither PEM text nor the path of a PEM file that can be read.",
                remedy="Give the text with its -----BEGIN PUBLIC KEY----- line, or the path of the file.",
            ) from None
    if re.search("-----BEGIN [A-Z ]*PRIVATE KEY-----", text):
        raise ConfigError(
            "access.jwt.public_key is a private key, which only the issuer should have.",
            remedy="Give the public one: openssl pkey -in private.pem -pubout.",
        )
    try:
        # In environment variables line ends are often written as \n.
        return load_pem_public_key(text.replace("\\n", "\n").encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            "access.jwt.public_key is not a PEM public key.",
            remedy="Give the text between -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY-----, both included.",
        ) from None
