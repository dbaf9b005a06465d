"""``cutty-agent chat``: talk to a session from the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadRequest
from ..ids import Address
from . import running
from .operator import NoServer
from .options import parse_address
from .settings import load
from .terminal import note, readable_errors

if TYPE_CHECKING:
    from .conversation import Conversation, Ending
    from .voice import Voice

INTERRUPTED = 130
"""Exit code after Ctrl+C."""


app = typer.Typer(add_completion=False)


@app.command(
    "chat",
    epilog="Examples:  cutty-agent chat  ·  cutty-agent chat 'hello'  ·  "
    "cutty-agent chat --session anna 'what is my name?'  ·  git diff | cutty-agent chat -",
)
def chat(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", help="What to say; - reads it from standard input. Without it: a prompt."
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", "-s", metavar="ID", help="Session to talk to, also agent/id (default: a new one)."
        ),
    ] = None,
    agent: Annotated[str, typer.Option("--agent", help="Agent to talk to.")] = "chat",
    data: Annotated[
        Path | None, typer.Option("--data", help="Data directory of the server (default: cutty-data).")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Address of the server (default: the one of the data directory)."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="CUTTY_TOKEN",
            help="Token that says who you are, for a server with an access rule.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Talk to a session of a running server; the answer is written as it comes.

    At the prompt Ctrl+C stops the answer and Ctrl+D leaves. A lost connection is resumed without losing a word.
    """
    from .conversation import Conversation  # with WebSockets and HTTP

    with readable_errors():
        settings = load(data=data)
        found = url or running.find_url(settings, only_data=data is not None)
        if found is None:
            usual = "" if data is not None else f" or at {running.local_url(settings.host, settings.port)}"
            raise NoServer(
                f"No server runs on the data directory {settings.data}{usual}.",
                remedy="Start one in another terminal with: cutty-agent serve. Or name one with --url.",
            )
        address = parse_address(session, agent) if session is not None else Address(agent, new_session_id())
        conversation = Conversation(_with_scheme(found), address, token=token)
        prompt = text is None and sys.stdin.isatty()
        if session is None:
            note(f"A new session. Continue it with:\n  {_continue(address, data, url)}")
        if prompt:
            code = _prompt(conversation, address, is_new=session is None)
        else:
            code = _once(conversation, sys.stdin.read() if text in {None, "-"} else str(text))
    raise typer.Exit(code)


def new_session_id() -> str:
    """``session-{ms}-{random}``, as the web page makes them."""
    return f"session-{time.time_ns() // 1_000_000}-{secrets.token_hex(8)}"


def _once(conversation: Conversation, text: str) -> int:
    if not text.strip():
        raise BadRequest(
            "There is nothing to say.", remedy="Give a text, or - to read it from standard input."
        )
    with asyncio.Runner() as runner:
        ending = _say(runner, conversation, text)
    if ending is None or ending.outcome == "aborted":
        return INTERRUPTED
    return 0 if ending.outcome == "completed" else 1


def _prompt(conversation: Conversation, address: Address, *, is_new: bool) -> int:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # gives input() a history and line editing
    leaving = False
    with asyncio.Runner() as runner:
        if not is_new:
            known = len(runner.run(conversation.messages()))
            note(f"{address} has {known} message{'' if known == 1 else 's'}.")
        note("Ctrl+C stops an answer, Ctrl+D leaves.")
        while True:
            try:
                text = input(_MARK)
            except EOFError:
                print()
                return 0
            except KeyboardInterrupt:
                print()
                if leaving:
                    return INTERRUPTED
                leaving = True
                note("Ctrl+C again or Ctrl+D leaves.")
                continue
            leaving = False
            if text.strip():
                if _say(runner, conversation, text) is None:
                    return INTERRUPTED
                print()


# The bytes 1 and 2 tell readline that what is between them takes no room.
_MARK = "\x01\x1b[1;36m\x02›\x01\x1b[0m\x02 "


def _say(runner: asyncio.Runner, conversation: Conversation, text: str) -> Ending | None:
    """Ask and write the answer; ``None`` when a second Ctrl+C left it."""
    from .voice import Voice

    voice = Voice()
    try:
        ending = runner.run(_interruptible(conversation, text, voice))
    except (asyncio.CancelledError, KeyboardInterrupt):
        voice.finish(None)
        return None
    voice.finish(ending)
    return ending


async def _interruptible(conversation: Conversation, text: str, voice: Voice) -> Ending:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        if conversation.stopping:
            task.cancel()
        else:
            conversation.stop()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await conversation.ask(text, voice)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _continue(address: Address, data: Path | None, url: str | None) -> str:
    where = ["--url", url] if url is not None else ["--data", str(data)] if data is not None else []
    agent = [] if address.agent == "chat" else ["--agent", address.agent]
    return shlex.join(["cutty-agent", "chat", *where, *agent, "--session", address.session])


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"
