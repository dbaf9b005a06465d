"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands(block: str) -> list[tuple[str, str]]:
    """``(command, what it prints)`` of a console block."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, output.strip()) for command, _, output in (part.partition("\n") for part in parts)]


@pytest.mark.contract
def test_the_conversation_of_the_readme(tmp_path: Path) -> None:
    serve, *_ = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    [(first, promised)] = commands(serve)
    assert first == "make serve"
    talk = next(
        block for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) if "chat --session" in block
    )
    said = commands(talk)
    assert len(said) == 3

    environment = {**os.environ, "CUTTY_DATA": str(tmp_path), "CUTTY_DEMO_DELAY_MS": "0"}
    program = [sys.executable, "-m", "cutty_agent"]
    server = subprocess.Popen(
        [*program, "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        announced = server.stdout.readline().strip()
        assert re.sub(r":\d+$", ":8789", announced) == promised
        for command, expected in said:
            words = shlex.split(command)
            assert words[0] == ".venv/bin/cutty-agent"
            ran = subprocess.run(
                [*program, *words[1:]],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            assert ran.stdout.strip() == expected
    finally:
        server.terminate()
        server.wait(20)


def test_links_of_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_setting_is_in_the_operators_page() -> None:
    from cutty_agent.config import Lifetimes, Limits, Settings

    page = (ROOT / "docs" / "operating.md").read_text()
    names = [name for name in Settings.model_fields if name not in {"limits", "lifetimes", "open"}]
    names += [f"limits.{name}" for name in Limits.model_fields]
    names += [f"lifetimes.{name}" for name in Lifetimes.model_fields]
    assert [name for name in names if f"`{name}`" not in page] == []
