"""Names of principals: what may be one."""

from __future__ import annotations

import re
from typing import Final

from ..errors import Unauthorized
from ..wire.principal import LINK, USER, VISITOR, Principal

MAX_USER = 128
"""Characters of a user's own id."""

MAX_ID = 200
"""Characters of a principal's id, with its prefix."""

# Control characters, line separators, and surrogates, which cannot be stored as UTF-8.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def user_id(subject: object, source: str) -> str:
    """``user:{subject}`` for a text or whole number; ``source`` says in an error where it was found.

    Raises:
        Unauthorized: it is neither, is blank, too long or has control characters.
    """
    if isinstance(subject, int) and not isinstance(subject, bool):
        subject = str(subject)
    if not isinstance(subject, str) or not subject.strip():
        raise _unfit(f"{source} names no user.")
    if len(subject) > MAX_USER:
        raise _unfit(f"The user named by {source} has {len(subject)} characters; the limit is {MAX_USER}.")
    if _CONTROL.search(subject):
        raise _unfit(f"The user named by {source} has control characters in the id.")
    return USER + subject


def check_principal(principal: Principal, source: str) -> Principal:
    """The principal itself when all its names can be kept.

    Raises:
        Unauthorized: its id is not ``user:…`` or ``visitor:…``, or one of its names is too long or has control
            characters.
    """
    names = (principal.id, *principal.also)
    if not all(name.startswith((USER, VISITOR)) and name not in {USER, VISITOR} for name in names):
        raise _unfit(f"{source} gave a principal whose id does not begin with {USER} or {VISITOR}.")
    if not all(link.startswith(LINK) for link in principal.links):
        raise _unfit(f"{source} gave a principal with a link that does not begin with {LINK}.")
    for name in (*names, *principal.links, principal.token_id):
        if len(name) > MAX_ID:
            raise _unfit(f"{source} gave a name of {len(name)} characters; the limit is {MAX_ID}.")
        if _CONTROL.search(name):
            raise _unfit(f"{source} gave a name with control characters.")
    return principal


def _unfit(sentence: str) -> Unauthorized:
    return Unauthorized(
        sentence,
        remedy=f"Name users by 1 to {MAX_USER} characters of plain text or by a whole number.",
    )
