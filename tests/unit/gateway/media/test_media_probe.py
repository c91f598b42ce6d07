from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from locution_gateway.media import probe

from tests.data import media_files as files

TEXTS = {
    "m3u8": b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n",
    "ffconcat": b"ffconcat version 1.0\nfile neighbour.wav\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "pls": b"[playlist]\nFile1=http://127.0.0.1/a.mp3\n",
    "utf-8": "Grüße, 你好\n".encode() * 1000,
    "words that media begin with": b"MAC addresses of the office\n",
    "words that media not decoded begin with": b"CWS is a shop.\n",
    "utf-16": "plain words".encode("utf-16"),
}
NEW = ("ac3", "eac3", "loas", "mpeg", "dts")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_is_text(text: bytes) -> None:
    assert probe.kind(text) is probe.Kind.TEXT


def test_text_cut_within_a_character_is_text() -> None:
    text = ("a" + "é" * 4000).encode()
    assert probe.kind(text[:4097]) is probe.Kind.TEXT


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", probe.Kind.EMPTY),
        (files.wave(bytes(100)), probe.Kind.CONTAINER),
        (files.mp4_with_streams(1), probe.Kind.CONTAINER),
        (files.png(), probe.Kind.IMAGE),
        (b"MAC \x96\x0f\x00\x00", probe.Kind.CONTAINER),
        (b"\x02#!SILK_V3\x00\x01", probe.Kind.UNSUPPORTED),
        ((b"\x47" + bytes(187)) * 9, probe.Kind.CONTAINER),
        (b"\x0b\x77\x50\x52\x14\x40" + bytes(4096), probe.Kind.UNKNOWN),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", probe.Kind.OTHER),
        (random.Random(1).randbytes(4096), probe.Kind.UNKNOWN),
        (bytes(4096), probe.Kind.UNKNOWN),
    ],
)
def test_heads_are_told_apart(head: bytes, kind: probe.Kind) -> None:
    assert probe.kind(head) is kind


def test_mp4_needs_seeking_only_with_its_index_behind_the_data() -> None:
    ftyp, moov, mdat = files.box(b"ftyp", b"isom"), files.box(b"moov", bytes(50)), files.box(b"mdat", bytes(500))
    assert not probe.needs_seeking(ftyp + moov + mdat)
    assert probe.needs_seeking(ftyp + mdat + moov)
    assert probe.needs_seeking(ftyp + files.box(b"free", bytes(8)) + mdat)
    assert not probe.needs_seeking(files.wave(bytes(100)))


def test_boxes_that_lie_about_their_size_end_the_walk() -> None:
    for size in (0, 1, 7, 0xFFFF_FFFF):
        assert probe.needs_seeking(struct.pack(">I4s", size, b"ftyp") + bytes(100))


def test_matroska_states_its_end() -> None:
    data = files.matroska_with_streams(1)
    assert probe.segment_end(data) == len(data)
    segment = data.index(b"\x18\x53\x80\x67") + 4
    assert probe.segment_end(data[:segment] + b"\x01" + b"\xff" * 7 + data[segment + 8 :]) is None
    assert probe.segment_end(data[: segment + 2]) is None


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [
        ("mp3", "libmp3lame", "mp3"),
        ("adts", "aac", "aac"),
        ("ac3", "ac3", "ac3"),
        ("eac3", "eac3", "eac3"),
        ("latm", "aac", "loas"),
    ],
)
def test_frames_in_a_chain_confirm_a_container_without_magic(container: str, codec: str, name: str) -> None:
    data = files.encode(container, codec, [files.tone(2, 44_100)], 44_100)
    data = data[10 + struct.unpack(">I", b"\0" + data[7:10])[0] :] if data.startswith(b"ID3") else data
    assert probe.confirmed(name, data[: probe.HEAD_BYTES])
    assert probe.confirmed(name, b"\0" * 777 + data[: probe.HEAD_BYTES])


def test_noise_and_pcm_confirm_nothing() -> None:
    generator = np.random.default_rng(7)
    heads = [generator.bytes(probe.HEAD_BYTES) for _ in range(20)]
    heads += [(files.tone(2, hertz=hertz) * 32767).astype("<i2").tobytes() for hertz in (100, 440, 3000)]
    for head in heads:
        assert not any(probe.confirmed(name, head) for name in ("mp3", "aac", "gsm", "flac", "mpegts", *NEW))


def test_mpeg_frame_lengths_follow_the_standard() -> None:
    assert probe.mp3_frame_bytes(bytes.fromhex("fffb9064")) == 417  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz
    assert probe.mp3_frame_bytes(bytes.fromhex("fffb9264")) == 418  # the same, padded
    assert probe.mp3_frame_bytes(bytes.fromhex("fff380c4")) == 208  # MPEG-2 layer III, 64 kbit/s, 22.05 kHz
    assert probe.mp3_frame_bytes(bytes.fromhex("fffd8404")) == 384  # MPEG-1 layer II, 128 kbit/s, 48 kHz
    for wrong in ("fffbf064", "fffb0064", "fffb9c64", "ffe19064", "00fb9064", "fffb"):
        assert probe.mp3_frame_bytes(bytes.fromhex(wrong)) is None


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
@pytest.mark.parametrize(("container", "codec"), [("ac3", "ac3"), ("eac3", "eac3")])
def test_ac3_frame_lengths_follow_the_standard(container: str, codec: str, rate: int) -> None:
    data = files.encode(container, codec, [files.tone(1, rate)], rate)
    at = 0
    while at < len(data):
        length = probe.ac3_frame_bytes(data, at)
        assert length is not None
        at += length
    assert at == len(data)
    assert probe.kind(data) is probe.Kind.CONTAINER
    for wrong in ("0b7750521440", "0b7750523f40", "0b77505214ff", "770b50521440", "0b77"):
        length = probe.ac3_frame_bytes(bytes.fromhex(wrong))
        assert (length is None) == (wrong != "0b7750521440")


def test_loas_frame_lengths_follow_the_standard() -> None:
    assert probe.loas_frame_bytes(bytes.fromhex("56e01e")) == 33
    assert probe.loas_frame_bytes(bytes.fromhex("56ffff")) == 8194
    for wrong in ("56c01e", "57e01e", "56e0"):
        assert probe.loas_frame_bytes(bytes.fromhex(wrong)) is None


def test_ogg_ends_early_without_a_whole_last_page() -> None:
    whole = files.ogg_with_streams(1)
    assert not probe.ogg_ends_early(whole)
    assert probe.ogg_ends_early(whole[:-1])
    assert probe.ogg_ends_early(whole[: whole.rindex(b"OggS")])
    assert probe.ogg_ends_early(b"")


def test_a_xing_header_states_its_frames() -> None:
    data = files.encode("mp3", "libmp3lame", [files.tone(2, 44_100)], 44_100)
    frame = data[data.index(b"\xff\xfb") :]
    assert probe.xing_frames(frame) == 78
    at = frame.index(b"Info")
    assert probe.xing_frames(frame[: at + 11]) is None
    assert probe.xing_frames(frame[: at + 7] + b"\0" + frame[at + 8 :]) is None
    assert probe.xing_frames(b"\0" + frame) is None
    assert probe.xing_frames(b"") is None


def test_a_vbri_header_states_its_frames() -> None:
    header = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, 100_000, 1234)
    assert probe.xing_frames(bytes.fromhex("fffb9064") + bytes(32) + header) == 1234
    assert probe.xing_frames(bytes.fromhex("fffb9064") + bytes(32) + header[:-1]) is None
