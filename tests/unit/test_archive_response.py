"""An archive as an answer: what it is saved as, and that nobody keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.testclient import TestClient

from cutty_agent.session.archive_response import archive_response


async def pieces() -> AsyncIterator[bytes]:
    yield b"PK"
    yield b"rest"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("0f8fad5b-d9cb", "0f8fad5b-d9cb.zip"),
        ("user:ada", "user-ada.zip"),
        ("a.b_c d~e@f", "a.b_c-d-e-f.zip"),
        ('größe"; x="\r\n../y', "gr--e---x----..-y.zip"),
        ("²③", "--.zip"),
        ("x" * 128, "x" * 100 + ".zip"),
    ],
)
def test_the_file_name_is_plain_and_short(name: str, file: str) -> None:
    answer = archive_response(pieces(), name)
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'


def test_the_pieces_are_one_zip_that_no_cache_keeps() -> None:
    answer = TestClient(archive_response(pieces(), "ada")).get("/")
    assert answer.content == b"PKrest"
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
