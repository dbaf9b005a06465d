"""``cutty-agent new``: a project to start from, with an agent, a test of its isolation and a front end."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..errors import ConfigError
from .terminal import output, printable, readable_errors

FILES = {
    "agent.py": "agent.py.tmpl",
    "test_isolation.py": "test_isolation.py.tmpl",
    "web/index.html": "index.html.tmpl",
    "cutty.toml": "cutty.toml.tmpl",
    "pyproject.toml": "pyproject.toml.tmpl",
    "README.md": "README.md.tmpl",
    ".gitignore": "gitignore.tmpl",
}
"""What is made, and of which template in ``scaffold/``. Templates have an ending of their own so that neither tools
nor the packaging of this project take them for its own files."""

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9])){0,63}")
_TAKEN = frozenset({"cutty-agent", "agent", "pydantic-ai"})


app = typer.Typer(add_completion=False)


@app.command(
    "new",
    epilog="Examples:  cutty-agent new myapp  ·  cutty-agent new --here",
)
def new(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the project and of its directory.")
    ] = None,
    here: Annotated[
        bool, typer.Option("--here", help="Make it in this directory; NAME is then the directory's.")
    ] = False,
) -> None:
    """Make a project: an agent with a tool, a test of its isolation, a front end, settings.

    Nothing that exists is overwritten. The project runs without a key and without a network.
    """
    with readable_errors():
        directory = Path.cwd() if here else Path.cwd() / _checked(name)
        chosen = _checked(name or directory.name) if here else directory.name
        scaffold(directory, chosen, fresh=not here)
    console = output()
    console.print(Text(f"Made {chosen} in {printable(str(directory))}:"))
    for path in FILES:
        console.print(Text(f"  {path}"))
    console.print(Text("\nNext:"))
    if not here:
        console.print(Text(f"  cd {chosen}"))
    console.print(Text("  cutty-agent serve agent:app --reload          # http://localhost:8789"))
    console.print(
        Text("  python -m http.server 5173 --directory web    # your own page: http://localhost:5173")
    )
    console.print(Text("  pip install pytest pytest-asyncio && pytest   # sessions do not leak"))


def scaffold(directory: Path, name: str, *, fresh: bool = True) -> None:
    """Write the files of a project called ``name``; all of them, or none where one is there already.

    ``fresh`` wants a directory that does not exist yet or is empty.

    Raises:
        ConfigError: something is in the way, or the directory cannot be written.
    """
    if fresh and directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(
            f"{directory} exists and is not empty.",
            remedy="Choose another name, or go there and say cutty-agent new --here.",
        )
    there = [path for path in FILES if (directory / path).exists() or (directory / path).is_symlink()]
    if there:
        raise ConfigError(
            f"{directory} already has {', '.join(there)}.",
            remedy="Nothing was written. Move that away, or make the project elsewhere.",
        )
    from importlib.metadata import version

    values = {"name": name, "package": name.lower().replace("_", "-"), "version": version("cutty-agent")}
    written = {path: _filled(template, values) for path, template in FILES.items()}
    try:
        for path, text in written.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            with (directory / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or directory} cannot be written: {error.strerror}.",
            remedy="Choose a directory that this user may write in.",
        ) from error


def _filled(template: str, values: dict[str, str]) -> str:
    text = resources.files(__package__).joinpath("scaffold", template).read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text)


def _checked(name: str | None) -> str:
    if not name:
        raise ConfigError(
            "The project has no name.",
            remedy="Say cutty-agent new myapp, or --here in a directory of your own.",
        )
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{printable(name[:80])!r} cannot be the name of a project.",
            remedy="Use 1 to 64 letters and digits, with single - or _ between them, beginning with a letter.",
        )
    if name.lower().replace("_", "-") in _TAKEN:
        raise ConfigError(
            f"A project called {name} would hide a package of that name.", remedy="Choose another name."
        )
    return name
