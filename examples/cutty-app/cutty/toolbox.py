"""The agent's tools: calls of the application's HTTP API as the signed-in user, and nothing the user may not do."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx

API: Final = os.environ.get("CUTTY_APP_API", "http://127.0.0.1:8790")
"""Where the application's server listens."""

SHOWN_ROWS: Final = 5
"""Rows that a filter shows in the chat."""

Kind = Literal["people", "companies"]
Operator = Literal["is", "is not", "contains", "starts with", ">", ">=", "<", "<="]


class ToolError(Exception):
    """The application refused; the text is meant for the user."""


class Toolbox:
    """Tools for one turn of one user. An asynchronous context manager.

    A token for that user is all it has: the application decides what that user may see, so there is no way to
    another user's lists, whatever a model asks for. Every tool raises :class:`ToolError` on a refusal.
    """

    def __init__(self, token: str, api: str = API) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(base_url=api, headers=headers, timeout=10, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def list_datasets(self) -> list[dict[str, Any]]:
        """The user's lists with their names, columns and numbers of rows."""
        lists: list[dict[str, Any]] = (await self._call("GET", "/api/lists"))["lists"]
        return lists

    async def describe_list(self, name: str = "") -> dict[str, Any]:
        """The fields of a list with examples. Without a name: the newest list."""
        return await self._call("GET", f"/api/lists/{(await self._find(name))['id']}")

    async def filter_list(self, field: str, operator: Operator, value: str, name: str = "") -> dict[str, Any]:
        """The first rows of a list that fit a condition, and how many fit."""
        return await self._page(
            name, {"field": field, "operator": operator, "value": value, "limit": SHOWN_ROWS}
        )

    async def count(
        self, name: str = "", field: str = "", operator: Operator = "is", value: str = ""
    ) -> dict[str, Any]:
        """How many rows a list has, or how many of them fit a condition."""
        found = await self._page(name, {"field": field, "operator": operator, "value": value, "limit": 0})
        return {"list": found["list"], "count": found["total"]}

    async def generate_rows(self, kind: Kind, rows: int) -> dict[str, Any]:
        """Make a new list of invented records."""
        return await self._call("POST", "/api/lists/generate", json={"kind": kind, "rows": rows})

    async def _page(self, name: str, query: dict[str, str | int]) -> dict[str, Any]:
        found = await self._find(name)
        page = await self._call("GET", f"/api/lists/{found['id']}/rows", params=query)
        return {"list": found["name"], **page}

    async def _find(self, name: str) -> dict[str, Any]:
        """The newest of the user's lists with this name or id; without a name the newest of all."""
        lists = await self.list_datasets()
        wanted = name.strip().casefold().removesuffix(".csv")
        each: dict[str, Any]
        for each in reversed(lists):
            if not wanted or wanted in (each["name"].casefold(), each["id"]):
                return each
        if not lists:
            raise ToolError("You have no list yet. Upload one, or say: generate 20 people.")
        raise ToolError(
            f"You have no list called {name[:60]!r}. Yours: {', '.join(each['name'] for each in lists)}."
        )

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ToolError("The lists cannot be reached at the moment.") from error
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            raise ToolError(body["error"])
        return body
