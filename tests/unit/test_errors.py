"""Every error class of the package keeps to the contract of its root."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import cutty_agent
from cutty_agent.errors import CuttyError, LimitReached, StaleEpoch

TERMINAL = {1008, *range(4000, 5000)}
RECONNECTING = {1000, 1001, 1009, 1011, 1012, 1013, *range(3000, 4000)}


def every_class() -> list[type[CuttyError]]:
    for module in pkgutil.walk_packages(cutty_agent.__path__, "cutty_agent."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted({CuttyError, *below(CuttyError)}, key=lambda cls: cls.__qualname__)


def below(cls: type[CuttyError]) -> Iterator[type[CuttyError]]:
    for sub in cls.__subclasses__():
        if sub.__module__.startswith("cutty_agent."):
            yield sub
            yield from below(sub)


CLASSES = every_class()


def test_codes_name_one_class_each() -> None:
    own = [cls for cls in CLASSES if "code" in vars(cls)]
    codes = [cls.code for cls in own]
    assert sorted(codes) == sorted(set(codes))
    assert {cls for cls in CLASSES if cls not in own} == set(), "a class without a code of its own"


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if cls is not LimitReached], ids=lambda cls: cls.__name__
)
def test_an_error_says_what_happened_and_what_helps(cls: type[CuttyError]) -> None:
    assert cls.__doc__
    assert 400 <= cls.status < 600
    assert cls.close_code in TERMINAL | RECONNECTING
    extra = {"type": "x", "request_id": None} if cls.__name__ == "BadFrame" else {}
    error = cls("It broke.", remedy="Mend it.", **extra)  # type: ignore[call-arg]
    assert str(error) == "It broke. Mend it."
    told = {"code": cls.code, "message": "It broke.", "remedy": "Mend it.", "retry": cls.retry}
    assert error.as_dict() == {"error": told}
    with pytest.raises(TypeError, match="remedy"):
        cls("It broke.", **extra)  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_only_what_may_succeed_later_lets_a_client_come_back_for_it(cls: type[CuttyError]) -> None:
    if cls.retry:
        assert cls.close_code in RECONNECTING
    if 400 <= cls.status < 500 and not cls.retry:
        assert cls.close_code in TERMINAL | {1009}


def test_a_client_of_a_session_that_moved_comes_back() -> None:
    assert (StaleEpoch.close_code, StaleEpoch.retry) == (1012, True)


def test_a_limit_says_which_what_it_is_and_when_to_try_again() -> None:
    error = LimitReached(
        "Too much.", limit="limits.turns", value=1_234_567, retry_after_s=1.2, remedy="Wait."
    )
    assert str(error) == "Too much. limits.turns is 1234567. Wait. Try again in 2 s."
    assert error.as_dict() == {
        "error": {
            "code": "limit.reached",
            "message": "Too much. limits.turns is 1234567.",
            "remedy": "Wait. Try again in 2 s.",
            "retry": True,
            "limit": "limits.turns",
            "value": 1_234_567,
            "retryAfter": 1.2,
        }
    }
