"""The unit: accepted by systemd, closed as far as it can be, and in step with the settings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cutty_agent.config import Lifetimes, Limits
from deploy.front import DEPLOY, replaced

pytestmark = pytest.mark.deploy

UNIT = DEPLOY / "systemd" / "cutty-agent.service"
PROGRAM = "/opt/cutty-agent/venv/bin/cutty-agent"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="this system has no systemd-analyze"
)


def options() -> dict[str, list[str]]:
    """The unit's options, by name; every value in its order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def analyze(tmp_path: Path, *command: str) -> str:
    """What systemd-analyze says about the unit, with a program that exists here; it must be content."""
    unit = tmp_path / UNIT.name
    unit.write_text(replaced(UNIT.read_text(), {PROGRAM: sys.executable}))
    ran = subprocess.run(
        ["systemd-analyze", *command, str(unit)], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    assert UNIT.name not in analyze(tmp_path, "verify"), "it found something to say"


@needs_systemd
def test_the_unit_is_closed(tmp_path: Path) -> None:
    """An exposure of at most 1.5 on systemd's scale from 0 to 10."""
    analyze(tmp_path, "security", "--offline=true", "--threshold=15")


def test_there_is_time_for_the_last_answers() -> None:
    """Open responses get 3 s, answers ``grace_s``, and the store some time to close."""
    assert int(options()["TimeoutStopSec"][0]) >= 3 + Lifetimes().grace_s + 10


def test_there_is_a_file_for_every_socket() -> None:
    assert int(options()["LimitNOFILE"][0]) > Limits().sockets


def test_the_documentation_puts_everything_where_the_unit_looks() -> None:
    page = (DEPLOY.parent / "docs" / "deploying.md").read_text()
    for place in (PROGRAM.rpartition("/")[0], "/var/lib/cutty-agent", "/etc/cutty-agent/environment"):
        assert place in page
    assert options()["User"] == ["cutty-agent"]
    assert "--system" in page
    assert options()["StateDirectory"] == ["cutty-agent"]
    assert "CUTTY_DATA=%S/cutty-agent" in options()["Environment"]
