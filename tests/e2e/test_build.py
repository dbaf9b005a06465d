"""The committed pages and modules are what their sources give, and the modules are as small as they promise."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
COMMITTED = ROOT / "src" / "cutty_agent" / "web"


def test_the_built_page_matches_its_sources_byte_for_byte(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.fail(
            "npm is not on PATH: run `make system`, or leave this out with -m 'not e2e'.", pytrace=False
        )
    marker = WEB / "node_modules" / ".package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        _npm("ci", "--no-audit", "--no-fund")
    _npm("run", "build", "--workspace", "chat", "--", "--outDir", str(tmp_path), "--emptyOutDir")
    for client in ("session", "widget"):
        _npm("run", "build", "--workspace", client, "--", "--outDir", str(tmp_path / "client"))
    _npm("run", "build", "--workspace", "console", "--", "--outDir", str(tmp_path / "console"))

    built, committed = _files(tmp_path), _files(COMMITTED)
    assert sorted(built) == sorted(committed), "run npm --prefix web run build and commit the result"
    different = [name for name, content in built.items() if committed[name] != content]
    assert different == [], "run npm --prefix web run build and commit the result"


@pytest.mark.parametrize(("module", "limit"), [("session.js", 2 * 1024), ("widget.js", 120 * 1024)])
def test_the_modules_for_other_pages_are_small_and_need_no_eval(module: str, limit: int) -> None:
    source = (COMMITTED / "client" / module).read_bytes()
    assert len(gzip.compress(source, 9)) < limit
    for forbidden in (b"eval(", b"new Function", b"innerHTML", b"insertAdjacentHTML", b"document.write"):
        assert forbidden not in source, f"{forbidden!r} does not work under a strict content security policy"


def test_the_console_is_small_at_first_and_has_nothing_inline() -> None:
    page = (COMMITTED / "console" / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?://(?!www\.w3\.org)", page)
    assets = {path.name: path.read_bytes() for path in (COMMITTED / "console" / "assets").iterdir()}
    first = [content for name, content in assets.items() if name in page]
    assert sum(len(gzip.compress(content, 9)) for content in first) < 130 * 1024
    later = [name for name in assets if name not in page]
    for part in ("plot-", "Markdown-"):  # Charts and Markdown come when they are needed.
        assert [name for name in later if name.startswith(part) and name.endswith(".js")] != []
    for name, content in assets.items():
        for forbidden in (b"eval(", b"new Function", b"insertAdjacentHTML", b"document.write"):
            assert forbidden not in content, f"{forbidden!r} in {name}"


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _npm(*arguments: str) -> None:
    ran = subprocess.run(
        ["npm", "--prefix", str(WEB), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, (
        f"npm {' '.join(arguments)} failed:\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    )
