"""``cutty-agent data``: look after a data directory that no server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from ..errors import ConfigError
from .settings import load
from .terminal import complain, note, readable_errors

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..config import Settings
    from ..engines.sealed import Resealed
    from ..ids import Address
    from ..ports.store import SessionStore

T = TypeVar("T")

PAGE = 1000

SHOWN = 10
"""Sessions that could not be encrypted anew and are named."""

_EPILOG = "Examples:  cutty-agent data rekey  ·  cutty-agent data compact --data /srv/cutty"

app = typer.Typer(
    name="data",
    help="Look after a data directory: rotate its encryption, give back its space. Stop the server first.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path | None, typer.Option("--data", help="Data directory of the server (default: cutty-data).")
]


@app.command(
    "rekey",
    epilog="Example:  CUTTY_ENCRYPTION__KEYS='new:… old:…' cutty-agent data rekey",
)
def rekey(data: Data = None) -> None:
    """Encrypt everything that is kept with the first of the keys in CUTTY_ENCRYPTION__KEYS.

    For a new key (put it first, keep the old one after it until this is through), and for data from before encryption
    was turned on. It may be interrupted and started again. In the end what was there before is removed from the files.
    """
    from ..engines.sealed import Keyring, reseal

    with readable_errors():
        settings = load(data=data)
        keyring = Keyring.parse(settings.encryption.keys)
        if keyring.first is None:
            raise ConfigError(
                "There is no key to encrypt with.",
                remedy="Set CUTTY_ENCRYPTION__KEYS to name:base64. Make a key with: openssl rand -base64 32",
            )
        total = _count(settings)

        async def work(store: SessionStore) -> tuple[Resealed, bool]:
            with _progress() as bar:
                task = bar.add_task("encrypting", total=total)
                done = await reseal(
                    store, keyring, lambda so_far: bar.update(task, completed=so_far.sessions)
                )
            return done, await _scrub(store)

        done, clean = _with_store(settings, work)
    _print(done, keyring.first)
    if not clean:
        _complain_about_pages()
    if done.left or not clean:
        raise typer.Exit(1)


@app.command("compact", epilog="Example:  cutty-agent data compact --data /srv/cutty")
def compact(data: Data = None) -> None:
    """Remove what was deleted from the files of the store too, and give the space back to the disk."""
    with readable_errors():
        settings = load(data=data)
        _count(settings)  # an error when there is no store: this makes none
        before = _size(settings.data)
        clean = _with_store(settings, _scrub)
        after = _size(settings.data)
    print(f"{before / 1024**2:.1f} MiB before, {after / 1024**2:.1f} MiB now")
    if not clean:
        _complain_about_pages()
        raise typer.Exit(1)


async def _scrub(store: SessionStore) -> bool:
    with Console(stderr=True).status("removing what was deleted from the files"):
        return await store.scrub()


def _with_store(settings: Settings, work: Callable[[SessionStore], Awaitable[T]]) -> T:
    from ..engines.embedded import open_store

    async def run() -> T:
        store = await open_store(settings.data)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _count(settings: Settings) -> int:
    """How many sessions there are.

    Raises:
        NotFound: there is no store in the directory.
    """
    from ..engines.embedded import open_readonly

    total = 0
    after: Address | None = None
    with open_readonly(settings.data) as store:
        while page := store.sessions(after=after, limit=PAGE):
            total += len(page)
            after = page[-1].address
    return total


def _size(directory: Path) -> int:
    """Bytes of the database with what SQLite keeps beside it."""
    from ..engines.embedded.directory import database_path

    path = database_path(directory)
    return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))


def _progress() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("sessions"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _print(done: Resealed, key: str) -> None:
    if done.rewritten:
        what = ", ".join(
            f"{count} {name if count != 1 else name.removesuffix('s')}"
            for name, count in (
                ("messages", done.messages),
                ("states", done.states),
                ("values", done.values),
                ("turns", done.turns),
                ("chunks", done.chunks),
            )
            if count
        )
        print(f"encrypted with {key} now: {what}, in {done.rewritten_sessions} of {done.sessions} sessions")
    else:
        print(f"nothing to do in {done.sessions} sessions")
    for address, reason in done.left[:SHOWN]:
        complain(f"{address} was left as it is: {reason}")
    if len(done.left) > SHOWN:
        note(f"and {len(done.left) - SHOWN} more sessions")


def _complain_about_pages() -> None:
    complain(
        "What was removed may still be in the files: another program has the database open. "
        "Close it, then run: cutty-agent data compact."
    )
