"""Makes a broken rule show the values it compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("cutty_agent.testing.conformance")
