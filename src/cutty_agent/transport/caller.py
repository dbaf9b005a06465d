"""Who is at the other end, as far as the network tells: its address, past trusted proxies, and what it shows."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl

from ..errors import BadRequest
from ..ids import Address
from ..ports.identity import Credentials
from .origin import speaks_for

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def credentials(
    headers: Mapping[str, str],
    query: str,
    *,
    subprotocols: Collection[str] = (),
    peer: str = "",
    secure: bool = False,
    websocket: bool = False,
    address: Address | None = None,
    origins: Collection[str] = (),
    proxies: tuple[str, ...] = (),
) -> Credentials:
    """What a request shows of its caller.

    Cookies count only where the page that sends them may read answers with them: on requests of this host, of an
    origin named on the list, or without a page at all. ``proxies`` are the addresses and networks whose
    ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
    """
    if "cookie" in headers and not speaks_for(headers.get("origin"), headers.get("host"), origins):
        headers = {name: value for name, value in headers.items() if name != "cookie"}
    if proxies and _among(peer, proxies):
        secure = headers.get("x-forwarded-proto", "").split(",")[-1].strip() == "https" or secure
        peer = _forwarded(headers.get("x-forwarded-for", ""), peer, proxies)
    return Credentials(
        headers=headers,
        query=first_values(query),
        subprotocols=tuple(subprotocols),
        peer=peer,
        secure=secure,
        websocket=websocket,
        address=address,
    )


def first_values(query: str) -> dict[str, str]:
    """The first value of every field of a raw query."""
    values: dict[str, str] = {}
    if query:
        for key, value in parse_qsl(query):
            values.setdefault(key, value)
    return values


def check_host(host: str | None, hosts: Collection[str] | None) -> None:
    """Let a request pass that is meant for this server; ``None`` lets all pass.

    A page of another name whose address was changed to ours afterwards (DNS rebinding) sends its own name as
    ``Host``. ``*.example.com`` stands for every name below example.com.

    Raises:
        BadRequest: it names another host.
    """
    if hosts is None:
        return
    name = _host_name(host or "")
    if name in hosts or any(each[0] == "*" and name.endswith(each[1:]) for each in hosts if each):
        return
    raise BadRequest(
        f"This server does not answer to the host {name[:80]!r}.",
        remedy="Add the name to CUTTY_ACCESS__HOSTS, or use one the server knows.",
    )


def _host_name(host: str) -> str:
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _forwarded(chain: str, peer: str, proxies: tuple[str, ...]) -> str:
    """The nearest address that is no trusted proxy; what stands before it could be made up."""
    for hop in reversed([each.strip() for each in chain.split(",") if each.strip()]):
        peer = hop
        if not _among(hop, proxies):
            break
    return peer[:64]


def _among(peer: str, proxies: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):  # a socket for both kinds writes the older ones like that
        address = address.ipv4_mapped or address
    return any(address in network for network in networks(proxies))


@lru_cache(maxsize=8)
def networks(written: tuple[str, ...]) -> tuple[_Network, ...]:
    """Addresses and networks as written in the settings.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ipaddress.ip_network(each.strip(), strict=False) for each in written if each.strip())
