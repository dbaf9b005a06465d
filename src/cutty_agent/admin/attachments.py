"""Files that travel inside messages as data URLs, as files of an archive."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from ..core.data_url import split_data_url
from ..core.parts import Part, parts_of
from ..wire.archive import FILES
from ..wire.chunks import UIMessage

SLICE: Final = 1024 * 1024
"""Characters of base64 that are decoded at a time; a multiple of 4."""

_EXTENSIONS = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/rtf": "rtf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "audio/x-wav": "wav",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tiff",
    "image/webp": "webp",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html",
    "text/javascript": "js",
    "text/markdown": "md",
    "text/plain": "txt",
    "text/xml": "xml",
    "video/mp4": "mp4",
    "video/mpeg": "mpeg",
    "video/quicktime": "mov",
    "video/webm": "webm",
}

_PACKED = frozenset({"gz", "zip", "docx", "pptx", "xlsx", "jpg", "png", "gif", "webp", "avif", "heic"}) | {
    "mp3",
    "mp4",
    "m4a",
    "ogg",
    "aac",
    "flac",
    "webm",
    "weba",
    "mov",
}
_NOT_PLAIN = re.compile(r"[^a-z0-9_-]+", re.ASCII)


class Attachment(msgspec.Struct, frozen=True):
    """One file: its path below the session's directory, and what it is made of.

    Its data are the base64 text ``source[start:end]`` without line breaks and padding: a large file is not copied.
    """

    path: str
    message_id: str
    media_type: str
    filename: str | None
    source: str
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return (self.end - self.start) * 3 // 4

    @property
    def packed(self) -> bool:
        """Whether it is compressed already."""
        return self.path.rpartition(".")[2] in _PACKED

    def pieces(self) -> Iterator[bytes]:
        """The file, decoded a slice at a time."""
        yield from map(binascii.a2b_base64, _slices(self.source, self.start, self.end))


def attachments(message: UIMessage, first: int) -> Iterator[tuple[Part, Attachment]]:
    """The files a message carries, numbered from ``first`` on within the session, each with its part.

    A part whose data cannot be decoded is none.
    """
    for part in parts_of(message):
        if part["type"] not in {"file", "reasoning-file"}:
            continue
        found = _attachment(part, str(message.get("id", "")), first)
        if found is not None:
            yield part, found
            first += 1


def filename_of(part: Part) -> str | None:
    """What the visitor or the model called the file."""
    name: Any = part.get("filename")
    return name if isinstance(name, str) and name else None


def _attachment(part: Part, message_id: str, number: int) -> Attachment | None:
    url = part.get("url")
    data = _data(url) if isinstance(url, str) else None
    if data is None:
        return None
    mime, source, start, end = data
    told: Any = part.get("mediaType")
    media_type = (told if isinstance(told, str) and told else mime).partition(";")[0].strip().lower()
    filename = filename_of(part)
    name = (filename or "").replace("\\", "/").rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    slug = _NOT_PLAIN.sub("-", stem.lower())[:40].strip("-_") or "file"
    path = f"{FILES}/{number:04d}-{slug}.{_EXTENSIONS.get(media_type, 'bin')}"
    return Attachment(path, message_id, media_type, filename, source, start, end)


def _data(url: str) -> tuple[str, str, int, int] | None:
    """The media type of a data URL, and where its base64 text is; ``None`` when it is none or cannot be decoded."""
    comma = url.find(",")
    if url[:5].lower() != "data:" or comma < 0:
        return None
    mime, *parameters = url[5:comma].split(";")
    source, start = url, comma + 1
    if not any(p.strip().lower() == "base64" for p in parameters):
        split = split_data_url(url)
        source, start = split[1] if split else "", 0
    end = len(source)
    if source.endswith("="):
        end -= 2 if source.endswith("==") else 1
    if not _is_base64(source, start, end):  # line breaks, percent-encoding, or the alphabet for URLs
        text = "".join(unquote(source[start:]).split()).rstrip("=")
        source, start = text.replace("-", "+").replace("_", "/"), 0
        end = len(source)
        if not _is_base64(source, start, end):
            return None
    return mime.strip() or "text/plain", source, start, end


def _is_base64(source: str, start: int, end: int) -> bool:
    """Whether a text can be decoded. Looks at a slice at a time: one call for all of a large file would hold the
    interpreter lock for long."""
    try:
        for piece in _slices(source, start, end):
            binascii.a2b_base64(piece, strict_mode=True)
    except ValueError:
        return False
    return True


def _slices(source: str, start: int, end: int) -> Iterator[str]:
    for at in range(start, end, SLICE):
        part = source[at : min(at + SLICE, end)]
        yield part + "=" * (-len(part) % 4)
