"""The wheel that the image is made of: built with the Dockerfile's commands, installed alone, and it serves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from deploy.dockerfile import copied, read
from deploy.front import DEPLOY

pytestmark = pytest.mark.deploy

ROOT = DEPLOY.parent


def test_the_wheel_holds_everything_and_serves(tmp_path: Path) -> None:
    """Only the packages it depends on are borrowed from this environment, to save their download; its editable
    install cannot be seen, because ``.pth`` files do not count on ``PYTHONPATH``."""
    build = read(DEPLOY / "docker" / "Dockerfile")[0]
    sources = tmp_path / "build"
    for text in build.all("COPY"):
        for source in copied(text)[1]:
            if (ROOT / source).is_dir():
                leave = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, sources / source, ignore=leave)
            else:
                sources.mkdir(exist_ok=True)
                shutil.copy(ROOT / source, sources / source)
    wheels, installed = tmp_path / "wheels", tmp_path / "installed"
    for text in build.all("RUN"):
        command = text.replace("/wheels", str(wheels)).replace("/opt/cutty-agent", str(installed))
        words = shlex.split(command)
        if words[0] in {"pip", "python"}:
            words = [sys.executable, *(["-m", "pip"] if words[0] == "pip" else []), *words[1:]]
        if "--wheel-dir" in words or "--find-links" in words:
            words.append("--no-deps")
        subprocess.run(words, cwd=sources, check=True, capture_output=True, timeout=100)

    empty = tmp_path / "elsewhere"
    empty.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CUTTY_")}
    environment = {**inherited, "PYTHONPATH": sysconfig.get_path("purelib")}
    told = subprocess.run(
        [installed / "bin" / "python", "-c", "import cutty_agent; print(cutty_agent.__file__)"],
        cwd=empty, env=environment, check=True, capture_output=True, text=True, timeout=30,
    ).stdout  # fmt: skip
    assert told.startswith(str(installed)), "the wheel is what is imported"
    making = (
        "from pathlib import Path; from cutty_agent.cli.new import scaffold; scaffold(Path('made'), 'made')"
    )
    subprocess.run(
        [installed / "bin" / "python", "-c", making], cwd=empty, env=environment, check=True, timeout=30
    )
    assert (empty / "made" / "agent.py").is_file(), "the templates are in the wheel"
    server = subprocess.Popen(
        [installed / "bin" / "cutty-agent", "serve", "--port", "0", "--data", "data"],
        cwd=empty, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        announced = server.stdout.readline()
        assert announced.startswith("cutty-agent is ready at"), announced + server.communicate()[1]
        address = announced.split()[-1]
        with httpx.Client(base_url=address, trust_env=False) as client:
            assert client.get("/health").json() == {"status": "ok"}
            page = client.get("/")
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/html")
            scripts = [part.partition('"')[0] for part in page.text.split('src="')[1:]]
            assert scripts, "the page is the built one"
            for script in scripts:
                assert client.get("/" + script.removeprefix("./")).status_code == 200
    finally:
        server.terminate()
        server.communicate(timeout=20)
