from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cutty_agent.cli import running
from cutty_agent.cli.running import SERVER_FILE, RunningServer


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}' if self.path == "/health" else b"[]")

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def healthy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Healthy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_it_is_found_while_it_runs(tmp_path: Path, healthy: str) -> None:
    running.announce(tmp_path, healthy)
    assert running.find(tmp_path) == RunningServer(healthy, os.getpid())
    running.withdraw(tmp_path)
    assert running.find(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_note_of_a_dead_process_counts_for_nothing(tmp_path: Path, healthy: str) -> None:
    running.announce(tmp_path, healthy)
    note = (tmp_path / SERVER_FILE).read_text().replace(str(os.getpid()), str(dead_pid()))
    (tmp_path / SERVER_FILE).write_text(note)
    assert running.read(tmp_path) is not None
    assert running.find(tmp_path) is None


def test_a_note_of_a_server_that_does_not_answer_counts_for_nothing(tmp_path: Path, healthy: str) -> None:
    running.announce(tmp_path, "http://127.0.0.1:1")
    assert running.find(tmp_path) is None
    running.announce(tmp_path, f"{healthy}/elsewhere")
    assert running.find(tmp_path) is None


def test_the_note_of_another_process_is_left(tmp_path: Path) -> None:
    (tmp_path / SERVER_FILE).write_text('{"url":"http://127.0.0.1:1","pid":1}')
    running.withdraw(tmp_path)
    assert running.read(tmp_path) == RunningServer("http://127.0.0.1:1", 1)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url":1,"pid":2}', '{"url":"x"}'])
def test_a_broken_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / SERVER_FILE).write_text(text)
    assert running.find(tmp_path) is None


def test_no_directory_no_note(tmp_path: Path) -> None:
    running.announce(tmp_path / "none", "http://127.0.0.1:1")
    running.withdraw(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("localhost", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("10.0.0.5", "http://10.0.0.5:80"),
    ],
)
def test_how_this_machine_reaches_a_server(host: str, url: str) -> None:
    assert running.local_url(host, 80) == url
