"""How a server that is about to listen stands to the world: who may enter, and under which names it is reached."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from ..access.rule import has_rule
from ..app import App
from ..config import Jwt, unknown_variables
from ..errors import ConfigError
from .running import is_loopback

_REMEDY = (
    "Choose an access rule (--visitors, CUTTY_ACCESS__JWT__…, or App(identity=…)), listen on 127.0.0.1 behind your own "
    "proxy, or say --open when everybody on that network may use every session."
)


def take_stand(app: App) -> None:
    """Before listening: refuse a public address without an access rule, and say which names a server on this machine
    answers to.

    Without a rule a browser page of another name, whose address was changed to this machine's (DNS rebinding), would
    be let in like any other.

    Raises:
        ConfigError: the address is public, there is no rule, and nobody said --open.
    """
    settings = app.settings
    if app.ruled:
        return
    if is_loopback(settings.host):
        if not settings.access.hosts:
            app.bound_hosts = frozenset({"localhost", "127.0.0.1", "::1", settings.host.lower()})
        return
    if not settings.open:
        raise ConfigError(
            f"There is no access rule, so this server does not listen on {settings.host}.", remedy=_REMEDY
        )
    Console(stderr=True).print(
        f"[bold yellow]Warning[/] listening on {settings.host} without an access rule (--open): "
        "whoever knows a session id can read and write that session.",
        highlight=False,
    )


def warn_of_variables(names: Iterable[str]) -> None:
    """Tell of environment variables that set nothing, because they are misspelt or of another program."""
    found = [
        f"{name} (did you mean {meant}?)" if meant else name
        for name, meant in unknown_variables(names).items()
    ]
    if found:
        Console(stderr=True).print(
            f"[bold yellow]Warning[/] not used, because no settings are called so: {', '.join(found)}.",
            highlight=False,
        )


def described(app: App) -> str:
    """The access rule in a few words."""
    access, given = app.settings.access, app.identity_given
    rules = []
    if given is not None and not isinstance(given, Jwt):
        rules.append("custom (the application says who calls)")
    elif given is not None or access.jwt is not None:
        rules.append("JWT")
    # A provider of the author's own is used as it is; visitors are then its affair.
    if has_rule(access) and access.visitors and not callable(getattr(given, "identify", None)):
        rules.append("visitors (a signed cookie for each browser)")
    return " and ".join(rules) or "none: whoever knows a session id may use it"
