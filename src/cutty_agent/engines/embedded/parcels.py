"""What a store and its writing process say to each other, over a socket that nobody else holds."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import msgspec

from ... import errors
from ...errors import CuttyError
from ...ids import Address
from ...ports.store import Op
from .jobs import CommitJob, Job

_HEAD_BYTES = 4
_END = b"\0\0\0\0"


class Options(msgspec.Struct):
    """How to open the database; ``max_pages`` bounds its file."""

    path: str
    busy_timeout_s: float
    max_pages: int | None
    analytics: bool


class Commit(msgspec.Struct, tag=0, array_like=True):
    """A commit on its way; there are many, so that it is spelled out."""

    number: int
    agent: str
    session: str
    epoch: int
    ops: Sequence[Op]
    now_ms: int
    expires_ms: int


class Other(msgspec.Struct, tag=1, array_like=True):
    """Any other job: its class and slots, pickled."""

    number: int
    job: bytes


class Told(msgspec.Struct, array_like=True):
    """Jobs that are over. ``results`` are the pickled values and errors of those that have one, by number; ``began`` and
    ``ended`` are of the clock that both processes have (``time.perf_counter``, which counts from the machine's start)."""

    numbers: list[int]
    results: dict[int, bytes]
    began: float
    ended: float


_encoder = msgspec.msgpack.Encoder()
_jobs = msgspec.msgpack.Decoder(list[msgspec.Raw])
_job = msgspec.msgpack.Decoder(Commit | Other)
_numbered = msgspec.msgpack.Decoder(tuple[int, int])
_told = msgspec.msgpack.Decoder(Told)


def pack_job(number: int, job: Job[Any]) -> bytes:
    """A job for :func:`frame`.

    Raises:
        TypeError | ValueError | OverflowError: it holds something that cannot be stored.
    """
    if isinstance(job, CommitJob):
        address = job.address
        return _encoder.encode(
            Commit(number, address.agent, address.session, job.epoch, job.ops, job.now_ms, job.expires_ms)
        )
    slots = {name: getattr(job, name) for name in type(job).__slots__}
    return _encoder.encode(Other(number, pickle.dumps((type(job), slots))))


def frame(jobs: Sequence[bytes]) -> bytes:
    """Packed jobs, as they go through the socket."""
    size = 5 + sum(map(len, jobs))
    return b"".join((size.to_bytes(_HEAD_BYTES, "big"), b"\xdd", len(jobs).to_bytes(4, "big"), *jobs))


def unpack_jobs(body: bytes) -> list[tuple[int, Job[Any] | Exception]]:
    """Numbers and jobs of a frame's body; instead of a job that cannot be read, why."""
    unpacked: list[tuple[int, Job[Any] | Exception]] = []
    for raw in _jobs.decode(body):
        try:
            packed = _job.decode(raw)
        except (msgspec.MsgspecError, UnicodeError) as error:
            unpacked.append((_number(raw), error))
            continue
        if isinstance(packed, Commit):
            address = Address(packed.agent, packed.session)
            unpacked.append(
                (
                    packed.number,
                    CommitJob(
                        address, packed.epoch, packed.ops, now_ms=packed.now_ms, expires_ms=packed.expires_ms
                    ),
                )
            )
            continue
        cls, slots = pickle.loads(packed.job)
        job: Job[Any] = cls.__new__(cls)
        Job.__init__(job)
        for name, value in slots.items():
            setattr(job, name, value)
        unpacked.append((packed.number, job))
    return unpacked


def _number(raw: msgspec.Raw) -> int:
    number: int = msgspec.msgpack.decode(raw)[1]
    return number


def end() -> bytes:
    """Behind the last job; and, as the answer, behind the last news."""
    return _END


def told_frame(numbers: Sequence[int], jobs: Sequence[Job[Any]], began: float, ended: float) -> bytes:
    """The news that these jobs are over."""
    results = {
        number: pickle.dumps((job.value, None if job.error is None else _spelled(job.error)))
        for number, job in zip(numbers, jobs, strict=True)
        if job.value is not None or job.error is not None
    }
    body = _encoder.encode(Told(list(numbers), results, began, ended))
    return len(body).to_bytes(_HEAD_BYTES, "big") + body


def unpack_told(body: bytes) -> Told:
    """The body of such a frame."""
    return _told.decode(body)


def take_result(job: Job[Any], result: bytes) -> None:
    """Give a job its value or error."""
    job.value, error = pickle.loads(result)
    if error is not None:
        name, sentence, remedy = error
        job.error = getattr(errors, name)(sentence, remedy=remedy)


def _spelled(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, CuttyError) and type(error).__module__ == errors.__name__:
        return type(error).__name__, error.sentence, error.remedy
    return "StoreUnavailable", f"The store failed: {type(error).__name__}: {error}.", "Try again."


class Frames:
    """Cuts what comes through the socket into the bodies of frames; an empty body is the end."""

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that are whole now."""
        tail = self._tail
        tail += data
        bodies: list[bytes] = []
        at = 0
        while len(tail) - at >= _HEAD_BYTES:
            start = at + _HEAD_BYTES
            end = start + int.from_bytes(tail[at:start], "big")
            if end > len(tail):
                break
            bodies.append(bytes(tail[start:end]))
            at = end
        del tail[:at]
        return bodies
