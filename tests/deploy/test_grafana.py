"""The Grafana dashboard in ``deploy/grafana``: every metric and label it names is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cutty_agent.agent.chat import ChatAgent
from cutty_agent.clock import SystemClock
from cutty_agent.config import load
from cutty_agent.engines.memory import MemoryStore
from cutty_agent.session.metrics import Metrics
from cutty_agent.session.registry import Registry
from cutty_agent.session.standing import SessionsStanding
from cutty_agent.session.telemetry import Telemetry
from cutty_agent.wire.turn_record import TurnRecord

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "cutty-agent.json").read_text())
ADDED = {"job", "instance", "le"}
"""Labels that Prometheus adds, and the one of histograms."""


def expressions() -> list[str]:
    targets = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return targets + [variable["definition"] for variable in DASHBOARD["templating"]["list"][1:]]


def names(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:cutty|process)_\w+", expression))


@pytest.fixture
async def shown() -> dict[str, set[str]]:
    """The labels of every series, after one of everything has happened."""
    metrics = Metrics()
    telemetry = Telemetry(metrics)
    registry = Registry(MemoryStore(), {"chat": ChatAgent}, load(), SystemClock(), telemetry=telemetry)
    metrics.watch(SessionsStanding(registry))
    metrics.watch_queue(lambda: 0)
    record = TurnRecord(
        "r", "submit", outcome="completed", model="m", calls=1, tools=("t",),
        accepted_ms=1, first_ms=2, ended_ms=3,
    )  # fmt: skip
    metrics.turn_ended("chat", record)
    metrics.woke("chat", created=True)
    metrics.slept("chat")
    metrics.recovered("continue")
    registry.limiter.count_refusal("sockets")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def test_every_metric_of_the_dashboard_exists(shown: dict[str, set[str]]) -> None:
    asked = {name for expression in expressions() for name in names(expression)}
    assert len(asked) > 30
    assert asked - set(shown) == set()


async def test_every_label_of_the_dashboard_exists(shown: dict[str, set[str]]) -> None:
    for expression in expressions():
        for name, matchers in re.findall(r"\b((?:cutty|process)_\w+)\{([^}]*)\}", expression):
            wanted = set(re.findall(r"(\w+)=", matchers)) - ADDED
            assert wanted <= shown[name], (name, wanted)
        for groups in re.findall(r"by \(([^)]*)\)", expression):
            wanted = {label.strip() for label in groups.split(",")} - ADDED
            for name in names(expression):
                assert wanted <= shown[name], (name, wanted)


async def test_every_metric_is_in_the_manual(shown: dict[str, set[str]]) -> None:
    manual = (ROOT / "docs" / "observability.md").read_text()
    own = {name for name in shown if name.startswith("cutty_") and not name.endswith("_created")}
    families = {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in own}
    missing = {name for name in families if f"`{name}`" not in manual and f"`{name}_" not in manual}
    assert {name for name in missing if name != "cutty_build_info"} == set()


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    ids: list[Any] = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert DASHBOARD["uid"] == "cutty-agent"
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["targets"]
            assert panel["fieldConfig"]["defaults"]["unit"]
