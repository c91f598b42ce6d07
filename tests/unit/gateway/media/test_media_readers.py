from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable

import numpy as np
import pytest
from locution_gateway.media.joined import FlacReader, is_flac
from locution_gateway.media.ogg import links
from locution_gateway.media.reading import FileReader, PipeReader, Reader
from locution_gateway.media.tags import TaggedReader
from locution_gateway.media.wave import WaveReader, is_wave

from tests.data import media_files as files

PCM = np.random.default_rng(4).bytes(64_000)
LIST = b"LIST" + struct.pack("<I", 10) + b"0123456789"
Make = Callable[..., PipeReader]


def read(data: bytes, make: Make, size: int = 5000, head: int = 1000) -> list[bytes]:
    """Return what FFmpeg gets of each part."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        reader = make(file.fileno(), len(data), begun=PipeReader(file.fileno(), head))
        parts = [_all(reader, size)]
        while reader.next_part():
            parts.append(_all(reader, size))
        return parts


def _all(reader: Reader, size: int) -> bytes:
    found = bytearray()
    while data := reader.read(size):
        assert len(data) <= size
        found += data
    return bytes(found)


def samples(data: bytes, **how: int) -> list[bytes]:
    """Return the samples of each part of a WAVE, whose length FFmpeg must not believe."""
    parts = read(data, WaveReader, **how)
    for part in parts:
        assert part[part.index(b"data") + 4 :].startswith(b"\xff\xff\xff\xff")
    return [part[part.index(b"data") + 8 :] for part in parts]


@pytest.mark.parametrize(
    "stated",
    [0, 0xFFFF_FFFF, 0xFFFF_FFDB, 0x7FFF_FFFF, 0x7FFF_FFDB, 0x7FFF_FF00, 0x7FFF_F000, 0x7FFF_EFFC, 0x8000_0000],
)
def test_a_placeholder_is_no_length(stated: int) -> None:
    assert samples(files.wave(PCM, data_size=stated)) == [PCM]


@pytest.mark.parametrize("stated", [64_000, 640, 64_000 - 2])
def test_samples_behind_the_stated_end_are_samples(stated: int) -> None:
    assert samples(files.wave(PCM, data_size=stated)) == [PCM]


@pytest.mark.parametrize("size", [1, 7, 5000, 1 << 20])
def test_chunks_behind_the_samples_are_none(size: int) -> None:
    assert samples(files.wave(PCM) + LIST, size=size) == [PCM]
    assert samples(files.wave(PCM[:-1]) + b"\0" + LIST, size=size) == [PCM[:-1]]
    assert samples(files.wave(PCM[:-1]) + LIST, size=size) == [PCM[:-1]]
    assert samples(files.wave(PCM) + b"Xtra" + LIST[4:], size=size) == [PCM]


def test_more_samples_behind_chunks_are_samples() -> None:
    assert samples(files.wave(PCM) + LIST + b"data" + struct.pack("<I", len(PCM)) + PCM) == [PCM * 2]


def test_files_behind_each_other_are_parts() -> None:
    assert samples(files.wave(PCM) + LIST + files.wave(PCM[:1000]) + files.wave(PCM)) == [PCM, PCM[:1000], PCM]


@pytest.mark.parametrize(("length", "cut"), [(64_000, False), (63_999, True), (100, True)])
def test_less_than_stated_is_cut(length: int, cut: bool) -> None:
    data = files.wave(PCM)[: 44 + length]
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        reader = WaveReader(file.fileno(), len(data), begun=PipeReader(file.fileno(), 1000))
        _all(reader, 4096)
        assert reader.is_cut is cut


def test_the_length_of_64_bits_counts() -> None:
    long = struct.pack("<QQQI", 100, len(PCM), 0, 0)
    header = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(long)) + long
    rest = files.wave(PCM, data_size=0xFFFF_FFFF)[12:]
    assert is_wave(header)
    assert samples(header + rest + LIST) == [PCM]


def test_a_wave_that_ends_in_its_header_ends() -> None:
    for length in range(12, 44):
        data = files.wave(PCM)[:length]
        assert data.startswith(b"".join(read(data, WaveReader, head=12))[:40])


@pytest.mark.parametrize("size", [1, 9, 5000])
def test_flac_behind_flac_is_a_part(size: int) -> None:
    one, other = (files.encode("flac", "flac", [files.tone(1, rate)], rate) for rate in (16_000, 44_100))
    assert is_flac(one)
    assert read(one + other + one, FlacReader, size=size) == [one, other, one]
    assert read(one, FlacReader, size=size) == [one]
    assert read(one + b"fLaC", FlacReader, size=size) == [one + b"fLaC"]


def tag(length: int, footer: bool = False) -> bytes:
    places = bytes(length >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    body = b"\xff\xfb\x90\x64" * (length // 4) + b"x" * (length % 4)
    return b"ID3\x04\0" + (b"\x10" if footer else b"\0") + places + body + (b"3DI" + bytes(7) if footer else b"")


@pytest.mark.parametrize("size", [1, 7, 5000])
@pytest.mark.parametrize("length", [0, 5, 100, 20_000])
@pytest.mark.parametrize("footer", [False, True])
def test_tags_between_frames_are_skipped_and_those_in_front_are_not(size: int, length: int, footer: bool) -> None:
    frames = bytes.fromhex("fffb9064") + b"ID3 is a word here, ID3\x09\0" * 50
    inner = tag(length, footer)
    assert read(frames + inner + frames, TaggedReader, size=size, head=100) == [frames * 2]
    assert read(inner + frames + inner + inner + frames, TaggedReader, size=size, head=100) == [inner + frames * 2]
    assert read(frames + inner[:-1] if length else frames, TaggedReader, size=size, head=100) == [frames]


def test_the_first_frame_is_known_behind_any_tag() -> None:
    frame = bytes.fromhex("fffb9064") + np.random.default_rng(1).bytes(413)
    data = tag(200_000) + frame * 100
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        reader = TaggedReader(file.fileno(), len(data), begun=PipeReader(file.fileno()))
        _all(reader, 32_768)
        assert reader.frame == frame[:256]


def test_links_of_a_chained_ogg_are_parts() -> None:
    one = files.encode("ogg", "libopus", [files.tone(1, 48_000)], 48_000)
    other = files.encode("ogg", "flac", [files.tone(1, 44_100)], 44_100)
    with tempfile.TemporaryFile() as file:
        file.write(one + other + b"noise" + one)
        file.flush()
        starts = [0, len(one), len(one + other) + 5]
        assert links(file.fileno(), file.tell()) == starts
        reader = FileReader(file.fileno())
        assert reader.seek(0, os.SEEK_END) == len(one)
        assert reader.read(10) == b""
        assert reader.seek(0) == 0
        assert _all(reader, 4096) == one
        assert reader.next_part()
        assert reader.seek(-1) < 0
        assert (reader.tell(), _all(reader, 1000)) == (0, other + b"noise")
        assert reader.next_part()
        assert _all(reader, 1000) == one
        assert not reader.next_part()


def test_tracks_of_one_ogg_are_no_links() -> None:
    data = files.ogg_with_streams(3)
    with tempfile.TemporaryFile() as file:
        file.write(data + b"OggS")
        file.flush()
        assert links(file.fileno(), file.tell()) == [0]
