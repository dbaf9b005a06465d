"""Proves that sessions of an app do not leak into each other: canaries, chaos, and somebody who watches everything.

In a test, with the plugin ``cutty_agent.testing.isolation.plugin``::

    async def test_isolation(isolation):
        report = await isolation(app, sessions=20, turns=5)
        report.assert_isolated()
"""

from .finding import Finding, Kind
from .report import Report
from .run import check

__all__ = ["Finding", "Kind", "Report", "check"]
