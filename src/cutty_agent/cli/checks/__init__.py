"""What ``cutty-agent doctor`` looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...config import Settings
from . import access, data, machine, service
from .finding import Finding


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, in the order in which it matters."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        machine.python,
        machine.sqlite,
        data.directory,
        data.filesystem,
        data.lock,
        data.database,
        data.disk_space,
        data.disk_speed,
        access.access_rule,
        access.origins,
        access.secrets,
        access.encryption,
        access.expiry,
        service.port,
        service.model,
        service.pages,
        machine.open_files,
        machine.fast_parts,
        machine.event_loop,
    )
    for check in checks:
        try:
            yield check(settings)
        except OSError as error:
            yield Finding(
                check.__name__.replace("_", " "),
                "failed",
                f"could not be checked: {error}",
                "Run this as the user who runs the server.",
            )
