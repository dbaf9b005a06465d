"""Durable, isolated AI chat sessions: one agent per session id, on your own machines."""

from .agent.base import Agent, rpc
from .agent.chat import ChatAgent, ChatResponse
from .agent.turn import Turn, Usage
from .app import App
from .config import Settings
from .errors import CuttyError
from .ids import Address

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
