"""Drives many sessions of an app at once, and reports whatever crossed between them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import pkgutil
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, cast

from ...agent.base import rpc_methods
from ...errors import ConfigError
from .echo import echoing
from .finding import Evidence
from .instances import Application, Instances
from .logs import LogWatch
from .names import Names
from .plan import fates
from .report import Report
from .roots import Shared
from .visitor import Visitor

IDLE_S = 0.4
"""How soon a session sleeps during a run, in seconds."""

GLANCE_S = 0.25
"""Pause between two looks at what module names hold while the run goes on, in seconds."""

Headers = Callable[[str], Mapping[str, str]]
Progress = Callable[[Report], None]


async def check(
    app: Application | str,
    *,
    sessions: int = 20,
    turns: int = 5,
    seed: int | None = None,
    real_model: bool = False,
    headers: Headers | None = None,
    patience_s: float = 60.0,
    idle_s: float = IDLE_S,
    minutes: float | None = None,
    progress: Progress | None = None,
    loader: Callable[[str], Application] | None = None,
) -> Report:
    """Run ``sessions`` visitors of ``app`` (or ``"module:app"``) at once, ``turns`` turns each.

    The app runs in this process, on a temporary data directory; one with a store of its own keeps that, so give
    it one for tests. Tools are really called. Models of providers are replaced by one that repeats its input
    unless ``real_model``. ``headers`` gives the headers with which a session is entered; without it access
    rules in the settings are off. Limits on rates are lifted. ``minutes`` ends the run early, ``progress``
    hears about it every now and then, ``loader`` imports an app that is given by name. An app that is running
    must not be checked.

    Raises:
        ConfigError: ``app`` names no app, it lets nobody in without credentials, or a number is out of range.
    """
    _in_range("sessions", sessions, 2, 10_000)
    _in_range("turns", turns, 1, 1_000_000)
    names = Names()
    report = Report(secrets.randbelow(2**32) if seed is None else seed, sessions)
    evidence = Evidence(names)
    instances = Instances(names)
    watch = LogWatch(names, evidence, report.counts)
    began = time.monotonic()
    until = began + minutes * 60 if minutes is not None else float("inf")
    with contextlib.ExitStack() as stack:
        if not real_model:
            stack.enter_context(echoing(names))
        found = (loader or load)(app) if isinstance(app, str) else app
        stack.enter_context(watch.watching())
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="cutty-check-"))
        stack.enter_context(_settled(found, Path(data), idle_s, keep_access=headers is not None))
        stack.enter_context(instances.recorded(found))
        if headers is None and getattr(found, "ruled", False):
            raise ConfigError(
                "This app has an identity of its own, and the visitors of a check have no credentials.",
                remedy="Check it in a test with headers=lambda session: {...}, or check an App without the identity.",
            )
        shared = Shared(found, names, instances, evidence)
        agents = sorted(found.agents)
        plan = fates(sessions * turns, Random(report.seed))
        visitors = [
            Visitor(
                found,
                names,
                evidence,
                report.counts,
                Random(f"{report.seed}/{number}"),
                number=number,
                agent=agents[number % len(agents)],
                idle_s=idle_s,
                patience_s=patience_s,
                headers=headers,
                rpc=_callable_methods(instances),
            )
            for number in range(1, sessions + 1)
        ]
        async with found.running(), _beside(_look_on(shared, report, evidence, began, progress)):
            try:
                await _all(
                    visitor.live(plan[at::sessions], lambda: time.monotonic() >= until)
                    for at, visitor in enumerate(visitors)
                )
                await _all(visitor.end() for visitor in visitors)
                report.counts["objects"] = shared.look()
            finally:
                await _all(visitor.leave() for visitor in visitors)
    report.counts["agent instances"] = instances.made
    _conclude(report, evidence, began)
    report.judge()
    if progress is not None:
        progress(report)
    return report


def load(target: str) -> Application:
    """Import ``module:attribute``; the attribute is ``app`` when it is left out.

    Raises:
        ConfigError: there is no such module or attribute, or it is no app.
    """
    try:
        found = pkgutil.resolve_name(target if ":" in target else f"{target}:app")
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"The app {target!r} cannot be imported: {error}.",
            remedy="Name it as module:attribute, as for cutty-agent serve.",
        ) from error
    if not hasattr(found, "running") or not hasattr(found, "agents"):
        raise ConfigError(
            f"{target} is a {type(found).__name__}, not an App.", remedy="Write app = App([YourAgent]) there."
        )
    return cast(Application, found)


async def _look_on(
    shared: Shared, report: Report, evidence: Evidence, began: float, progress: Progress | None
) -> None:
    while True:
        started = time.monotonic()
        shared.glance()
        await asyncio.sleep(max(GLANCE_S, 20 * (time.monotonic() - started)))  # 5 % of the time at most
        if progress is not None:
            _conclude(report, evidence, began)
            progress(report)


def _conclude(report: Report, evidence: Evidence, began: float) -> None:
    report.findings = evidence.findings
    report.seconds = time.monotonic() - began


@contextlib.contextmanager
def _settled(app: Application, data: Path, idle_s: float, *, keep_access: bool) -> Iterator[None]:
    """Settings for a run: data that is thrown away, a short sleep, no limit on how fast and no budget."""
    before = app.settings
    limits = before.limits
    lifted: dict[str, Any] = {
        name: None if name.endswith("_per_day") else 1_000_000
        for name in type(limits).model_fields
        if name.endswith(
            ("_per_day", "_per_minute", "_per_second", "_burst", "_per_principal", "_per_address")
        )
    }
    changed: dict[str, Any] = {
        "data": data,
        "limits": limits.model_copy(update=lifted),
        "lifetimes": before.lifetimes.model_copy(update={"idle_s": idle_s, "grace_s": 1.0}),
    }
    rules = type(before).model_fields.get("access")
    if rules is not None and not keep_access:
        changed["access"] = rules.get_default(call_default_factory=True)
    app.settings = before.model_copy(update=changed)
    try:
        yield
    finally:
        app.settings = before


@contextlib.asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _all(works: Any) -> None:
    """Run everything; when one fails, the others are cancelled and it is raised."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


def _callable_methods(instances: Instances) -> Callable[[str], frozenset[str]]:
    """For an agent name, the methods clients may call, each as ``name/number of arguments``."""
    known: dict[str, frozenset[str]] = {}

    def methods(agent: str) -> frozenset[str]:
        if agent not in known:
            for each, _ in instances.living():
                if each.session.agent == agent:
                    known[agent] = frozenset(
                        f"{name}/{len(inspect.signature(getattr(each, name)).parameters)}"
                        for name in rpc_methods(each)
                    )
                    break
        return known.get(agent, frozenset())

    return methods


def _in_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(
            f"{name} is {value}; it may be {least} to {most}.", remedy=f"Give another number of {name}."
        )
