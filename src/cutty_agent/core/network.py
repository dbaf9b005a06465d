"""Which network address a peer counts as, for limits per address."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

UNREADABLE: Final = "unreadable"
"""All peers that are not IP addresses count as this one: whoever can write anything there gains nothing by it."""


@lru_cache(maxsize=8_192)
def counted_as(peer: str) -> str:
    """The name under which ``peer``, an IP address without port, is counted; empty when it is not.

    An IPv6 address counts as its /64, which is the least a network gives to one customer; an IPv4 address in an IPv6
    one as itself. Not counted are an unknown peer (``""``) and the machine itself: what comes from there is an
    operator's tool or a proxy that was not declared (``access.proxies``), and then one limit would hit everybody
    behind it at once.
    """
    if not peer:
        return ""
    try:
        address = ip_address(peer)
    except ValueError:
        return UNREADABLE
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None:
            if address.is_loopback:
                return ""
            return f"{IPv6Address(int(address) >> 64 << 64)}/64"
        address = inner
    return "" if address.is_loopback else str(address)
