"""Pack the section data that clustering needs into bytes, and read untrusted bytes back.

Layout, little-endian: the header (`_HEADER`, magic "LSV1"), one bit for each (window, speaker) that has an embedding,
the activity's bits packed by zlib, then those embeddings as float16.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from locution_common.errors import Reason, Refused

from locution_diarizer.domain.models import Grid, SectionWindows

_MAGIC = b"LSV1"
_HEADER = struct.Struct("<4sqiiiiiiiii")
_MAX_WINDOWS = 100_000
_MAX_SPEAKERS = 16
_MAX_VALUES = 4096


def pack(section: SectionWindows) -> bytes:
    """Pack a section; about 1 KiB per window."""
    windows, frames, speakers = section.activity.shape
    values = section.embeddings.shape[2]
    told = ~np.isnan(section.embeddings).any(axis=2)
    activity = zlib.compress(np.packbits(section.activity).tobytes(), 6)
    grid = section.grid
    header = _HEADER.pack(
        _MAGIC, section.sample_count, windows, speakers, values, len(activity),
        grid.size, grid.step, frames, grid.frame_step, grid.frame_centre,
    )  # fmt: skip
    return b"".join([header, np.packbits(told).tobytes(), activity, section.embeddings[told].astype("<f2").tobytes()])


def unpack(state: bytes, grid: Grid) -> SectionWindows:
    """Read a packed section of this grid. Refuses a damaged one, or one of another model, with INVALID_REQUEST."""
    try:
        return _unpack(state, grid)
    except (struct.error, ValueError, zlib.error) as error:
        raise Refused(
            Reason.INVALID_REQUEST, "the state of a section was not made by Diarize with this model"
        ) from error


def _unpack(state: bytes, grid: Grid) -> SectionWindows:
    magic, sample_count, windows, speakers, values, packed, *shape = _HEADER.unpack_from(state)
    if magic != _MAGIC or Grid(*shape) != grid or sample_count < 0:
        raise ValueError("foreign")
    if not (0 <= windows <= _MAX_WINDOWS and 0 < speakers <= _MAX_SPEAKERS and 0 < values <= _MAX_VALUES):
        raise ValueError("absurd")
    told_bytes = -(-windows * speakers // 8)
    body = memoryview(state)[_HEADER.size :]
    told = _bits(bytes(body[:told_bytes]), windows * speakers).reshape(windows, speakers)
    bits = windows * grid.frames * speakers
    activity = _bits(_inflate(bytes(body[told_bytes : told_bytes + packed]), -(-bits // 8)), bits)
    embeddings = np.full((windows, speakers, values), np.nan, dtype=np.float16)
    embeddings[told] = np.frombuffer(body[told_bytes + packed :], dtype="<f2").reshape(-1, values)
    return SectionWindows(sample_count, grid, activity.reshape(windows, grid.frames, speakers), embeddings)


def _inflate(packed: bytes, size: int) -> bytes:
    if size == 0:
        return b""
    inflated = zlib.decompressobj().decompress(packed, size)
    if len(inflated) != size:
        raise ValueError("short")
    return inflated


def _bits(packed: bytes, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=count).astype(np.bool_)
