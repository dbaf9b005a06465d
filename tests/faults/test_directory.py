"""Two servers on one data directory: the second does not start; the lock dies with the first."""

from __future__ import annotations

import pytest

from faults.conftest import MakeServer
from faults.visitor import visit

pytestmark = pytest.mark.faults


async def test_the_second_server_refuses_and_names_the_remedy(make_server: MakeServer) -> None:
    first, second = make_server(), make_server()
    await first.start()
    async with visit(first, "s") as visitor:
        await visitor.ask("q", 3)
        await visitor.end()
        await second.launch()
        assert await second.ended() == 1, second.log()
        assert f"is in use by process {first.process.pid}" in second.log()
        assert "Stop that server, or give this one a directory of its own." in second.log()
        assert "Traceback" not in second.log()
        await visitor.ask("r", 3)  # the first has not noticed
        assert (await visitor.end())["outcome"] == "completed"
    await first.kill()
    await second.start()
    async with visit(second, "s") as visitor:
        await visitor.ask("t", 3)
        assert (await visitor.end())["outcome"] == "completed"
    assert await second.stop() == 0
    assert first.errors() == []
