"""``cutty-agent serve``: run the server."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ..errors import ConfigError, CuttyError
from .settings import load
from .tuning import collect_rarely

if TYPE_CHECKING:
    from ..agent.models import ModelChoice
    from ..agent.turn import Turn
    from ..app import App
    from ..config import Settings

EPILOG = (
    "Examples:  cutty-agent serve  ·  cutty-agent serve --model anthropic:claude-sonnet-4-5  ·  "
    "cutty-agent serve app:app --port 8000 --reload  ·  cutty-agent serve --host 0.0.0.0 --visitors.  "
    "Who may enter is set by CUTTY_ACCESS__…: VISITORS=true (as --visitors), JWT__SECRET, JWT__PUBLIC_KEY or "
    "JWT__JWKS_URL with JWT__AUDIENCE and JWT__ISSUER for the application's tokens, SECRET for signing cookies, "
    "HOSTS for the names it answers to, PROXIES for those whose X-Forwarded-For is believed.  "
    "How long sessions live: CUTTY_LIFETIMES__ANONYMOUS_S, __SIGNED_IN_S, __MAX_AGE_S.  "
    "Encryption at rest: CUTTY_ENCRYPTION__KEYS."
)


app = typer.Typer(add_completion=False)


@app.command("serve", epilog=EPILOG)
def serve(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[MODULE:APP]", help="Your App; without it the built-in chat runs."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one (default: 8789).")] = None,
    data: Annotated[Path | None, typer.Option(help="Data directory (default: cutty-data).")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model of the built-in chat, such as anthropic:claude-sonnet-4-5 (default: demo)."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="OpenAI-compatible server (Ollama, vLLM), such as http://localhost:11434/v1."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Another web origin that may connect; repeat for more.")
    ] = None,
    visitors: Annotated[
        bool, typer.Option("--visitors", help="Give each browser a signed cookie and sessions of its own.")
    ] = False,
    open: Annotated[
        bool, typer.Option("--open", help="Listen on a public address although there is no access rule.")
    ] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Restart when a Python file changes.")] = False,
    log_format: Annotated[str | None, typer.Option(help="auto, console or json (default: auto).")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error (default: info).")
    ] = None,
) -> None:
    """Start the server. Every option can also be set as CUTTY_NAME in the environment or in cutty.toml."""
    if reload:
        _serve_reloading()
        return
    collect_rarely()
    from . import logs, server, standing

    try:
        given = {
            "host": host,
            "port": port,
            "data": data,
            "model": model,
            "base_url": base_url,
            "allow_origins": allow_origin or None,
            "open": open or None,
            "log_format": log_format,
            "log_level": log_level,
        }
        # Merged with what else the environment and cutty.toml say about access.
        settings = load(**given, access={"visitors": True} if visitors else None)
        logs.configure(settings.log_format, settings.log_level)
        standing.warn_of_variables(os.environ)
        app, model_said = _application(target, settings, given)
        if visitors:
            access = app.settings.access.model_copy(update={"visitors": True})
            app.settings = app.settings.model_copy(update={"access": access})
        if app.settings.writer is None:
            app.settings = app.settings.model_copy(update={"writer": "process"})
        standing.take_stand(app)
        server.run(app, model_said)
    except CuttyError as error:
        Console(stderr=True).print(f"[bold red]Error[/] {error.sentence} {error.remedy}", highlight=False)
        raise typer.Exit(1) from error


def default_app(settings: Settings, choice: ModelChoice) -> App:
    """The built-in chat, answered by the chosen model."""
    from ..agent.chat import ChatAgent
    from ..app import App

    class Chat(ChatAgent):
        async def on_chat_message(self, turn: Turn) -> object:
            return choice.run(turn)

    return App([Chat], settings, info={"model": choice.name, "demo": choice.demo})


def _application(target: str | None, settings: Settings, given: dict[str, Any]) -> tuple[App, str]:
    if target is None:
        from ..agent.models import resolve

        choice = resolve(
            settings.model,
            settings.base_url,
            settings.api_key,
            demo_delay_s=settings.demo_delay_ms / 1000,
        )
        named = "demo (no key set; set CUTTY_MODEL or --model for a real one)" if choice.demo else choice.name
        return default_app(settings, choice), named
    app = load_app(target)
    # What the module sets stands, but for what the command line says.
    said = {key: getattr(settings, key) for key, value in given.items() if value is not None}
    app.settings = app.settings.model_copy(update=said)
    return app, f"as {target} defines"


def load_app(target: str) -> App:
    """Import ``module:attribute``; the attribute is an :class:`App`, ``app`` when it is left out.

    Raises:
        ConfigError: the module or attribute does not exist, is no App, or the module fails when it is imported.
    """
    from ..app import App

    module_name, _, attribute = target.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise ConfigError(
                f"There is no module {module_name!r} in {Path.cwd()}.",
                remedy="Name it as in an import, for example myproject.agents:app.",
            ) from error
        raise _not_imported(module_name, error) from error
    except Exception as error:
        raise _not_imported(module_name, error) from error
    found = getattr(module, attribute or "app", None)
    if not isinstance(found, App):
        raise ConfigError(
            f"{module_name} has no App called {attribute or 'app'!r}.",
            remedy="Write app = App([YourAgent]) there, or name another attribute after the colon.",
        )
    return found


def _not_imported(module: str, error: Exception) -> ConfigError:
    """What went wrong in the author's module, and in which of its lines; the libraries below it are no help."""
    here = Path.cwd()
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        each
        for each in frames
        if Path(each.filename).is_relative_to(here) and "site-packages" not in each.filename
    ]
    place = f"{own[-1].filename}:{own[-1].lineno}" if own else module
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    said = error.sentence if isinstance(error, CuttyError) else str(error) or "no message"
    return ConfigError(
        f"{module} cannot be imported: {type(error).__name__} at {place}: {said.rstrip('.')}.",
        remedy=error.remedy if isinstance(error, CuttyError) else "Correct it there.",
    )


def _serve_reloading() -> None:
    """Run the same command without ``--reload`` in a child, and again whenever a Python file changes."""
    from watchfiles import PythonFilter, run_process

    from . import front_door

    os.environ.setdefault("CUTTY_DEBUG", "true")
    command = [sys.executable, "-m", "cutty_agent", *(each for each in sys.argv[1:] if each != "--reload")]
    package = Path(__file__).parent.parent
    os.environ[front_door.DEVELOPING] = "1"
    run_process(
        Path.cwd(),
        *([package] if not package.is_relative_to(Path.cwd()) else []),
        target=_spawn,
        args=(command,),
        watch_filter=PythonFilter(),
        callback=lambda changes: print(f"Reloading: {len(changes)} file(s) changed", flush=True),
    )


def _spawn(command: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(command[0], command)
