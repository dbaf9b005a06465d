"""An archive as the answer to a request, the owner's or the operator's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

MAX_NAME: Final = 100
"""Characters of a file name, without ``.zip``."""


def archive_response(pieces: AsyncIterator[bytes], name: str) -> Response:
    """A ZIP to be saved under a file name made of ``name``: ASCII letters, digits and ``-_.`` stay, others become
    ``-``, so that it needs no quoting in a header. The pieces are sent as they come; no cache keeps them."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "-" for each in name)
    return StreamingResponse(
        pieces,
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{plain[:MAX_NAME]}.zip"',
            "cache-control": "no-store",
        },
    )
