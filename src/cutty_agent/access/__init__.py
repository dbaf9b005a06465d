"""Who is calling: the application's tokens, visitors' cookies, tickets, or a function of the application's own.

An author needs one line::

    from cutty_agent.access import JWT

    app = App([Chat], identity=JWT(secret="…", audience="cutty"))
"""

from ..ports.identity import Credentials, Identified, Identity
from ..wire.principal import Principal
from .authenticator import Anyone, Authenticator
from .custom import Who
from .rule import JWT, has_rule, identity
from .scrubbing import scrub

__all__ = [
    "JWT",
    "Anyone",
    "Authenticator",
    "Credentials",
    "Identified",
    "Identity",
    "Principal",
    "Who",
    "has_rule",
    "identity",
    "scrub",
]
