"""What the tests of access share: a clock they own, requests, keys, and an issuer with a key set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cutty_agent.access import Credentials, Identified
from cutty_agent.ids import Address

NOW_S = 1_800_000_000
SECRET = "a shared secret of more than 64 bytes, which is what HS512 asks for!"
OTHER_SECRET = "another secret of more than 64 bytes, which nobody here believes in!"
SIGNING = "signs the cookies of visitors, in tests only"
ADDRESS = Address("chat", "room-1")

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_2 = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {
    "RS256": RSA,
    "RS384": RSA,
    "RS512": RSA,
    "PS256": RSA,
    "PS384": RSA,
    "PS512": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
ED448 = ed448.Ed448PrivateKey.generate()


class ManualClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.ms = NOW_S * 1000

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    def go_on(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


def shown(
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    subprotocols: tuple[str, ...] = (),
    secure: bool = False,
    websocket: bool = False,
    address: Address | None = ADDRESS,
) -> Credentials:
    return Credentials(
        headers=headers or {},
        query=query or {},
        subprotocols=subprotocols,
        peer="192.0.2.7",
        secure=secure,
        websocket=websocket,
        address=address,
    )


def bearer(token: str) -> Credentials:
    return shown(headers={"authorization": f"Bearer {token}"})


def at_once(answer: Identified | Awaitable[Identified]) -> Identified:
    """An answer that did not have to be waited for."""
    assert isinstance(answer, Identified)
    return answer


async def in_time(answer: Identified | Awaitable[Identified]) -> Identified:
    """An answer that had to be waited for."""
    assert not isinstance(answer, Identified)
    return await answer


def pem(private: Any) -> str:
    return str(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "ascii")


def signed(key: Any = SECRET, algorithm: str = "HS256", *, kid: str | None = None, **claims: Any) -> str:
    claims = {"sub": "ada", **claims}
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm, headers={"kid": kid} if kid else None)


def jwk(private: Any, kid: str | None = None, **more: Any) -> dict[str, Any]:
    public = private.public_key()
    kinds: list[tuple[type, Any]] = [
        (rsa.RSAPublicKey, jwt.algorithms.RSAAlgorithm),
        (ec.EllipticCurvePublicKey, jwt.algorithms.ECAlgorithm),
        (object, jwt.algorithms.OKPAlgorithm),
    ]
    algorithm = next(algorithm for kind, algorithm in kinds if isinstance(public, kind))
    entry: dict[str, Any] = algorithm.to_jwk(public, as_dict=True)
    entry.pop("key_ops", None)
    return {**entry, **({"kid": kid} if kid else {}), **more}


class Issuer:
    """A key set behind an address on this machine; counts how often it is asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.status = "200 OK"
        self.headers = ""
        self.body = b""
        self.go = asyncio.Event()
        self.go.set()
        self.reached = asyncio.Event()

    def publish(self, *keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": keys}).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            self.reached.set()
            await self.go.wait()
            head = f"HTTP/1.1 {self.status}\r\ncontent-length: {len(self.body)}\r\nconnection: close\r\n"
            writer.write(f"{head}{self.headers}\r\n".encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has gone, as some tests want it to
        finally:
            writer.close()


@asynccontextmanager
async def open_issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    issuer.url = f"http://127.0.0.1:{port}/jwks.json"
    try:
        yield issuer
    finally:
        issuer.go.set()
        server.close()
        await server.wait_closed()
