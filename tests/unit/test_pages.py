"""The built pages as they are served."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from cutty_agent.transport.pages import Pages


@pytest.fixture
def browser(tmp_path: Path) -> TestClient:
    root = tmp_path / "web"
    for path in (
        *("index.html", "assets/index-abc.js", "console/index.html", "console/assets/index-abc.js"),
        *("client/session.js", "client/widget.licenses.md"),
    ):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {path}")
    (tmp_path / "secret.txt").write_text("not for the web")
    return TestClient(Pages(root))


def test_pages_of_every_origin_may_import_the_modules_under_client(browser: TestClient) -> None:
    answer = browser.get("/client/session.js", headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert answer.text == "content of client/session.js"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/assets/index-abc.js"])
def test_the_page_itself_is_not_for_other_origins(browser: TestClient, path: str) -> None:
    answer = browser.get(path, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "cross-origin-resource-policy" not in answer.headers


def test_what_a_browser_has_kept_is_not_sent_again(browser: TestClient, tmp_path: Path) -> None:
    etag = browser.get("/client/session.js").headers["etag"]
    for kept in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = browser.get("/client/session.js", headers={"if-none-match": kept})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert answer.headers["access-control-allow-origin"] == "*"
    (tmp_path / "web" / "client" / "session.js").write_text("the next version of it")
    assert browser.get("/client/session.js", headers={"if-none-match": etag}).status_code == 200


@pytest.mark.parametrize("path", ["/assets/index-abc.js", "/console/assets/index-abc.js"])
def test_names_with_a_hash_are_kept_for_ever(browser: TestClient, path: str) -> None:
    assert browser.get(path).headers["cache-control"].endswith("immutable")


@pytest.mark.parametrize("prefix", ["", "/support"])
def test_the_console_is_a_folder_wherever_the_server_is_mounted(browser: TestClient, prefix: str) -> None:
    pages = browser.app
    mounted = TestClient(Starlette(routes=[Mount(prefix, app=pages)]), follow_redirects=False)
    moved = mounted.get(f"{prefix}/console")
    assert (moved.status_code, moved.headers["location"]) == (307, f"{prefix}/console/")
    assert mounted.get(f"{prefix}/console/").text == "content of console/index.html"


def test_who_opens_the_console_is_not_made_a_visitor(tmp_path: Path) -> None:
    for path in ("index.html", "console/index.html"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("a page")
    browser = TestClient(Pages(tmp_path, greet=lambda request: "visitor=1"))
    assert "set-cookie" in browser.get("/").headers
    assert "set-cookie" not in browser.get("/console/").headers


@pytest.mark.parametrize(
    "path",
    [
        "/client/",
        "/client/none.js",
        "/../secret.txt",
        "/client/%2e%2e/%2e%2e/secret.txt",
        "/a%00b",
        "/" + "a" * 5000,
    ],
)
def test_nothing_else_is_served(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "not for the web" not in answer.text


def test_a_new_visitor_is_greeted_with_the_page_only_also_when_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "script.js").write_text("script")
    browser = TestClient(Pages(tmp_path, greet=lambda request: "visitor=1"))
    page = browser.get("/")
    assert page.headers["set-cookie"] == "visitor=1"
    kept = browser.get("/", headers={"if-none-match": page.headers["etag"]})
    assert (kept.status_code, kept.headers["set-cookie"]) == (304, "visitor=1")
    assert "set-cookie" not in browser.get("/script.js").headers
