"""The access rule of a server, out of its settings and of what the author gave to ``App``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from ..clock import Clock
from ..config import Access, Jwt
from ..errors import ConfigError
from ..ports.identity import Identity
from .authenticator import Anyone, Authenticator
from .custom import Who
from .secret import signing_secrets
from .token_settings import check

Given = Jwt | Who | Identity | None
"""What an author may give as identity: token settings, a function that names the caller, or a whole provider."""


class JWT(Jwt):
    """The application's JSON Web Tokens, as an author writes it::

        from cutty_agent.access import JWT

        app = App([Chat], identity=JWT(secret="…", audience="cutty"))
        app = App([Chat], identity=JWT(jwks_url="https://id.example.com/jwks.json", issuer="https://id.example.com/"))

    The fields are those of :class:`~cutty_agent.config.Jwt`; exactly one of ``secret``, ``public_key`` and ``jwks_url``.

    Raises:
        ConfigError: names the field that is wrong.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            made = handler(given)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise ConfigError(
                f"JWT({name}=…) is not valid: {first['msg']}.", remedy=f"Correct {name}."
            ) from None
        check(made)
        return made


def has_rule(access: Access, given: Given = None) -> bool:
    """Whether callers are told apart at all; without a rule a server should listen on this machine only."""
    return given is not None or access.visitors or access.jwt is not None


def identity(
    access: Access,
    clock: Clock,
    *,
    given: Given = None,
    directory: Path | None = None,
    revocations: Mapping[str, int] | None = None,
) -> Identity:
    """What tells who calls. ``given`` wins over ``access.jwt``; visitors are welcome beside both when set.

    A provider of the author's own is used as it is. ``directory`` keeps the secret that signs visitors' cookies;
    ``revocations`` are those in force, with their ends (milliseconds since 1970 UTC).

    Raises:
        ConfigError: the rule cannot be followed.
        StoreUnavailable: the secret cannot be read or made.
    """
    ends = dict(revocations or {})
    if given is not None and callable(getattr(given, "identify", None)):
        provider = cast(Identity, given)
        for key, until_ms in ends.items():
            provider.revoke(key, until_ms)
        return provider
    if isinstance(given, Jwt):
        access, given = access.model_copy(update={"jwt": given}), None
    if not has_rule(access, given):
        return Anyone()
    secrets = signing_secrets(access, directory) if access.visitors else ()
    return Authenticator(access, clock, secrets=secrets, who=cast("Who | None", given), revocations=ends)
