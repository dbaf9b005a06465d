"""A server with users, and what its operator and its users do with it over HTTP."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt

from e2e.server import Server

SECRET = "a secret of these tests, known to nobody else"
DELAY_MS = 5.0
"""Between two words: short answers are quick, and "count to 2000" lasts until it is stopped."""


class Operated:
    """A server that knows users by their tokens, and the operator by the one in its data directory."""

    def __init__(self, data: Path) -> None:
        self.server = Server(data, delay_ms=DELAY_MS, CUTTY_ACCESS__JWT__SECRET=SECRET)
        self._client = httpx.AsyncClient(trust_env=False, timeout=30)

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def console(self) -> str:
        return f"{self.server.address}/console"

    @property
    def token(self) -> str:
        """The operator's."""
        return (self.server.data / "admin.token").read_text().strip()

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self._client.aclose()
        await self.server.stop()

    def user(self, name: str, scope: str = "", **claims: Any) -> str:
        """A token of the application for a user, with scopes for the console where it is an operator too."""
        known = {"sub": name, "scope": scope, "exp": time.time() + 3600}
        return jwt.encode(known | claims, SECRET, algorithm="HS256")

    async def ask(self, user: str, session: str, *texts: str) -> None:
        """Let a user say something, message by message, and wait for each answer."""
        for text in texts:
            async with self.asking(user, session, text) as answer:
                assert answer.status_code == 200, await answer.aread()
                async for _ in answer.aiter_bytes():
                    pass

    def asking(self, user: str, session: str, text: str) -> Any:
        """The answer while it streams, as an asynchronous context manager."""
        message = {"id": f"said-{uuid4()}", "role": "user", "parts": [{"type": "text", "text": text}]}
        return self._client.stream(
            "POST",
            f"{self.address}/agents/chat/{session}",
            headers={"authorization": f"Bearer {self.user(user)}"},
            json={"id": session, "trigger": "submit-message", "messages": [message]},
        )

    async def admin(
        self, path: str, *, method: str = "GET", token: str | None = None, **options: Any
    ) -> httpx.Response:
        """A request to the operator's API."""
        return await self._client.request(
            method,
            f"{self.address}/admin/{path}",
            headers={"authorization": f"Bearer {token or self.token}"},
            **options,
        )

    async def told(self, path: str, **query: Any) -> Any:
        """What the operator's API answers."""
        return (await self.admin(path, params=query)).raise_for_status().json()

    async def exists(self, session: str) -> bool:
        return (await self.admin(f"sessions/chat/{session}")).status_code == 200

    async def set_state(self, session: str, state: object) -> None:
        answer = await self.admin(f"sessions/chat/{session}/state", method="PUT", content=json.dumps(state))
        answer.raise_for_status()

    async def audited(self, action: str, session: str = "") -> list[dict[str, Any]]:
        """Entries of the audit log, newest first."""
        query = {"action": action} | ({"session": f"chat/{session}"} if session else {})
        entries: list[dict[str, Any]] = (await self.told("audit", **query))["entries"]
        return entries
