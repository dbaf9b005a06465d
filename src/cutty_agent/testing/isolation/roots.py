"""The author's modules, and what sessions may share in them."""

from __future__ import annotations

import sys
import sysconfig
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .finding import Evidence, Kind
from .instances import Application, Instances, classes
from .names import Names
from .reach import DEPTH, Hit, Walk, attributes

_PACKAGE = __name__.split(".")[0]
_OWN = __name__.rpartition(".")[0]
_INSTALLED = tuple(
    str(Path(sysconfig.get_paths()[name])) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)

_NEAR = 3
"""Steps of a glance: a name, an attribute of a class or a turn, and what that holds."""


class Shared:
    """Looks for content of sessions in places that several sessions reach."""

    def __init__(self, app: Application, names: Names, instances: Instances, evidence: Evidence) -> None:
        self._app = app
        self._names = names
        self._instances = instances
        self._evidence = evidence
        self._starts = {each.__module__ for each in classes(app)} | set(_holding(app))
        self._glanced: list[types.ModuleType] = []

    def modules(self) -> list[types.ModuleType]:
        """The author's modules that are loaded: those of the agents and of the app, and their neighbours."""
        return [sys.modules[name] for name in sorted(_neighbours(self._starts)) if name in sys.modules]

    def glance(self) -> None:
        """While the run goes on: what names of modules and classes hold directly, as a "current session" is."""
        self._glanced = self._glanced or self.modules()
        walk = self._walk(self._glanced, depth=_NEAR)
        for hit in walk.hits(_roots(self._glanced, self._app), None, containers=False):
            if not hit.attribute:  # a connection may hold what it carries at this moment
                self._report(hit)

    def look(self) -> int:
        """When nothing runs: everything that modules reach, and what instances of different sessions share.

        Returns the number of objects that were looked at.
        """
        modules = self.modules()
        walk = self._walk(modules)
        reported: set[int] = set()
        for hit in walk.hits(_roots(modules, self._app), None):
            reported.add(id(hit.holder))
            self._report(hit)
        return len(walk.seen) + self._look_at_instances(modules, reported)

    def _look_at_instances(self, modules: Iterable[types.ModuleType], reported: set[int]) -> int:
        reached: dict[int, tuple[int, Walk]] = {}  # the walks keep what they saw, so ids stay true
        looked = 0
        for agent, session in self._instances.living():
            walk = self._walk(modules)
            roots = {
                f"{type(agent).__name__}.{name}": value
                for name, value in attributes(agent)
                if name != "_host"
            }
            for hit in walk.hits(roots, agent):
                first = reached.get(id(hit.holder))
                shared = first is not None and first[0] != session
                foreign = self._names.owner(hit.token) != session
                if (shared or foreign) and id(hit.holder) not in reported:
                    self._evidence.add(
                        "shared object", hit.token, session if foreign else None, hit.path, hit.text
                    )
            for each in walk.seen:
                reached.setdefault(each, (session, walk))
            looked += len(walk.seen)
        return looked

    def _report(self, hit: Hit) -> None:
        kind: Kind = "shared object" if hit.attribute else "module global"
        self._evidence.add(kind, hit.token, None, hit.path, hit.text)

    def _walk(self, modules: Iterable[types.ModuleType], depth: int = DEPTH) -> Walk:
        names = frozenset(module.__name__ for module in modules)
        return Walk(self._names, self._instances.owner, names, depth=depth)


def _roots(modules: Iterable[types.ModuleType], app: Application) -> Mapping[str, Any]:
    """Names of the modules. What was imported from elsewhere is shared as well, but not by the author."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules
        for name, value in list(vars(module).items())
        if not (name.startswith("__") and name.endswith("__")) and value is not app
    }


def _holding(app: Application) -> list[str]:
    """The modules that hold the app."""
    return [
        name
        for name, module in list(sys.modules.items())
        if any(value is app for value in list(getattr(module, "__dict__", {}).values()))
    ]


def _neighbours(starts: Iterable[str]) -> set[str]:
    """Modules of the same packages; for a module outside of packages, those beside it in its directory."""
    found: set[str] = set()
    for start in starts:
        module = sys.modules.get(start)
        if module is None:
            continue
        found.add(start)
        top, _, inner = start.partition(".")
        beside = _directory(module)
        for name, other in list(sys.modules.items()):
            if name == _OWN or name.startswith(f"{_OWN}."):
                continue
            if name.startswith(f"{_PACKAGE}.") and top != _PACKAGE:
                continue
            if (inner and (name == top or name.startswith(f"{top}."))) or (
                not inner and beside is not None and _directory(other) == beside
            ):
                found.add(name)
    return found


def _directory(module: Any) -> Path | None:
    """Where a module lies, ``None`` for one that came with Python or was installed."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or file.startswith(_INSTALLED):
        return None
    return Path(file).parent
