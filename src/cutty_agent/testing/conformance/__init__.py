"""What every store must do, as rules that run on any engine.

An engine's own tests run all of :data:`STORE_RULES`::

    @pytest.mark.parametrize("rule", STORE_RULES.values(), ids=STORE_RULES.keys())
    async def test_rule(rule, tmp_path):
        await rule(lambda: open_my_store(tmp_path))

The opener is called once or, by rules about restarts, again after a close; each call must open the same data,
which is empty when the rule starts. A rule that is broken raises ``AssertionError``. For readable failures call
``pytest.register_assert_rewrite("cutty_agent.testing.conformance")`` before importing this module.
"""

from . import analytics, audit, claims, concurrency, contents, expiry, listings, lives, owners, streams, usage
from .rule import STORE_RULES, Opener, StoreRule

__all__ = [
    "STORE_RULES",
    "Opener",
    "StoreRule",
    "analytics",
    "audit",
    "claims",
    "concurrency",
    "contents",
    "expiry",
    "listings",
    "lives",
    "owners",
    "streams",
    "usage",
]
