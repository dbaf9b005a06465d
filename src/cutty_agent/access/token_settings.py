"""Settings for the application's tokens: whether there is a key at all. Apart from :mod:`.jwt`, which brings the libraries
that check signatures with it."""

from __future__ import annotations

from ..config import Jwt
from ..errors import ConfigError


def check(config: Jwt) -> None:
    """See to it that tokens can be checked with these settings.

    Raises:
        ConfigError: there is not exactly one key, or it cannot be used.
    """
    given = [name for name in ("secret", "public_key", "jwks_url") if getattr(config, name) is not None]
    if len(given) != 1:
        raise ConfigError(
            f"access.jwt has {' and '.join(given) or 'no key'}; it needs one of secret, public_key and jwks_url.",
            remedy="Set the one that the application's tokens are signed with.",
        )
