"""After: every tab, browser or user has a conversation of its own. Run with ``cutty-agent serve after.agent:app``."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from cutty_agent import App, ChatAgent, Turn
from cutty_agent.access import JWT

from cutty.commands import answer
from cutty.tokens import AGENT, APPLICATION, SECRET, acting_for
from cutty.toolbox import Toolbox, ToolError

PAUSE_S = float(os.environ.get("CUTTY_DEMO_DELAY_MS", "30")) / 1000
INSTRUCTIONS = (
    "You are Cutty, a cheerful cuttlefish who helps people with their lists of records. "
    "Look at the lists with your tools before you answer. Answer in one or two sentences."
)


class Chat(ChatAgent):
    """Answers about the lists of whoever asks."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Any]:
        """One turn, as a stream of chunks."""
        return reply(turn)


async def reply(turn: Turn) -> AsyncIterator[Any]:
    """With ``CUTTY_MODEL`` a model with the tools, otherwise the few sentences of :mod:`cutty.commands`."""
    async with Toolbox(acting_for(turn.principal.subject)) as tools:
        if name := os.environ.get("CUTTY_MODEL"):
            chunks = turn.run(name, toolsets=[toolset(tools)], instructions=INSTRUCTIONS)
        else:
            chunks = answer(user_texts(turn), tools, call=turn.request_id, pause_s=PAUSE_S)
        async for chunk in chunks:
            yield chunk


def user_texts(turn: Turn) -> list[str]:
    """What the user said in this conversation, oldest first."""
    return [
        "".join(part.get("text", "") for part in message["parts"] if part.get("type") == "text")
        for message in turn.messages
        if message["role"] == "user"
    ]


def toolset(tools: Toolbox) -> Any:
    """The tools for a model: made anew for each turn, because they act for its user."""
    from pydantic_ai import FunctionToolset  # the import costs a second; the few sentences do without

    methods = (tools.list_datasets, tools.describe_list, tools.filter_list, tools.count, tools.generate_rows)
    return FunctionToolset([told(method) for method in methods])


def told(tool: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The tool, with a refusal as its result: the model can correct itself, or tell the user."""

    @functools.wraps(tool)
    async def call(*given: Any, **named: Any) -> Any:
        try:
            return await tool(*given, **named)
        except ToolError as error:
            return {"refused": str(error)}

    return call


# Sessions belong to the users of the application, whose server signs the tokens. The cookie is for requests of the
# page that carry nothing else, such as the one for a new session. One machine has one clock: no leeway.
app = App(
    [Chat],
    identity=JWT(secret=SECRET, issuer=APPLICATION, audience=AGENT, cookie="cutty_app_token", leeway_s=0),
)
