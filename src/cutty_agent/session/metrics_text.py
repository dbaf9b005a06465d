"""The text that Prometheus scrapes, made of what was counted. Imported at the first scrape: nothing else needs its library."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from itertools import accumulate
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from .tallies import Counter, Histogram


class Figures(Protocol):
    """What there is to show, as :class:`~cutty_agent.session.metrics.Metrics` has it."""

    @property
    def tallies(self) -> Iterator[Counter | Histogram]:
        """What is counted."""
        ...

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """Name, what it is, how much of it there is now."""
        ...

    def counters(self) -> Iterator[tuple[str, str, dict[str, float], str]]:
        """Name, what it is, values by label, and the label's name (empty for a single value)."""
        ...


class Exposition:
    """Shows the figures of one server, and those of its process."""

    def __init__(self, figures: Figures) -> None:
        registry = self._registry = CollectorRegistry(auto_describe=False)
        registry.register(_Asked(figures))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def text(self) -> bytes:
        """Everything as it stands."""
        return generate_latest(self._registry)


class _Asked(Collector):
    """Stands in the registry for what is asked at a scrape."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        info = InfoMetricFamily("cutty_build", "The version of this server.")
        info.add_metric([], {"version": version("cutty-agent")})
        yield info
        for tally in self._figures.tallies:
            yield _sums(tally) if isinstance(tally, Counter) else _sizes(tally)
        for name, what, value in self._figures.gauges():
            yield GaugeMetricFamily(name, what, value)
        for name, what, values, label in self._figures.counters():
            family = CounterMetricFamily(name, what, labels=[label] if label else [])
            for key, value in values.items():
                family.add_metric([key] if label else [], value)
            yield family


# Other threads may count meanwhile, hence the copies.


def _sums(counter: Counter) -> Metric:
    family = CounterMetricFamily(counter.name, counter.what, labels=counter.labels)
    for values, amount in list(counter.sums.items()):
        family.add_metric(values, amount)
    return family


def _sizes(histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.what, labels=histogram.labels)
    for values, counts in list(histogram.counts.items()):
        sums = accumulate(list(counts))
        names = [*(f"{float(bound)}" for bound in histogram.bounds), "+Inf"]
        buckets = list(zip(names, sums, strict=True))
        family.add_metric(values, buckets, histogram.sums[values])
    return family
