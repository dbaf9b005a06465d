"""Every error this package raises on purpose: a code for programs, a sentence for people, a remedy for both."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import ClassVar


class CuttyError(Exception):
    """The root. HTTP, WebSocket and CLI print the same error from the same object.

    ``code`` never changes once published. ``status`` is the HTTP status, ``close_code`` the WebSocket close
    code (4000-4999 and 1008 are terminal for the clients, protocol 1.6). ``retry`` says whether the same call
    may succeed later without a change.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    close_code: ClassVar[int] = 1011
    retry: ClassVar[bool] = False
    retry_after_s: float | None = None
    """When the same call may succeed, in seconds from now, where that is known (HTTP: ``Retry-After``)."""

    def __init__(self, sentence: str, *, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy

    def as_dict(self) -> dict[str, object]:
        """The JSON form, ``{"error": {"code", "message", "remedy", "retry"}}``."""
        return {
            "error": {"code": self.code, "message": self.sentence, "remedy": self.remedy, "retry": self.retry}
        }


class BadRequest(CuttyError):
    """A frame, body, header or id that breaks the protocol. Nothing was changed."""

    code = "request.invalid"
    status = 400
    close_code = 4400


class BadAddress(BadRequest):
    """A session id outside the safe alphabet or longer than 128 characters."""

    code = "address.invalid"


class UnknownAgent(BadRequest):
    """No agent of that name is registered with this server."""

    code = "agent.unknown"
    status = 404
    close_code = 4404


class NotFound(CuttyError):
    """The thing asked for does not exist."""

    code = "not_found"
    status = 404
    close_code = 4404


class MethodNotAllowed(CuttyError):
    """The address exists and does not answer this HTTP method. ``allow`` are those it answers."""

    code = "request.method"
    status = 405
    close_code = 4405

    def __init__(self, sentence: str, *, remedy: str, allow: Sequence[str] = ()) -> None:
        super().__init__(sentence, remedy=remedy)
        self.allow = tuple(allow)


class OriginRefused(CuttyError):
    """A browser page of an origin that is not on the allow-list."""

    code = "origin.refused"
    status = 403
    close_code = 4403


class Unauthorized(CuttyError):
    """The caller did not show who it is."""

    code = "auth.required"
    status = 401
    close_code = 4401


class IdentityUnavailable(CuttyError):
    """Who calls cannot be told at present, for example because the issuer's keys cannot be fetched."""

    code = "auth.unavailable"
    status = 503
    close_code = 1013
    retry = True


class Forbidden(CuttyError):
    """The caller is known and may see the session, but not do this."""

    code = "access.forbidden"
    status = 403
    close_code = 4403


class SessionExpired(CuttyError):
    """The session has come to its end; what it held cannot be reached any more."""

    code = "session.expired"
    status = 410
    close_code = 4410


class Gone(CuttyError):
    """An address that is served no more. ``link`` is the value of a ``Link`` header that says where to go."""

    code = "address.gone"
    status = 410
    close_code = 4410
    link: str = ""


class SessionParked(CuttyError):
    """The runaway guard or an operator stopped this session; an operator can let it run again."""

    code = "session.parked"
    status = 423
    close_code = 4423


class TooLarge(CuttyError):
    """A frame, body, message or answer above its limit. Nothing was changed."""

    code = "limit.size"
    status = 413
    close_code = 1009


class Busy(CuttyError):
    """A limit on how much may wait or run at once is reached. Nothing was changed."""

    code = "limit.busy"
    status = 429
    close_code = 1013
    retry = True


class LimitReached(Busy):
    """A limit on how often, how many or how much is reached. Nothing was changed.

    ``limit`` is the setting (``limits.requests_per_minute``), ``value`` what it is set to, ``retry_after_s`` when to
    try again.
    """

    code = "limit.reached"

    def __init__(
        self, sentence: str, *, limit: str, value: float, retry_after_s: float | None = None, remedy: str = ""
    ) -> None:
        wait = f"Try again in {max(1, ceil(retry_after_s))} s." if retry_after_s is not None else ""
        super().__init__(
            f"{sentence} {limit} is {value:.10g}.", remedy=" ".join(filter(None, (remedy, wait)))
        )
        self.limit = limit
        self.value = value
        self.retry_after_s = retry_after_s

    def as_dict(self) -> dict[str, object]:
        """As every error, with ``limit``, ``value`` and ``retryAfter`` (seconds)."""
        error = {
            "code": self.code,
            "message": self.sentence,
            "remedy": self.remedy,
            "retry": self.retry,
            "limit": self.limit,
            "value": self.value,
            "retryAfter": self.retry_after_s,
        }
        return {"error": error}


class ShuttingDown(CuttyError):
    """This server is going down; another, or the same one soon, takes the session."""

    code = "server.stopping"
    status = 503
    close_code = 1012
    retry = True


class StoreError(CuttyError):
    """The store refused or failed."""

    code = "store.failed"
    status = 503


class StaleEpoch(StoreError):
    """A write by an owner that is no longer the owner. Nothing was changed."""

    code = "store.stale_epoch"
    status = 409
    close_code = 1012
    retry = True


class NotOwner(StoreError):
    """The session belongs to another principal. Nothing was changed; callers must not learn that it exists."""

    code = "store.not_owner"
    status = 404
    close_code = 4404


class StoreUnavailable(StoreError):
    """No answer, or a full disk; unless the text says otherwise nothing was written."""

    code = "store.unavailable"
    retry = True


class StoreCorrupt(StoreError):
    """The integrity check failed, or the schema is newer than this program."""

    code = "store.corrupt"


class DataDirectoryInUse(StoreError):
    """Another process holds the data directory."""

    code = "store.in_use"


class ModelError(CuttyError):
    """The model or its provider failed. ``sentence`` is safe to show; the cause is chained."""

    code = "model.failed"
    status = 502


class SharedAgent(CuttyError):
    """A factory gave one instance of an agent to two sessions."""

    code = "agent.shared"


class ConfigError(CuttyError):
    """A setting has a value this program cannot work with."""

    code = "config.invalid"
