"""Durable, isolated AI chat sessions: one agent per session id, on your own machines."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent.base import Agent, rpc
    from .agent.chat import ChatAgent, ChatResponse
    from .agent.turn import Turn, Usage
    from .app import App
    from .config import Settings
    from .errors import CuttyError
    from .ids import Address
else:
    # Imported when first asked for: a command, or the process that writes, needs a part of this package and would
    # otherwise import a web server and a model library with it.
    _PLACES = {
        "Address": "ids",
        "Agent": "agent.base",
        "App": "app",
        "ChatAgent": "agent.chat",
        "ChatResponse": "agent.chat",
        "CuttyError": "errors",
        "Settings": "config",
        "Turn": "agent.turn",
        "Usage": "agent.turn",
        "rpc": "agent.base",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f".{_PLACES[name]}", __name__), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Address",
    "Agent",
    "App",
    "ChatAgent",
    "ChatResponse",
    "CuttyError",
    "Settings",
    "Turn",
    "Usage",
    "rpc",
]
