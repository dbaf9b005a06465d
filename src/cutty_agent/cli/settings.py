"""The settings of a command, read when it runs: to show its help, the library that checks them is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config import Settings


def load(**given: object) -> Settings:
    """Settings from everywhere; ``given`` wins, its ``None`` values count as not given.

    Raises:
        ConfigError: names the first setting that is wrong and what it may be.
    """
    from .. import config

    return config.load(**given)
