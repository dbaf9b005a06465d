"""``cutty-agent migrate``: move over from a server where all callers shared one chat."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import CuttyError, NotFound
from ..ids import Address
from . import duration
from .operator import Entries
from .options import Data, Json, Url, Yes, parse_owner, print_json
from .reaching import open_operator
from .settings import load
from .terminal import complain, confirm, note, output, plural, printable, readable_errors

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..admin.bridge import BridgeDay
    from ..config import Settings
    from ..core.history_import import Skipped
    from .importing import Counts, Options

app = typer.Typer(
    name="migrate",
    help="Move over from one chat that all callers shared.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SHOWN = 20
"""Sessions of a table, and lines of a complaint, that are named."""

MOST_USES = 1_000_000
"""Entries of the audit log that are looked at."""


class FileUnreadable(CuttyError):
    """A file that is to be imported cannot be read."""

    code = "file.unreadable"


class Plan(msgspec.Struct):
    """What is in one or more files: of each session its owner and its number of messages, and what is left out."""

    sessions: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)
    skipped: list[tuple[Path, Skipped]] = msgspec.field(default_factory=list)

    @property
    def messages(self) -> int:
        return sum(count for _, count in self.sessions.values())

    @property
    def owners(self) -> int:
        return len({owner for owner, _ in self.sessions.values() if owner})


@app.command(
    "import",
    epilog="Examples:  cutty-agent migrate import history.jsonl --dry-run  ·  "
    "cutty-agent migrate import *.jsonl --agent support --owner-field email --yes",
)
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON Lines.")],
    agent: Annotated[str, typer.Option("--agent", help="Agent the sessions are for.")] = "chat",
    owner_field: Annotated[
        str, typer.Option("--owner-field", help="Field that names the user, in metadata or beside it.")
    ] = "user",
    session_field: Annotated[
        str, typer.Option("--session-field", help="Field that names the session.")
    ] = "sessionId",
    split_idle: Annotated[
        duration.Duration,
        typer.Option(
            "--split-idle",
            parser=duration.parse,
            metavar="TIME",
            help="Where no session is named, a pause of this length begins a new one.",
        ),
    ] = "30m",  # type: ignore[assignment]  # the parser makes it a Duration
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    yes: Yes = False,
    data: Data = None,
) -> None:
    """Bring old histories into sessions. The server must not run.

    One message a line, or one conversation a line, of AI SDK 4 or 5. First it is shown what becomes of them. It may be
    interrupted and started again; what is there already is neither changed nor added twice.
    """
    from ..access.rule import has_rule
    from ..core.addressing import kebab
    from .importing import Options

    with readable_errors():
        settings = load(data=data)
        options = Options(kebab(agent), owner_field, session_field, round(split_idle.seconds * 1000))
        plan = _plan(files, options)
        _show(plan, _standing(settings, options, plan))
        if plan.owners and not has_rule(settings.access):
            note(
                "Sessions with an owner open for that user only: for a server whose settings or App say how users "
                "sign in. Without, name no owner: --owner-field ''."
            )
        if dry_run or not plan.sessions:
            note("Nothing was imported" + ("; this was a dry run." if dry_run else "."))
            return
        if not yes:
            confirm(
                f"Import {plural(plan.messages, 'message')} into {plural(len(plan.sessions), 'session')}?"
            )
        counts = asyncio.run(_import(settings, files, options))
    print(f"imported {plural(counts.added, 'message')}")
    if counts.present:
        print(f"{plural(counts.present, 'message')} had been imported before")
    left = len(counts.skipped) - len(plan.skipped)
    if left > 0:  # what could be seen beforehand was told before
        told = {(each.line, each.reason) for _, each in plan.skipped}
        _complain([each for each in counts.skipped if (each.line, each.reason) not in told])


def _plan(files: list[Path], options: Options) -> Plan:
    from ..core.history_import import Imported
    from .importing import lines

    plan = Plan()
    with _bar(sum(_size(path) for path in files)) as bar:
        task, before = bar.add_task("reading"), 0
        for path in files:
            for _, end, found in lines(path, options):
                for each in found:
                    if isinstance(each, Imported):
                        owner, count = plan.sessions.get(each.session, (each.owner, 0))
                        plan.sessions[each.session] = (owner, count + 1)
                    else:
                        plan.skipped.append((path, each))
                bar.update(task, completed=before + end)
            before += _size(path)
    return plan


async def _import(settings: Settings, files: list[Path], options: Options) -> Counts:
    from ..clock import SystemClock
    from ..engines.embedded import open_store
    from ..engines.sealed import Keyring, SealedStore
    from ..session.admission import Admission
    from ..session.audit import Audit
    from . import logs
    from .importing import Counts, Importer

    clock = SystemClock()
    total = Counts()
    with logs.quiet():
        keyring = Keyring.parse(settings.encryption.keys)
        store = SealedStore(await open_store(settings.data), keyring)
        try:
            admission = Admission(store, settings.access, settings.lifetimes, clock)
            audit = Audit(store, clock)
            importer = Importer(
                store,
                options,
                settings.limits,
                lambda owner: admission.lifetime(owner, {}),
                clock,
                settings.data,
            )
            names = ", ".join(path.name for path in files)[:200]
            await audit.acted("history.imported", detail=f"From {names} for the agent {options.agent}.")
            with _bar(sum(_size(path) for path in files)) as bar:
                task, before = bar.add_task("importing"), 0
                for path in files:
                    counts = await importer.bring(path, partial(_advance, bar, task, before))
                    total.added += counts.added
                    total.present += counts.present
                    total.skipped += counts.skipped
                    before += _size(path)
        finally:
            await store.close()
    return total


def _advance(bar: Progress, task: TaskID, before: int, end: int) -> None:
    bar.update(task, completed=before + end)


def _standing(settings: Settings, options: Options, plan: Plan) -> dict[str, str]:
    """What there is already of each session."""
    from ..core.history_import import PREFIX
    from ..engines.embedded import open_readonly

    try:
        reader = open_readonly(settings.data)
    except NotFound:
        return {}
    found: dict[str, str] = {}
    with reader:
        for session, (owner, _) in plan.sessions.items():
            address = Address(options.agent, session)
            stored = reader.messages(address)
            if stored is None:
                continue
            if stored.card.owner != (parse_owner(owner) if owner else ""):
                found[session] = "somebody else's, left alone"
            elif any(not row.id.startswith(PREFIX) for row in stored.messages):
                found[session] = "in use, left alone"
            else:
                found[session] = f"has {plural(len(stored.messages), 'message')}"
    return found


def _show(plan: Plan, standing: dict[str, str]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("session", "owner", "messages", "there already"):
        table.add_column(
            name, no_wrap=True, overflow="ellipsis", justify="right" if name == "messages" else "left"
        )
    largest = sorted(plan.sessions.items(), key=lambda item: (-item[1][1], item[0]))
    for session, (owner, count) in largest[:SHOWN]:
        shown, whose = Text(printable(session)), Text(printable(owner) or "nobody")
        table.add_row(shown, whose, str(count), Text(standing.get(session, ""), "dim"))
    if largest:
        output().print(table)
    if len(largest) > SHOWN:
        print(f"and {plural(len(largest) - SHOWN, 'session')} more")
    print(
        f"{plural(len(plan.sessions), 'session')}, {plural(plan.messages, 'message')}, {plural(plan.owners, 'owner')}; "
        f"{len(plan.skipped)} skipped"
    )
    _complain([each for _, each in plan.skipped])


def _complain(skipped: list[Skipped]) -> None:
    for each in skipped[:SHOWN]:
        complain(f"line {each.line} is left out: {each.reason}")
    if len(skipped) > SHOWN:
        note(f"and {len(skipped) - SHOWN} more")


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise FileUnreadable(f"{path} is a directory.", remedy="Name the files in it.")
        return path.stat().st_size
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror}.", remedy="Name a file.") from error


def _bar(total: int) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@app.command("usage", epilog="Examples:  cutty-agent migrate usage  ·  cutty-agent migrate usage --json")
def usage(data: Data = None, url: Url = None, as_json: Json = False) -> None:
    """Show by the day who still uses the old shared addresses (CUTTY_BRIDGE=on or gone). Days are those of UTC.

    Works with a running server, and on the data directory when none runs.
    """
    from ..admin.bridge import ACTIONS, by_day
    from ..ports.store import AuditEntry

    with readable_errors(), open_operator(load(data=data), url) as source:
        found = list(source.audit(Entries(action=ACTIONS), MOST_USES))
    days = by_day(msgspec.convert(each, AuditEntry) for each in found)
    if as_json:
        print_json(days)
    elif not days:
        note("Nobody has used an old address, or the bridge is off.")
    else:
        output().print(_days(days))


def _days(days: list[BridgeDay]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("day", "used", "refused"):
        table.add_column(name, justify="left" if name == "day" else "right", no_wrap=True)
    for name in ("what", "from pages of", "who"):
        table.add_column(name, overflow="fold")
    for day in days:
        table.add_row(Text(day.day, "bold"), str(day.used), str(day.refused), "", "", "")
        for use in day.uses:
            cells = (
                Text(printable(each)) for each in (use.route, use.origin or "no page", use.who or "anybody")
            )
            table.add_row("", str(use.used), str(use.refused), *cells)
    return table
