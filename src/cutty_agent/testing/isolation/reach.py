"""Walks the objects that can be reached from a root, and tells where tokens lie in them."""

from __future__ import annotations

import functools
import gc
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, NamedTuple

from ...agent.base import Agent
from ...agent.turn import Turn
from ...ids import Address
from .names import Names

BUDGET = 200_000
"""Objects of one walk; beyond it the rest is not looked at."""

DEPTH = 14
"""Steps from a root to the farthest object of one walk."""

_CLOSED = (
    *("_asyncio", "_contextvars", "_thread", "_weakref", "asyncio", "concurrent", "inspect", "io", "logging"),
    *(
        "multiprocessing",
        "re",
        "select",
        "selectors",
        "socket",
        "ssl",
        "threading",
        "types",
        "typing",
        "weakref",
    ),
    *(
        "anthropic",
        "anyio",
        "cutty_agent",
        "h11",
        "httpcore",
        "httptools",
        "httpx",
        "openai",
        "opentelemetry",
    ),
    *(
        "pydantic._",
        "pydantic_core",
        "rich",
        "starlette",
        "structlog",
        "typer",
        "uvicorn",
        "uvloop",
        "websockets",
    ),
)
"""Objects of these modules are not entered: they hold what is in flight, or nothing of a visitor."""

_ATOMS = (int, float, complex, bool, type(None), types.ModuleType, types.BuiltinFunctionType, range, slice)
_CACHE = type(functools.lru_cache(lambda: None))


class Hit(NamedTuple):
    """A token at a path. ``holder`` is the innermost object around the text; ``attribute`` says that the path
    goes through an attribute of some instance, and not only through containers and names."""

    token: str
    path: str
    text: str
    holder: object
    attribute: bool


class _Step(NamedTuple):
    value: Any
    path: str
    depth: int
    holder: object
    allowed: frozenset[int]
    attribute: bool
    contained: bool


