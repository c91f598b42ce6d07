"""A recording ends where its sound ends, and is called truncated only if there should be more."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_gateway.media import probe
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeLimits, DecodeSpec

from tests.data import media_files as files
from tests.data.bursts import SECONDS, STARTS, TOLERANCE, bursts, starts
from tests.data.quirky_media import Sent, mux
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

CUT = ["MEDIA_TRUNCATED"]
TAG = b"TAG" + b"A talk".ljust(125, b"\0")
ITEMS = struct.pack("<II", 9, 0) + b"REPLAYGAIN\0" + b"-3.210 dB"
LYRICS = b"LYRICSBEGININD0000200LYR00006Hello!000043LYRICS200"
SOUND = {"au": "pcm_s16be", "aiff": "pcm_s16be", "w64": "pcm_s16le", "caf": "pcm_s16be", "flac": "flac", "tta": "tta"}
SOUND |= {"wv": "wavpack", "mp3": "libmp3lame"}
FILMS = {"matroska": "aac", "flv": "aac", "asf": "wmav2", "avi": "libmp3lame", "mp4": "aac"}
TWO = ((48_000, 1), (44_100, 2))
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}


def ape_tag() -> bytes:
    def edge(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(ITEMS) + 32, 1, flags) + bytes(8)

    return edge(0xA000_0000) + ITEMS + edge(0x8000_0000)


@cache
def mp3(xing: bool = True) -> bytes:
    data = files.encode("mp3", "libmp3lame", [bursts(44_100)], 44_100)
    first = data.index(b"\xff\xfb")
    return data if xing else data[first + (probe.mp3_frame_bytes(data, first) or 0) :]


def frame_starts(data: bytes) -> list[int]:
    at, found = data.index(b"\xff\xfb"), []
    while (length := probe.mp3_frame_bytes(data, at)) is not None:
        found.append(at)
        at += length
    return found


async def ending(data: bytes) -> tuple[float, list[float], list[str]]:
    """Return the seconds, the bursts and the warnings of a decoding."""
    sink = Kept()
    report = await decode(pieces(data), DecodeSpec(), sink, size=len(data))
    return report.seconds, starts(sink.pcm), [warning.reason.value for warning in report.warnings]


async def assert_whole(data: bytes, seconds: float = SECONDS, expected: tuple[float, ...] = STARTS) -> None:
    found = await ending(data)
    assert found[0] == pytest.approx(seconds, abs=0.1)
    assert found[1] == pytest.approx(list(expected), abs=TOLERANCE)
    assert found[2] == []


@pytest.mark.parametrize(
    "behind",
    [b"", TAG, ape_tag(), ape_tag() + TAG, LYRICS + TAG, bytes(417), bytes(4096), bytes(1_000_000), b"\xff" * 700],
    ids=["nothing", "ID3v1", "APEv2", "both", "lyrics", "a frame of zeros", "zeros", "many zeros", "ones"],
)
@pytest.mark.parametrize("xing", [True, False])
async def test_what_lies_behind_an_mp3_is_not_missing(behind: bytes, xing: bool) -> None:
    await assert_whole(mp3(xing) + behind)


async def test_a_tag_that_speaks_of_info_is_no_count() -> None:
    words = b"\0Info and Xing\0\0\0\x7f\x7f\x7f\x7f\x7f"
    frame = b"TXXX" + struct.pack(">IH", len(words), 0) + words
    await assert_whole(b"ID3\x04\0\0\0\0\0" + bytes([len(frame)]) + frame + mp3(xing=False))


@pytest.mark.parametrize("missing", [2, 20])
async def test_an_mp3_cut_on_a_frame_lacks_frames_of_its_count(missing: int) -> None:
    data = mp3()[: frame_starts(mp3())[-missing]]
    assert (await ending(data))[2] == CUT
    assert (await ending(b"ID3\x04\0\0\0\x0f\0\0" + bytes(15 << 14) + data))[2] == CUT
    assert (await ending(data + TAG))[2] == CUT


@pytest.mark.parametrize("xing", [True, False])
async def test_an_mp3_cut_in_a_frame_is_cut(xing: bool) -> None:
    assert (await ending(mp3(xing)[: frame_starts(mp3(xing))[-20] + 50]))[2] == CUT


@pytest.mark.parametrize("container", SOUND)
async def test_a_header_that_promises_a_tenth_of_a_second_more_is_cut(container: str) -> None:
    rate = 44_100 if container == "mp3" else 16_000
    data = files.encode(container, SOUND[container], [bursts(rate)], rate)
    assert (await ending(data))[2] == []
    lost = len(data) // 60 if container not in ("flac", "tta", "wv") else len(data) // 20
    assert (await ending(data[:-lost]))[2] == CUT


@pytest.mark.parametrize("container", FILMS)
async def test_a_film_that_ends_early_is_cut(container: str) -> None:
    rate = 44_100 if container != "matroska" else 48_000
    options = FRAGMENTED if container == "mp4" else {}
    data = mux(container, [Sent(bursts(rate), rate, FILMS[container])], video=12, options=options)
    assert (await ending(data))[2] == []
    assert (await ending(data[: len(data) * 4 // 10]))[2] == CUT


@pytest.mark.parametrize(("place", "value"), [(8, b"\xff" * 4), (8, struct.pack(">I", 2 * 6 * 16_000))])
async def test_an_au_of_unknown_or_true_length_is_whole(place: int, value: bytes) -> None:
    data = bytearray(files.encode("au", "pcm_s16be", [bursts(16_000)], 16_000))
    data[place : place + 4] = value
    await assert_whole(bytes(data))


async def test_a_flac_without_a_count_is_whole() -> None:
    data = bytearray(files.encode("flac", "flac", [bursts(16_000)], 16_000))
    data[21], data[22:26] = data[21] & 0xF0, bytes(4)
    await assert_whole(bytes(data))


@pytest.mark.parametrize("form", ["never", "always"])
async def test_a_wave_says_by_32_or_64_bits_that_it_is_cut(form: str) -> None:
    data = files.encode("wav", "pcm_s16le", [bursts(16_000)], 16_000, rf64=form)
    await assert_whole(data)
    assert (await ending(data[:-320]))[2] == CUT


async def test_a_wave_that_states_less_than_it_holds_is_whole() -> None:
    pcm = (bursts(16_000) * 32_767).astype("<i2").tobytes()
    for stated in (64_000, len(pcm) - 2, 7):
        await assert_whole(files.wave(pcm, data_size=stated))
    await assert_whole(files.wave(pcm) + b"LIST" + struct.pack("<I", 4000) + np.random.default_rng(1).bytes(4000))


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "libmp3lame")])
async def test_files_behind_each_other_are_one_recording(container: str, codec: str) -> None:
    one, other = (files.encode(container, codec, [bursts(rate)] * channels, rate) for rate, channels in TWO)
    seconds, found, warnings = await ending(one + other)
    assert seconds == pytest.approx(2 * SECONDS, abs=0.1)
    assert found == pytest.approx([*STARTS, *(start + SECONDS for start in STARTS)], abs=0.1)
    assert warnings == []
    assert (await ending(one + other[:-3001]))[2] == CUT


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("ogg", "libopus")])
async def test_the_limit_counts_all_files(container: str, codec: str) -> None:
    data = files.encode(container, codec, [bursts(48_000)], 48_000) * 3
    limits = DecodeLimits(media_seconds=17)
    with refusal(Reason.MEDIA_TOO_LONG, match="limit 17 seconds"):
        await decode(pieces(data), DecodeSpec(limits=limits), Kept())


async def test_a_picture_in_a_tag_between_two_mp3_is_not_decoded() -> None:
    picture = np.random.default_rng(1).bytes(100_000)
    tag = b"ID3\x04\0\0" + bytes([0, 6, 13, 32]) + picture[: (6 << 14) + (13 << 7) + 32]
    seconds, found, warnings = await ending(mp3() + tag + mp3())
    assert seconds == pytest.approx(2 * SECONDS, abs=0.1)
    assert warnings == []
    assert found == pytest.approx([*STARTS, *(start + SECONDS for start in STARTS)], abs=0.1)


async def test_a_broken_link_is_damage_and_the_others_are_heard() -> None:
    one = files.encode("ogg", "libopus", [bursts(48_000)], 48_000)
    head = files.ogg_page(5, 0, 2, b"\x7fFLAC\x01\0\0\x01fLaC" + bytes(38), 0)
    broken = head + files.ogg_page(5, 1, 4, bytes(100), 4096)
    seconds, found, warnings = await ending(one + broken + one)
    assert seconds == pytest.approx(2 * SECONDS, abs=0.1)
    assert found == pytest.approx([*STARTS, *(start + SECONDS for start in STARTS)], abs=TOLERANCE)
    assert warnings == ["MEDIA_DAMAGED"]
