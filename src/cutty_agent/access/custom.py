"""An application's own way to tell who calls."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Awaitable, Callable

import structlog

from ..errors import CuttyError, IdentityUnavailable, Unauthorized
from ..ports.identity import Credentials
from ..wire.principal import USER, VISITOR, Principal
from .names import check_principal, user_id

log = structlog.get_logger("cutty_agent.access")

Answer = Principal | str | None
"""Who it is: a principal; a user's id, which may begin with ``user:`` or ``visitor:``; ``None`` shows nothing."""

Who = Callable[[Credentials], Answer | Awaitable[Answer]]
"""``async def who(request: Credentials) -> Principal | str | None``; it need not be async."""

WITHIN_S = 10.0
"""How long it may take, in seconds. Clients give up on a socket after four."""

_SOURCE = "The application's identity function"


class Custom:
    """Asks the application's function and makes a checked principal of its answer."""

    def __init__(self, who: Who, *, within_s: float = WITHIN_S) -> None:
        self._who = who
        self._within_s = within_s

    def ask(self, credentials: Credentials) -> Principal | Awaitable[Principal | None] | None:
        """The caller, or ``None``; at once when the function is not async.

        Raises:
            Unauthorized: the function failed or gave an unfit name. Its failure is logged without its text, which
                may hold the token. A :class:`CuttyError` it raises passes as it is.
            IdentityUnavailable: it took too long.
        """
        try:
            answer = self._who(credentials)
        except CuttyError:
            raise
        except Exception as error:
            raise _failed(error) from None
        if inspect.isawaitable(answer):
            return self._waited(answer)
        return _principal(answer)

    async def _waited(self, answer: Awaitable[Answer]) -> Principal | None:
        limit = asyncio.timeout(self._within_s)
        try:
            async with limit:
                answered = await answer
        except CuttyError:
            raise
        except Exception as error:
            if limit.expired():
                log.error("identity.slow", limit_s=self._within_s)
                raise IdentityUnavailable(
                    f"{_SOURCE} gave no answer within {self._within_s:g} s.", remedy="Try again in a moment."
                ) from None
            raise _failed(error) from None
        return _principal(answered)


def _principal(answer: object) -> Principal | None:
    try:
        match answer:
            case None:
                return None
            case Principal():
                return check_principal(answer, _SOURCE)
            case str() if answer.startswith(VISITOR):
                return check_principal(Principal(answer), _SOURCE)
            case str():
                return Principal(user_id(answer.removeprefix(USER), _SOURCE))
            case _:
                raise TypeError(f"{_SOURCE} gave {type(answer).__name__}, not a principal, str or None.")
    except Unauthorized as error:
        log.error("identity.unfit", reason=error.sentence)
        raise
    except TypeError as error:
        raise _failed(error) from None


def _failed(error: Exception) -> Unauthorized:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    log.error("identity.failed", error=type(error).__name__, where=where)
    return Unauthorized(
        "It could not be told who calls.",
        remedy="Try again with a new token; the server's log says where its identity function failed.",
    )
