"""What a server says of itself when it is ready: its addresses, and while one develops, lines to paste."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..app import App
from . import standing

DEVELOPING = "CUTTY_DEVELOPING"
"""Environment variable that ``--reload`` sets for the server it runs."""


def lines(app: App, port: int, model: str) -> Iterator[str]:
    """Line by line; the first is what others wait for."""
    settings = app.settings
    host = settings.host
    shown = "localhost" if host == "127.0.0.1" else f"[{host}]" if ":" in host else host
    at = f"{shown}:{port}"
    agent = next(iter(app.agents), "chat")
    yield f"cutty-agent is ready at http://{at}"
    yield f"  chat      http://{at}/"
    yield f"  console   http://{at}/console (its token: {'CUTTY_ADMIN_TOKEN' if settings.admin_token else 'admin.token in the data directory'})"
    yield f"  API       http://{at}/openapi.json"
    for n, name in enumerate(app.agents):
        yield f"  {'' if n else 'sessions':<8}  ws://{at}/agents/{name}/{{sessionId}}"
    yield f"  access    {standing.described(app)}"
    yield f"  data      {settings.data.resolve()}"
    yield f"  model     {model}"
    yield "  stop      Ctrl+C"
    if os.environ.get(DEVELOPING):
        yield ""
        yield from _to_paste(at, agent)


def _to_paste(at: str, agent: str) -> Iterator[str]:
    yield "Connect your page, with a session id of its own for each tab:"
    yield "  // useAgentChat (agents, @cloudflare/ai-chat)"
    yield f'  const agent = useAgent({{ agent: "{agent}", name: sessionId, host: "{at}" }});'
    yield "  const { messages, sendMessage } = useAgentChat({ agent });"
    yield "  // useChat (@ai-sdk/react)"
    yield f"  const transport = new DefaultChatTransport({{ api: `http://{at}/agents/{agent}/${{sessionId}}` }});"
    yield "  const { messages, sendMessage } = useChat({ id: sessionId, transport, resume: true });"
    yield "  // no library"
    yield f"  const socket = new WebSocket(`ws://{at}/agents/{agent}/${{sessionId}}`);"
    yield "  <!-- no code -->"
    yield f'  <script src="http://{at}/client/widget.js"></script>'
    yield f'  <cutty-chat agent-url="http://{at}/agents/{agent}"></cutty-chat>'
    yield "A page of another origin needs --allow-origin http://localhost:5173 (its own). Editing a Python file reloads."