class Walk:
    """One walk. ``owner`` tells whose an agent instance is; an instance met on the way is not entered.

    What lies under a key that names a session (its id, its address, its agent) may hold that session's content,
    and so may what lies under a key with the same session's words in it: only who knows them finds it. Session ids
    count only where one is kept alone, as a "current session"; lists and sets of them are bookkeeping.
    """

    def __init__(
        self,
        names: Names,
        owner: Callable[[Agent], int | None],
        modules: frozenset[str],
        *,
        budget: int = BUDGET,
        depth: int = DEPTH,
    ) -> None:
        self._names = names
        self._owner = owner
        self._modules = modules
        self._budget = budget
        self._depth = depth
        self.seen: dict[int, object] = {}

    def hits(self, roots: Mapping[str, Any], holder: object, *, containers: bool = True) -> Iterator[Hit]:
        """Everything found below named roots. Without ``containers`` only what names hold directly."""
        steps = deque(
            _Step(value, path, 0, holder, frozenset(), False, False) for path, value in roots.items()
        )
        while steps and len(self.seen) < self._budget:
            step = steps.popleft()
            value = step.value
            if isinstance(value, _ATOMS):
                continue
            if isinstance(value, str | bytes | bytearray):
                yield from self._text(step)
                continue
            if id(value) in self.seen:
                continue
            self.seen[id(value)] = value  # kept, so that no other object gets its id meanwhile
            if isinstance(value, Agent):
                yield from self._agent(step)
            elif step.depth < self._depth and (containers or not _is_container(value)):
                steps.extend(self._below(step))

    def _text(self, step: _Step) -> Iterator[Hit]:
        text = step.value if isinstance(step.value, str) else bytes(step.value).decode("utf-8", "replace")
        for token in dict.fromkeys(self._names.found(text)):
            if self._names.owner(token) in step.allowed or (step.contained and self._names.is_id(token)):
                continue
            yield Hit(token, step.path, text, step.holder, step.attribute)

    def _agent(self, step: _Step) -> Iterator[Hit]:
        owner = self._owner(step.value)
        if owner is not None and owner not in step.allowed and not step.contained:
            token = next(iter(self._names.found(step.value.session.session)))
            yield Hit(token, step.path, f"the agent instance of {token}", step.holder, step.attribute)

    def _below(self, step: _Step) -> Iterator[_Step]:
        value = step.value
        if isinstance(value, Mapping):
            yield from self._entries(step)
        elif isinstance(value, list | tuple | set | frozenset | deque):
            for at, item in enumerate(list(value)):
                mark = f"[{at}]" if isinstance(value, list | tuple | deque) else f"{{{at}}}"
                yield self._inside(step, item, mark, contained=True)
        elif isinstance(value, types.FunctionType | types.MethodType):
            yield from self._function(step)
        elif isinstance(value, _CACHE):
            if value.__module__ in self._modules:
                yield self._inside(step, _cached(value), ".<cache>")
        elif isinstance(value, classmethod | staticmethod | property):
            inner = value.fget if isinstance(value, property) else value.__func__
            yield self._inside(step, inner, "")
        elif isinstance(value, functools.partial):
            for mark, item in (("func", value.func), ("args", value.args), ("keywords", value.keywords)):
                yield self._inside(step, item, f".{mark}")
        elif isinstance(value, ContextVar):
            yield self._inside(step, _value_of(value), ".get()")
        elif isinstance(value, type):
            if value.__module__ in self._modules:
                for name, item in list(vars(value).items()):
                    if not (name.startswith("__") and name.endswith("__")):
                        yield self._inside(step, item, f".{name}")
        elif isinstance(value, Turn):
            for name, item in (
                ("session", value.session),
                ("messages", list(value.messages)),
                ("body", value.body),
            ):
                yield self._inside(step, item, f".{name}")
        elif isinstance(value, Address):
            yield self._inside(step, value.session, ".session")
        elif isinstance(value, types.SimpleNamespace) or self._open(type(value)):
            for name, item in attributes(value):
                yield self._inside(step, item, f".{name}", attribute=True)

    def _entries(self, step: _Step) -> Iterator[_Step]:
        for key, item in _items(step.value):
            if isinstance(key, Agent) and self._owner(key) is None:
                continue  # it slept, and takes this with it when it is collected
            owners = frozenset(self._key_owners(key)) | step.allowed
            yield self._inside(step, item, f"[{key!r}]", contained=True)._replace(allowed=owners)

    def _key_owners(self, key: Any) -> Iterator[int]:
        if isinstance(key, Agent):
            owner = self._owner(key)
            if owner is not None:
                yield owner
        elif isinstance(key, tuple):
            for each in key:
                yield from self._key_owners(each)
        elif isinstance(key, str | bytes | Address):
            text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
            yield from map(self._names.owner, self._names.found(text))

    def _function(self, step: _Step) -> Iterator[_Step]:
        function = step.value.__func__ if isinstance(step.value, types.MethodType) else step.value
        if isinstance(step.value, types.MethodType):
            yield self._inside(step, step.value.__self__, ".__self__")
        if function.__module__ not in self._modules:
            return
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            try:
                yield self._inside(step, cell.cell_contents, f".<closure {name}>")
            except ValueError:  # the variable was never set
                continue
        for item in function.__defaults__ or ():
            yield self._inside(step, item, ".<default>")
        for name, item in (*(function.__kwdefaults__ or {}).items(), *vars(function).items()):
            yield self._inside(step, item, f".{name}")

    def _inside(
        self, step: _Step, value: Any, mark: str, *, attribute: bool = False, contained: bool = False
    ) -> _Step:
        return _Step(
            value,
            step.path + mark,
            step.depth + 1,
            step.value,
            step.allowed,
            step.attribute or attribute,
            step.contained or contained,
        )

    def _open(self, cls: type) -> bool:
        return cls.__module__ in self._modules or not f"{cls.__module__}.".startswith(
            tuple(f"{name}." if not name.endswith("_") else name for name in _CLOSED)
        )


def attributes(value: Any) -> list[tuple[str, Any]]:
    """The attributes an instance holds itself, in its dictionary or its slots."""
    names = [*getattr(value, "__dict__", ())]
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append((name, object.__getattribute__(value, name)))
        except AttributeError:
            continue
    return found


def _cached(function: Any) -> dict[Any, Any]:
    """What ``functools.lru_cache`` keeps, by its arguments.

    A bounded cache shows each key to the garbage collector right before its result, and the links between them
    not at all.
    """
    kept = gc.get_referents(function)
    cache = next((each for each in kept if type(each) is dict and each is not vars(function)), {})
    keys = {id(key) for key in cache}
    results: dict[int, Any] = {}
    for key, result in pairwise(kept):
        if id(key) in keys:
            results.setdefault(id(key), result)  # a result may be a key as well, and follows its own
    return {key: results.get(id(key), value) for key, value in list(cache.items())}


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple | set | frozenset | deque)


def _value_of(variable: ContextVar[Any]) -> Any:
    """What is seen where no session runs; a mutable default is shared by all of them."""
    try:
        return variable.get()
    except LookupError:
        return None


def _items(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """The entries of a mapping; none of one that computes them and fails, which keeps nothing by itself."""
    try:
        return list(mapping.items())
    except Exception:
        return []
