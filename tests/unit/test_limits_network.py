"""What a peer counts as."""

from __future__ import annotations

import pytest

from cutty_agent.core.network import UNREADABLE, counted_as


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::6", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("10.1.2.3", "10.1.2.3"),
        ("", ""),
        ("127.0.0.1", ""),
        ("127.200.0.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("unknown", UNREADABLE),
        ("203.0.113.7:4711", UNREADABLE),
        ("203.0.113.007", UNREADABLE),
        ("x" * 10_000, UNREADABLE),
    ],
)
def test_a_peer_counts_as(peer: str, name: str) -> None:
    assert counted_as(peer) == name
