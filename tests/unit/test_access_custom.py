"""The application's own function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from structlog.testing import capture_logs

from cutty_agent.access.custom import Custom, Who
from cutty_agent.errors import CuttyError, Forbidden, IdentityUnavailable, Unauthorized
from cutty_agent.ports.identity import Credentials
from cutty_agent.wire.principal import Principal
from unit.access_lab import shown


def saying(answer: Any) -> Who:
    def who(_request: Credentials) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return who


def saying_later(answer: Any) -> Who:
    async def who(_request: Credentials) -> Any:
        await asyncio.sleep(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return who


def at_once(who: Who) -> Principal | None:
    answer = Custom(who).ask(shown())
    assert answer is None or isinstance(answer, Principal)
    return answer


async def in_time(who: Who) -> Principal | None:
    answer = Custom(who).ask(shown())
    assert isinstance(answer, Awaitable)
    return await answer


WHOLE = Principal(
    "user:ada", also=("visitor:x",), links=("link:y",), scopes=frozenset({"read"}), token_id="t"
)
ANSWERS = [
    (None, None),
    ("ada", Principal("user:ada")),
    ("user:ada", Principal("user:ada")),
    ("visitor:x", Principal("visitor:x")),
    ("link:x", Principal("user:link:x")),
    ("operator", Principal("user:operator")),
    (WHOLE, WHOLE),
]


@pytest.mark.parametrize(("answer", "principal"), ANSWERS)
async def test_what_it_may_say(answer: Any, principal: Principal | None) -> None:
    assert at_once(saying(answer)) == principal
    assert await in_time(saying_later(answer)) == principal


UNFIT = [
    "",
    "user:",
    "visitor:",
    "x" * 129,
    "visitor:" + "x" * 200,
    "a\nb",
    "visitor:a\x00",
    7,
    b"ada",
    ["ada"],
    False,
    Principal(),
    Principal("ada"),
    Principal("operator"),
    Principal("link:x"),
    Principal("user:" + "x" * 196),
    Principal("user:a\x00"),
    Principal("user:ada", also=("",)),
    Principal("user:ada", also=("operator",)),
    Principal("user:ada", links=("secret",)),
    Principal("user:ada", token_id="x" * 201),
]


@pytest.mark.parametrize("answer", UNFIT)
async def test_what_it_may_not_say(answer: Any) -> None:
    with capture_logs() as logs:
        with pytest.raises(Unauthorized):
            at_once(saying(answer))
        with pytest.raises(Unauthorized):
            await in_time(saying_later(answer))
    assert [record["log_level"] for record in logs] == ["error", "error"]


async def test_it_is_given_what_the_request_shows() -> None:
    seen: list[Credentials] = []

    def who(request: Credentials) -> str:
        seen.append(request)
        return request.headers["x-user"]

    credentials = shown(headers={"x-user": "ada"})
    assert Custom(who).ask(credentials) == Principal("user:ada")
    assert seen == [credentials]


@pytest.mark.parametrize("kind", [ValueError, KeyError, TimeoutError, TypeError, RuntimeError])
async def test_its_errors_are_not_repeated(kind: type[Exception]) -> None:
    with capture_logs() as logs:
        with pytest.raises(Unauthorized) as now:
            at_once(saying(kind("the token is hush")))
        with pytest.raises(Unauthorized) as later:
            await in_time(saying_later(kind("the token is hush")))
    for caught in (now, later):
        assert "hush" not in str(caught.value)
        assert caught.value.__suppress_context__
    assert [record["error"] for record in logs] == [kind.__name__] * 2
    assert all("test_access_custom.py:" in record["where"] for record in logs)
    assert "hush" not in str(logs)


async def test_our_own_errors_pass() -> None:
    for ours in (Forbidden("No.", remedy="Go."), Unauthorized("Who?", remedy="Show.")):
        with pytest.raises(CuttyError) as passed:
            at_once(saying(ours))
        assert passed.value is ours
        with pytest.raises(CuttyError) as passed:
            await in_time(saying_later(ours))
        assert passed.value is ours


async def test_it_may_not_take_for_ever() -> None:
    never = asyncio.Event()

    async def who(_request: Credentials) -> str:
        await never.wait()
        return "ada"

    answer = Custom(who, within_s=0.01).ask(shown())
    assert isinstance(answer, Awaitable)
    with pytest.raises(IdentityUnavailable):
        await answer


async def test_whoever_waits_may_go_away() -> None:
    waiting = asyncio.Event()

    async def who(_request: Credentials) -> str:
        waiting.set()
        await asyncio.Event().wait()
        return "ada"

    answer = Custom(who).ask(shown())
    assert isinstance(answer, Awaitable)
    task = asyncio.ensure_future(answer)
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
